#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN --mount=type=bind shows the context or a stage read-only, tmpfs is empty; neither is in the layer.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo from-context >file
cat >Dockerfile <<'D'
FROM busybox AS a
RUN echo from-stage >/made
FROM busybox
RUN --mount=type=bind,target=/ctx --mount=type=bind,from=a,source=/made,target=/mnt/made --mount=type=tmpfs,target=/scratch \
    cat /ctx/file /mnt/made; echo x >/scratch/x; touch /ctx/new 2>/dev/null || echo read-only
D
build -t mounts .
ran from-context && ran from-stage && ran read-only
rootfs mounts
! find "$T/rootfs" -name made -o -name scratch -o -name x -type f | grep . || die "a mount left something"
# What is mounted below another mount is seen, however the two are written.
printf 'FROM busybox\nRUN --mount=type=bind,target=/m/below --mount=type=tmpfs,target=/m cat /m/below/file\n' >Dockerfile
build .
ran from-context
# A source is a path: what would be a wildcard for COPY is a character of a name here.
echo starred >'f*'
printf 'FROM busybox\nRUN --mount=type=bind,source=f*,target=/m cat /m\n' >Dockerfile
build .
ran starred
rm 'f*'
fails + build .
has '"/f*": not found'
# A tmpfs can be read-only; without a target, a mount lies over WORKDIR.
cat >Dockerfile <<'D2'
FROM busybox
RUN --mount=type=tmpfs,target=/ro,ro ! touch /ro/x
WORKDIR /w
RUN touch below
RUN --mount=type=bind [ -f file ] && [ ! -e below ]
RUN [ -f below ]
D2
build .
