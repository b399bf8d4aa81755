#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# apt-get installs a package with a daemon's user and runs what it installed.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
needs net
images debian:bookworm-slim
cat >Dockerfile <<'D'
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client cron && rm -rf /var/lib/apt/lists/*
RUN ssh -V 2>&1; stat -c '%n %a %U:%G' /usr/bin/crontab /usr/bin/ssh-agent
D
build -t installed .
ran OpenSSH
ran '/usr/bin/crontab 2755 root:crontab'
rootfs installed
[ -x "$T/rootfs/usr/bin/ssh" ] || die "what was installed is not in the image"
