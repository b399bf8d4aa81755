#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A changed file runs exactly the steps that depend on it again.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo 1 >a; echo 1 >b
cat >Dockerfile <<'D'
FROM busybox AS left
COPY a /a
RUN echo left-ran-$(cat /a)
FROM busybox AS right
COPY b /b
RUN echo right-ran-$(cat /b); cp /b /out
FROM busybox
COPY --from=left /a /a
COPY --from=right /out /b
RUN echo last-ran
D
build .
ran left-ran-1 && ran right-ran-1 && ran last-ran
echo 2 >b
build .
ran right-ran-2 && ran last-ran
! ran left-ran || die "the left stage ran again"
same "$(cached)" 3 # left's COPY and RUN, and the COPY from left
