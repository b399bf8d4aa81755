#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A user whom neither /etc/passwd nor /etc/subuid knows, without a home, builds without a flag, and the owners are right.
. "$(dirname "$0")/lib.sh"
needs root userns
"$HERE/images" busybox-latest >/dev/null
others_folder
cp "$E2E_CACHE/busybox-latest.tar" "$other/base.tar"
mkdir "$other/ctx"
cat >"$other/ctx/Dockerfile" <<'D'
FROM base AS a
RUN mkdir /o && echo 1 >/o/f && chown 33:44 /o/f
FROM base
COPY --from=a /o /o
RUN stat -c owned-by-%u:%g /o/f
D
chown -R 61234:61234 "$other"
as() { setpriv --reuid=61234 --regid=61234 --clear-groups env -u USER -u LOGNAME -u SHALE_ROOT -u XDG_DATA_HOME HOME=/ XDG_RUNTIME_DIR="$other" "$E2E_SHALE" "$@"; }
as import "$other/base.tar" base >"$OUT" 2>&1
as build --progress=plain -o "type=tar,dest=$other/out.tar" "$other/ctx" >"$OUT" 2>&1
has "note: no home directory that can be written to: the store is '$other/shale'"
has 'isolation single'
has 'has no range of subordinate ids'
ran owned-by-33:44
same "$(tar --numeric-owner -tvf "$other/out.tar" o/f | awk '{print $2}')" 33/44
