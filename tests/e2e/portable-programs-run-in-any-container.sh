#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The portable programs pull, run commands and build in stages in containers with glibc, with no C library at all, and with
# libraries of the same names that are none of theirs: as root and not, privileged, and under podman's filter.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$HERE/containers"
hub busybox:latest
# By name, which has to be looked up.
mirror=docker.io=localhost:${E2E_REGISTRY##*:}
mkdir "$T/b/run"
cat >"$T/b/run/Dockerfile" <<'D'
FROM busybox AS made
RUN mkdir /o && echo 1 >/o/f && chown 33:44 /o/f
FROM busybox
COPY --from=made /o /o
RUN stat -c owned-by-%u:%g /o/f
D
chmod -R a+rX "$T/b"

# Libraries that no program of ours may be given: a musl system's names, glibc's, and a cache and a configuration for them.
wrong() {
  local root=$T/wrong
  mkdir -p "$root"/{lib/x86_64-linux-gnu,lib64,usr/lib,etc}
  for file in lib/libc.so lib/libc.musl-x86_64.so.1 lib/ld-musl-x86_64.so.1 lib/x86_64-linux-gnu/lib{c.so.6,crypto.so.3,curl.so.4,nss_files.so.2,nss_odd.so.2} \
    lib64/ld-linux-x86-64.so.2 usr/lib/libz.so.1 etc/ld.so.cache; do
    echo 'no library' >"$root/$file"
    chmod 755 "$root/$file"
  done
  echo 'hosts: odd files dns' >"$root/etc/nsswitch.conf"
  cp "$E2E_CACHE/busybox-latest.tar" "$T/wrong.tar"
  (cd "$root" && find . -type f -print0 | tar --owner=0 --group=0 --no-recursion --null -rf "$T/wrong.tar" -T -)
  IMAGE=shale-e2e-wrong:$$
  CONTAINER_IMAGES+=("$IMAGE")
  docker import - "$IMAGE" <"$T/wrong.tar" >/dev/null
}

for image in debian:bookworm-slim busybox:latest alpine:latest wrong; do
  if [ "$image" = wrong ]; then wrong; else container_image "$image"; fi
  for name in docker docker-unconfined-user privileged podman podman-user; do
    grep -q "^$name|" <<<"$ENVIRONMENTS" || continue
    IFS='|' read -r _ rung options < <(grep "^$name|" <<<"$ENVIRONMENTS")
    echo "in $image, $name"
    inside "$options -e SHALE_REGISTRY_MIRRORS=$mirror" 'shale version && shale build --progress=plain /b/run' || die "no build"
    has 'shale version '
    has "isolation $rung"
    ran owned-by-33:44
  done
done
