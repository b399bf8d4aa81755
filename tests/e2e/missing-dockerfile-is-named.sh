#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without a Dockerfile the error names what was looked for, and where.
. "$(dirname "$0")/lib.sh"
fails 2 build .
has Dockerfile
fails 2 build -f other/Dockerfile .
has other/Dockerfile
fails + build "$T/no-such-context"
has no-such-context

# One that cannot be read is the Dockerfile's fault, whichever way it was named, and the remedy is told.
mkdir -p other/Dockerfile
for words in other '-f other .'; do
  # shellcheck disable=SC2086 # words
  fails 2 build $words
  has 'Is a directory'
  has 'hint: name the file in it with -f'
done
