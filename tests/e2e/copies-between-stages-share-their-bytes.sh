#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# COPY --from makes hard links to the stage's files where nothing changes, never two of one file in one snapshot, and what
# is written later reaches no other stage.
. "$(dirname "$0")/lib.sh"
images busybox:latest
cat >Dockerfile <<'D'
FROM busybox AS source
RUN mkdir /d && echo first >/d/first && echo second >/d/second && chown 7:8 /d/second
FROM busybox AS changed
COPY --from=source /d /c
RUN echo changed >/c/first && chown 0:0 /c/second
FROM source AS twice
COPY --from=source /d/first /other
# Were they one file, cp would refuse, and tar would pack a link.
RUN cp /d/first /other && tar -c /d/first /other | tar -tv | grep -c ' link to ' || true
FROM busybox
COPY --from=source /d /d
COPY --from=source /d /again
COPY --from=changed /c/first /changed
COPY --from=twice /other /other
RUN cp /d/first /again/first && cat /d/first /changed && stat -c '%n %u:%g' /d/second
D
build -t result .
ran 0 && ran first && ran changed && ran '/d/second 7:8'
shared=$(cd "$SHALE_ROOT/layers" && find . -name second -links +1 -printf '%h\n' | grep -c '/fs/[cd]$')
same "$shared" 2 # the file of the stage, and that of the first copy
rootfs result
same "$(cat "$T/rootfs/d/first" "$T/rootfs/again/first" "$T/rootfs/changed" "$T/rootfs/other" | tr '\n' ' ')" 'first first changed first '
same "$(find "$T/rootfs/d" "$T/rootfs/again" "$T/rootfs/other" -type f -links +1)" ''
