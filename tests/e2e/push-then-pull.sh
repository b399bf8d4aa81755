#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is pushed to a registry comes back the same, and skopeo can copy it; a second push sends nothing.
. "$(dirname "$0")/lib.sh"
needs registry skopeo
images busybox:latest
name=$E2E_REGISTRY/team/pushed:1
printf 'FROM busybox\nRUN echo pushed >/file && ln /file /hard\nLABEL l=m\n' >Dockerfile
build -t "$name" --iidfile "$T/id" .
shale push "$name"
skopeo copy -q --src-tls-verify=false "docker://$name" "oci-archive:$T/copied.tar"
same "$(skopeo inspect --config "oci-archive:$T/copied.tar" | jq -r .config.Labels.l)" m
shale push "$name"
export SHALE_ROOT=$T/store2
shale pull "$name"
shale images | grep -F "$(cut -c8-19 "$T/id")"
printf 'FROM %s\nRUN cat /file; stat -c links=%%h /file\n' "$name" | build -f - .
ran pushed && ran links=2
