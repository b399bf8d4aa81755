#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Dockerfile comes before dockerfile, that before Containerfile; -f - reads standard input.
. "$(dirname "$0")/lib.sh"
for name in Containerfile dockerfile Dockerfile; do
  printf 'FROM scratch\nCOPY <<E /which\n%s\nE\n' $name >$name
  build -o "$T/out" .
  same "$(cat "$T/out/which")" $name
done
printf 'FROM scratch\nCOPY <<E /which\nstdin\nE\n' | build -o "$T/out" -f - .
same "$(cat "$T/out/which")" stdin
