#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ADD unpacks local tars of every compression by content, not by name; COPY does not.
. "$(dirname "$0")/lib.sh"
images busybox:latest
mkdir in; echo f >in/f; ln -s f in/l
tar -C in -c . >plain.bin
gzip -k plain.bin; bzip2 -k plain.bin; xz -k plain.bin; zstd -q plain.bin
echo "no tar" >not.tar
cat >Dockerfile <<'D'
FROM scratch
ADD plain.bin /plain/
ADD plain.bin.gz /gz/
ADD plain.bin.bz2 /bz2/
ADD plain.bin.xz /xz/
ADD plain.bin.zst /zst/
ADD not.tar /not/
COPY plain.bin.gz /copied/
D
build -o "$T/out" .
for kind in plain gz bz2 xz zst; do same "$(cat "$T/out/$kind/l")" f; done
same "$(cat "$T/out/not/not.tar")" "no tar"
cmp plain.bin.gz "$T/out/copied/plain.bin.gz"
# ".." takes the name before it; what leads out is kept inside, and told.
python3 - <<'E'
import io, tarfile
with tarfile.open("dots.tar", "w") as tar:
    for name in ("not-made/../kept", "../../climbed"):
        entry = tarfile.TarInfo(name); entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
E
printf 'FROM scratch\nADD dots.tar /a/\n' >Dockerfile
build -o "$T/dots" .
same "$(cd "$T/dots" && find . | sort | tr '\n' ' ')" '. ./a ./a/climbed ./a/kept '
has "lead out of it with '..'"
# Directories that an archive only implies change nothing where there are some, and lead through links.
mkdir -p tree/kept/sub tree/way/sub; echo f >tree/kept/sub/f; echo f >tree/way/sub/f
tar -C tree -cf implied.tar kept/sub/f way/sub/f
cat >Dockerfile <<'D2'
FROM busybox
RUN mkdir -m 700 /kept /real && ln -s real /way
ADD implied.tar /
RUN [ -L /way ] && [ -f /real/sub/f ] && [ "$(stat -c %a /kept /real /kept/sub)" = "$(printf '700\n700\n755')" ]
D2
build .
# Modes and owners are the archive's; --chmod, which docker does not apply to them, is told to change nothing.
chmod 640 in/f
tar -C in --owner=7 --group=8 -cf modes.tar f
cat >Dockerfile <<'D3'
FROM busybox
ADD --chmod=777 modes.tar /a/
RUN [ "$(stat -c '%a %u %g' /a/f)" = '640 7 8' ]
D3
build .
has '--chmod changes nothing'
