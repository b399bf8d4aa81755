#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --build-context NAME=oci-layout://DIR: as a base and as a source, by tag, by digest, or the only one.
. "$(dirname "$0")/lib.sh"
needs jq
images busybox:latest
printf 'FROM busybox\nENV FROM_LAYOUT=yes\nRUN echo inside >/inside\n' | build -o "type=oci,tar=false,dest=$T/layout,name=local/x:v1" -
cat >Dockerfile <<'D'
FROM base
COPY --from=other /inside /copied
RUN cat /inside && echo "$FROM_LAYOUT" >/told
D
digest=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
SHALE_ROOT=$T/elsewhere build -t made --build-context "base=oci-layout://$T/layout" --build-context "other=oci-layout://$T/layout@$digest" .
ran 'inside$'
build -t made --build-context "base=oci-layout://$T/layout:v1" --build-context "other=oci-layout://$T/layout" .
rootfs made
same "$(cat "$T/rootfs/copied" "$T/rootfs/told" | tr '\n' ' ')" "inside yes "
build --build-context "base=oci-layout://$T/layout:v1" --build-context "other=oci-layout://$T/layout" .
same "$(cached)" 2
fails + build --build-context "base=oci-layout://$T/layout:v2" --build-context "other=oci-layout://$T/layout" .
has 'no image with the tag "v2"'
fails + build --build-context "base=oci-layout://$T/nowhere" --build-context "other=oci-layout://$T/layout" .
# Any form of an image's name is the same name.
mkdir files && echo in-place-of-the-image >files/f
printf 'FROM docker.io/library/replaced:latest\nCOPY --from=replaced f /g\n' >Dockerfile
build -o "$T/out" --build-context replaced:latest=files .
same "$(cat "$T/out/f" "$T/out/g" | uniq)" in-place-of-the-image
