# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh: sourced first by every end-to-end test. Makes a folder of the test's own and goes there, with a store of its
# own in it, and removes both at the end. tests/e2e/run sets the E2E_ variables.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DATA=$HERE/data # files of the seeds
export DATA
T=$(mktemp -d "${E2E_WORK:?start tests with tests/e2e/run}/$(basename "$0" .sh).XXXXXX")
OUT=$T/out.txt # what the last build printed, both streams
export SHALE_ROOT=$T/store HOME=$T/home XDG_DATA_HOME=$T/home/data
unset XDG_RUNTIME_DIR SHALE_REGISTRY_MIRRORS
mkdir -p "$HOME" "$T/ctx"
cd "$T/ctx"

# A store's files belong to ids that only a user namespace with the same map may remove.
wipe() { rm -rf "$@" 2>/dev/null || unshare --map-root-user --map-auto rm -rf "$@"; }
ending() {
  local status=$?
  [ -z "${SERVER-}" ] || { kill "$SERVER" && wait "$SERVER"; } 2>/dev/null || true
  cd /
  [ $status = 0 ] || [ $status = 77 ] || [ ! -s "$OUT" ] || { echo "--- end of what the last build printed:"; tail -25 "$OUT"; }
  wipe "$T" ${CANARY_ELSEWHERE:+"$CANARY_ELSEWHERE"}
}
trap ending EXIT
trap 'echo "line $LINENO: $BASH_COMMAND: status $?" >&2' ERR
set -E

skip() { echo "SKIP: $*"; exit 77; }
die() { echo "$*"; exit 1; }

# needs THING…: skips the test where a thing is missing, or fails it if SHALE_TEST_REQUIRE names the thing.
needs() {
  local thing
  for thing; do
    case " ${E2E_HAVE-} " in *" $thing "*) continue ;; esac
    case ",${SHALE_TEST_REQUIRE-}," in *",$thing,"* | *,all,*) die "SHALE_TEST_REQUIRE wants '$thing', which is missing" ;; esac
    case $thing in
      net) skip "Debian's mirrors cannot be reached" ;;
      npm) skip "the npm registry cannot be reached" ;;
      registry) skip "docker-registry is not installed" ;;
      cgroup2) skip "no cgroup v2 with a memory controller is delegated to this user" ;;
      userns) skip "no user namespaces here" ;;
      root) skip "needs root" ;;
      docker) skip "no docker daemon answers" ;;
      portable) skip "these programs are not portable (meson setup -Dportable=true)" ;;
      user) skip "only for an ordinary user" ;;
      probe) skip "tests/probe/sandbox-probe is not built (meson configure -Dtests=true)" ;;
      *) skip "$thing is not installed" ;;
    esac
  done
}

shale() { "$E2E_SHALE" "$@"; }

# build ARGS…: shale build with plain progress into $OUT; the status is the build's.
build() { shale build --progress=plain "$@" >"$OUT" 2>&1; }

# fails STATUS COMMAND…: COMMAND must end with STATUS (or, for '+', with any but 0 and a signal's).
fails() {
  local wanted=$1 status=0; shift
  "$@" || status=$?
  if [ "$wanted" = + ]; then
    if [ $status = 0 ] || [ $status -ge 128 ]; then die "'$*' ended with $status"; fi
  else
    [ $status = "$wanted" ] || die "'$*' ended with $status, not $wanted"
  fi
}

has() { grep -qF -- "$1" "${2:-$OUT}" || die "'$1' is not in ${2:-the output}"; }
lacks() { ! grep -qF -- "$1" "${2:-$OUT}" || die "'$1' is in ${2:-the output}"; }
same() { [ "$1" = "$2" ] || die "got '$1', not '$2'"; }
# Steps of the last build that were found in the cache; base images do not count.
cached() { awk '/^#[0-9]+ (\[.*\] )?FROM / { base[$1] } /^#[0-9]+ CACHED/ && !($1 in base) { n++ } END { print n + 0 }' "$OUT"; }
# ran TEXT: a step of the last build wrote a line that starts with TEXT.
ran() { grep -qE "^#[0-9]+ [0-9.]+ $1" "$OUT"; }

