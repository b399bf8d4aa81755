#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of any process of ours at any moment of a build, with every isolation and snapshotter: the build ends, no
# process, mount or lock is left, and the next build gives the image that an undisturbed one gives.
# SHALE_TEST_KILLS=N: so many times each (2); SHALE_TEST_WAYS: only these ("mountns:overlay chroot:clone").
# timeout: 86400
. "$(dirname "$0")/lib.sh"
needs userns
hub busybox:latest
mkdir tree
for i in {1..60}; do head -c $((i * 1000)) /dev/zero >"tree/$i"; done
tar -cf archive.tar --owner=7 --group=8 tree
cat >Dockerfile <<'D'
FROM busybox AS made
RUN mkdir /d && for i in $(seq 200); do echo $i >/d/$i; done && chown -R 33:44 /d && sleep 0.1
FROM busybox
COPY --chown=5:6 tree /tree
RUN --mount=type=cache,target=/c --mount=type=bind,from=made,source=/d,target=/m \
    mkdir /copy && cp -r /tree /m /copy/ && rm -r /tree/1 && touch /c/x
ADD archive.tar /unpacked
COPY --from=made /d /e
RUN sleep 0.1; (setsid sleep 86391 &); rm -r /e/1 /home; mkdir /home; echo end >/home/end
D
export SOURCE_DATE_EPOCH=1600000000
image() { "$E2E_SHALE" build --progress=plain -o "type=oci,rewrite-timestamp=true,dest=$1" . >"$OUT" 2>&1; }
commands=sh,busybox,seq,mkdir,chown,sleep,setsid,cp,rm,touch

# Every lock can be had.
locks_are_free() {
  local lock
  while read -r lock; do
    flock -n -x "$lock" true || die "still locked: $lock"
  done < <(find "$SHALE_ROOT" -maxdepth 3 -type f \( -name '*.lock' -o -name lock \))
}

# one ISOLATION SNAPSHOTTER: a build that is disturbed, and the next one.
one() {
  local delay=$((RANDOM % (usual + 1)))
  python3 "$HERE/kill-one-of-ours" "$((delay / 1000)).$(printf %03d $((delay % 1000)))" $commands \
    "$E2E_SHALE" build --progress=plain -o "type=oci,rewrite-timestamp=true,dest=$T/disturbed.tar" . >"$T/killed" 2>"$OUT" ||
    { cat "$T/killed"; die "isolation $1, snapshotter $2: something is left"; }
  gone 86391 || die "a process outlived its step"
  nothing_left
  locks_are_free
  image "$T/next.tar" || die "isolation $1, snapshotter $2, $(cat "$T/killed"): the next build fails"
  [ -z "$(find "$SHALE_ROOT" -maxdepth 1 -name 'probe-*')" ] || die "$(cat "$T/killed"): a probe's directory is left"
  cmp "$T/next.tar" "$T/undisturbed.tar" || die "isolation $1, snapshotter $2, $(cat "$T/killed"): the next image is another one"
  nothing_left
}

ways='full:overlay single:overlay full:tmpfs full:clone single:clone'
[ "$(id -u)" != 0 ] || ways="full:overlay single:overlay full:tmpfs mountns:overlay mountns:clone chroot:clone"
for way in ${SHALE_TEST_WAYS:-$ways}; do
  export SHALE_ISOLATION=${way%:*} SHALE_SNAPSHOTTER=${way#*:} SHALE_ROOT=$T/store-$way
  start=${EPOCHREALTIME//[.,]/}
  image "$T/first.tar" || die "isolation $way fails"
  usual=$(((${EPOCHREALTIME//[.,]/} - start) / 1000))
  [ -e "$T/undisturbed.tar" ] || cp "$T/first.tar" "$T/undisturbed.tar"
  cmp "$T/first.tar" "$T/undisturbed.tar" || die "$way gives another image"
  for ((n = 0; n < ${SHALE_TEST_KILLS:-2}; n++)); do
    wipe "$SHALE_ROOT"
    one "$SHALE_ISOLATION" "$SHALE_SNAPSHOTTER"
    echo "$way: $(cat "$T/killed")"
  done
done
