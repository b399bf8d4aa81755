#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `-o type=oci` writes an archive that skopeo inspects and umoci unpacks.
. "$(dirname "$0")/lib.sh"
needs skopeo umoci
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox
RUN mkdir -p /data/deep && echo content >/data/deep/file && ln -s deep/file /data/link && rm /bin/vi
D
build -t tagged -o "type=oci,dest=$T/image.tar" .
skopeo inspect "oci-archive:$T/image.tar" >"$T/inspect"
same "$(jq '.Layers | length' "$T/inspect")" 2
mkdir "$T/layout"; skopeo copy -q "oci-archive:$T/image.tar" "oci:$T/layout:x"
umoci unpack --rootless --image "$T/layout:x" "$T/bundle"
same "$(cat "$T/bundle/rootfs/data/link")" content
[ ! -e "$T/bundle/rootfs/bin/vi" ] || die "the removed file is back"
[ -e "$T/bundle/rootfs/bin/ls" ] || die "the base's files are missing"
