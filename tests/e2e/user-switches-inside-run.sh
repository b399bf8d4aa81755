#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# useradd, su, chown and setuid programs work in RUN, and USER decides who runs a step.
. "$(dirname "$0")/lib.sh"
images debian:bookworm-slim
cat >Dockerfile <<'D'
FROM debian:bookworm-slim
RUN useradd --create-home --uid 1234 app && su app -c 'id -un >~/who' && chown 0:1234 /home/app/who
RUN stat -c 'who %U:%G' /home/app/who; cat /home/app/who
USER app
RUN id -u; cd && touch mine && ! touch /etc/not-mine 2>/dev/null && passwd --status 2>&1 | head -1; echo HOME=$HOME
USER 4321:100
RUN id -u; id -g
D
build .
ran 'who root:app'; ran app; ran 1234; ran HOME=/home/app; ran 4321; ran 100
