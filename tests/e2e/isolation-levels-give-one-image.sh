#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same Dockerfile gives the same image on every rung of the ladder and with both ways of making snapshots.
. "$(dirname "$0")/lib.sh"
needs userns
echo from-the-context >file
echo hush >"$T/secret"
cat >Dockerfile <<'D'
FROM busybox AS made
RUN mkdir -p /made/d && echo 1 >/made/d/one && chown 33:44 /made/d/one && chmod 4755 /made/d/one
FROM busybox
COPY file /a/file
RUN rm /bin/vi && rm -r /home && mkdir /home && echo q >/home/q && echo more >>/etc/group && ln -s q /home/l
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=secret,id=s \
    --mount=type=bind,from=made,source=/made,target=/m \
    cat /run/secrets/s && touch /c/kept /t/gone && cp -a /m/d /d && test -d /dev/shm && echo x >/dev/null
RUN --mount=type=cache,target=/c test -e /c/kept && rm -r /a && ! test -e /t/gone && ! test -e /run/secrets/s
USER 1000:1000
WORKDIR /w
RUN id -u >/tmp/who && (sleep 86373 &)
COPY --from=made --chown=5:6 /made/d/one /copied
D
# An imported layer has no blob to be unpacked again: each rung gets a store of its own.
listing() { # names, types, modes, owners, sizes, link targets; no times
  export SHALE_ROOT=$T/store-$1-${2-overlay} SHALE_ISOLATION=$1
  images busybox:latest
  build --secret id=s,src="$T/secret" -o "type=tar,dest=$T/$1.tar" . || die "isolation $1 fails"
  has "isolation $1"
  tar --numeric-owner -tvf "$T/$1.tar" | sed -E 's/ +[0-9]{4}-[0-9-]+ [0-9:]+ / /' | sort -k4 >"$T/$1.${2-overlay}"
  gone 86373 || die "a process outlived its step with isolation $1"
}
levels=single
[ "$(id -u)" != 0 ] || levels="single mountns chroot"
listing full
for level in $levels; do
  listing "$level"
  diff "$T/full.overlay" "$T/$level.overlay" || die "isolation $level gives something else"
done
export SHALE_SNAPSHOTTER=clone
for level in full single; do
  listing "$level" clone
  has 'snapshots are copies'
  diff "$T/full.overlay" "$T/$level.clone" || die "copies of layers give something else with isolation $level"
done
