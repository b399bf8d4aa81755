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
