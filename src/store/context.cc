// SPDX-License-Identifier: Apache-2.0
#include "store/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "sys/random_name.h"

namespace shale::store {

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Status move_to_trash(const StoreContext& context, const std::string& path) {
  if (::renameat(context.root.get(), path.c_str(), context.trash.get(), sys::random_name().c_str()) == 0)
    return {};
  if (errno == ENOENT) return {};
  return fail_errno(errno, fmt::format("move '{}/{}' to the trash", context.root_path, path));
}

}  // namespace shale::store
