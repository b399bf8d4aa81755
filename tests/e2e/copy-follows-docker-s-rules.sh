#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Directories are copied by content, wildcards match, trailing slashes decide, missing sources are named.
. "$(dirname "$0")/lib.sh"
images busybox:latest
mkdir -p dir/sub; touch dir/a dir/sub/b x.txt y.txt z.md
cat >Dockerfile <<'D'
FROM scratch
COPY dir /by-content
COPY x.txt /into/
COPY x.txt /as-file
COPY *.txt /texts/
COPY missing* z.md /optional/
WORKDIR /w
COPY z.md .
D
build -o "$T/out" .
same "$(cd "$T/out" && find . -type f | sort | tr '\n' ' ')" \
  "./as-file ./by-content/a ./by-content/sub/b ./into/x.txt ./optional/z.md ./texts/x.txt ./texts/y.txt ./w/z.md "
printf 'FROM scratch\nCOPY x.text /\n' >Dockerfile
fails + build .
has x.text
# One file that is picked twice is copied twice; a wildcard forgives what is not in a directory, not the directory.
printf 'FROM scratch\nCOPY dir dir/sub x.txt x.txt /twice/\n' >Dockerfile
build -o "$T/twice" .
same "$(cd "$T/twice/twice" && find . -type f -links 1 | sort | tr '\n' ' ')" "./a ./b ./sub/b ./x.txt "
printf 'FROM scratch\nCOPY nowhere/* /\n' >Dockerfile
fails + build .
has '"/nowhere": not found'
# Nor a directory of which nothing is copied: the builder that docker sends files to never sees it.
printf 'FROM scratch\nCOPY dir/*.jar /\n' >Dockerfile
fails + build .
has '"/dir/*.jar": nothing matches in the build context'
printf 'FROM scratch\nCOPY dir/*.jar [d]ir/*.war /\nCOPY dir/a /\n' >Dockerfile
build .
# A stage that nobody needs may name one that comes later.
printf 'FROM scratch AS early\nCOPY --from=late /a /b\nFROM scratch AS late\nCOPY x.txt /\n' >Dockerfile
build .
