#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# -o writes a folder, a tar or standard output; the files belong to the caller.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS make
RUN mkdir /d && echo content >/d/f && ln -s f /d/l && chown -R 33:33 /d
FROM scratch
COPY --from=make /d /d
D
build -o "$T/short" .
lacks "writing image" # there is none, neither in the store nor elsewhere
build -o type=local,dest="$T/local" .
build -o type=tar,dest="$T/x.tar" .
shale build -q -o - . >"$T/y.tar"
cmp "$T/x.tar" "$T/y.tar"
for tree in "$T/short" "$T/local"; do
  same "$(cat "$tree/d/l")" content
  same "$(stat -c %u "$tree/d/f")" "$(id -u)"
done
same "$(tar -tvf "$T/x.tar" --numeric-owner d/f | tr -s ' ' | cut -d' ' -f2)" 33/33
