#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In each environment shale doctor names the isolation, what is missing, why, and what to do about it.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$HERE/containers"
container_image debian:bookworm-slim

# environment|finding|state|words of the cause|words of the remedy
cat >"$T/expected" <<'ROWS'
docker|user namespaces|NO|a seccomp filter refuses unshare(2)|docker run --security-opt seccomp=unconfined
docker|abstract sockets|info|can be reached|
docker|container|info|docker|
docker-user|user namespaces|NO|a seccomp filter refuses unshare(2)|docker run --security-opt seccomp=unconfined
docker-no-capabilities|user namespaces|NO|a seccomp filter refuses unshare(2)|docker run --security-opt seccomp=unconfined
docker-read-only|user namespaces|NO|a seccomp filter refuses unshare(2)|docker run --security-opt seccomp=unconfined
docker-sys-admin|user namespaces|ok||
docker-unconfined|user namespaces|ok||
docker-unconfined|range of ids|ok|root has all ids|
docker-unconfined|a fresh /proc|missing|the container hides parts of its /proc|docker run --security-opt systempaths=unconfined
docker-unconfined|overlayfs on the store|missing|not on overlayfs|-v shale:/var/lib/shale
docker-unconfined-user|range of ids|missing|user 1000 has no range of subordinate ids in /etc/subuid|1000:100000:65536
docker-unconfined-user|root emulation|ok||
docker-volume|overlayfs on the store|ok||
docker-unmasked|a fresh /proc|ok|can be mounted|
pod-default|user namespaces|NO|a seccomp filter refuses unshare(2)|securityContext: seccompProfile: {type: Unconfined}
pod-default|container|info|kubernetes|
pod-restricted|user namespaces|ok||
pod-restricted|a fresh /proc|missing|the container hides parts of its /proc|procMount: Unmasked
pod-restricted|overlayfs on the store|missing|not on overlayfs|an emptyDir volume
pod-restricted|security modules|info|no_new_privs is set|
privileged|a fresh /proc|ok|can be mounted|
privileged|user namespaces|ok||
podman|a fresh /proc|missing|the container hides parts of its /proc|systempaths=unconfined
podman-user|range of ids|missing|no range of subordinate ids|1000:100000:65536
chroot|user namespaces|NO|in a chroot, where the kernel allows none|pivot_root
docker-bare-root|user namespaces|NO|root without the capability SETFCAP|docker run --user 1000
docker-no-setfcap|user namespaces|NO|root without the capability SETFCAP|docker run --user 1000
subids|range of ids|missing|newuidmap could not map the build's ids|setcap cap_setuid+ep
subids-file-capabilities|range of ids|ok|65537 ids|
subids-other-group|range of ids|missing|owned by a different user|docker run --user 1000:GROUP
subids-no-new-privileges|range of ids|missing|newuidmap could not map the build's ids|docker run --security-opt no-new-privileges=false
limit|user namespaces|NO|user.max_user_namespaces is 0|sysctl -w user.max_user_namespaces
ROWS

# check NAME RUNG: what was said in $OUT against the table's rows.
check() {
  python3 - "$1" "$2" "$T/expected" "$OUT" <<'P' || die "$1: shale doctor is wrong"
import json, sys
name, rung, table, output = sys.argv[1:]
report = json.loads(open(output).read())
findings = {f["name"]: f for f in report["findings"]}
bad = []
if report["isolation"] != rung:
    bad.append(f"isolation {report['isolation']}, not {rung}: {report['why']}")
if rung in ("single", "chroot", "none", "mountns") and not report["why"]:
    bad.append("no reason why it is not a better one")
rows = [line.split("|") for line in open(table).read().splitlines()]
rows = [row[1:] for row in rows if row[0] == name]
if not rows:
    bad.append("no row in the table")
for finding, state, cause, remedy in rows:
    found = findings[finding]
    if found["state"] != state or cause not in found["text"] or remedy not in found["remedy"]:
        bad.append(f"wanted {state} '{cause}' -> '{remedy}', got {found}")
for found in report["findings"]:
    if found["state"] in ("NO", "missing") and not found["remedy"] and not found["text"].startswith("not tried"):
        bad.append(f"nothing to do about {found}")
    if "\n" in found["text"] + found["remedy"]:
        bad.append(f"more than a line: {found}")
print("\n".join(f"{name}: {text}" for text in bad))
sys.exit(bool(bad))
P
}

while IFS='|' read -r name rung options; do
  inside "$options" 'shale doctor --json' || die "$name: no report"
  check "$name" "$rung"
done <<<"$ENVIRONMENTS"

# The same for people, and in short.
container_says() { inside "$1" "$2" || die "'$2' fails"; shift 2; for text; do has "$text"; done; }
container_says '' 'shale doctor' 'isolation: chroot (' 'NO       user namespaces' '-> docker run --security-opt seccomp=unconfined …'
container_says '' 'shale info' 'isolation: chroot (' "because: create the build's user namespace: Operation not permitted"

# With subordinate ids, newuidmap has to have capabilities: setuid root is not enough in a container.
if command -v newuidmap newgidmap setcap >/dev/null; then
  for file in subuid subgid; do echo ann:100000:65536 >"$T/$file"; done
  printf '%s\n' root:x:0:0::/root:/bin/sh ann:x:1000:1000::/home/ann:/bin/sh >"$T/passwd"
  mounts='--security-opt seccomp=unconfined'
  for file in passwd subuid subgid; do mounts+=" -v $T/$file:/etc/$file:ro"; done
  for file in newuidmap newgidmap; do
    cp "$(command -v $file)" "$T/$file"
    chmod 4755 "$T/$file"
    mounts+=" -v $T/$file:/usr/bin/$file:ro"
  done
  inside "$mounts --user 1000:1000" 'shale doctor --json' || die "subids: no report"
  check subids single
  inside "$mounts --user 1000:1000 --security-opt no-new-privileges" 'shale doctor --json' || die "subids-no-new-privileges: no report"
  check subids-no-new-privileges single
  for which in u g; do
    chmod 755 "$T/new${which}idmap"
    setcap "cap_set${which}id+ep" "$T/new${which}idmap"
  done
  inside "$mounts --user 1000:1000" 'shale doctor --json' || die "subids-file-capabilities: no report"
  check subids-file-capabilities full
  inside "$mounts --user 1000:0" 'shale doctor --json' || die "subids-other-group: no report"
  check subids-other-group single
fi

# Containers that are allowed everything, and something in them that takes it away again.
if [[ $ENVIRONMENTS == *--privileged* ]]; then
  # chroot(8) into the same files, without a mount at its root.
  inside --privileged 'mkdir /r && cp -r /bin /usr /lib* /etc /r/ && mkdir /r/b /r/proc /r/tmp && cp -r /b/. /r/b/ &&
    mount --rbind /proc /r/proc && exec chroot /r shale doctor --json' || die "chroot: no report"
  check chroot chroot
  inside --privileged 'exec unshare --user --map-root-user sh -c "echo 0 >/proc/sys/user/max_user_namespaces; exec shale doctor --json"' || die "limit: no report"
  check limit mountns
fi

# One id is not enough for somebody else's folder on the way, which root got through.
fails 3 inside '--security-opt seccomp=unconfined -e SHALE_ROOT=/c/store -e SHALE_ISOLATION=single' \
  'mkdir -m 700 /c && chown 3333 /c && exec shale doctor'
has "may not enter '/c' (mode 0700): it belongs to user id 3333"
has "chmod o+x '/c'"
