#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Layers made to escape, to crash or to fill (rows T of tests/attacks/README.md), by every isolation there is here: what
# must be refused is, soon and with a reason, and nothing outside of the store is touched.
# timeout: 300
. "$(dirname "$0")/lib.sh"
needs userns
canaries
mkdir "$T/layers"
"$HERE/../attacks/layers" "$T/layers" "$CANARY"
printf 'FROM base\nCOPY marker /marker\n' >Dockerfile
echo marker >marker
SHALE_ROOT=$T/store-full hostile "$T/layers" full
# How an archive is read is no matter of isolation; what is made of it is.
others=single
[ "$(id -u)" != 0 ] || others+=' mountns chroot'
for isolation in $others; do
  for rows in 'T0*' 'T1*' 'T2[09]*'; do SHALE_ROOT=$T/store-$isolation hostile "$T/layers" "$isolation" "$rows"; done
done
[ -z "$(find "$T" -name escaped -not -path "$T/store-*" -not -path "$T/layers/*")" ] || die "a file escaped"

# T21: what other tools see in an archive is what we see, no more and no less.
for row in T21-pax-size T21-pax-less T21-two-keys T21-pax-then-long; do
  SHALE_ROOT=$T/store-full build --isolation=full --build-context "base=oci-layout://$T/layers/$row" -o "type=tar,dest=$T/seen.tar" . || continue
  for blob in "$T/layers/$row"/blobs/sha256/*; do if [ "$(head -c1 "$blob")" != '{' ]; then zcat "$blob" >"$T/row.tar"; fi; done
  same "$row: $(tar -tf "$T/seen.tar" | grep -v '^marker$' | tr '\n' ' ')" "$row: $(tar -tf "$T/row.tar" | sort | tr '\n' ' ')"
done

# T31: whatever a layer is named like, nothing of it is run or loaded by those who unpack it.
if command -v strace >/dev/null; then
  base loader '{}' 'file("etc/ld.so.preload", b"/lib/evil.so\n")' 'file("lib/evil.so")' 'file("usr/bin/xz", mode=0o755)' 'file("bin/unpigz", mode=0o755)' 'file("bin/tar", mode=0o755)'
  strace -f -qq -e trace=execve,execveat -o "$T/executed" "$E2E_SHALE" build --isolation=single --build-context "base=oci-layout://$T/base-loader" . >"$OUT" 2>&1
  grep -oE 'exec[a-z]*\([^,]*"[^"]+".* = 0' "$T/executed" | grep -oE '"[^"]+"' | sed -n '1p; /^"\//p' | sort -u >"$T/programs"
  same "$(grep -cvE '"[^"]*/shale[a-z-]*"' "$T/programs")" 0
  grep -q shale-archive "$T/programs" || die "the unpacker was not seen"
fi
nothing_left
