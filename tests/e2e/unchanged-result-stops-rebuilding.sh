#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A step that runs again and makes the same content does not make later steps run.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo 1 >input
cat >Dockerfile <<'D'
FROM busybox AS make
COPY input /input
RUN echo make-ran; echo always-the-same >/result
FROM busybox
COPY --from=make /result /
RUN echo last-ran
D
build .
echo 2 >input
build .
ran make-ran || die "make did not run again"
! ran last-ran || die "the last step ran, although its input is the same"
# Other words for the same: what follows stands on the files, not on the words.
cat >Dockerfile <<'D'
FROM busybox
COPY input /there/
RUN echo behind-ran
D
build .
sed -i 's,input /there/,./input /there/input,' Dockerfile
build .
! ran behind-ran || die "a step ran because the instruction above it was written differently"
