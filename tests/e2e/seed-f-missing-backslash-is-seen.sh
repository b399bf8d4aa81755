#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A line that lacks its backslash: the error shows the next line, which is no instruction, and says which line looks unfinished.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
hub node-20=node:20 nginx-alpine=nginx:alpine
cp -r "$DATA/seed-f/." .
fails 2 build .
has 'Dockerfile:9'
has '&&'
grep -qE 'line 8.*(unfinished|\\)' "$OUT" || die "line 8 is not named"
sed -i '8s/$/ \\/' Dockerfile
build -t site .
rootfs site
has built "$T/rootfs/usr/share/nginx/html/index.html"
