#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# RUN and COPY take heredocs, with the interpreter of a #! line, expanded or quoted.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
ARG WHO=you
RUN <<EOT
cd /
echo run-$WHO
EOT
RUN <<EOT
#!/bin/busybox cat
interpreted
EOT
COPY <<EXPANDED <<'LITERAL' /files/
hello $WHO
EXPANDED
hello $WHO
LITERAL
RUN cat /files/EXPANDED /files/LITERAL
D
build .
ran run-you && ran interpreted && ran 'hello you' && ran 'hello .WHO'
