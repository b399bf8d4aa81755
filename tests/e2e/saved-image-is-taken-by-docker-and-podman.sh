#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `save` writes a docker archive that skopeo reads and that docker and podman load and run.
. "$(dirname "$0")/lib.sh"
needs skopeo
images busybox:latest
printf 'FROM busybox\nRUN echo saved >/said\nENV A=b\nCMD ["cat","/said"]\n' >Dockerfile
build -t saved:1 .
shale save -o "$T/saved.tar" saved:1
same "$(skopeo inspect --config "docker-archive:$T/saved.tar:docker.io/library/saved:1" | jq -c .config.Cmd)" '["cat","/said"]'
same "$(tar -xOf "$T/saved.tar" manifest.json | jq -r '.[0].RepoTags[0]')" saved:1
shale save saved:1 | tar -t >/dev/null
mkdir "$T/unpacked"; skopeo copy -q "docker-archive:$T/saved.tar" "dir:$T/unpacked"
for engine in docker podman; do
  case " $E2E_HAVE " in *" $engine "*) ;; *) continue ;; esac
  $engine load -q -i "$T/saved.tar" >/dev/null 2>&1 || $engine load -q <"$T/saved.tar" >/dev/null
  same "$($engine run --rm --network=none --entrypoint cat saved:1 /said)" saved
  $engine rmi -f saved:1 >/dev/null
done
