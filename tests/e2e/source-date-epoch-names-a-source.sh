#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SOURCE_DATE_EPOCH: a number, also from the environment; or the context, a named context or a stage, whose time it is.
. "$(dirname "$0")/lib.sh"
needs git jq skopeo
images busybox:latest
serve
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_COMMITTER_DATE="1600000000 +0000"
git init -q -b main "$T/w"
printf 'FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN echo "epoch $SOURCE_DATE_EPOCH"\n' | tee "$T/w/Dockerfile" >Dockerfile
(cd "$T/w" && git add . && git commit -qm one)
git clone -q --bare "$T/w" "$T/www/smart/r.git"
mkdir -p "$T/www/timeless"
touch -d @1500000000 "$T/w/Dockerfile"
tar -C "$T/w" -cf "$T/www/timeless/t.tar" Dockerfile
cp "$T/w/Dockerfile" "$T/www/f" && touch -d @1400000000 "$T/www/f"
created() { config "$1" .created; }
epoch() { build --no-cache -t dated "$@"; }

SOURCE_DATE_EPOCH=1300000000 epoch .
ran 'epoch 1300000000$'
same "$(created dated)" 2011-03-13T07:06:40Z
epoch --build-arg SOURCE_DATE_EPOCH=context "$WWW/smart/r.git"
ran 'epoch 1600000000$'
same "$(created dated)" 2020-09-13T12:26:40Z
epoch --build-arg SOURCE_DATE_EPOCH=context .
ran 'epoch $'
epoch --build-arg SOURCE_DATE_EPOCH=context "$WWW/f"
ran 'epoch 1400000000$'
epoch --build-arg SOURCE_DATE_EPOCH=src --build-context "src=$WWW/smart/r.git" .
ran 'epoch 1600000000$'
cat >Dockerfile <<D
ARG SOURCE_DATE_EPOCH=src
FROM scratch AS src
ADD $WWW/timeless/t.tar /
FROM busybox
ARG SOURCE_DATE_EPOCH
RUN echo "epoch \$SOURCE_DATE_EPOCH"
D
epoch .
ran 'epoch 1500000000$'
sed -i "s,^ADD.*,ADD $WWW/f /," Dockerfile
epoch .
ran 'epoch 1400000000$'
sed -i "s,^ADD.*,&\nADD $WWW/timeless/t.tar /t," Dockerfile
fails 2 build .
has 'exactly one ADD'
fails 2 build --build-arg SOURCE_DATE_EPOCH=nowhere .
has 'invalid SOURCE_DATE_EPOCH: nowhere'
