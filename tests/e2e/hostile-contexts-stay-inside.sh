#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Contexts, archives and Dockerfiles that try to leave, to hang or to fill (rows C of tests/attacks/README.md): COPY and
# ADD touch and read nothing outside, and every refusal comes soon.
# timeout: 300
. "$(dirname "$0")/lib.sh"
needs userns
canaries
isolations='full single'
[ "$(id -u)" != 0 ] || isolations+=' mountns chroot'
refused() { if soon "$@"; then die "was accepted: $*"; fi; has 'error: '; }

# C11: every hostile layer as an archive that ADD unpacks: what it means there differs, what it may touch does not.
mkdir "$T/layers" "$T/archives"
"$HERE/../attacks/layers" "$T/layers" "$CANARY"
printf 'FROM scratch\nADD archive /d/\n' >"$T/archives/Dockerfile"
while read -r row _; do
  case $row in T0[1-9]*-absolute | T0[37]* | T09* | T10* | T12* | T16-[06] | T17* | T2[0-4]* | T25-[bw]* | T35*) ;; *) continue ;; esac
  for blob in "$T/layers/$row"/blobs/sha256/*; do
    [ "$(head -c1 "$blob")" = '{' ] || cp "$blob" "$T/archives/archive"
  done
  soon build "$T/archives" || has 'error: '
  unharmed "ADD of $row"
done <"$T/layers/expected"

# C04: ignore files.
mkdir ignored
echo x >ignored/f
printf 'FROM scratch\nCOPY . /\n' >ignored/Dockerfile
ln -s "$CANARY/file" ignored/.dockerignore
soon build ignored || true
unharmed 'a linked ignore file'
rm ignored/.dockerignore; printf '!../../x\n!%s\n../f\n' "$CANARY" >ignored/.dockerignore
soon build -o "$T/out" ignored || true
unharmed 'an ignore file that leads out'
[ -z "$(find "$T/out" -name closed 2>/dev/null)" ] || die "a pattern brought in what is outside"
for i in {1..10000}; do echo "a$i/**/b/**/c/**/d*"; done >ignored/.dockerignore
soon build ignored
rm ignored/.dockerignore; truncate -s 1G ignored/.dockerignore
soon build ignored || true
rm -r ignored

# C05: what is no file is left out or refused by name, and nothing is waited for.
mkdir special
printf 'FROM scratch\nCOPY . /\n' >special/Dockerfile
mkfifo special/fifo
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' special/socket
soon build -o "$T/special" special || has fifo
[ ! -f "$T/special/fifo" ] || die "a fifo became a file"
[ -f "$T/special/socket" ] && [ ! -s "$T/special/socket" ] || die "a socket is no empty file, as it is for docker"
rm special/fifo special/socket
truncate -s 4E special/sparse 2>/dev/null || truncate -s 8T special/sparse
timeout 5 "$E2E_SHALE" build --progress=plain -f - special <<<'FROM scratch
COPY Dockerfile /' >"$OUT" 2>&1 || die "a file that nobody copies was read"
rm -r special

# C06, C07, C19: destinations and sources through links of images.
echo marker >marker
base linked '{}' "symlink('app', '/../../../../../../..$CANARY/dir')" "symlink('abs', '$CANARY')" 'symlink("rootdir", "/")'
echo archived >archived; tar -cf marker.tar archived
cat >Dockerfile <<D
FROM base AS first
FROM base
COPY marker /app/escaped
COPY marker /abs/escaped
ADD marker.tar /abs/dir/
COPY --from=first /rootdir/bin/sh /rootdir$CANARY/dir/x /s/
D
for isolation in $isolations; do
  export SHALE_ROOT=$T/store-$isolation
  refused on linked # for /rootdir/…/x, which is in no image
  sed -i '$d' Dockerfile; echo 'COPY --from=first /rootdir/bin/busybox /abs/../s/' >>Dockerfile
  soon on linked
  unharmed "COPY through links with isolation $isolation"
  sed -i '$d' Dockerfile; echo "COPY --from=first /rootdir/bin/sh /rootdir$CANARY/dir/x /s/" >>Dockerfile
done
isolation=full

# C08: the name of a download.
serve
mkdir -p "$T/www/d"; echo fetched >"$T/www/d/f"
for path in '%2e%2e' 'd/..%2fescaped' '.' '' 'd/%2e'; do
  printf 'FROM scratch\nADD %s/%s /in/\n' "$WWW" "$path" >Dockerfile
  refused build .
done

# C12: owners and modes.
for flag in --chmod=99999 --chmod=-1 --chown=4294967296 --chown=-1 --chown=1:2:3; do
  printf 'FROM base\nCOPY %s marker /m\n' "$flag" >Dockerfile
  refused on linked
done

# C13, C14: values and files that grow.
{ echo 'FROM scratch'; echo 'ENV A=aa'; for _ in {1..60}; do echo 'ENV A=$A$A'; done; } >Dockerfile
refused build .
printf 'FROM scratch\nENV A=%s%s\n' "$(printf '${B:-%.0s' {1..10000})" "$(printf '}%.0s' {1..10000})" >Dockerfile
soon build . || has 'error: '
{ echo 'FROM scratch'; printf 'LABEL a=b \\\n%.0s' {1..100000}; echo c=d; } >Dockerfile
soon build . || has 'error: '
for i in {1..20000}; do echo "FROM scratch AS s$i"; done >Dockerfile
soon build --target s9 . || has 'error: '
for text in 'FROM a AS b\nFROM b AS a\nFROM a' 'FROM scratch\nCOPY <<A /a\nnever ends' '# escape=\\x00\nFROM scratch' 'FROM scratch\0\nCOPY a b' 'FROM --platform=../../x scratch\nCOPY a b'; do
  # shellcheck disable=SC2059  # with its escapes
  printf "$text\n" >Dockerfile
  refused build .
done

# C15: no frontend is fetched or run.
printf '# syntax=127.0.0.1:1/evil/frontend:latest\nFROM scratch\nCOPY marker /m\n' >Dockerfile
soon build .

# C16: options of mounts.
for option in type=cache,id=../../../x,target=/c type=cache,target=../../c; do
  printf 'FROM base\nRUN --mount=%s touch /escaped\n' "$option" >Dockerfile
  soon on linked
  unharmed "--mount=$option"
done
for option in type=bind,source=../../canary,target=/m type=bind,source=/../../../canary,target=/m type=bind,target=/m,bind-propagation=shared \
  type=bind,target=/m,nonsense=1 type=tmpfs,target=/ type=secret,id=../../../etc/passwd,required=true type=bind,from=base,source=../../..$CANARY,target=/m; do
  printf 'FROM base\nRUN --mount=%s cat /m/file\n' "$option" >Dockerfile
  refused on linked
  unharmed "--mount=$option"
done

# C17: escape sequences of a Dockerfile, of names and of errors are shown as text.
printf 'FROM scratch\nCOPY \033]52;c;evil\007\033[31mred /x\n' >Dockerfile
refused build .
! grep -qP '\x1b\]52|\x1b\[31m' "$OUT" || die "an escape sequence came out"

# C18: an image's links do not lead an output out of its folder.
base out '{}' "symlink('l', '$CANARY/dir')"
printf 'FROM base\nCOPY marker /l/escaped\n' >Dockerfile
mkdir "$T/local"; ln -s "$CANARY/dir" "$T/local/bin"; ln -s "$CANARY/dir" "$T/local/etc"
soon on out -o "$T/local" || has 'error: '
unharmed 'an output into links'
nothing_left