# images NAME…: base images into the store, by import: busybox:latest, debian:bookworm-slim, …
images() {
  local name
  for name; do
    "$HERE/images" "${name/:/-}" >/dev/null
    shale import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      --change 'CMD ["sh"]' "$E2E_CACHE/${name/:/-}.tar" "$name" >/dev/null
  done
}

# canaries: files that no build may read, change or follow links to: CANARY, an absolute path with a directory 'dir',
# a file 'file' and a closed directory; a neighbour of the store whose name begins like the store's; and CANARY_ELSEWHERE,
# on another file system. Their content is SONG, by which what was read is known.
canaries() {
  SONG=canary-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  CANARY=$T/canary CANARY_ELSEWHERE=$(mktemp -d /dev/shm/shale-canary.XXXXXX)
  CANARIES=("$CANARY" "$SHALE_ROOT-evil" "$HOME/canary" "$CANARY_ELSEWHERE")
  local place
  for place in "${CANARIES[@]}"; do
    mkdir -p "$place/dir" "$place/closed"
    chmod 700 "$place/closed"
    echo "$SONG" | tee "$place/file" "$place/dir/file" >"$place/closed/file"
  done
  canary_state >"$T/canaries"
}
# Names, types, modes, owners, links, inodes, times and contents of the canaries.
canary_state() {
  find "${CANARIES[@]}" -printf '%p %y %m %U:%G %n %i %T@ %C@ %s %l\n' | sort
  find "${CANARIES[@]}" -type f -exec sha256sum {} + | sort
}
# unharmed WHAT: the canaries are as they were, and neither the last build's output nor FILE… has their song.
unharmed() {
  canary_state | diff "$T/canaries" - || die "$1 changed something outside"
  ! grep -qaF "$SONG" "$OUT" "${@:2}" || die "$1 read something outside"
}

# soon COMMAND…: its status. It may take ten seconds of a processor, and a minute on a machine with much else to do, and
# no signal may end it.
soon() {
  local status=0 start=$SECONDS before after
  times >"$T/times"; before=$(awk -F'[ms ]+' 'NR == 2 { print int($1 * 60 + $2 + $3 * 60 + $4) }' "$T/times")
  "$@" || status=$?
  times >"$T/times"; after=$(awk -F'[ms ]+' 'NR == 2 { print int($1 * 60 + $2 + $3 * 60 + $4) }' "$T/times")
  [ $((after - before)) -le 10 ] && [ $((SECONDS - start)) -le 60 ] || die "$((after - before)) seconds of processor, $((SECONDS - start)) in all: $*"
  [ $status -lt 124 ] || die "ended with $status: $*"
  return $status
}

# hostile FOLDER ISOLATION [PATTERN]: builds ./Dockerfile on each image of FOLDER as `base`, whose file `expected` says what
# is right: "NAME refused", accepted, or contained (either). Whatever comes of it, it comes soon and with a reason, and
# the canaries stay as they were. Says all that is wrong before it fails.
hostile() {
  local folder=$1 isolation=$2 wrong=0 name expectation status
  while read -r name expectation; do
    # shellcheck disable=SC2254  # patterns are meant to be patterns
    if [ $# -gt 2 ]; then case $name in $3) ;; *) continue ;; esac; fi
    status=0
    soon build --isolation="$isolation" --build-context "base=oci-layout://$folder/$name" . || status=$?
    case $expectation-$status in
      refused-0) status='accepted' ;;
      accepted-[1-9]*) status="refused: $(grep error: "$OUT" | tail -1)" ;;
      *-0) status='' ;;
      *) if grep -q 'error: ' "$OUT"; then status=''; else status='refused without a reason'; fi ;;
    esac
    [ -z "$status" ] || { echo "$name with isolation $isolation: $status"; wrong=$((wrong + 1)); }
    unharmed "$name with isolation $isolation"
  done <"$folder/expected"
  same "$wrong wrong" '0 wrong'
}

