#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Of two children of one stage only the needed one runs; their common parent runs once.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
needs net
hub debian-bookworm-slim=debian:bookworm-slim
cp -r "$DATA/seed-c/." .
build -t child .
ran build2-ran && ran 'binary 2 runs'
lacks build1-ran
build --target build1 .
ran build1-ran
lacks build2-ran
has CACHED # the parent
