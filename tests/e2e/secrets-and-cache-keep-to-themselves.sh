#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rows K of tests/attacks/README.md: a secret is in nothing that a build leaves, however it ends, and a step is found in the
# cache exactly when it would do the same.
# timeout: 300
. "$(dirname "$0")/lib.sh"
needs userns
images busybox:latest
isolations='full single'
[ "$(id -u)" != 0 ] || isolations+=' mountns chroot'
secret=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')$RANDOM
printf '%s' "$secret" >"$T/secret"
forms=("$secret" "$(printf '%s' "$secret" | base64 -w0 | cut -c1-60)" "$(printf '%s' "$secret" | od -An -tx1 | tr -d ' \n')")
# clean FOLDER…: no file there has the secret, as it is, in base64 or hex, packed or not.
clean() {
  local form file
  for form in "${forms[@]}"; do
    ! grep -rqsaF -- "$form" "$@" "$OUT" || die "$isolation: the secret is in $(grep -rlsaF -- "$form" "$@" "$OUT" | head -1)"
  done
  while IFS= read -r -d '' file; do
    ! { zcat -f "$file" 2>/dev/null | grep -qaF -- "$secret"; } || die "$isolation: the secret is packed in $file"
  done < <(find "$@" -type f -size -2M -print0 2>/dev/null || true)
}
export MY_TOKEN=$secret
for isolation in $isolations; do
  export SHALE_ROOT=$T/store-$isolation
  images busybox:latest
  # K01: used and done, used and failed, used and killed; in a file, a variable, an output, an archive.
  cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=env,env=TOKEN test -n "$TOKEN" && wc -c </run/secrets/file
RUN echo after
D
  build --isolation="$isolation" -t k01 --secret id=file,src="$T/secret" --secret id=env,env=MY_TOKEN \
    -o "type=oci,dest=$T/k01.tar" .
  printf 'FROM busybox\nRUN --mount=type=secret,id=file test -s /run/secrets/file && false\n' >Dockerfile
  fails + build --isolation="$isolation" --secret id=file,src="$T/secret" .
  if [ "$isolation" != chroot ]; then # there a secret is a file of the store while its step runs
    printf 'FROM busybox\nRUN --mount=type=secret,id=file test -s /run/secrets/file && sleep 86379\n' >Dockerfile
    build --isolation="$isolation" --secret id=file,src="$T/secret" . & builder=$!
    wait_for alive 86379
    pkill -KILL -P $builder || true
    kill -KILL $builder 2>/dev/null || true
    wait $builder 2>/dev/null || true
    wait_for gone 86379
  fi
  printf 'FROM busybox\nRUN true\n' >Dockerfile
  build --isolation="$isolation" . # sweeps what the killed one left
  clean "$SHALE_ROOT" "$T/k01.tar"
  # K02, K04: no stub in the layer, and the owner and mode that were asked for.
  cat >Dockerfile <<'D'
FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=file,target=/run/other,mode=0440,uid=7,gid=8 \
    stat -c 'secret %a %u:%g' /run/secrets/file /run/other; grep -c ' /run/.*nosuid,nodev,noexec' /proc/mounts 2>/dev/null | sed 's/^/confined /'
D
  build --isolation="$isolation" --secret id=file,src="$T/secret" -t k02 -o "type=tar,dest=$T/k02.tar" .
  ran 'secret 400 0:0' && ran 'secret 440 7:8' || die "$isolation: another owner or mode"
  [ "$isolation" = chroot ] || ran 'confined 2' || die "$isolation: a secret's mount is open"
  ! tar -tf "$T/k02.tar" | grep -E 'run/(secrets|other)' || die "$isolation: a stub is left"
done
isolation=full
export SHALE_ROOT=$T/store-full

# K05: the value of an ARG is where it is used, and nowhere else.
printf 'FROM busybox AS one\nARG TOKEN\nRUN echo $TOKEN >/dev/null\nFROM busybox\nCOPY --from=one /bin/true /t\n' >Dockerfile
build --build-arg TOKEN="$secret" -o "type=oci,dest=$T/k05.tar" .
mkdir "$T/k05"; tar -C "$T/k05" -xf "$T/k05.tar"
clean "$T/k05"

