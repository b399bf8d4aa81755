#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# .dockerignore keeps files out of the context, `!` brings them back, and a change to an ignored file changes nothing.
. "$(dirname "$0")/lib.sh"
images busybox:latest
mkdir -p node_modules/x src
touch node_modules/x/y src/a.o src/a.c src/keep.o '#odd'
printf '# comment\nnode_modules\n**/*.o\n!src/keep.o\nDockerfile\n.dockerignore\n' >.dockerignore
printf 'FROM busybox\nCOPY . /ctx\n' >Dockerfile
build -t ignored .
rootfs ignored
same "$(cd "$T/rootfs/ctx" && find . -type f | sort | tr '\n' ' ')" "./#odd ./src/a.c ./src/keep.o "
echo changed >node_modules/x/y
build .
same "$(cached)" 1
# An exception that names a directory brings back what it could match there, not what other patterns took below it.
mkdir -p src/gen && touch src/gen/made.c
printf 'node_modules\nsrc/gen\n!src\nDockerfile\n.dockerignore\n' >.dockerignore
printf 'FROM scratch\nCOPY src /\n' >Dockerfile
build -o "$T/out" .
same "$(cd "$T/out" && find . -type f | sort | tr '\n' ' ')" "./a.c ./a.o ./keep.o "

# Also one of a named context that cannot be read: going on would put into the image what was to stay out.
mkdir -p named/.dockerignore; echo x >named/f
printf 'FROM scratch\nCOPY --from=named f /\n' >Dockerfile
fails + build --build-context named=named .
has 'which files of the context stay out'
