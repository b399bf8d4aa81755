#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `load` takes docker archives, OCI archives and OCI layouts of other tools, with their names.
. "$(dirname "$0")/lib.sh"
needs skopeo
oci=oci:$E2E_CACHE/busybox-latest.oci
skopeo copy -q "$oci" "docker-archive:$T/docker.tar:loaded/docker:1"
mkdir "$T/layout"; skopeo copy -q "$oci" "oci:$T/layout:loaded/layout:1"
skopeo copy -q "$oci" "oci-archive:$T/oci.tar:loaded/oci:1"
shale load -i "$T/docker.tar"
shale load -i "$T/oci.tar"
shale load -i "$T/layout"
shale load <"$T/docker.tar"
for name in docker oci layout; do
  printf 'FROM loaded/%s:1\nRUN echo runs-%s\n' $name $name | build -f - .
  ran runs-$name
done
# Where nothing can be run and no owner be set, too.
for kind in docker oci; do
  SHALE_ROOT=$T/none-$kind SHALE_ISOLATION=none shale load -i "$T/$kind.tar"
  printf 'FROM loaded/%s:1\nCOPY . /\n' $kind | SHALE_ROOT=$T/none-$kind SHALE_ISOLATION=none build -f - . || die "no build on $kind"
done