# base NAME [SETTINGS [ENTRY…]]: an image with a shell as a layout, with members of its config in JSON and with whatever
# entries (see attacks/base). `on NAME [ARGS…]` builds ./Dockerfile with it as `base`, by $isolation.
base() { rm -rf "$T/base-$1"; "$HERE/../attacks/base" "$T/base-$1" "$E2E_CACHE/busybox-latest.tar" "${2:-{\}}" "${@:3}"; }
on() { build --isolation="$isolation" --build-context "base=oci-layout://$T/base-$1" "${@:2}" .; }

# hub NAME[=AS]…: base images into the loopback registry, which from then on stands in for docker.io.
hub() {
  local name as
  needs registry skopeo
  for name; do
    as=${name#*=} name=${name%%=*}
    "$HERE/images" "${name/:/-}" >/dev/null
    [ -e "$E2E_WORK/registry/data/docker/registry/v2/repositories/library/${as%%:*}/_manifests/tags/${as#*:}" ] ||
      flock "$E2E_WORK/registry" skopeo copy -q --dest-tls-verify=false "oci:$E2E_CACHE/${name/:/-}.oci" \
        "docker://$E2E_REGISTRY/library/$as"
  done
  export SHALE_REGISTRY_MIRRORS=docker.io=$E2E_REGISTRY
}

# rootfs IMAGE: the image's files, below $T/rootfs. config IMAGE FILTER: jq's answer about its config.
exported() { rm -rf "$T/oci" "$T/oci.tar"; printf 'FROM %s\n' "$1" | shale build -q -o "type=oci,dest=$T/oci.tar" -f - "$T/home" >/dev/null; }
rootfs() { wipe "$T/rootfs"; printf 'FROM %s\n' "$1" | shale build -q -o "type=local,dest=$T/rootfs" -f - "$T/home" >/dev/null; }
config() { exported "$1" && skopeo inspect --raw --config "oci-archive:$T/oci.tar" | jq -cr "$2"; }

# serve: an HTTP server on loopback for the files below $T/www, and for git repositories (see the program serve);
# its address is $WWW, its log $T/www.log.
serve() {
  mkdir -p "$T/www/smart"
  : >"$T/www.log"
  "$HERE/serve" "$T/www" "$T/www.port" "$T/www.log" &
  SERVER=$!
  wait_for test -s "$T/www.port"
  WWW=http://127.0.0.1:$(cat "$T/www.port")
}

# listed NAME: does `shale images` show it?
listed() { shale images | awk -v name="$1" '$1 == name { found = 1 } END { exit !found }'; }

# alive TEXT: is a process there whose command line contains TEXT? Tests use a number that is nobody else's.
alive() { grep -qsaF -- "$1" /proc/[0-9]*/cmdline; }
gone() { ! alive "$1"; }
# wait_for COMMAND…: until it succeeds, at most 30 seconds.
wait_for() {
  local _
  for _ in {1..300}; do if "$@"; then return; fi; sleep 0.1; done
  die "waited 30 seconds for: $*"
}
# Nothing of this test's builds is left: no process, no mount, no build directory that a lock holds.
nothing_left() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/exe" 2>/dev/null)" = "$E2E_SHALE" ] && grep -qsazF "SHALE_ROOT=$SHALE_ROOT" "$process/environ"; then
      die "still there: ${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline")"
    fi
  done
  ! grep -F "$T/" /proc/self/mountinfo || die "mounts are left"
}
# No process of this test's builds is there.
nothing_runs() { (nothing_left) >/dev/null; }

# others_folder: makes $other, a folder that can be handed to another user, which goes with the test; its own is closed.
others_folder() {
  other=$(mktemp -d "${SHALE_TEST_TMPDIR:-/var/tmp}/shale-other.XXXXXX")
  trap leave_others_folder EXIT
}
leave_others_folder() {
  local status=$?
  set +e
  rm -rf "$other"
  (exit $status) # for ending(), which looks at it
  ending
}
