#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Library trees merge over existing ones, the context over both, and what RUN deletes and makes again is the new thing.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
needs npm
hub node-20=node:20 debian-bookworm-slim=debian:bookworm-slim
cp -r "$DATA/seed-e/." .
build -t merged .
rootfs merged
same "$(cat "$T/rootfs/usr/lib/stays")" stays
same "$(readlink "$T/rootfs/usr/lib/note")" /etc/os-release
same "$(ls "$T/rootfs/usr/share/nodejs/npm")" note
cmp "$T/rootfs/app/index.js" index.js
[ -L "$T/rootfs/lib" ] || die "/lib is no longer a link"
printf 'FROM merged\nRUN node index.js; dpkg --version | head -1\n' | build -f - .
ran '\.\.\.\.padded' && ran Debian
