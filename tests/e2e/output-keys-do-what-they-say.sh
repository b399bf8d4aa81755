#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Annotations, media types, compression and times of -o reach the layout and the registry.
. "$(dirname "$0")/lib.sh"
needs registry jq skopeo
images busybox:latest
printf 'FROM busybox\nRUN echo new >/new\n' >Dockerfile
manifest_of() { # LAYOUT
  jq -r '.manifests[0].digest' "$1/index.json" | sed "s|sha256:|$1/blobs/sha256/|"
}
build -o type=oci,tar=false,dest="$T/a",annotation.title=x,annotation-manifest-descriptor.d=y .
same "$(jq -r .annotations.title "$(manifest_of "$T/a")")" x
same "$(jq -r '.manifests[0].annotations.d' "$T/a/index.json")" y
build -o type=oci,tar=false,dest="$T/b",oci-mediatypes=false .
same "$(jq -r .layers[1].mediaType "$(manifest_of "$T/b")")" application/vnd.docker.image.rootfs.diff.tar.gzip
skopeo inspect --raw "oci:$T/b" | jq -e '.mediaType | contains("docker")' >/dev/null

# An output's own time, and none.
build --build-arg SOURCE_DATE_EPOCH=1500000000 -o type=oci,tar=false,dest="$T/c",source-date-epoch=1400000000 \
  -o type=local,dest="$T/files",source-date-epoch=1300000000 -o type=local,dest="$T/own",source-date-epoch= .
config=$(jq -r .config.digest "$(manifest_of "$T/c")")
same "$(jq -r .created "$T/c/blobs/sha256/${config#sha256:}")" 2014-05-13T16:53:20Z
same "$(stat -c %Y "$T/files/new")" 1300000000
[ "$(stat -c %Y "$T/own/new")" -gt 1500000000 ] || die 'source-date-epoch= did not take the time away'

build -o type=local,dest="$T/split",platform-split=true .
[ -n "$(find "$T/split" -path "*/linux_*/new")" ] || die "platform-split= did not split"

# The same at a push, and two names at once. Before anything is built, a push asks for one.
build -o "type=image,push=true,\"name=$E2E_REGISTRY/keys:1,$E2E_REGISTRY/keys:2\",compression=zstd,force-compression=true" \
  --annotation title=pushed .
for tag in 1 2; do
  skopeo inspect --raw --tls-verify=false "docker://$E2E_REGISTRY/keys:$tag" >"$T/pushed"
  same "$(jq -r .annotations.title "$T/pushed")" pushed
  same "$(jq -r '.layers[1].mediaType' "$T/pushed")" application/vnd.oci.image.layer.v1.tar+zstd
done
printf 'FROM busybox\nRUN echo ran >/ran\n' >Dockerfile
fails + build --push .
has "tag is needed when pushing"
lacks "RUN"
