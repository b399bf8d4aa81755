#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/ci-image makes an image with Shale in it, with Shale; docker loads it, and it builds there: with no shell, no
# /etc/passwd and no home, as root and as an ordinary user.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$HERE/containers"
script=$HERE/../../scripts/ci-image
[ -x "$script" ] || skip "the source tree is not here"

hub busybox:latest
mkdir "$T/b/app"
printf 'FROM busybox\nRUN echo built-here\nCOPY Dockerfile /d\n' >"$T/b/app/Dockerfile"
chmod -R a+rX "$T/b"
options=(-e SHALE_REGISTRY_MIRRORS="$SHALE_REGISTRY_MIRRORS" -v "$T/b/app:/src:ro" --network host --rm)
for kind in '' --shell; do
  IMAGE=shale-e2e-ci$kind:$$
  CONTAINER_IMAGES+=("$IMAGE")
  "$script" --programs "$T/b" $kind -t "$IMAGE" -q
  shale save "$IMAGE" | docker load -q >/dev/null
  run=(shale)
  [ -n "$kind" ] || run=()
  for as in '--user 0' '--user 1000 --security-opt seccomp=unconfined' \
    '--user 1000 --cap-drop all --security-opt no-new-privileges --security-opt seccomp=unconfined --read-only --tmpfs /tmp'; do
    # shellcheck disable=SC2086  # words
    docker run "${options[@]}" $as "$IMAGE" "${run[@]}" build --progress=plain -t app /src >"$OUT" 2>&1 || die "no build as $as"
    ran built-here
    lacks note:
    if [[ $as == *unconfined* ]]; then lacks 'snapshots are copies'; fi # the store is on a volume
  done
done
# What makes --shell: commands can be given as CI systems give them.
docker run "${options[@]}" "$IMAGE" sh -c 'shale version && test -w /tmp && test -s /etc/ssl/certs/ca-certificates.crt' >"$OUT" 2>&1
has 'shale version'
