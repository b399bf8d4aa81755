#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A builder and a runtime stage without names, then with names, then the builder alone by --target.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
hub golang-1.19=golang:1.19 alpine:latest
cp -r "$DATA/seed-b/." .
build -t links:unnamed .
printf 'FROM links:unnamed\nCOPY page.html /\nRUN ./app </page.html\n' >run
build -f run .
ran 'internal=2 external=1'
build -t links:named -f Dockerfile.named .
same "$(config links:named .rootfs.diff_ids)" "$(config links:unnamed .rootfs.diff_ids)"
rootfs links:named
[ ! -e "$T/rootfs/go" ] && [ ! -e "$T/rootfs/usr/bin/gcc" ] || die "the toolchain is in the image"
build -t links:builder --target builder -f Dockerfile.named .
lacks alpine
rootfs links:builder
[ -x "$T/rootfs/go/src/links/app" ] && [ -L "$T/rootfs/usr/local/bin/go" ] || die "the builder is not whole"
build --build-arg https_proxy=http://p.example --no-cache -t links:named . -f Dockerfile.named
same "$(config links:named '[.history[].created_by | select(contains("p.example"))] | length')" 0
