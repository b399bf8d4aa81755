#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without a container: a host without subordinate ids builds with one id, a limit and a chroot are told from each other
# and from a filter, and each comes with a line that helps.
. "$(dirname "$0")/lib.sh"
needs userns
# finding NAME: the cause and the remedy that the last report in $OUT has for it.
finding() { python3 -c 'import json,sys; print(*[f["state"] + ": " + f["text"] + " -> " + f["remedy"] for f in json.load(open(sys.argv[2]))["findings"] if f["name"] == sys.argv[1]])' "$1" "$OUT"; }
level() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["isolation"])' "$OUT"; }

# The limit of a namespace of the test's own, in which it is root.
SHALE_ROOT=$T/limited unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' - "$E2E_SHALE" doctor --json >"$OUT"
[[ $(finding 'user namespaces') == *'user.max_user_namespaces is 0 -> '*'sysctl -w user.max_user_namespaces='* ]] || die "$(finding 'user namespaces')"

case " $E2E_HAVE " in *" root "*) ;; *) exit 0 ;; esac
# An id that no file knows.
as=(setpriv --reuid=61234 --regid=61234 --clear-groups env -u USER -u LOGNAME)
others_folder
chown 61234:61234 "$other"
SHALE_ROOT=$other/store "${as[@]}" "$E2E_SHALE" doctor --json >"$OUT"
same "$(level)" single
[[ $(finding 'range of ids') == *"user 61234 has no range of subordinate ids in /etc/subuid -> as root: echo '61234:"*":65536' | tee -a /etc/subuid >>/etc/subgid" ]] || die "$(finding 'range of ids')"
[[ $(finding 'user namespaces') == ok:* ]] || die "$(finding 'user namespaces')"

# A chroot that is a mount, in a mount namespace of its own: root sees it, others can only conclude it.
mkdir "$T/root"
chrooted() {
  # shellcheck disable=SC2016  # expanded by the inner shell, which is the first process and stays outside
  unshare --mount --pid --fork --mount-proc sh -c 'root=$1; shift
    for below in "" /proc /dev; do mount --bind "/$below" "$root$below"; done; chroot "$root" "$@"; exit $?' - "$T/root" "$@"
}
SHALE_ROOT=$T/rooted chrooted "$E2E_SHALE" doctor --json >"$OUT"
[[ $(finding 'user namespaces') == *'in a chroot, where the kernel allows none -> '* ]] || die "$(finding 'user namespaces')"
SHALE_ROOT=$other/store chrooted "${as[@]}" "$E2E_SHALE" doctor --json >"$OUT"
same "$(level)" none
[[ $(finding 'user namespaces') == *'most likely this process is in a chroot -> '* ]] || die "$(finding 'user namespaces')"
