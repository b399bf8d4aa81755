#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In docker's containers, with its real default seccomp profile, a build uses what each of them allows, and says what is
# missing where it cannot run a command.
. "$(dirname "$0")/lib.sh"
case " ${E2E_ENGINES-} " in *" docker "*) ;; *) skip "no docker daemon that can be used" ;; esac
"$HERE/images" debian-bookworm-slim >/dev/null
"$HERE/images" busybox-latest >/dev/null
mkdir -p "$T/b/lib" "$T/b/run" "$T/b/files"
cp "$(dirname "$E2E_SHALE")"/shale* "$T/b/" 2>/dev/null || skip "the helper programs do not lie beside the program"
ldd "$T/b/shale" "$T/b/shale-archive" "$T/b/shale-fetch" | awk '$3 ~ /^\// && $3 !~ /lib(c|m)\.so/ {print $3}' | sort -u | xargs cp -Lt "$T/b/lib"
cp "$E2E_CACHE/busybox-latest.tar" "$T/b/base.tar"
echo hello >"$T/b/run/file"
cat >"$T/b/run/Dockerfile" <<'D'
FROM base AS a
RUN mkdir /o && echo 1 >/o/f && chown 33:44 /o/f
FROM base
COPY --from=a /o /o
COPY file /f
RUN [ "$(stat -c %u:%g /o/f)" = 33:44 ] && echo owners-are-right && (setsid sleep 86375 &) ; rm /f
D
cp "$T/b/run/file" "$T/b/files/"
printf 'FROM base\nCOPY --chown=5:6 file /f\n' >"$T/b/files/Dockerfile"
chmod -R a+rX "$T" "$T/b"
image=shale-e2e-$$
docker import - "$image" <"$E2E_CACHE/debian-bookworm-slim.tar" >/dev/null
trap 'docker rmi -f "$image" >/dev/null 2>&1; ending' EXIT

# inside OPTIONS FOLDER: builds FOLDER in a container, output in $OUT.
inside() {
  # shellcheck disable=SC2086
  docker run --rm --network none $1 -v "$T/b:/b:ro" -e LD_LIBRARY_PATH=/b/lib "$image" sh -c \
    "/b/shale import /b/base.tar base >/dev/null 2>&1 && exec /b/shale build --progress=plain /b/$2" >"$OUT" 2>&1 </dev/null
}
restricted='--user 1000 --cap-drop all --security-opt no-new-privileges --security-opt seccomp=unconfined'
while read -r level options; do
  inside "$options" run || die "no build with '$options'"
  has "isolation $level"
  ran owners-are-right || die "owners are lost with '$options'"
done <<L
chroot
full --privileged
full --cap-add SYS_ADMIN
full --security-opt seccomp=unconfined
single $restricted
L
inside '' run
has 'apart from nothing in this container'
inside '--user 1000' files || die "a Dockerfile without RUN needs no namespace"
SECONDS=0
if inside '--user 1000' run; then die "a RUN without isolation"; fi
[ $SECONDS -lt 10 ] || die "took $SECONDS seconds"
has '--security-opt seccomp=unconfined'
