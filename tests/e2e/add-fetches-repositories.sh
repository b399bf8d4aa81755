#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ADD of a git repository: the same files wherever they lie, found in the cache by the commit, with .git on demand.
. "$(dirname "$0")/lib.sh"
needs git
images busybox:latest
serve
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_COMMITTER_DATE="1600000000 +0000"
git init -q -b main "$T/w"
(cd "$T/w" && mkdir sub && echo one >sub/file && echo two >other && chmod 700 other && git add . && git commit -qm one && git tag v1)
first=$(git -C "$T/w" rev-parse HEAD)
(cd "$T/w" && git tag -am noted noted)
(cd "$T/w" && git checkout -qb dated && echo dated >sub/dated && git add . && git commit -qm dated && git checkout -q main)
dated=$(git -C "$T/w" rev-parse dated)
git clone -q --bare "$T/w" "$T/www/smart/r.git"
url=$WWW/smart/r.git
cat >Dockerfile <<D
FROM busybox
ADD $url#main /all/
ADD --chown=7:8 --chmod=600 $url#v1:sub /sub/
ADD --keep-git-dir=true $url /git/
ADD --checksum=${dated:0:10} $url?ref=dated&mtime=commit /dated/
RUN cat /sub/file >/told
D
build -t added .
rootfs added
same "$(cd "$T/rootfs/all" && stat -c '%n %a' other sub sub/file | tr '\n' ' ')" "other 755 sub 755 sub/file 644 "
[ ! -e "$T/rootfs/all/.git" ] || die ".git came along"
same "$(ls "$T/rootfs/sub")" file
same "$(cat "$T/rootfs/told")" one
same "$(git -c safe.directory='*' -C "$T/rootfs/git" rev-parse HEAD)" "$first"
same "$(git -c safe.directory='*' -C "$T/rootfs/git" config remote.origin.url)" "$url"
same "$(stat -c %Y "$T/rootfs/dated/sub/dated")" 1600000000
printf 'FROM added\nRUN stat -c "%%u:%%g %%a" /sub/file /all/other\n' | build --no-cache -
ran '7:8 600$'
ran '0:0 755$'
same "$(config added '[.history[].created_by // "" | select(startswith("ADD"))][0]')" "ADD $url#main /all/ # buildkit"

# Asked for the commit again, fetched nothing.
: >"$T/www.log"
build .
lacks '[internal] fetch'
same "$(grep -c upload-pack "$T/www.log")" "$(grep -c 'service=git-upload-pack\|git-upload-pack 200' "$T/www.log")"
# A new commit: what depends on the branch is made again, the tag's is not.
(cd "$T/w" && echo more >second && git add . && git commit -qm two && git push -q "$T/www/smart/r.git" main)
sed -i '/checksum/d' Dockerfile
build -t added .
rootfs added
same "$(cat "$T/rootfs/all/second")" more
fails + build --build-arg x=y - <<D
FROM busybox
ADD --checksum=$first $url#main /x/
D
has 'expected checksum to match'
# Digits alone choose among branches and tags; an annotated tag is known by its own id, too.
noted=$(git -C "$T/w" rev-parse noted)
build -t digits - <<D
FROM busybox
ADD $url?commit=${dated:0:9} /dated/
ADD --checksum=${noted:0:12} $url#noted /noted/
RUN [ -e /dated/sub/dated ] && [ ! -e /noted/second ]
D
fails + build - <<<"FROM scratch
ADD $url?commit=123456789 /x/"
has 'expected checksum to match'
for line in "ADD --checksum=xyz $url /x/" "COPY $url /x/" "COPY https://example.com/x /x/" "ADD $url#--upload-pack=x /x/" \
  "ADD $url?what=ever /x/"; do
  fails 2 build - <<<"FROM busybox
$line"
done
has 'unexpected query "what"'

# Repositories and archives as named contexts, also instead of a base or a stage.
tar -C "$T/w" -cf "$T/www/tree.tar" sub
cat >Dockerfile <<'D'
FROM busybox AS stage
RUN false
FROM busybox
COPY --from=repo /sub/file /a
COPY --from=tarred /sub/file /b
COPY --from=stage /sub/file /c
RUN --mount=from=repo,target=/m cp /m/other /d
D
build -t named --build-context "repo=$url" --build-context "tarred=$WWW/tree.tar" --build-context "stage=$url#v1" .
rootfs named
same "$(cat "$T"/rootfs/[abcd] | tr '\n' ' ')" "one one one two "
printf 'FROM base\nCOPY Dockerfile /x\n' >Dockerfile
build -t onrepo --build-context "base=$url" .
rootfs onrepo
same "$(cat "$T/rootfs/sub/file")" one
[ -e "$T/rootfs/x" ] || die "nothing was copied onto the repository"
nothing_left
