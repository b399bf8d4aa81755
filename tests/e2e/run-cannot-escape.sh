#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hostile command (rows X of tests/attacks/README.md) reaches nothing outside, sees nothing of the host, and leaves
# nothing behind, by every isolation there is here; where one of them is weaker, what it still keeps is tested.
# timeout: 300
. "$(dirname "$0")/lib.sh"
needs userns
canaries
isolations='full single'
[ "$(id -u)" != 0 ] || isolations+=' mountns chroot'
export CANARY_SECRET=$SONG
# X20: the caller is in groups that the image does not know.
if [ "$(id -u)" = 0 ]; then shale() { setpriv --groups 0,5,1234 "$E2E_SHALE" "$@"; }; fi
echo "$SONG" >"$T/secret"

base plain
base linked-secrets '{}' "symlink('run/secrets', '$CANARY/dir')"
base linked-null '{}' "symlink('dev/null', '$CANARY/file')" "symlink('etc/resolv.conf', '$CANARY/file')" "symlink('etc/hosts', '$CANARY/file')"
base linked-root '{}' 'symlink("rootdir", "/")' "symlink('out', '$CANARY')"
for place in dev proc sys; do
  base "linked-$place" '{}' "symlink('$place', '$CANARY/dir')"
  base "dangling-$place" '{}' "symlink('$place', '$CANARY/new')"
done
base preload '{}' 'file("etc/ld.so.preload", b"/lib/evil.so\n")' 'file("lib/evil.so", b"not a library")' \
  'file("lib/libnss_files.so.2", b"not a library")' 'file("usr/bin/newuidmap", b"#!/bin/sh\nexit 9\n", mode=0o4755)'

# is TEXT LINE: the last build's output has the line "TEXT: LINE".
is() { ran "$1: $2\$" || die "$isolation: not '$1: $2' but '$(grep -oE "$1: .*" "$OUT" | tail -1)'"; }

# All that one command can try; each line says what came of it.
cat >everything <<'S'
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name: done"; else echo "$name: refused"; fi; }
write() { if [ ! -e "$2" ]; then echo "$1: absent"; elif (cat "$2" >/tmp/v && cat /tmp/v >"$2") 2>/dev/null; then echo "$1: done"; else echo "$1: refused"; fi; }
echo "X02: $(ls /proc/self/fd 2>/dev/null | wc -l)"
try X03 sh -c ': 3<>/proc/1/exe'
try X11-proc umount -l /proc
try X11-root umount -l /
try X11-tmpfs mount -t tmpfs none /tmp
try X11-bind mount --bind / /tmp
try X12-user unshare -U true
try X12-mount unshare -m true
echo "X19: $(cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -c CANARY_SECRET)"
echo "X20: $(id -G)"
write X26-core /proc/sys/kernel/core_pattern
write X26-sysctl /proc/sys/vm/panic_on_oom
write X26-sys /sys/kernel/mm/transparent_hugepage/enabled
write X26-sysrq /proc/sysrq-trigger
try X25-inspect ls /proc/1/root/.
echo "host: $(ls -d / /canary "$CANARY" 2>/dev/null | wc -l)"
S
cat >Dockerfile.everything <<'D'
FROM base
COPY everything /everything
ARG CANARY
RUN sh /everything; sh -c '(sleep 86377 &) ; setsid sleep 86378 >/dev/null 2>&1 &'
D
many_descriptors() { # X02: with fifty of them open
  local fd
  for _ in {1..50}; do exec {fd}<"$T/secret"; done
  "$@"
}

