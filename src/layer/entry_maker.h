// SPDX-License-Identifier: Apache-2.0
// EntryMaker: what a layer keeps of a tar entry's owner, mode, times and attributes.
#pragma once

#include <cstdint>
#include <string>

#include "layer/tar_reader.h"
#include "layer/tree_writer.h"
#include "layer/unpack.h"

namespace shale::layer {

class EntryMaker {
 public:
  // `options` must outlive it; `ids` are those that files can be given here.
  EntryMaker(const UnpackOptions& options, IdMap ids) : options_(options), ids_(std::move(ids)) {}

  // The entry of `item` at its canonical `path`, without size and content. An owner that cannot be given or
  // written down is an error.
  Result<Entry> make(const TarItem& item, const std::string& path);

  // Attributes that were left out so far, and the first of them for people.
  [[nodiscard]] std::uint64_t ignored_xattrs() const { return ignored_xattrs_; }
  [[nodiscard]] const std::string& first_ignored_xattr() const { return first_ignored_xattr_; }

 private:
  Status take_owner(const TarItem& item, Entry& entry) const;
  void take_xattrs(const TarItem& item, Entry& entry);

  const UnpackOptions& options_;
  IdMap ids_;
  std::uint64_t ignored_xattrs_ = 0;
  std::string first_ignored_xattr_;
};

}  // namespace shale::layer
