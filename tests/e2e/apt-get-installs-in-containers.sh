#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A multi-stage Dockerfile with apt-get install builds in docker's containers, without a flag to shale: as root under
# docker's own profile, and as an ordinary user without subordinate ids where user namespaces are allowed.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
needs net
. "$HERE/containers"
container_image debian:bookworm-slim
cp "$E2E_CACHE/debian-bookworm-slim.tar" "$T/b/base.tar"
mkdir "$T/b/apt"
cat >"$T/b/apt/Dockerfile" <<'D'
FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client cron && rm -rf /var/lib/apt/lists/*
RUN ssh -V 2>&1; stat -c '%n %a %U:%G' /usr/bin/crontab
FROM base
COPY --from=build /usr/bin/crontab /crontab
RUN stat -c '%n %a %g' /crontab
D
chmod -R a+rX "$T/b"
while IFS='|' read -r name rung options; do
  case $name in docker | pod-restricted | privileged | podman-user) ;; *) continue ;; esac
  echo "in $name"
  inside "$options" 'shale import /b/base.tar base >/dev/null 2>&1; shale build --progress=plain /b/apt' || die "$name: no build"
  has "isolation $rung"
  ran OpenSSH || die "$name: what was installed does not run"
  ran '/usr/bin/crontab 2755 root:crontab' || die "$name: wrong owner or mode"
  ran '/crontab 2755 10[0-9]$' || die "$name: COPY lost owner or mode"
done <<<"$ENVIRONMENTS"
