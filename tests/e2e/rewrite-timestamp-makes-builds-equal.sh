#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rewrite-timestamp=true with SOURCE_DATE_EPOCH: builds of different days give the same archives and images; base
# layers and older times stay. Files written by type=local and type=tar all have the epoch's time.
. "$(dirname "$0")/lib.sh"
needs jq skopeo
images busybox:latest
export SOURCE_DATE_EPOCH=1600000000
echo content >old && touch -d @1500000000 old
cat >Dockerfile <<'D'
FROM busybox
COPY old /old
RUN mkdir /d && echo new >/d/new && ln -s new /d/link && rm /bin/true
D
# A second store: what the first has made is not found there.
shale save -o "$T/base.tar" busybox:latest
SHALE_ROOT=$T/store2 shale load -i "$T/base.tar" >/dev/null
# archives TYPE: two builds at different times give the same bytes, which without the option differ.
archives() {
  build -o "type=$1,rewrite-timestamp=true,dest=$T/1.tar" -o "type=$1,dest=$T/3.tar" .
  sleep 1.1 # times in a tar are of whole seconds
  SHALE_ROOT=$T/store2 build -o "type=$1,rewrite-timestamp=true,dest=$T/2.tar" -o "type=$1,dest=$T/4.tar" .
  cmp "$T/1.tar" "$T/2.tar"
  fails 1 cmp -s "$T/3.tar" "$T/4.tar"
}
archives docker
archives oci
build -o "type=oci,dest=$T/plain.tar" .
ids() { skopeo inspect --raw --config "oci-archive:$1" | jq -cr ".rootfs.diff_ids$2"; }
base=$(config busybox:latest '.rootfs.diff_ids[0]')
same "$(ids "$T/1.tar" '[0]')" "$base"
[ "$(ids "$T/1.tar" '[2]')" != "$(ids "$T/plain.tar" '[2]')" ] || die 'the layer of RUN is as it was'

# times ARCHIVE LAYER: "time name" of a layer's entries.
times() {
  local blob
  blob=$(skopeo inspect --raw "oci-archive:$1" | jq -r ".layers[$2].digest")
  tar -xOf "$1" "blobs/sha256/${blob#sha256:}" | TZ=UTC tar -tvz --full-time | awk '{ print $4 "T" $5, $6 }'
}
times "$T/1.tar" 1 >"$T/copied"
times "$T/1.tar" 2 >"$T/run"
has '2017-07-14T02:40:00 old' "$T/copied"
has '2020-09-13T12:26:40 d/new' "$T/run"
has '2020-09-13T12:26:40 d/link' "$T/run"
has 'bin/.wh.true' "$T/run"
times "$T/plain.tar" 2 | lacks 'T12:26:40 d/new' /dev/stdin

# The store's image is the same one, and can be built upon.
build -o type=image,rewrite-timestamp=true -t dated --iidfile "$T/iid" .
same "$(config dated .rootfs.diff_ids)" "$(ids "$T/1.tar" '')"
printf 'FROM dated\nRUN test $(stat -c %%Y /d/new) = 1600000000 && test ! -e /bin/true\n' >"$T/upon"
build -f "$T/upon" .

# Files.
build -o "$T/local" -o "type=tar,dest=$T/x.tar" .
same "$(stat -c %Y "$T/local/d/new" "$T/local/old" "$T/local/d" | sort -u)" 1600000000
same "$(TZ=UTC tar -tvf "$T/x.tar" --full-time | awk '{ print $4 "T" $5 }' | sort -u)" 2020-09-13T12:26:40

# Without an epoch it says that it does nothing.
unset SOURCE_DATE_EPOCH
build -o "type=oci,rewrite-timestamp=true,dest=$T/3.tar" .
has 'SOURCE_DATE_EPOCH is not set'
same "$(ids "$T/3.tar" '')" "$(ids "$T/plain.tar" '')"
fails 2 build -o "type=oci,rewrite-timestamp=perhaps,dest=$T/4.tar" .
has "rewrite-timestamp takes true or false, not 'perhaps'"
