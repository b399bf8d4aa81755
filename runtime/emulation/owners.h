// SPDX-License-Identifier: Apache-2.0
// Owners: who the files of a sandbox belong to: their attributes, and the journal for what has none.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/owned_fd.h"
#include "runtime/emulation/owner_record.h"

namespace shale::runtime {

// The name of our descriptor for calls that take only a path: the working directory of the supervisor is
// /proc.
inline std::string own_name(int fd) { return "self/fd/" + std::to_string(fd); }

// Descriptors given to it are O_PATH ones in the sandbox's root.
class Owners {
 public:
  // `earlier` is the journal of the layers below the sandbox (parse_journal's text).
  explicit Owners(std::string_view earlier) : earlier_(parse_journal(earlier)) {}

  // Finds the files of the earlier journal below our root, which nobody may have changed yet: later other
  // files may have these names. An errno, or 0.
  int find_earlier();

  OwnerRecord read(int fd);
  // Nothing but attributes says anything: a file without one is root's.
  [[nodiscard]] bool only_attributes() const { return noted_.empty(); }
  // An errno, or 0.
  int write(int fd, const struct stat& info, const OwnerRecord& owner);

  // What the journal says of the mount that `root_fd` is the root of: every name that such a file has now.
  std::string journal(int root_fd) const;

 private:
  struct Noted {
    OwnerRecord owner;
    OwnedFd pin;            // keeps the inode's number, and mostly knows its name after every rename
    bool nameless = false;  // when it was last swept
  };
  using Key = std::pair<dev_t, ino_t>;

  int note(int fd, const struct stat& info, const OwnerRecord& owner);
  [[nodiscard]] Noted* find(const Key& key);
  void sweep();

  std::vector<JournalEntry> earlier_;
  std::map<Key, Noted> noted_;
  // Each name of a file that had several in the layers below: overlayfs makes of one that is changed a file
  // of its own, with a number of its own.
  std::vector<Noted> several_names_;
  std::size_t sweep_at_ = 1024;
};

// Where the descriptor's file is, relative to our root, without its leading '/'. Empty if it has no name (or
// is the root).
std::string path_of(int fd);

}  // namespace shale::runtime
