// SPDX-License-Identifier: Apache-2.0
#include "store/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "layer/raw_copy.h"
#include "store/store.h"
#include "sys/files.h"
#include "sys/overlay.h"

namespace shale::store {

namespace {

constexpr const char* kEmpty = "empty";

// Overlay shows the upper's root, not the merged one's: without this, a RUN would change the root directory.
Status copy_root(Store& store, const std::string& from, int to) {
  ASSIGN_OR_RETURN(const UniqueFd source,
                   sys::open_at(store.root_fd(), from, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return layer::copy_directory_metadata(source.get(), to, layer::CopyDirection::kWithin);
}

}  // namespace

Result<UniqueFd> mount_read_only(Store& store, std::span<const std::string> lowers,
                                 const std::string& mount_path, sys::OverlaySpec::Method method) {
  // The kernel wants two lower directories where there is no upper.
  if (lowers.size() < 2)
    return sys::clone_mount(store.root_fd(), lowers.empty() ? kEmpty : lowers.front(), true);
  sys::OverlaySpec spec;
  spec.dir = store.root_fd();
  spec.lowers.assign(lowers.rbegin(), lowers.rend());
  spec.mount_point = mount_path;
  spec.method = method;
  return sys::mount_overlay(spec);
}

Result<UniqueFd> mount_writable(Store& store, std::span<const std::string> lowers,
                                const WorkDirectory& directory) {
  if (!lowers.empty()) RETURN_IF_ERROR(copy_root(store, lowers.back(), directory.fs.get()));
  sys::OverlaySpec spec;
  spec.dir = store.root_fd();
  spec.lowers.assign(lowers.rbegin(), lowers.rend());
  if (spec.lowers.empty()) spec.lowers.emplace_back(kEmpty);
  spec.upper = directory.fs_path();
  // Made here, as a layer that is copied together never needs it. One that exists was used before: overlay
  // must not get it again.
  spec.work = directory.work_path();
  if (::mkdirat(store.root_fd(), spec.work.c_str(), 0700) != 0)
    return fail_errno(errno, fmt::format("make overlay's directory '{}'", spec.work));
  spec.mount_point = directory.mount_path();
  return sys::mount_overlay(spec);
}

}  // namespace shale::store
