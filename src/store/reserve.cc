// SPDX-License-Identifier: Apache-2.0
#include "store/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"

namespace shale::store {

namespace {

constexpr const char* kName = "reserve";
// The log of a transaction that removes thousands of layers stays below this; a store is larger by far.
constexpr off_t kBytes = off_t{1} << 20;

}  // namespace

Status make_reserve(const StoreContext& context) {
  if (sys::exists_at(context.root.get(), kName)) return {};
  const Result<UniqueFd> file =
      sys::open_at(context.root.get(), kName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file) {
    const int error = file.error().errno_value();
    return error == ENOSPC || error == EDQUOT || error == EEXIST ? Status() : fail(Error(file.error()));
  }
  // Real blocks, not a hole.
  if (const int error = ::posix_fallocate(file->get(), 0, kBytes); error != 0)
    ::unlinkat(context.root.get(), kName, 0);
  return {};
}

Status with_reserve(const StoreContext& context, const std::function<Status()>& work) {
  Status done = work();
  if (!done && done.error().kind() == ErrorKind::kNoSpace && ::unlinkat(context.root.get(), kName, 0) == 0)
    done = work();
  RETURN_IF_ERROR(done);
  return make_reserve(context);
}

}  // namespace shale::store
