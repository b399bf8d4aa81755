// SPDX-License-Identifier: Apache-2.0
// What overlayfs can do on a file system, found by doing it. Part of the isolation probe.
#pragma once

#include <string>

#include "shale/error.h"

namespace shale::runtime {

// The directories for try_overlay() in the existing directory `scratch`, made before there is a namespace.
Status prepare_overlay(const std::string& scratch);

// Both mount an overlay in the caller's mount namespace, whose own it is, on directories in `scratch`, and
// remove a merged directory and make it again: with the wrong kind of attributes the mount succeeds and this
// does not.

// With the upper directory beside the layers. The mount stays until the calling process ends.
Status try_overlay(const std::string& scratch);

// With the upper directory on a tmpfs. Deletions that layers in `scratch` record have to be seen as well:
// where those cannot be recorded (or read, which takes Linux 6.7 where layers lie on overlayfs themselves),
// the layers are of no use to overlayfs.
Status try_overlay_on_tmpfs(const std::string& scratch);

}  // namespace shale::runtime
