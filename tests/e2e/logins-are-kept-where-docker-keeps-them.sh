#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `login` asks the registry first, from a terminal or a script; pushes and pulls use what it keeps, until `logout`.
. "$(dirname "$0")/lib.sh"
needs registry skopeo
images busybox:latest
PASSWORD=geheim-$RANDOM$RANDOM
# shellcheck disable=SC2016  # a salt, not a variable
printf 'me:%s\n' "$(perl -e 'print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))' "$PASSWORD")" >"$T/htpasswd"
cat >"$T/registry.yml" <<D
version: 0.1
storage: {filesystem: {rootdirectory: $T/registry}}
http: {addr: "127.0.0.1:0"}
auth: {htpasswd: {realm: test, path: $T/htpasswd}}
D
docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
SERVER=$!
listening() { registry=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$T/registry.log") && [ -n "$registry" ]; }
wait_for listening
unset DOCKER_CONFIG REGISTRY_AUTH_FILE
printf 'FROM busybox\nLABEL l=m\n' >Dockerfile
build -t "$registry/team/app:1" .
fails 4 shale push "$registry/team/app:1" >"$OUT" 2>&1
has "log in with 'shale login $registry'"

login() { shale login "$@" "$registry" >"$OUT" 2>&1; }
fails 4 login -u me --password-stdin <<<wrong
has 'the user name or the password is wrong'
fails 2 login -u me </dev/null
has '--password-stdin'
fails 2 login --password-stdin <<<"$PASSWORD"
[ ! -e "$HOME/.docker" ] || die 'a login that failed left something'
login -u me --password-stdin <<<"$PASSWORD"
has 'Login Succeeded'
has "$HOME/.docker/config.json"
lacks "$PASSWORD"
same "$(stat -c %a "$HOME/.docker/config.json")" 600
shale push "$registry/team/app:1" >"$OUT" 2>&1
skopeo inspect --tls-verify=false --authfile "$HOME/.docker/config.json" "docker://$registry/team/app:1" >/dev/null

# podman's file is asked first, and is podman's.
mkdir -p "$HOME/.config/containers"
echo "{\"auths\": {\"$registry\": {\"auth\": \"$(printf me:old | base64)\"}}}" >"$HOME/.config/containers/auth.json"
login -u me --password-stdin <<<"$PASSWORD"
has "auth.json' has a login at $registry, too, and is asked first"

shale logout "$registry" >"$OUT" 2>"$T/notes"
has "auth.json' still holds a login" "$T/notes"
rm "$HOME/.config/containers/auth.json"
has "Removing login credentials for $registry"
shale logout "$registry" >"$OUT"
has "Not logged in to $registry"
fails 4 shale pull -q "$registry/team/app:1" >"$OUT" 2>&1

# A person at a terminal: what is typed as the password is not shown.
if command -v script >/dev/null; then
  (wait_for grep -q Username "$T/typed"; printf 'me\r'; wait_for grep -q Password "$T/typed"; sleep 0.5
   printf '%s-\177\r' "$PASSWORD"; wait_for grep -q Login "$T/typed") |
    script -qfec "'$E2E_SHALE' login http://$registry/v2/" "$T/typed" >/dev/null
  has 'Login Succeeded' "$T/typed"
  lacks "$PASSWORD" "$T/typed"
  shale pull -q "$registry/team/app:1" >"$OUT"
fi
