// SPDX-License-Identifier: Apache-2.0
// OwnerRecord: who a file of the image belongs to where every file on the disk belongs to one id, and how
// that is written down: an extended attribute of files and directories, a journal for what cannot carry one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shale::runtime {

// Nothing below this prefix is ever seen inside a sandbox or in an image.
inline constexpr std::string_view kPrivateXattrPrefix = "user.shale.";
inline constexpr char kOwnerXattr[] = "user.shale.owner";
// "uid:gid:c:major:minor" at its longest.
inline constexpr std::size_t kMaxOwnerText = 48;

struct OwnerRecord {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  // A device file is an empty regular file on the disk: 'c' or 'b', else 0.
  char device = 0;
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;

  bool operator==(const OwnerRecord&) const = default;
  // What a file without a record is: root's, and no device.
  [[nodiscard]] bool is_default() const { return *this == OwnerRecord{}; }
};

// The attribute's value, and back; nothing if it is not one of ours.
std::string format_owner(const OwnerRecord& owner);
std::optional<OwnerRecord> parse_owner(std::string_view text);

// The owner of one symlink, fifo, socket, or file on a file system without attributes.
struct JournalEntry {
  std::string path;  // relative to the root of the tree, plain names
  OwnerRecord owner;
};

// A journal as bytes: "<owner> <path>" and a NUL for each entry.
void append_journal_entry(std::string& journal, const JournalEntry& entry);
// Entries that cannot be read are passed over.
std::vector<JournalEntry> parse_journal(std::string_view journal);

// The record of an inode: `path` as getxattr(2) takes it, links followed. Root's for an inode without one, or
// on a file system that has no attributes.
OwnerRecord read_owner(const char* path);
// The same for an open file or directory (not O_PATH).
OwnerRecord read_owner(int fd);
// As above, but nothing on a file system that has no attributes, where a journal is all there is.
std::optional<OwnerRecord> read_attribute(const char* path);
std::optional<OwnerRecord> read_attribute(int fd);
// Records it; a default one is removed. An errno, or 0.
int write_owner(int fd, const OwnerRecord& owner);
int write_owner(const char* path, const OwnerRecord& owner);

}  // namespace shale::runtime
