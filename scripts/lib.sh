# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh: what scripts/quickstart and scripts/test share: an ordinary user to build as, and a work folder.

say() { printf '==> %s\n' "$*" >&2; }

# Sets WORK, a folder on a real file system (/tmp may be a small tmpfs) that everybody may pass through; cleanup removes it.
make_work() {
  WORK=$(mktemp -d /var/tmp/shale-"$(basename "$0")".XXXXXX)
  chmod 755 "$WORK"
  TEMPORARY_USER=
  trap cleanup EXIT
  trap 'exit 130' INT TERM
}

cleanup() {
  local status=$?
  if [ -n "$TEMPORARY_USER" ]; then remove_user; fi
  # Root may remove everything; an ordinary user needs a namespace for what its subordinate ids own.
  rm -rf "$WORK" 2>/dev/null || unshare --map-root-user --map-auto rm -rf "$WORK" || echo "could not remove $WORK" >&2
  exit $status
}

# choose_user sudo|temporary: sets ORDINARY_USER: who calls; for root $SUDO_USER (sudo), else a user made now with 65536
# subordinate ids, whom cleanup removes together with its processes.
choose_user() {
  if [ "$(id -u)" != 0 ]; then
    ORDINARY_USER=$(id -un)
  elif [ -n "${SUDO_USER-}" ] && [ "$SUDO_USER" != root ] && [ "$1" = sudo ]; then
    ORDINARY_USER=$SUDO_USER
  else
    ORDINARY_USER=shale-$$ TEMPORARY_USER=shale-$$
    useradd --create-home --home-dir "$WORK/home" --shell /bin/bash "$ORDINARY_USER"
    chmod 711 "$WORK/home"
  fi
  if [ "$(id -u)" = 0 ] && ! grep -qs "^$ORDINARY_USER:" /etc/subuid; then
    local first; first=$(cat /etc/subuid /etc/subgid 2>/dev/null | awk -F: '{ end = $2 + $3; if (end > max) max = end } END { print max > 100000 ? max : 100000 }')
    usermod --add-subuids "$first-$((first + 65535))" --add-subgids "$first-$((first + 65535))" "$ORDINARY_USER"
    SUBIDS_ADDED=$first-$((first + 65535))
    if [ -z "$TEMPORARY_USER" ]; then say "gave $ORDINARY_USER the subordinate ids $SUBIDS_ADDED"; fi
  fi
}

remove_user() {
  local process
  for process in /proc/[0-9]*; do
    if [ "$(stat -c %U "$process" 2>/dev/null)" = "$TEMPORARY_USER" ]; then kill -9 "${process#/proc/}" 2>/dev/null || true; fi
  done
  # userdel takes the subordinate ids along; the mail spool and the home are in $WORK or do not exist.
  userdel "$TEMPORARY_USER" 2>/dev/null || echo "could not remove the user $TEMPORARY_USER" >&2
  sed -i "/^$TEMPORARY_USER:/d" /etc/subuid /etc/subgid
}

# as_user COMMAND…: as ORDINARY_USER, with its home and none of root's or sudo's variables about places.
as_user() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  local home uid gid
  home=$(getent passwd "$ORDINARY_USER" | cut -d: -f6) uid=$(id -u "$ORDINARY_USER") gid=$(id -g "$ORDINARY_USER")
  env -u XDG_RUNTIME_DIR -u XDG_DATA_HOME -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u SUDO_USER -u SUDO_UID -u SUDO_GID \
    HOME="$home" USER="$ORDINARY_USER" LOGNAME="$ORDINARY_USER" \
    setpriv --reuid "$uid" --regid "$gid" --init-groups "$@"
}

# as_owner COMMAND…: as the owner of this source tree where root runs the script, so that build/ is not left to root.
as_owner() {
  if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER-}" ] && [ "$(stat -c %u .)" != 0 ]; then
    setpriv --reuid "$(stat -c %u .)" --regid "$(stat -c %g .)" --clear-groups env HOME="$WORK" "$@"
  else
    "$@"
  fi
}

# apparmor_profile PATH: the AppArmor profile with which the program there may have user namespaces.
apparmor_profile() {
  sed "s|^profile shale .* flags|profile shale \"$1\" flags|" "$(dirname "${BASH_SOURCE[0]}")/../runtime/apparmor/shale"
}
