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
#!/bin/awk BEGIN{print"awk-ran"}
EOT
COPY <<EXPANDED <<'LITERAL' /files/
hello $WHO
EXPANDED
hello $WHO
LITERAL
RUN cat /files/EXPANDED /files/LITERAL
D
sed -i '/awk/,/^EOT/d; /^RUN <<EOT$/{N;s/^RUN <<EOT\nCOPY/COPY/}' Dockerfile
build .
ran run-you && ran 'hello you' && ran 'hello .WHO'
