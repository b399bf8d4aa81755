// SPDX-License-Identifier: Apache-2.0
#include "store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"

namespace shale::store {

namespace {

constexpr const char* kName = "reserve";
// The log of a transaction that removes thousands of layers stays below this; a store is larger by far.
constexpr off_t kBytes = off_t{1} << 20;
// What was given back may be used in part: then the rest is kept for the next time.
constexpr off_t kParts = 8;

bool lacks_space(const Status& status) { return !status && status.error().kind() == ErrorKind::kNoSpace; }

}  // namespace

Status make_reserve(int root) {
  const Result<struct stat> there = sys::stat_at(root, kName);
  const off_t old_bytes = there ? there->st_size : 0;
  if (old_bytes >= kBytes) return {};
  const Result<UniqueFd> file = sys::open_at(root, kName, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  if (!file) return file.error().kind() == ErrorKind::kNoSpace ? Status() : fail(Error(file.error()));
  for (off_t bytes = kBytes; bytes > old_bytes; bytes -= kBytes / kParts) {
    // Real blocks, not a hole.
    if (::posix_fallocate(file->get(), 0, bytes) == 0) return {};
    // What it took before it came to the end of the disk.
    if (::ftruncate(file->get(), old_bytes) != 0) break;
  }
  return {};
}

Status with_reserve(int root, const std::function<Status()>& work) {
  Status done = work();
  if (lacks_space(done) && ::unlinkat(root, kName, 0) == 0) done = work();
  Status made = make_reserve(root);
  return done ? std::move(made) : std::move(done);
}

Status with_reserve_at(const std::string& path, const std::function<Status()>& work) {
  Status done = work();
  if (!lacks_space(done)) return done;
  const Result<UniqueFd> directory = sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory || ::unlinkat(directory->get(), kName, 0) != 0) return done;
  done = work();
  (void)make_reserve(directory->get());  // what else removes things tries again
  return done;
}

}  // namespace shale::store
