// SPDX-License-Identifier: Apache-2.0
// Where the monitors of a build's sandboxes come from: one process of shale-runtime that forks them.
#pragma once

namespace shale::runtime {

// Forks a child for every request on kRequestFd, and answers with its pid or a negative errno. A request is
// the descriptors of one monitor. The child is a child of *our parent* (CLONE_PARENT), dies with it, has
// nothing but these descriptors, from kSpecFd on in their order, and runs `monitor`; what that returns is its
// exit status. Returns 0 when nobody is left at the other end. Not for a program with threads.
int serve_monitors(int (*monitor)());

}  // namespace shale::runtime
