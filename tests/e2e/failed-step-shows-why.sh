#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A failed step shows the Dockerfile's lines, the exit status or signal, the last output and where the whole log is.
. "$(dirname "$0")/lib.sh"
images busybox:latest
printf 'FROM busybox\nRUN seq 1 500 && \\\n  echo the-reason >&2 && exit 42\n' >Dockerfile
fails 1 build .
has 'Dockerfile:2'; has 42; has the-reason
log=$(grep -oE "$SHALE_ROOT/[^ ']+" "$OUT" | tail -1)
[ -n "$log" ] && grep -qx 17 "$log" || die "the whole log is not where the message says: '$log'"
printf 'FROM busybox\nRUN kill -SEGV $$\n' >Dockerfile
fails 1 build .
grep -qiE 'signal|segv|139' "$OUT" || die "the signal is not named"
printf 'FROM busybox\nRUN no-such-program\n' >Dockerfile
fails 1 build .
has no-such-program; has 127
