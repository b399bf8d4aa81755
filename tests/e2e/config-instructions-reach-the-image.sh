#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# EXPOSE, VOLUME, LABEL, USER, ENTRYPOINT, STOPSIGNAL, HEALTHCHECK, SHELL and ONBUILD are in the config as docker writes them.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
EXPOSE 80 53/udp
VOLUME /data
LABEL a=b "c d"="e f"
USER 33:33
SHELL ["/bin/ash", "-ec"]
ENTRYPOINT echo entry
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --retries=2 CMD true
ONBUILD RUN echo triggered
D
build -t conf --label given=1 .
same "$(config conf '.config.ExposedPorts | keys')" '["53/udp","80/tcp"]'
same "$(config conf '.config.Volumes | keys')" '["/data"]'
same "$(config conf .config.Labels)" '{"a":"b","c d":"e f","given":"1"}'
same "$(config conf '[.config.User, .config.StopSignal]')" '["33:33","SIGQUIT"]'
same "$(config conf '[.config.Entrypoint, .config.Cmd]')" '[["/bin/ash","-ec","echo entry"],null]'
same "$(config conf .config.Healthcheck)" '{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2}'
printf 'FROM conf\nUSER root\n' | build -f - .
has 'RUN echo triggered'
