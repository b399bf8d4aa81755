#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store on overlayfs, on a tmpfs, on a file system without attributes, on one with reflinks or on NFS gives the image
# that a store on an ordinary disk gives; where overlayfs cannot be used as usual, the build says what it does instead.
. "$(dirname "$0")/lib.sh"
needs userns
images busybox:latest
shale save -o "$T/base.tar" busybox:latest
echo hello >file
cat >Dockerfile <<'D'
FROM busybox AS made
RUN mkdir -p /made/d && echo 1 >/made/d/one && ln /made/d/one /made/d/two && ln -s one /made/d/soft && mkfifo /made/pipe && \
    chown -R 33:44 /made && chmod 4755 /made/d/one
FROM busybox
RUN mkdir -p /dir/sub && echo old >/dir/old && echo old >/dir/sub/old && touch /gone
RUN rm -r /dir /gone /home && mkdir -p /dir/sub /home && echo new >/dir/sub/new && echo q >/home/q && echo more >>/etc/group
COPY --from=made --chown=7:8 /made /copied
RUN --mount=type=bind,from=made,source=/made,target=/m,rw touch /m/scratch && cp -a /m /own && rm /copied/d/two && \
    test ! -e /dir/old && test ! -e /dir/sub/old && test ! -e /gone
RUN test ! -e /dir/old && test ! -e /dir/sub/old && test ! -e /gone && test ! -e /copied/d/two && test -e /copied/d/one
D
cat >"$T/inside.sh" <<'S'
build() { # NAME EXPECTED…: with a store on the file system that is mounted on $T/NAME
  local name=$1; shift
  export SHALE_ROOT=$T/$name/store
  "$E2E_SHALE" load -i "$T/base.tar" >/dev/null
  "$E2E_SHALE" build --progress=plain -o "type=tar,dest=$T/$name.tar" . >"$T/$name.log" 2>&1 || { cat "$T/$name.log"; exit 1; }
  for text; do grep -qF "$text" "$T/$name.log" || { cat "$T/$name.log"; echo "'$text' is not in the log"; exit 1; }; done
  python3 "$HERE/compare-trees" "$T/expected.tar" "$T/$name.tar"
  rm -rf "$SHALE_ROOT"
}
mkdir "$T/lower" "$T/upper" "$T/work" "$T/over" "$T/memory" "$T/bare" "$T/reflinks" "$T/nfs"
mount -t overlay overlay -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work,userxattr" "$T/over"
chmod 700 "$T/over"
build over "isolation full" "what a step writes is in memory until it ends"
SHALE_ISOLATION=single build over "isolation single"
SHALE_SNAPSHOTTER=clone build over "snapshots are copies"
# One that was moved there: what it remembers of isolation is about the place where it was.
export SHALE_ROOT=$T/moved
"$E2E_SHALE" load -i "$T/base.tar" >/dev/null
printf 'FROM busybox\nRUN true\n' | "$E2E_SHALE" build -q - >/dev/null
cp -a "$SHALE_ROOT" "$T/over/store"
rm -rf "$SHALE_ROOT"
build over "what a step writes is in memory until it ends"
echo "the store on overlayfs: done"

mount -t tmpfs tmpfs "$T/memory"
build memory "isolation full"
SHALE_ISOLATION=single build memory "isolation single"
echo "the store on a tmpfs: done"

# ramfs has no attributes, as an old tmpfs and an old NFS.
mount -t ramfs ramfs "$T/bare"
build bare "snapshots are copies"
# With one id, owners are in attributes, else in manifests and in what the sandbox is told.
SHALE_ISOLATION=single build bare "isolation single" "snapshots are copies"
# In everything that can say who a file belongs to.
export SHALE_ROOT=$T/bare/store
"$E2E_SHALE" load -i "$T/base.tar" >/dev/null
"$E2E_SHALE" build --isolation=single --secret "id=s,src=$T/ctx/file" --progress=plain -f "$HERE/data/owners.dockerfile" \
  -o "type=tar,dest=$T/bare-owners.tar" . >"$T/bare.log" 2>&1 || { cat "$T/bare.log"; exit 1; }
