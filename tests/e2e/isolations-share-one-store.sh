#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds with many ids and with one, in turn on one store, give identical images; what one left is used by the other.
. "$(dirname "$0")/lib.sh"
needs userns
[ "$(id -u)" = 0 ] || grep -q "^$(id -un):" /etc/subuid || skip "this user has no range of ids"
images busybox:latest
mkdir data
echo x >data/file
ln -s file data/link
cat >Dockerfile <<'D'
FROM busybox AS made
COPY --chown=7:8 data /data
RUN echo y >/own && chown 33:44 /own && chmod 4755 /own && ln -s own /soft && chown -h 5:6 /soft && mkfifo /pipe && chown 9:10 /pipe
FROM busybox
COPY --from=made / /from
RUN touch /last
D
image() { build --isolation="$1" -q "${@:2}" . && tail -1 "$OUT"; }
full=$(image full -t one)
same "$(image single -t one)" "$full"
same "$(image full -t one)" "$full"

# One more step, so that the layers of the others are needed as files.
echo 'RUN stat -c "%n %u:%g %a" /from/data /from/data/link /from/own /from/soft /from/pipe' >>Dockerfile
build --isolation=single .
same "$(cached)" 4
wanted='/from/data 7:8 755 /from/data/link 7:8 777 /from/own 33:44 4755 /from/soft 5:6 777 /from/pipe 9:10 644'
same "$(sed -n 's/^#[0-9]* [0-9.]* \(\/from\)/\1/p' "$OUT" | tr '\n' ' ' | sed 's/ $//')" "$wanted"
same "$(image full)" "$(image single)"

# The other way round: begun with one id, continued with many, and the same tree at the end.
echo 'RUN chown 1:2 /from/own && stat -c "%n %u:%g" /from/own /from/soft' >>Dockerfile
build --isolation=single -o "type=tar,dest=$T/single.tar" .
echo 'RUN true' >>Dockerfile
build --isolation=full -o "type=tar,dest=$T/full.tar" .
lacks 'runs again'
python3 "$HERE/compare-trees" "$T/single.tar" "$T/full.tar"

# A layer that one id cannot read is made again, and the build says why.
cat >Dockerfile <<'D'
FROM busybox
RUN mkdir /closed && echo z >/closed/file && chmod 700 /closed && chown -R 33:33 /closed
D
build --isolation=full .
echo "RUN stat -c 'closed %u' /closed/file" >>Dockerfile
build --isolation=single .
has "runs again because its layer was made with a range of ids, of which this build has one and cannot read '/closed"
ran 'closed 33'

# Every way in turn adds a step to what the others have made, and then all of them find it.
cat >Dockerfile <<'D'
FROM busybox
RUN mkdir /d && chown 3:4 /d && echo 0 >/d/ways && ln -s ways /d/soft && chown -h 5:6 /d/soft && touch /d/gone
D
ways='full:overlay single:overlay full:clone single:clone full:tmpfs single:tmpfs'
[ "$(id -u)" != 0 ] || ways+=' mountns:overlay chroot:clone mountns:tmpfs'
with() { SHALE_ISOLATION=${1%:*} SHALE_SNAPSHOTTER=${1#*:} build "${@:2}" . || die "$1 fails"; }
made=1
for way in $ways; do
  echo "RUN echo $way >>/d/ways && mkdir /d/$way && chown $made:9 /d/$way && rm -r /home && mkdir -m 4711 /home" >>Dockerfile
  with "$way"
  lacks 'runs again'
  made=$((made + 1))
done
with "$way" -q
image=$(tail -1 "$OUT")
for way in $ways; do
  with "$way" -q
  same "$(tail -1 "$OUT")" "$image"
done
with full:overlay -o "type=tar,dest=$T/turns.tar"
shale save -o "$T/base.tar" busybox:latest
export SHALE_ROOT=$T/store2
shale load -i "$T/base.tar" >/dev/null
with full:overlay -o "type=tar,dest=$T/alone.tar"
python3 "$HERE/compare-trees" "$T/alone.tar" "$T/turns.tar"
