#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cache mount keeps its content between builds and steps with the same id, and is in no layer.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS a
ARG N
RUN --mount=type=cache,id=shared,target=/cache echo from-a $N >>/cache/log
FROM busybox
ARG N
COPY --from=a /etc/hosts /
RUN --mount=type=cache,id=shared,target=/other : $N; echo from-b >>/other/log; cat /other/log; echo lines=$(wc -l </other/log)
RUN echo in-layer: $(ls -A /cache /other 2>/dev/null)
D
build -t cached .
ran from-a && ran lines=2
build --build-arg N=2 -t cached .
ran lines=4
rootfs cached
! grep -rqs from-a "$T/rootfs" || die "the cache's content is in the image"
