// SPDX-License-Identifier: Apache-2.0
#include "runtime/scratch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "sys/files.h"

namespace shale::runtime {

namespace {

constexpr std::string_view kPrefix = "probe-";
constexpr std::string_view kPattern = "XXXXXX";  // mkdtemp's

// The store's directory itself is the lock: shared by those who have a scratch directory, exclusive for who
// looks for dead ones. A file would be left in a directory that may never become a store. NFS has no locks of
// directories, and keeps the dead ones.
bool lock(int store_dir, int operation) {
  int done = 0;
  do done = ::flock(store_dir, operation);
  while (done != 0 && errno == EINTR);
  return done == 0;
}

}  // namespace

Result<Scratch> Scratch::create(const std::string& store_dir) {
  ASSIGN_OR_RETURN(UniqueFd store, sys::open_at(AT_FDCWD, store_dir, O_RDONLY | O_DIRECTORY));
  (void)lock(store.get(), LOCK_SH);
  std::string path = fmt::format("{}/{}{}", store_dir, kPrefix, kPattern);
  if (::mkdtemp(path.data()) == nullptr)
    return fail_errno(errno, fmt::format("make a directory in '{}'", store_dir));
  return Scratch(std::move(path), std::move(store));
}

Scratch::~Scratch() {
  (void)remove();  // the next one to open the store does it
}

Status Scratch::remove() {
  if (path_.empty()) return {};
  RETURN_IF_ERROR(sys::remove_tree(AT_FDCWD, path_));
  path_.clear();
  return {};
}

void sweep_scratches(int store_dir) {
  const Result<std::vector<std::string>> names = sys::list_dir(store_dir);
  if (!names) return;
  bool locked = false;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kPattern.size()) continue;
    if (!locked && !(locked = lock(store_dir, LOCK_EX | LOCK_NB))) return;
    (void)sys::remove_tree(store_dir, name);  // what cannot be removed does no harm
  }
  if (locked) (void)lock(store_dir, LOCK_UN);
}

}  // namespace shale::runtime
