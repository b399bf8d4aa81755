#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Five stages of a Node app: what is needed runs, in parallel where it can, over one yarn cache; `dev` never runs.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
needs npm
hub node-20=node:20
cp -r "$DATA/seed-a/." .
# yarn's own default is not npm's registry: take the one this machine's npm uses.
for part in client backend; do echo "registry \"$(npm config get registry 2>/dev/null)\"" >$part/.yarnrc; done
build -t todo .
lacks "the dev stage runs"
has 'built in' # vite's last word
ran '2 specs, 0 failures'
rootfs todo
for file in src/index.js src/static/index.html src/static/robots.txt node_modules/express/package.json; do
  [ -e "$T/rootfs/usr/local/app/$file" ] || die "$file is not in the image"
done
for gone in node_modules/jasmine node_modules/vite client spec; do
  [ ! -e "$T/rootfs/usr/local/app/$gone" ] || die "$gone is in the image"
done
[ ! -e "$T/rootfs/root/.yarn" ] || [ -z "$(ls -A "$T/rootfs/root/.yarn")" ] || die "the cache is in the image"
same "$(config todo '[.config.Cmd[1], .config.WorkingDir, (.config.ExposedPorts | keys[0])]')" '["src/index.js","/usr/local/app","3000/tcp"]'
cat >run <<'D'
FROM todo
RUN node -e 'const s = require("./src/app").listen(3000, async () => { \
  console.log(await (await fetch("http://127.0.0.1:3000/things")).text()); s.close(); })'
D
build -f run .
has 'build an image'
echo '// changed' >>client/src/main.jsx
build -t todo .
lacks '2 specs' # test did not run again
has 'built in'
