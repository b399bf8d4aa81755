// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/owner_record.h"

#include <sys/xattr.h>

#include <cerrno>
#include <charconv>

namespace shale::runtime {

namespace {

// The number before the next ':' (or the end), which is taken off with it.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(':'));
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || text.size() == word.size() + 1)
    return std::nullopt;  // not a number, or nothing behind its ':'
  text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
  return value;
}

// `size` as getxattr(2) gives it, with errno.
std::optional<OwnerRecord> parse_attribute(const char* text, ssize_t size) {
  if (size < 0 && errno == EOPNOTSUPP) return std::nullopt;
  if (size <= 0) return OwnerRecord{};
  return parse_owner(std::string_view(text, static_cast<std::size_t>(size))).value_or(OwnerRecord{});
}

}  // namespace

std::string format_owner(const OwnerRecord& owner) {
  std::string text = std::to_string(owner.uid) + ':' + std::to_string(owner.gid);
  if (owner.device != 0) {
    text += ':';
    text += owner.device;
    text += ':' + std::to_string(owner.dev_major) + ':' + std::to_string(owner.dev_minor);
  }
  return text;
}

std::optional<OwnerRecord> parse_owner(std::string_view text) {
  OwnerRecord owner;
  const auto take = [&](std::uint32_t& out) {
    const std::optional<std::uint32_t> value = take_number(text);
    if (value) out = *value;
    return value.has_value();
  };
  if (!take(owner.uid) || !take(owner.gid)) return std::nullopt;
  if (text.empty()) return owner;
  if ((text[0] != 'c' && text[0] != 'b') || text.size() < 2 || text[1] != ':') return std::nullopt;
  owner.device = text[0];
  text.remove_prefix(2);
  if (!take(owner.dev_major) || !take(owner.dev_minor) || !text.empty()) return std::nullopt;
  return owner;
}

void append_journal_entry(std::string& journal, const JournalEntry& entry) {
  journal += format_owner(entry.owner);
  journal += ' ';
  journal += entry.path;
  journal += '\0';
}

std::vector<JournalEntry> parse_journal(std::string_view journal) {
  std::vector<JournalEntry> entries;
  while (!journal.empty()) {
    const std::string_view line = journal.substr(0, journal.find('\0'));
    journal.remove_prefix(line.size() < journal.size() ? line.size() + 1 : line.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    if (const std::optional<OwnerRecord> owner = parse_owner(line.substr(0, space)))
      entries.push_back({std::string(line.substr(space + 1)), *owner});
  }
  return entries;
}

std::optional<OwnerRecord> read_attribute(const char* path) {
  char text[kMaxOwnerText];
  return parse_attribute(text, ::getxattr(path, kOwnerXattr, text, sizeof text));
}

std::optional<OwnerRecord> read_attribute(int fd) {
  char text[kMaxOwnerText];
  return parse_attribute(text, ::fgetxattr(fd, kOwnerXattr, text, sizeof text));
}

OwnerRecord read_owner(const char* path) { return read_attribute(path).value_or(OwnerRecord{}); }

OwnerRecord read_owner(int fd) { return read_attribute(fd).value_or(OwnerRecord{}); }

int write_owner(int fd, const OwnerRecord& owner) {
  if (owner.is_default())
    return ::fremovexattr(fd, kOwnerXattr) == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : errno;
  const std::string text = format_owner(owner);
  return ::fsetxattr(fd, kOwnerXattr, text.data(), text.size(), 0) == 0 ? 0 : errno;
}

int write_owner(const char* path, const OwnerRecord& owner) {
  if (owner.is_default())
    return ::removexattr(path, kOwnerXattr) == 0 || errno == ENODATA || errno == EOPNOTSUPP ? 0 : errno;
  const std::string text = format_owner(owner);
  return ::setxattr(path, kOwnerXattr, text.data(), text.size(), 0) == 0 ? 0 : errno;
}

}  // namespace shale::runtime
