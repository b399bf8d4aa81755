#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ADD of an address: name, mode and time of the file; the server is asked in every build, and sends it only when changed.
. "$(dirname "$0")/lib.sh"
images busybox:latest
serve
mkdir -p "$T/www/dir" "$T/www/timeless"
echo one >"$T/www/dir/a file"
touch -d @1600000000 "$T/www/dir/a file"
echo none >"$T/www/timeless/f"
tar -C "$T/www" -czf "$T/www/t.tgz" timeless
sum=$(sha256sum "$T/www/dir/a file" | cut -d' ' -f1)
cat >Dockerfile <<D
FROM busybox
ADD $WWW/dir/a%20file?query=x /named/
ADD --checksum=sha256:$sum --chmod=644 --chown=3:4 $WWW/dir/a%20file /renamed
ADD $WWW/timeless/f /timeless
ADD $WWW/t.tgz /packed/
ADD --unpack $WWW/t.tgz /unpacked/
RUN stat -c '%n %a %u:%g %Y' '/named/a file' /renamed /timeless /packed/t.tgz
D
build .
ran '/named/a file 600 0:0 1600000000$'
ran '/renamed 644 3:4 1600000000$'
ran '/timeless 600 0:0 0$'
ran '/packed/t.tgz 600 '
: >"$T/www.log"
build -t again .
lacks 'RUN stat -c' <(grep -v CACHED "$OUT" | grep DONE) || true
same "$(grep -c ' 304 ' "$T/www.log")" "$(grep -c . "$T/www.log")"
! ran /named || die "nothing changed, and the command ran again"
rootfs again
same "$(cat "$T/rootfs/unpacked/timeless/f")" none
echo two >"$T/www/dir/a file"
# What was demanded by its digest is still right; from the server it is not.
fails + build --no-cache .
has 'digest'
sed -i /checksum/d Dockerfile
sed -i 's, /renamed,,' Dockerfile
build -t changed .
rootfs changed
same "$(cat "$T/rootfs/named/a file")" two

# Of two sources with one name the last one on the line counts; heredocs come after all of them.
echo local >f
for order in "f $WWW/timeless/f none" "$WWW/timeless/f f local" "<<f $WWW/timeless/f heredoc"; do
  body=; [[ $order != '<<'* ]] || body=$'\nheredoc\nf'
  echo "FROM busybox
ADD ${order% *} /d/$body" >Dockerfile
  build -o "$T/order" .
  same "$(cat "$T/order/d/f")" "${order##* }"
done

# A token for the server of the address, and for no other.
echo t0ken-4711 >"$T/token"
host=${WWW#http://}
build --secret "id=HTTP_AUTH_TOKEN_$host,src=$T/token" -t auth - <<<"FROM busybox
ADD $WWW/timeless/f /f"
grep -q 'Bearer t0ken-4711' "$T/www.log" || die "the token was not sent"
lacks t0ken-4711
! grep -rqaF t0ken-4711 "$SHALE_ROOT" || die "the token is in the store"
fails 2 build - <<<"FROM busybox
ADD --checksum=md5:x $WWW/timeless/f /f"
nothing_left
