#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where what a command writes is kept in memory, it is no more than was allowed: a command that fails for want of it runs
# once more on a copy on the disk; one that fails for another reason does not.
. "$(dirname "$0")/lib.sh"
needs userns
images busybox:latest
export SHALE_SNAPSHOTTER=tmpfs SHALE_SNAPSHOT_MEMORY=8
cat >Dockerfile <<'D'
FROM busybox
RUN head -c 6291456 /dev/zero >/fits
RUN --mount=type=cache,target=/c head -c 20971520 /dev/zero >/big && rm /fits
RUN head -c 6291456 /dev/zero >/fits && stat -c '%n %s' /big /fits
D
build .
has 'runs once more, on a copy of its layers' # and the first and the third do not
same "$(grep -c 'runs once more' "$OUT")" 1
ran '/big 20971520' && ran '/fits 6291456'
nothing_left

printf 'FROM busybox\nRUN echo tried; false\n' >Dockerfile
fails + build .
lacks 'runs once more'
same "$(grep -cE '^#[0-9]+ [0-9.]+ tried' "$OUT")" 1

export SHALE_SNAPSHOT_MEMORY=0
printf 'FROM busybox\nRUN head -c 20971520 /dev/zero >/big\n' >Dockerfile
build .
lacks 'runs once more'
export SHALE_SNAPSHOT_MEMORY=much
fails + build --no-cache .
has "SHALE_SNAPSHOT_MEMORY is 'much', not a number"