# K06: a proxy's address is in no key and no history.
printf 'FROM busybox\nRUN echo once >/once\n' >Dockerfile
export HTTP_PROXY="http://u:proxy-$secret@127.0.0.1:1"
build --build-arg HTTP_PROXY -o "type=oci,dest=$T/k06.tar" .
unset HTTP_PROXY
build --build-arg HTTP_PROXY=http://127.0.0.1:2 .
same "$(cached)" 1
mkdir "$T/k06"; tar -C "$T/k06" -xf "$T/k06.tar"
! grep -rqsa "proxy-$secret" "$T/k06" "$SHALE_ROOT" || die "the proxy's password is in $(grep -rlsa "proxy-$secret" "$T/k06" "$SHALE_ROOT")"

# K07: an image that was loaded is never taken for the result of a step.
printf 'FROM busybox\nRUN echo poison >/k07 # honest\n' >Dockerfile
SHALE_ROOT=$T/elsewhere images busybox:latest
SHALE_ROOT=$T/elsewhere build -o "type=docker,dest=$T/k07.tar,name=poisoned:1" .
shale load -i "$T/k07.tar" >/dev/null
build .
same "$(cached)" 0

# K08, K09: no two of these steps are the same one.
mkdir -p a b; echo 1 >ab; echo 1 >a/b; echo 1 >one
steps=0
differs() { # INSTRUCTION…: a new last step each
  printf 'FROM busybox\n%b\n' "$1" >Dockerfile
  build "${@:2}" .
  # All but the last may be known.
  same "$(cached)" "$(($(grep -cE '^(COPY|RUN|WORKDIR|ADD)' Dockerfile) - 1))"
  steps=$((steps + 1))
}
differs 'COPY a/b c'; differs 'COPY ab /c/'; differs 'COPY ab one /bc/'; differs 'COPY a one /bc/'
differs 'ENV A="1 B=2"\nRUN env'; differs 'ENV A=1 B=2\nRUN env'; differs 'ENV A="1" B="2 "\nRUN env'
differs 'RUN ["echo","a b"]'; differs 'RUN ["echo","a","b"]'; differs 'RUN echo a b'; differs 'SHELL ["/bin/sh","-ec"]\nRUN echo a b'
differs 'USER 1\nRUN echo a b'; differs 'RUN --network=none echo a b'; differs 'RUN --mount=type=tmpfs,target=/t echo a b'
differs 'RUN --mount=type=tmpfs,target=/u echo a b'; differs 'RUN --mount=type=secret,id=x echo a b'; differs 'RUN --mount=type=secret,id=y echo a b'
chmod 755 one; differs 'COPY one /k09'
chmod 700 one; differs 'COPY one /k09'
ln one two; ln -s one three; differs 'COPY . /k09'
rm two; cp -p one two; differs 'COPY . /k09' # no second name of one file
ln -sfn two three; differs 'COPY . /k09'
mkdir empty; differs 'COPY . /k09'
differs 'COPY --chown=1 one /k09'; differs 'COPY --chown=1:2 one /k09'; differs 'COPY --chmod=711 one /k09'
[ $steps -ge 25 ]

# K10: what does not matter is no reason to run again.
printf 'FROM busybox\nCOPY one ab /same/\nRUN echo same\n' >Dockerfile
build -q -t same . && first=$(tail -1 "$OUT")
again() { "$@"; same "$(cached)" 2; }
touch one; again build .
mkdir "$T/moved"; cp -a . "$T/moved/ctx"; again build "$T/moved/ctx"
export LC_ALL=C TZ=Asia/Tokyo; again build .
umask 077; cp -a one new; mv new one; again build .
build -q . && same "$(tail -1 "$OUT")" "$first"
unset LC_ALL TZ; umask 022

# K13: what holds a secret leaves no core file.
printf 'FROM busybox\nRUN --mount=type=secret,id=file sleep 86380\n' >Dockerfile
ulimit -S -c "$(ulimit -H -c)"
"$E2E_SHALE" build --progress=plain --secret id=file,src="$T/secret" . >"$OUT" 2>&1 &
SERVER=$! # ended with the test, whatever comes
wait_for alive 86380
found=0
while read -r process; do
  limits=${process%cmdline}limits
  if grep -q '^Max core file size *[1-9u]' "$limits"; then die "a process of ours could leave a core file"; fi
  found=$((found + 1))
done < <(grep -lsaF "id=file,src=$T/secret" /proc/[0-9]*/cmdline || true)
[ $found -ge 2 ] # outside and inside
kill -TERM $SERVER
wait $SERVER || true
SERVER=
nothing_left
