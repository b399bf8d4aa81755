#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# However few processes and threads the user may have, a build ends well or with a reason and a remedy, and with few it
# is slower but right.
. "$(dirname "$0")/lib.sh"
needs user userns
images busybox:latest
head -c 3000000 /dev/urandom >large
tar -czf archive.tar.gz large
cat >Dockerfile <<'D'
FROM busybox
COPY large /copied
ADD archive.tar.gz /unpacked/
RUN cmp /copied /unpacked/large && dd if=/dev/zero of=/zeros bs=1M count=4 2>/dev/null
D
# A thread counts as a process, and so does what else this user runs: other tests come and go meanwhile.
mine() { ps -o nlwp= -u "$(id -u)" | awk '{ n += $1 } END { print n }'; }
refused=0 built=0
for more in 0 1 2 3 4 5 6 7 8 10 12 16 24 200; do
  status=0
  soon prlimit --nproc=$(($(mine) + more)) "$E2E_SHALE" build --no-cache --progress=plain -t few . >"$OUT" 2>&1 || status=$?
  case $status in
    0) built=$((built + 1)) ;;
    1 | 3) has 'error: '; ! grep -q 'no more processes may be started' "$OUT" || refused=$((refused + 1)) ;;
    *) die "with $more processes: status $status" ;;
  esac
done
[ $built -gt 0 ] && [ $refused -gt 0 ] || die "built $built times, refused $refused times"
shale save few >few.tar # with threads
if prlimit --nproc=$(($(mine) + 2)) "$E2E_SHALE" save few >again.tar 2>"$OUT"; then
  cmp few.tar again.tar
else
  has 'no more processes may be started'
fi
