// SPDX-License-Identifier: Apache-2.0
// Copies of single names between a layer's directory and a plain tree of files, as they lie on the disk:
// owners, modes, times and attributes are not interpreted, so that every encoding of owners comes along.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::layer {

// Overlayfs keeps its own marks among the attributes of a layer's directory, and those that a step has set
// under such a name escaped. A plain tree has none of the former, and the latter as they are.
enum class CopyDirection : std::uint8_t {
  kFromLayer,  // to a plain tree
  kToLayer,    // from a plain tree
  kWithin,     // from one layer's directory to another's: escaped as they are, overlayfs's marks left out
};

// Copies the file, link, fifo, socket or device `name` of the directory `from`, whose lstat(2) is `status`,
// to `new_name` in the directory `to`, where nothing of this name is. Files become reflinks where the file
// system has them; never hard links.
Status copy_node(int from, const std::string& name, const struct stat& status, int to,
                 const std::string& new_name, CopyDirection direction);

// Owner, mode, attributes and times of the open directory `from` for the open directory `to`.
Status copy_directory_metadata(int from, int to, CopyDirection direction);

}  // namespace shale::layer
