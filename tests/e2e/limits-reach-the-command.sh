#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --ulimit, --shm-size and --add-host are what a command finds, on every rung that can honour them; what cannot be had
# is an error, and nothing of it decides about the cache.
. "$(dirname "$0")/lib.sh"
images busybox:latest
levels="full single"
[ "$(id -u)" != 0 ] || levels="full single mountns chroot"
cat >Dockerfile <<'EOF'
FROM busybox
RUN echo "files $(ulimit -Sn):$(ulimit -Hn) core $(ulimit -c)"; grep -E 'six|gate' /etc/hosts; \
    df -k /dev/shm | awk 'NR == 2 { print "shm " $2 }'
EOF
for level in $levels; do
  build --isolation="$level" --no-cache .
  own=$(ulimit -Hn)
  [ "$own" != unlimited ] && [ "$own" -lt 524288 ] || own=524288
  ran "files 1024:$own core 0" || die "defaults with isolation $level"
  shm=--shm-size=3m
  [ "$level" != chroot ] || shm=
  build --isolation="$level" --no-cache $shm --ulimit nofile=100:200 --ulimit core=7 --ulimit nofile=50:60 \
    --add-host six=2001:db8::7 --add-host gate:host-gateway .
  ran 'files 50:60 core' && ran $'2001:db8::7\tsix' && ran $'127.0.0.1\tgate' || die "options with isolation $level"
  [ "$level" = chroot ] || ran 'shm 3072' || die "--shm-size with isolation $level"
done
if [ "$(id -u)" = 0 ]; then
  fails 3 build --isolation=chroot --no-cache --shm-size=3m .
  has '--shm-size cannot be had with isolation chroot'
fi

# Few descriptors are the command's to live with, not ours.
printf 'FROM busybox\nRUN echo lives\n' >Dockerfile
build --no-cache --ulimit nofile=4 .
ran lives

# The user's own limit is the most that can be given; root has none.
if [ "$(id -u)" != 0 ]; then
  most=$(ulimit -Hn)
  fails 3 build --no-cache --ulimit nofile=$((most + 1)) .
  has "the hard limit of this process is $most"
  lacks '> lives'
  build --ulimit nofile=$((most + 1)) . || die "the step is cached and needs no limit"
fi
fails 2 build --ulimit nofle=1 .
has "did you mean 'nofile'?"
fails 2 build --add-host db:10.0.0.300 .
has "'10.0.0.300' is not an IP address"

build --ulimit nofile=30 --shm-size 1m --add-host a:1.2.3.4 .
[ "$(cached)" = 1 ] || die "limits decide about the cache"
nothing_left
