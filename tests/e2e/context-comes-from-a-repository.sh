#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A git repository as the context: its default branch, a branch, a tag, a commit, a folder of it, submodules; from
# servers that give a part of the history and from those that cannot.
. "$(dirname "$0")/lib.sh"
needs git
images busybox:latest
serve
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
repository=$T/www/smart/r.git
git init -q -b main "$T/w"
cd "$T/w"
mkdir -p sub/deep
printf 'FROM busybox\nCOPY . /c/\n' >Dockerfile
printf 'FROM busybox\nCOPY . /sub/\n' >sub/Dockerfile
echo deep >sub/deep/file
echo ignored >ignored
echo ignored >.dockerignore
echo one >version
ln -s version link
ln -s / sub/out
printf '#!/bin/sh\n' >program
chmod 755 program
chmod 600 version
git add . && git commit -qm one && git tag v1 && git tag -a -m annotated v1a
first=$(git rev-parse HEAD)
git checkout -q -b other && echo two >version && git commit -qam two
git checkout -q main && echo three >version && git commit -qam three
git clone -q --bare "$T/w" "$repository"

version() { rootfs "$1"; cat "$T/rootfs/c/version"; }
umask 077 # modes are the commit's, not ours
build -t main "$WWW/smart/r.git"
has 'load remote build context'
same "$(version main)" three
same "$(cd "$T/rootfs/c" && stat -c '%n %a' version program | tr '\n' ' ')" "version 644 program 755 "
same "$(readlink "$T/rootfs/c/link")" version
[ ! -e "$T/rootfs/c/ignored" ] || die ".dockerignore of the repository was not read"
[ ! -e "$T/rootfs/c/.git" ] || die ".git is in the context"
build -t branch "$WWW/smart/r.git#other"
same "$(version branch)" two
for ref in v1 v1a refs/tags/v1 "$first"; do
  build -t tag "$WWW/smart/r.git#$ref"
  same "$(version tag)" one
done
build -t query "$WWW/smart/r.git?branch=other"
same "$(version query)" two
build -t query "$WWW/smart/r.git?ref=v1&checksum=${first:0:12}"
same "$(version query)" one
fails + build "$WWW/smart/r.git?branch=other&commit=$first"
has 'expected checksum to match'
build -t folder "$WWW/smart/r.git#main:sub"
rootfs folder
same "$(cat "$T/rootfs/sub/deep/file")" deep
build -t folder -f deep/../Dockerfile "$WWW/smart/r.git?subdir=sub"
build -t kept --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$WWW/smart/r.git#other"
rootfs kept
same "$(git -c safe.directory='*' -C "$T/rootfs/c" log -1 --format=%s)" two

fails + build "$WWW/smart/r.git#nowhere"
has 'does not contain ref "nowhere"'
fails + build "$WWW/smart/r.git#main:nothing"
has 'no folder "nothing"'
# A folder that is a link leads nowhere.
fails + build "$WWW/smart/r.git#main:sub/out"
has 'no folder'
fails + build "$WWW/smart/r.git#main:sub/out/etc"
# Nothing that git could take for an option or a program.
for evil in "$WWW/smart/r.git#--upload-pack=touch $T/evil" "ext::sh -c touch% $T/evil" "ssh://-oProxyCommand=touch$T/evil/r.git" \
  "file://$repository" "git@-oProxyCommand=x:r.git"; do
  fails + build "$evil"
done
[ ! -e "$T/evil" ] || die "an address ran a program"

# What the user has set up for his own work trees does not count: the files are those of the commit.
printf 'version filter=shout\n' >.gitattributes && git add . && git commit -qm filtered
git push -q "$repository" main:filtered && git reset -q --hard HEAD^
printf 'program filter=shout\n' >"$T/attributes"
printf '[core]\nattributesFile = %s\n[filter "shout"]\nsmudge = tr a-z A-Z\nrequired = true\n' "$T/attributes" >"$T/gitconfig"
GIT_CONFIG_GLOBAL=$T/gitconfig build -t filtered "$WWW/smart/r.git#filtered"
same "$(version filtered)" three
same "$(cat "$T/rootfs/c/program")" "#!/bin/sh"

# A server that knows files only has no part of a history to give.
git clone -q --bare "$T/w" "$T/www/dumb.git" && git -C "$T/www/dumb.git" update-server-info
build -t dumb "$WWW/dumb.git#other"
same "$(version dumb)" two

# Submodules, with an address relative to the repository's.
git init -q -b main "$T/m" && cd "$T/m" && echo inner >inner && git add . && git commit -qm inner
git clone -q --bare "$T/m" "$T/www/smart/m.git"
cd "$T/w" && git -c protocol.file.allow=always submodule --quiet add "$T/www/smart/m.git" module
git config -f .gitmodules submodule.module.url ../m.git
git commit -qam module && git push -q "$repository" main
build -t modules "$WWW/smart/r.git"
rootfs modules
same "$(cat "$T/rootfs/c/module/inner")" inner
[ ! -e "$T/rootfs/c/module/.git" ] || die "a link to a directory that is not there was left"
build -t modules "$WWW/smart/r.git?submodules=0"
rootfs modules
[ ! -e "$T/rootfs/c/module/inner" ] || die "submodules=0 was not obeyed"
# A submodule from this machine's files or from a program is refused.
git config -f .gitmodules submodule.module.url "$T/www/smart/m.git"
git commit -qam file && git push -q "$repository" main
fails + build "$WWW/smart/r.git"
has "transport 'file' not allowed"

# Credentials reach the server and nothing else.
echo t0ken-4711-hush >"$T/token"
build -t private --secret id=GIT_AUTH_TOKEN,src="$T/token" "$WWW/private/r.git#v1"
same "$(version private)" one
build -t private "${WWW/\/\////x-access-token:t0ken-4711-hush@}/private/r.git#v1"
lacks t0ken-4711
fails + build "$WWW/private/r.git#v1"
has 'GIT_AUTH_TOKEN'
# A password is hidden whatever it is, also one that stands in what it is replaced by.
fails + build "${WWW/\/\////user:x@}/smart/x.git"
has '/smart/xxxxx.git'
! grep -rqaF t0ken-4711 "$SHALE_ROOT" || die "the token is in the store"
nothing_left
