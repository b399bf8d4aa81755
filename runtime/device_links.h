// SPDX-License-Identifier: Apache-2.0
// The symbolic links of /dev that every container has. Part of the program, not of the library.
#pragma once

namespace shale::runtime {

// Makes them in the directory `dev`, which has none of these names; gives up if one cannot be made.
void make_device_links(int dev);

}  // namespace shale::runtime
