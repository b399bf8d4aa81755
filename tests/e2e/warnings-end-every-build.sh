#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Warnings stand at the end of a build that worked, of one that did not, and end one that says error=true.
. "$(dirname "$0")/lib.sh"
printf 'x\n' >left-out.log
printf '*.log\n' >.dockerignore
printf 'ARG VERSION=1\nFROM scratch\nLABEL a=$NONE\n' >Dockerfile
build --build-arg VERSOIN=2 .
has "Usage of undefined variable '\$NONE'"; has '> 3 | LABEL a=$NONE'
has 'One or more build-args [VERSOIN] were not consumed; did you mean VERSION instead of VERSOIN?'
build .
has "Usage of undefined variable '\$NONE'"
printf 'FROM scratch\nCOPY left-out.log /\n' >Dockerfile
fails + build .
has 'Attempting to Copy file "left-out.log" that is excluded by .dockerignore'
printf '# check=error=true\nFROM scratch\nLABEL a=$NONE\nCOPY Dockerfile /\n' >Dockerfile
fails 2 build .
has 'lint violation found for rules: UndefinedVar'
printf '# check=error=true\nFROM scratch\n# check=skip=UndefinedVar set by the caller\nLABEL a=$NONE\nCOPY Dockerfile /\n' >Dockerfile
build .
