#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tar or a Dockerfile behind an http address as the context, and a Dockerfile from an address beside a directory.
. "$(dirname "$0")/lib.sh"
images busybox:latest
serve
mkdir -p "$T/src"
printf 'FROM busybox\nCOPY . /c/\n' >"$T/src/Dockerfile"
printf 'FROM busybox\nCOPY f /other\n' >"$T/src/Other"
echo here >"$T/src/f"
echo gone >"$T/src/gone"
echo gone >"$T/src/.dockerignore"
tar -C "$T/src" -czf "$T/www/context.tar.gz" .
cp "$T/www/context.tar.gz" "$T/www/no-such-suffix"
printf 'FROM busybox\nCOPY . /all/\nLABEL from=address\n' >"$T/www/plain"

for name in context.tar.gz no-such-suffix; do
  build -t tar "$WWW/$name"
  rootfs tar
  same "$(cat "$T/rootfs/c/f")" here
  [ ! -e "$T/rootfs/c/gone" ] || die ".dockerignore of the archive was not read"
done
build -t other -f Other "$WWW/context.tar.gz"
rootfs other
same "$(cat "$T/rootfs/other")" here
printf 'FROM busybox\nCOPY f /stdin\n' | build -t stdin -f - "$WWW/context.tar.gz"
rootfs stdin
same "$(cat "$T/rootfs/stdin")" here

build -t plain "$WWW/plain"
same "$(config plain '.config.Labels.from')" address
build -t file -f "$WWW/plain" "$T/src"
same "$(config file '.config.Labels.from')" address
rootfs file
same "$(cat "$T/rootfs/all/f")" here

fails + build "$WWW/missing.tar"
has 404
fails + build "${WWW%:*}:1/context.tar"
nothing_left
