#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A context file that may not be read is an error that names it, if a step needs it; an ignored one is none.
. "$(dirname "$0")/lib.sh"
needs user
echo x >open; echo x >closed; chmod 000 closed
printf 'FROM scratch\nCOPY . /\n' >Dockerfile
fails + build .
has closed
echo closed >.dockerignore
build .

# A directory, by whichever way something in it is asked for: not listed, or listed without its files' kinds.
mkdir -p d/shut d/other; echo x >d/shut/f; echo y >d/other/f
for mode in 000 444; do
  chmod $mode d/shut
  for words in 'd /' 'd/*/f /' 'd/shut/f /' '--parents d/*/f /'; do
    printf 'FROM scratch\nCOPY %s\n' "$words" >Dockerfile
    fails + build .
    has "read the directory 'd/shut'"
  done
  for words in 'd/other /' 'd/[o]*/f /' '--exclude=shut d /'; do
    printf 'FROM scratch\nCOPY %s\n' "$words" >Dockerfile
    build .
  done
done
chmod 755 d/shut
