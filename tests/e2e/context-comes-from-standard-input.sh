#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "-" as the context: a Dockerfile, or a tar, whichever it is by its content, compressed or not.
. "$(dirname "$0")/lib.sh"
images busybox:latest

# A Dockerfile: with an empty context.
printf 'FROM busybox\nCOPY . /all/\nRUN ls -A /all | wc -l >/count\n' | build -t text -
rootfs text
same "$(cat "$T/rootfs/count")" 0
# And from a file, read from where it stands.
printf 'FROM busybox\nLABEL here=yes\n' >"$T/Dockerfile.in"
build -t text - <"$T/Dockerfile.in"
same "$(config text '.config.Labels.here')" yes

# A tar, with its own .dockerignore and a Dockerfile of any name in it.
mkdir -p "$T/src/docker" "$T/src/lib"
printf 'FROM busybox\nCOPY . /c/\n' >"$T/src/Dockerfile"
printf 'FROM busybox\nCOPY lib /other/\n' >"$T/src/docker/Other"
echo kept >"$T/src/lib/kept"
echo gone >"$T/src/lib/gone"
ln "$T/src/lib/kept" "$T/src/lib/same"
printf '**/gone\n' >"$T/src/.dockerignore"
chmod 0600 "$T/src/lib/kept"
for filter in cat gzip bzip2 xz zstd; do
  command -v $filter >/dev/null || continue
  tar -C "$T/src" --owner=1234 --group=567 --numeric-owner -c . | $filter | build -t tarred:$filter -
done
rootfs tarred:xz
same "$(cat "$T/rootfs/c/lib/kept")" kept
[ "$T/rootfs/c/lib/kept" -ef "$T/rootfs/c/lib/same" ] || die "a hard link was lost"
[ ! -e "$T/rootfs/c/lib/gone" ] || die ".dockerignore of the archive was not read"
# The owners of an archive count, as in docker.
printf 'FROM tarred:cat\nRUN stat -c "%%u:%%g %%a" /c/lib/kept\n' | build --no-cache -
ran '1234:567 600$'
tar -C "$T/src" -c . | build -t other -f docker/Other -
rootfs other
same "$(cat "$T/rootfs/other/kept")" kept
# Nothing changed: nothing is done again.
tar -C "$T/src" --owner=1234 --group=567 --numeric-owner -c . | build -
same "$(cached)" 1

# A Dockerfile on standard input with a directory as the context.
printf 'FROM busybox\nCOPY lib/kept /k\n' | build -t dir -f - "$T/src"
rootfs dir
same "$(cat "$T/rootfs/k")" kept

fails 2 build - </dev/null
has 'standard input, which is empty'
fails 2 build -f Dockerfile - <"$T/Dockerfile.in"
has 'ambiguous Dockerfile source'
printf 'no tar' | gzip >"$T/bad.gz"
fails + build - <"$T/bad.gz"
has 'standard input'
nothing_left
