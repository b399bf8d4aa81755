#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A mount on /dev/shm replaces the sandbox's own, other places in /dev and /sys can be mounted on, and a script heredoc
# sees itself where BuildKit puts it. Nothing of it is in the image. /proc stays the kernel's.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo from-context >file
cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=tmpfs,target=/dev/shm,size=16m echo shm-mounts=$(grep -c ' /dev/shm ' /proc/mounts) $(df -k /dev/shm | awk 'END { print $2 }')
RUN --mount=type=bind,source=file,target=/dev/deep/down/file --mount=type=tmpfs,target=/dev/empty \
    cat /dev/deep/down/file && echo empty=$(ls /dev/empty | wc -l)
RUN --mount=type=tmpfs,target=/sys --mount=type=bind,source=file,target=/sys/fs/file echo sys=$(ls /sys) $(cat /sys/fs/file)
RUN --mount=type=tmpfs,target=/sys/fs echo fs=$(ls /sys/fs | wc -l)
RUN <<EOT
#!/bin/sh
echo "script at $0"
EOT
D
build -t in-dev .
ran 'shm-mounts=1 16384' && ran from-context && ran empty=0 && ran 'sys=fs from-context' && ran fs=0 && ran 'script at /dev/pipes/EOT'
rootfs in-dev
for directory in dev sys; do
  [ -z "$(ls -A "$T/rootfs/$directory" 2>/dev/null)" ] || die "/$directory of the image holds $(ls -A "$T/rootfs/$directory")"
done
for target in /proc /proc/fs; do
  fails 2 build -f - . <<<"FROM busybox"$'\n'"RUN --mount=type=tmpfs,target=$target true"
  has 'nothing can be mounted on or below /proc'
done

# Where nothing can be mounted, and one mount in another.
if [ "$(id -u)" = 0 ]; then
  cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=tmpfs,target=/dev/shm --mount=type=bind,source=file,target=/dev/deep/down/file \
    --mount=type=tmpfs,target=/outer --mount=type=bind,source=file,target=/outer/inner/file \
    cat /dev/deep/down/file /outer/inner/file && touch /outer/gone /dev/shm/gone
RUN <<EOT
#!/bin/sh
echo "script at $0"
EOT
D
  build --isolation=chroot -t in-dev .
  ran from-context && ran 'script at /dev/pipes/EOT'
  rootfs in-dev
  left=$(find "$T/rootfs/dev" "$T/rootfs/outer" -mindepth 1 2>/dev/null || true)
  [ -z "$left" ] || die "left in the image: $left"
fi
