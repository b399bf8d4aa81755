#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Manifests, configs, digests and layouts that lie (rows M of tests/attacks/README.md) are refused with a reason and
# soon, and nothing outside is read or changed. What an image's config says is believed about its own files only.
. "$(dirname "$0")/lib.sh"
needs userns
canaries
echo marker >marker
printf 'FROM base\nCOPY marker marker\n' >Dockerfile
mkdir "$T/images"
"$HERE/../attacks/images" "$T/images" "$CANARY"
hostile "$T/images" full
# Escape sequences of a config reach no terminal: they are shown as text.
! grep -qP '\x1b\[31m' "$OUT" || die "an escape sequence came out"

# M13: what only looks like an instruction is carried as it is.
isolation=full
labels='{"org.example.hook":"/bin/touch '$CANARY'/new","io.cdi.device":"/dev/sda","escape":"\u001b[31mred","devcontainer.metadata":"[{\"mounts\":[\"/\"]}]"}'
base labels "{\"Labels\":$labels}"
on labels -o "type=oci,tar=false,dest=$T/labelled"
python3 - "$T/labelled" "$labels" <<'P'
import json, pathlib, sys
blobs = (json.loads(p.read_text("latin-1")) for p in pathlib.Path(sys.argv[1], "blobs/sha256").iterdir() if p.read_bytes()[:1] == b"{")
assert any(b.get("config", {}).get("Labels") == json.loads(sys.argv[2]) for b in blobs)
P
unharmed 'labels'

# From here on with a shell, and where accounts and variables count, by each isolation.
isolations='full single'
[ "$(id -u)" != 0 ] || isolations+=' mountns chroot'
export CANARY_SECRET=$SONG AWS_SECRET_ACCESS_KEY=$SONG
accounts='file("etc/passwd", b"root:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n1001:x:0:0::/:/bin/sh\n")'

printf 'FROM base\nRUN echo user-is-$(id -u):$(id -g)\n' >Dockerfile.user
printf 'FROM base\nRUN env\nRUN cat /proc/self/environ || true\n' >Dockerfile.env
printf 'FROM base\nCOPY --chown=x marker /m\n' >Dockerfile.chown
base env '{"Env":["PATH=/bin","CANARY_SECRET","CANARY*","*","=x",""]}'
base plain '{}' "$accounts"
base mem '{}' 'symlink("etc/passwd", "/proc/self/mem")' 'symlink("etc/group", "/proc/self/mem")'
base directory '{}' 'directory("etc/passwd")' 'directory("etc/group")'
base outside '{}' "symlink('etc/passwd', '$CANARY/file')" "symlink('etc/group', '$CANARY/file')"
base fifo '{}' 'header("etc/passwd", "6")' 'header("etc/group", "6")'
base large '{}' 'file("etc/passwd", b"x" * (11 << 20))' 'file("etc/group", b"")'
for isolation in $isolations; do
  export SHALE_ROOT=$T/store-$isolation
  cp Dockerfile.user Dockerfile
  # M10: a number is never a name, and none beyond the range is cut to fit.
  for user in 4294967296 -1 4294967295 0x0 ' 0' '1:' 99999999999999999999; do
    base user "{\"User\":\"$user\"}" "$accounts"
    if on user; then ran 'user-is-0:0' && [ "$user" != '1:' ] && die "User '$user' was root with isolation $isolation"; fi
  done
  base user '{"User":"1001"}' "$accounts"
  on user && ran 'user-is-1001:0'
  # M11: variables without a value are none, and bring nothing from here.
  cp Dockerfile.env Dockerfile
  on env
  unharmed "an image's environment with isolation $isolation"
  # M12: only a regular file of a sensible size is read for names, and within the image.
  cp Dockerfile.chown Dockerfile
  for name in mem directory outside fifo large; do
    if soon on $name; then die "accounts in a $name were taken with isolation $isolation"; fi
    unharmed "accounts in a $name with isolation $isolation"
  done
done
nothing_left
