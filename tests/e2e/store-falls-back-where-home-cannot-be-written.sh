#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without a row in /etc/passwd, without a home that can be written to, or on a read-only root, the store goes to
# $XDG_RUNTIME_DIR, else to a folder of the user's own in /tmp, and one line says so. A folder that somebody else has made
# there is refused.
. "$(dirname "$0")/lib.sh"
. "$HERE/containers"
container_image debian:bookworm-slim
"$HERE/images" busybox-latest >/dev/null
cp "$E2E_CACHE/busybox-latest.tar" "$T/b/base.tar"
mkdir "$T/b/files"
printf 'FROM base\nCOPY Dockerfile /d\n' >"$T/b/files/Dockerfile"
chmod -R a+rX "$T/b"
import='shale import /b/base.tar base'

# falls_back OPTIONS STORE: import and build there use STORE, and each says so in one line.
falls_back() {
  inside "$1" "$import && shale build --progress=plain /b/files && stat -c 'stat %a %u' $2 && test -e $2/version" || die "no build with '$1'"
  same "$(grep -c '^note:' "$OUT")" 2
  has "the store is '$2'"
  has 'stat 700 1234'
}
falls_back '--user 1234' /tmp/shale-1234
falls_back '--user 1234 -e HOME=/nowhere' /tmp/shale-1234
falls_back '--user 1234 -e HOME=/root -e XDG_DATA_HOME=/usr/share' /tmp/shale-1234
falls_back '--user 1234 --read-only --tmpfs /tmp' /tmp/shale-1234
falls_back '--user 1234 --read-only --tmpfs /run/me:uid=1234,mode=700 -e XDG_RUNTIME_DIR=/run/me' /run/me/shale

inside '--user 1234 -e HOME=/tmp/home' "mkdir /tmp/home && $import" || die "no import into a home"
lacks note:

as='setpriv --reuid 1234 --regid 1234 --clear-groups env HOME=/'
for trap in 'mkdir -m 700 /tmp/shale-1234' 'mkdir -m 777 /tmp/shale-1234 && chown 1234 /tmp/shale-1234 && chmod 777 /tmp/shale-1234' \
  'mkdir -m 700 /mine && chown 1234 /mine && ln -s /mine /tmp/shale-1234'; do
  if inside '' "$trap && exec $as PATH=\$PATH sh -c '$import'"; then die "'$trap' is accepted"; fi
  has "'/tmp/shale-1234' is not a directory that only you can enter"
  has SHALE_ROOT
done
