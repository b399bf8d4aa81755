#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In docker's containers, with its real default seccomp profile or another, as root or not, a build uses what each of them
# allows, without a flag; where no command can be run, that is said at once, with the flag to add.
# alone
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$HERE/containers"
container_image debian:bookworm-slim
"$HERE/images" busybox-latest >/dev/null
cp "$E2E_CACHE/busybox-latest.tar" "$T/b/base.tar"
mkdir -p "$T/b/run" "$T/b/files"
echo hello | tee "$T/b/run/file" >"$T/b/files/file"
cat >"$T/b/run/Dockerfile" <<'D'
FROM base AS a
RUN mkdir /o && echo 1 >/o/f && chown 33:44 /o/f
FROM base
COPY --from=a /o /o
COPY file /f
RUN [ "$(stat -c %u:%g /o/f)" = 33:44 ] && echo owners-are-right && (setsid sleep 86375 &) ; rm /f
D
printf 'FROM base\nCOPY --chown=5:6 file /f\n' >"$T/b/files/Dockerfile"
chmod -R a+rX "$T/b"
import='shale import /b/base.tar base >/dev/null 2>&1'
start() { inside "$1" "$import; date +%s%N; shale build --progress=plain /b/$2; status=\$?; date +%s%N; exit \$status"; }
# refused: in milliseconds, the fastest of three builds that cannot run a command: the machine may be busy.
refused() {
  local fastest=999999 took
  for _ in 1 2 3; do
    fails 3 start "$1" run
    took=$(grep -xE '[0-9]{19}' "$OUT" | awk 'NR == 1 { start = $1 } END { printf "%d", ($1 - start) / 1e6 }')
    [ "$took" -ge "$fastest" ] || fastest=$took
  done
  echo "$fastest"
}
while IFS='|' read -r name rung options; do
  echo "in $name"
  start "$options" files || die "$name: a Dockerfile without RUN needs no namespace"
  if [ "$rung" = none ]; then
    took=$(refused "$options")
    [ "$took" -lt 1000 ] || die "$name: took $took ms to say that no command can be run"
    case $name in
      pod-*) has 'a seccomp filter is in force'; has 'seccompProfile: {type: Unconfined}' ;;
      docker-bare-root) has 'root without the capability SETFCAP'; has '--user 1000' ;;
      *) has 'a seccomp filter is in force'; has 'docker run --security-opt seccomp=unconfined' ;;
    esac
  else
    start "$options" run || die "$name: no build"
    has "isolation $rung"
    ran owners-are-right || die "$name: owners are lost"
    [ "$rung" != chroot ] || has 'apart from nothing in this container'
  fi
done <<<"$ENVIRONMENTS"
