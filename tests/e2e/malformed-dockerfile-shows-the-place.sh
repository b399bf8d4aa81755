#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A misspelt instruction, flag or an unfinished heredoc is shown with its line, and nothing runs.
. "$(dirname "$0")/lib.sh"
printf 'FROM scratch\nCPOY a b\n' >Dockerfile
fails 2 build .
has 'Dockerfile:2'; has CPOY; has COPY
printf 'FROM scratch\nCOPY --chwon=1 a b\n' >Dockerfile
fails 2 build .
has 'Dockerfile:2'; has chown
printf 'FROM scratch\nRUN <<EOT\necho\n' >Dockerfile
fails 2 build .
has 'Dockerfile:2'; has EOT
: >Dockerfile
fails 2 build .
has Dockerfile
