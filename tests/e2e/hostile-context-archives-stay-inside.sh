#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An archive as the context cannot write, nor make us read, outside of the build's own directory.
. "$(dirname "$0")/lib.sh"
images busybox:latest
echo secret-of-the-host >"$T/secret"

# evil NAME: a tar made by Python, of (name, type, link or content) lines on standard input.
evil() {
  python3 - "$1" <<'P'
import io, os, sys, tarfile
kinds = {'dir': tarfile.DIRTYPE, 'link': tarfile.SYMTYPE, 'hard': tarfile.LNKTYPE, 'chr': tarfile.CHRTYPE, 'file': tarfile.REGTYPE}
t = tarfile.open(sys.argv[1], 'w')
for line in os.environ['ENTRIES'].splitlines():
    name, kind, rest = (line.split('|') + ['', ''])[:3]
    m = tarfile.TarInfo(name); m.type = kinds[kind]; m.mode = 0o755 if kind == 'dir' else 0o644
    if kind in ('link', 'hard'): m.linkname = rest; t.addfile(m)
    elif kind == 'chr': m.devmajor, m.devminor = 1, 3; t.addfile(m)
    else:
        data = rest.replace('\\n', '\n').encode(); m.size = len(data); t.addfile(m, io.BytesIO(data))
t.close()
P
}
dockerfile='Dockerfile|file|FROM busybox\nCOPY . /c/\n'

# Climbing and absolute names, and links that lead out, then are written through.
for entries in "../climbed|file|x" "$T/absolute|file|x" "out|link|$T
out/through|file|x" "up|link|../../../../../../../..$T
up/through|file|x" "hard|hard|../../../../../../../..$T/secret"; do
  ENTRIES="$dockerfile
$entries" evil "$T/evil.tar"
  build - <"$T/evil.tar" || [ $? != 124 ]
  lacks secret-of-the-host
done
for name in climbed absolute through; do
  [ -z "$(find "$T" -name $name -not -path "$SHALE_ROOT/*" 2>/dev/null)" ] || die "$name was written outside"
done
same "$(cat "$T/secret")" secret-of-the-host

# The Dockerfile and the ignore file as links to files of the host: not even shown in an error.
ENTRIES="Dockerfile|link|$T/secret" evil "$T/evil.tar"
fails + build - <"$T/evil.tar"
lacks secret-of-the-host
ENTRIES="Dockerfile|link|../../../../../../../../../../../..$T/secret" evil "$T/evil.tar"
fails + build - <"$T/evil.tar"
lacks secret-of-the-host
ENTRIES="$dockerfile
.dockerignore|link|$T/secret
f|file|here" evil "$T/evil.tar"
build - <"$T/evil.tar" || true
lacks secret-of-the-host

# COPY through a link of the archive: inside of it, there is nothing.
ENTRIES="Dockerfile|file|FROM busybox\nCOPY out/secret /s\n
out|link|$T" evil "$T/evil.tar"
fails + build - <"$T/evil.tar"
has 'not found'
# A device is left out, and the rest is there.
ENTRIES="$dockerfile
null|chr
f|file|here" evil "$T/evil.tar"
build -t dev - <"$T/evil.tar"
rootfs dev
same "$(cat "$T/rootfs/c/f")" here
[ ! -e "$T/rootfs/c/null" ] || die "a device of the archive was copied"
nothing_left
