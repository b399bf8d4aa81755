// SPDX-License-Identifier: Apache-2.0
#include "sys/mount_table.h"

#include <fcntl.h>

#include "sys/files.h"

namespace shale::sys {

Result<MountTable> read_mount_table() {
  ASSIGN_OR_RETURN(const std::string text, read_file(AT_FDCWD, "/proc/self/mountinfo"));
  return parse_mount_table(text);
}

}  // namespace shale::sys