python3 "$HERE/compare-trees" "$T/owners.tar" "$T/bare-owners.tar"
# What one id has left there is of use to many, and the other way round.
cp "$HERE/data/owners.dockerfile" "$T/turns"
for isolation in full single; do
  echo "RUN echo $isolation >>/own/kept" >>"$T/turns"
  "$E2E_SHALE" build --isolation=$isolation --secret "id=s,src=$T/ctx/file" --progress=plain -f "$T/turns" \
    -o "type=tar,dest=$T/turns-$isolation.tar" . >"$T/bare.log" 2>&1 || { cat "$T/bare.log"; exit 1; }
  ! grep 'runs again' "$T/bare.log"
done
python3 "$HERE/compare-trees" "$T/turns.tar" "$T/turns-single.tar"
rm -rf "$SHALE_ROOT"
echo "the store without attributes: done"

# Copies that share their blocks: three of this file would not fit.
printf 'FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=120\nRUN echo x >>/big\nRUN test $(stat -c %%s /big) = 125829122\n' \
  >"$T/big.dockerfile"
for type in xfs btrfs; do
  if [ "$ROOT" != 1 ] || ! command -v "mkfs.$type" >/dev/null || ! grep -qw "$type" /proc/filesystems; then
    echo "a store on $type: not here (root, mkfs.$type and a kernel with it are needed)"
    continue
  fi
  truncate -s 400M "$T/$type.img"
  "mkfs.$type" -q "$T/$type.img" && mount -o loop "$T/$type.img" "$T/reflinks"
  build reflinks "isolation full"
  SHALE_ISOLATION=single build reflinks "isolation single"
  export SHALE_SNAPSHOTTER=clone
  build reflinks "snapshots are copies"
  SHALE_ISOLATION=single build reflinks "snapshots are copies"
  SHALE_ROOT=$T/reflinks/store
  "$E2E_SHALE" load -i "$T/base.tar" >/dev/null
  "$E2E_SHALE" build -f "$T/big.dockerfile" . >"$T/reflinks.log" 2>&1 || { cat "$T/reflinks.log"; exit 1; }
  unset SHALE_SNAPSHOTTER
  umount "$T/reflinks"
  echo "the store on $type: done"
done
if [ "$ROOT" = 1 ] && grep -qw nfsd /proc/filesystems && command -v exportfs >/dev/null; then
  mkdir "$T/exported"
  exportfs -o rw,no_root_squash,insecure,fsid=1 "127.0.0.1:$T/exported"
  trap 'umount "$T/nfs"; exportfs -u "127.0.0.1:$T/exported"' EXIT
  mount -t nfs "127.0.0.1:$T/exported" "$T/nfs"
  build nfs "isolation full"
  echo "the store on NFS: done"
fi
S
build -o "type=tar,dest=$T/expected.tar" .
build --secret "id=s,src=$T/ctx/file" -f "$HERE/data/owners.dockerfile" -o "type=tar,dest=$T/owners.tar" .
{ cat "$HERE/data/owners.dockerfile"; printf 'RUN echo %s >>/own/kept\n' full single; } >"$T/turns"
build --secret "id=s,src=$T/ctx/file" -f "$T/turns" -o "type=tar,dest=$T/turns.tar" .
if [ "$(id -u)" = 0 ]; then ROOT=1 options=(--mount); else ROOT=0 options=(--user --map-root-user --map-auto --mount); fi
export T HERE E2E_SHALE ROOT
unshare "${options[@]}" --propagation private bash -euo pipefail "$T/inside.sh" >"$OUT" 2>&1 || { cat "$OUT"; die "see above"; }
cat "$OUT"
nothing_left
