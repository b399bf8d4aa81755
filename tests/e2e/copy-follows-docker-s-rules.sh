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