for isolation in $isolations; do
  export SHALE_ROOT=$T/store-$isolation
  cp Dockerfile.everything Dockerfile
  (many_descriptors on plain --build-arg CANARY="$CANARY") || die "$isolation: the build failed"
  unharmed "a command with isolation $isolation"
  for what in X11-proc X11-root X11-tmpfs X11-bind X12-mount X03 X25-inspect; do is $what refused; done
  is X19 0
  is host 1
  gone 86377 && gone 86378 || die "$isolation: a process outlived its step" # X22
  if [ "$isolation" = chroot ]; then
    # No /proc and no /sys to be read or written; the filter is the container's.
    is X02 0
    for what in X26-core X26-sysctl X26-sys X26-sysrq; do is $what absent; done
  else
    is X02 4 # with the one that ls reads
    is X12-user refused
    for what in X26-core X26-sysctl; do is $what refused; done
    for what in X26-sys X26-sysrq; do ran "$what: refused" || ran "$what: absent" || die "$isolation: $what"; done
  fi
  grep -qE 'X20: 0( 0)*$' "$OUT" || die "$isolation: groups of the caller"

  # X01: a descriptor as the working directory.
  for fd in 3 5 7 9 11; do
    printf 'FROM base\nWORKDIR /proc/self/fd/%s\nRUN cat ../../../../../../..%s/file ../../..%s/file\n' $fd "$CANARY" "$CANARY" >Dockerfile
    fails + on plain
    unharmed "WORKDIR /proc/self/fd/$fd with isolation $isolation"
  done

  # X04: the kernel's places as links, to a directory or to nothing.
  printf 'FROM base\nRUN true\n' >Dockerfile
  for place in dev proc sys; do
    for kind in linked dangling; do
      on $kind-$place || [ $? -lt 128 ] || die "$isolation: died"
      unharmed "/$place as a link with isolation $isolation"
      [ ! -e "$CANARY/new" ] || die "$isolation: made the target of /$place"
    done
  done

  # X05, X31: /dev/null and the files we give are not what the image says they are.
  printf 'FROM base\nRUN echo x >/dev/null; echo x >/etc/hosts; echo x >/etc/resolv.conf; true\n' >Dockerfile
  on linked-null || [ $? -lt 128 ]
  unharmed "links at /dev/null and /etc/hosts with isolation $isolation"
  printf 'FROM base\nRUN echo evil-line >>/etc/hosts; echo evil-line >>/etc/resolv.conf; true\n' >Dockerfile
  on plain -o "type=tar,dest=$T/hosts.tar"
  tar -xOf "$T/hosts.tar" | { ! grep -qa evil-line; } || die "$isolation: /etc/hosts is in the layer"
  ! grep -q evil-line /etc/hosts /etc/resolv.conf || die "$isolation: the host's files changed"

  # X06: nothing is mounted on the kernel's files.
  if [ "$isolation" != chroot ]; then
    printf 'FROM base\nRUN --mount=type=tmpfs,target=/proc/self/attr true\n' >Dockerfile
    fails + on plain
  fi

  # X07: what a mount stands on is moved away and a link put in its place.
  printf 'FROM base\nRUN --mount=type=tmpfs,target=/a/b mv /a /z; rm -rf /a; ln -s %s /a; true\n' "$CANARY" >Dockerfile
  on plain || [ $? -lt 128 ]
  unharmed "a moved mount point with isolation $isolation"

  # X09: what is written to a bind stays there, also through links of its source.
  printf 'FROM base AS other\nFROM base\nRUN --mount=type=bind,from=other,source=/rootdir,target=/m,rw touch /m/new && ! ls /m%s && ! touch /m/out/new\nRUN --mount=type=bind,from=other,target=/m ! ls /m/new\n' "$CANARY" >Dockerfile
  on linked-root
  unharmed "a bind of a link with isolation $isolation"

  # X10: a secret goes to the image's place for it, wherever that link says.
  printf 'FROM base\nRUN --mount=type=secret,id=s cat /run/secrets/s | wc -c\n' >Dockerfile
  on linked-secrets --secret id=s,src="$T/secret" || [ $? -lt 128 ]
  unharmed "/run/secrets as a link with isolation $isolation"
  [ ! -e "$CANARY/dir/s" ] || die "$isolation: the secret lies outside"

  # X24: what is hard to remove is removed.
  cat >Dockerfile <<'D'
FROM base
RUN mkdir -p /a/b && touch '/a/b/new
line' /a/-rf && chmod 0 /a/b /a && i=0; d=/deep; while [ $i -lt 60 ]; do d=$d/dddddddddddddddddddddddddddddddddddddddddd; i=$((i+1)); done; mkdir -p $d; false
D
  fails + on plain
  printf 'FROM base\nRUN true\n' >Dockerfile
  on plain
  [ -z "$(find "$SHALE_ROOT" -name 'dddd*' -print -quit)" ] || die "$isolation: a failed step's files are left"

  # X25, X27: a command that kills all it sees; one that writes until it is killed.
  if [ "$isolation" != chroot ]; then
    printf 'FROM base\nRUN kill -9 -1; true\nRUN (while :; do echo x >>/log; done) & sleep 0.1\nRUN echo "lines: $(grep -vc "^x$" /log)"\n' >Dockerfile
    on plain || die "$isolation: the builder was killed"
    is lines 0
  fi
  # X28: loaders, libraries and helpers of the image are its own affair.
  printf 'FROM base\nRUN echo static: here\n' >Dockerfile
  on preload
  is static here
done

# X23: a command that multiplies meets the limit it was given, and the next build does not notice.
if [ "$(id -u)" != 0 ]; then
  isolation=full
  printf 'FROM base\nRUN for i in $(seq 300); do sleep 5 & done; wait\n' >Dockerfile
  SECONDS=0
  fails + on plain --ulimit nproc=100:100
  has fork
  [ $SECONDS -lt 90 ]
  printf 'FROM base\nRUN echo alive: yes\n' >Dockerfile
  on plain --no-cache
  is alive yes
fi

# X29: programs of the caller's PATH are not the system's.
if [ "$(id -u)" != 0 ]; then
  mkdir "$T/fake"
  for name in newuidmap newgidmap; do printf '#!/bin/sh\ntouch %s/was-run\n' "$T" >"$T/fake/$name"; chmod +x "$T/fake/$name"; done
  printf 'FROM base\nRUN echo x\n' >Dockerfile
  SHALE_ROOT=$T/store-path PATH=$T/fake:.:$PATH on plain
  [ ! -e "$T/was-run" ] || die "a newuidmap of PATH was run"
fi
nothing_left
