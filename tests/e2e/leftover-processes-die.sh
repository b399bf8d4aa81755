#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process that a step leaves behind dies with the step, and the step does not wait for it.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN sleep 86371 & setsid sleep 86372 >/dev/null 2>&1 & echo started\nRUN ps | grep -c [8]637 || true\n' >Dockerfile
SECONDS=0
build .
[ $SECONDS -lt 30 ] || die "took $SECONDS seconds"
gone 86371 && gone 86372 || die "a process outlived its step"
ran 0 || die "the next step sees them"
nothing_left
