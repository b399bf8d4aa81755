#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --target builds a stage and what it needs, and no other; without it the last stage decides.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS builder
RUN echo builder-ran
FROM builder AS one
RUN echo one-ran
FROM builder AS two
RUN echo two-ran
D
build --target one .
ran builder-ran && ran one-ran
lacks two-ran
build .
ran two-ran
lacks one-ran
