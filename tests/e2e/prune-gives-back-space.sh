#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `prune` removes the build cache, cache mounts and images without a name, files of other owners included, and nothing
# that an image with a name needs; a build that runs meanwhile keeps what it uses.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'END'
FROM busybox AS one
RUN --mount=type=cache,target=/c echo "there: $(cat /c/f 2>&1)"; echo cached >/c/f; dd if=/dev/zero of=/big bs=1048576 count=8 && chown 7:7 /big
FROM busybox
RUN echo x >/x
COPY --from=one /etc/passwd /
END
build -t kept --no-cache .
printf 'FROM busybox\nRUN echo nobody names me >/y\n' | build -f - .
before=$( (du -s "$SHALE_ROOT" || true) 2>/dev/null | cut -f1)
shale prune --filter until=1h >"$OUT"
has 'Total reclaimed space: 0B'
build -t kept .
same "$(cached)" 3
fails 2 shale prune --filter nonsense >"$OUT" 2>&1
has 'until=24h'
shale builder prune --all --force >"$OUT"
has 'Removed cache records: '
has 'Removed images without a name: 1'
has 'Removed cache mounts: 1'
! grep -q 'space: 0B' "$OUT" || die "nothing was given back"
same "$(find "$SHALE_ROOT/trash" -mindepth 1 | wc -l)" 0
after=$( (du -s "$SHALE_ROOT" || true) 2>/dev/null | cut -f1)
[ $((before - after)) -ge 7000 ] || die "the store was $before KiB and is $after"
rootfs kept
same "$(cat "$T/rootfs/x")" x
build -t kept .
same "$(cached)" 0
ran 'there: cat: '

# While a build runs.
printf 'FROM busybox\nRUN echo first >/f\nRUN echo waits; sleep 3; cat /f\n' >Dockerfile
build --no-cache -t later . &
job=$!
for _ in $(seq 100); do grep -q waits "$OUT" && break; sleep 0.1; done
shale prune >"$T/pruned"
wait "$job"
ran first
rootfs later
same "$(cat "$T/rootfs/f")" first
