#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Directories and files that are exchanged with links thousands of times while we unpack, copy and mount (rows T30, C02
# and X08 of tests/attacks/README.md) make us write and read nothing outside.
# timeout: 300
. "$(dirname "$0")/lib.sh"
needs userns
canaries
# While A and B are exchanged, from `swap A B` to `swapped`, which wants ten thousand times. `stop_swapping` adds to what
# was counted before.
exchanges=0
swap() {
  : >"$T/swaps"
  "$HERE/../attacks/swap" "$@" >"$T/swaps" &
  SERVER=$!
  wait_for test -s "$T/swaps"
  [[ $1 = *\** ]] || wait_for test -L "$1" # it has begun
}
stop_swapping() {
  kill "$SERVER"; wait "$SERVER" || true
  SERVER=
  exchanges=$((exchanges + $(tail -1 "$T/swaps")))
}
swapped() {
  [ -z "$SERVER" ] || stop_swapping
  [ $exchanges -ge 10000 ] || die "only $exchanges exchanges"
  exchanges=0
}
survives() { "$@" || [ $? -lt 128 ] || die "died: $*"; }

# T30: a directory of a layer that is being unpacked.
mkdir "$T/layers"
PYTHONPATH=$HERE/../attacks python3 - "$T/layers/many" <<'P'
import sys
import layout
from rawtar import *
layout.write(sys.argv[1], [archive(directory("d"), *(file(f"d/escaped{i}", b"x", mode=0o777) for i in range(10000)))])
P
echo marker >marker
printf 'FROM base\nCOPY marker /marker\n' >Dockerfile
for isolation in full single; do
  # One layer is there for as long as it takes to unpack it: on some machines too short a time.
  for round in {1..20}; do
    export SHALE_ROOT=$T/unpack-$isolation-$round
    ln -s "$CANARY/dir" "$T/link-$isolation-$round"
    swap "$SHALE_ROOT/builds/*/*/fs/d" "$T/link-$isolation-$round"
    survives build --isolation="$isolation" --build-context "base=oci-layout://$T/layers/many" .
    stop_swapping
    unharmed "a swapped directory of a layer with isolation $isolation"
    [ $exchanges -lt 10000 ] || break
  done
  swapped
done

# C02: a file of the context, and a directory.
export SHALE_ROOT=$T/store
mkdir -p context/dir
printf 'FROM scratch\nCOPY file dir /\n' >context/Dockerfile
echo plain | tee context/file >context/dir/file
for name in file dir; do
  ln -s "$CANARY/$name" "$T/link-$name"
  swap context/$name "$T/link-$name"
  for _ in {1..12}; do
    rm -rf "$T/out"
    survives build --no-cache -o "$T/out" context
    ! grep -rqsF "$SONG" "$T/out" "$OUT" || die "a file outside was copied"
  done
  swapped
  unharmed "a swapped $name of the context"
done

# X08: a directory of a cache in which a mount point has to be made.
base plain
for isolation in full single; do
  export SHALE_ROOT=$T/cache-$isolation
  printf 'FROM base\nRUN --mount=type=cache,id=c,target=/c mkdir /c/here-it-is\n' >Dockerfile
  on plain
  cache=$(dirname "$(find "$SHALE_ROOT/cache-mounts" -name here-it-is)")
  ln -s "$CANARY/dir" "$T/link-cache-$isolation"
  swap "$cache/here-it-is" "$T/link-cache-$isolation"
  for i in {1..8}; do
    printf 'FROM base\nRUN --mount=type=cache,id=c,target=/c --mount=type=tmpfs,target=/c/here-it-is/made%s touch /c/here-it-is/made%s/escaped\n' "$i" "$i" >Dockerfile
    survives on plain
  done
  swapped
  unharmed "a swapped directory of a cache with isolation $isolation"
done
nothing_left
