#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A RUN sees nothing of the caller's environment, files, processes or names but what the image says.
. "$(dirname "$0")/lib.sh"
images busybox:latest
export HOST_SECRET=from-the-host
printf 'FROM busybox\nRUN env | sort; ls -d %s 2>&1 | head -1; ls /proc | grep -c "^[0-9]"; ls /proc/self/fd | wc -l; whoami\n' "$T" >Dockerfile
exec 9<"$E2E_CACHE/busybox-latest.tar"
build .
lacks from-the-host
lacks HOST_SECRET
ran 'HOME=/root' && ran 'PATH=/usr/local/sbin' && ran root
grep -E '^#[0-9]+ [0-9.]+ [0-9]+$' "$OUT" | awk '$3 > 6 { exit 1 }' || die "too many processes or descriptors are seen"
printf 'FROM busybox\nRUN env | grep -i proxy | sort\n' >Dockerfile
build --build-arg HTTP_PROXY=up --build-arg no_proxy=low --build-arg NO_PROXY=own .
ran HTTP_PROXY=up && ran http_proxy=up && ran no_proxy=low && ran NO_PROXY=own
