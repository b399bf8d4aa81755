#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# After `meson install` with DESTDIR the program finds its helpers, wherever that folder is moved.
. "$(dirname "$0")/lib.sh"
needs meson
build_dir=$(dirname "$E2E_SHALE")
[ -w "$build_dir/meson-logs" ] || skip "$build_dir is not a build tree of ours"
images busybox:latest
DESTDIR=$T/dest meson install --no-rebuild -C "$build_dir" >"$T/install.log" 2>&1 || { cat "$T/install.log"; exit 1; }
program=$(cd "$T/dest" && find . -path '*/bin/shale')
mv "$T/dest" "$T/moved"
printf 'FROM busybox\nRUN echo installed-runs\n' >Dockerfile
"$T/moved/$program" build --progress=plain . >"$OUT" 2>&1
ran installed-runs
