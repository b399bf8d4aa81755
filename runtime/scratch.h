// SPDX-License-Identifier: Apache-2.0
// Scratch: a directory for trials in a store.
#pragma once

#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace shale::runtime {

// Removed with everything in it; what a killed process leaves, sweep_scratches() removes.
class Scratch {
 public:
  static Result<Scratch> create(const std::string& store_dir);
  Scratch(Scratch&& other) noexcept
      : path_(std::exchange(other.path_, {})), store_(std::move(other.store_)) {}
  Scratch& operator=(Scratch&&) = delete;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  [[nodiscard]] const std::string& path() const { return path_; }
  // Now; an error leaves it to the destructor.
  Status remove();

 private:
  Scratch(std::string path, UniqueFd store) : path_(std::move(path)), store_(std::move(store)) {}
  std::string path_;
  UniqueFd store_;  // holds its shared lock
};

// Removes what is left in a store of scratch directories whose processes were killed; nothing while somebody
// uses one.
void sweep_scratches(int store_dir);

}  // namespace shale::runtime
