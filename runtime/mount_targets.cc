// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount_targets.h"

#include <string>

#include "runtime/kernel.h"

namespace shale::runtime {

void make_target(int top, std::string_view path, bool is_directory) {
  constexpr std::uint64_t kPlain = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int parent = ::dup(top);
  while (parent >= 0) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const bool last = slash == std::string_view::npos;
    if (last && !is_directory) {
      const int file =
          ::openat(parent, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
      if (file >= 0) ::close(file);
      break;
    }
    if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) break;
    if (last) break;
    const int next = open_resolved(parent, name.c_str(), O_PATH | O_DIRECTORY, kPlain);
    ::close(parent);
    parent = next;
    path.remove_prefix(slash + 1);
  }
  if (parent >= 0) ::close(parent);
}

bool is_directory(const SandboxMount& mount) {
  struct stat source{};
  return mount.kind == SandboxMount::Kind::kTmpfs ||
         (mount.kind == SandboxMount::Kind::kBind && ::fstat(mount.fd, &source) == 0 &&
          S_ISDIR(source.st_mode));
}

}  // namespace shale::runtime
