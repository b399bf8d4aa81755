#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN with the host's network sees the host's /sys, but none of the other file systems that are mounted on it.
. "$(dirname "$0")/lib.sh"
needs userns
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
ARG ROUND
RUN echo "debug: $(ls -A /sys/kernel/debug)"; \
    echo "a directory of pstore: $(cat /sys/fs/pstore/inner/song 2>&1)"; \
    echo "writable: $(touch /sys/kernel/debug/x 2>/dev/null && echo yes || echo no)"; \
    echo "mm: $(ls /sys/kernel/mm | grep -c transparent)"
D
# In a mount namespace of this test's own.
cat >"$T/with-mounts" <<'S'
set -e
mount --make-rprivate /
for place in kernel/debug fs/pstore; do
  mount -t tmpfs none /sys/$place
  mkdir /sys/$place/inner
  echo canary >/sys/$place/song
done
mount -t tmpfs none /sys/fs/pstore/inner
echo canary >/sys/fs/pstore/inner/song
exec "$@"
S
in_namespace=(unshare --mount)
[ "$(id -u)" = 0 ] || in_namespace+=(--map-root-user --map-auto)
for isolation in full single; do
  "${in_namespace[@]}" sh "$T/with-mounts" "$E2E_SHALE" build --progress=plain --isolation=$isolation \
    --build-arg ROUND=$isolation . >"$OUT" 2>&1
  lacks canary
  ran 'debug: $' || die "with isolation $isolation something is in /sys/kernel/debug"
  ran 'writable: no'
  ran 'mm: 1'
done
