// SPDX-License-Identifier: Apache-2.0
// libarchive's tar format behind TarReader. A warning of it is an error of ours: what it skips silently,
// another reader may see.
#include "layer/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <clocale>

namespace shale::layer {
namespace {

constexpr std::size_t kBlock = 512;

// The length of the valid UTF-8 character at the beginning of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf && tail(1)) return 2;
  if ((byte(0) & 0xf0U) == 0xe0 && tail(1) && tail(2)) {
    if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f)) return 0;
    return 3;
  }
  if (byte(0) >= 0xf0 && byte(0) <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    if ((byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

// U+200E/F, U+202A–E, U+2066–9: text that shows in another order than it is.
bool is_direction_mark(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto low = static_cast<unsigned char>(character[2]);
  if (character[1] == '\x80') return low == 0x8e || low == 0x8f || (low >= 0xaa && low <= 0xae);
  return character[1] == '\x81' && low >= 0xa6 && low <= 0xa9;
}

Result<EntryType> type_of(archive_entry* entry) {
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return EntryType::kFile;
    case AE_IFDIR:
      return EntryType::kDirectory;
    case AE_IFLNK:
      return EntryType::kSymlink;
    case AE_IFCHR:
      return EntryType::kCharDevice;
    case AE_IFBLK:
      return EntryType::kBlockDevice;
    case AE_IFIFO:
      return EntryType::kFifo;
    default:
      return fail(ErrorKind::kCorrupt, "an archive entry is of an unknown type");
  }
}

}  // namespace

std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  std::string out;
  while (!name.empty() && out.size() < kLongest) {
    const std::size_t length = utf8_length(name);
    const std::string_view character = name.substr(0, std::max<std::size_t>(length, 1));
    const auto first = static_cast<unsigned char>(character.front());
    if (length == 0 || first < 0x20 || first == 0x7f || is_direction_mark(character)) {
      for (const char c : character) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += character;
    }
    name.remove_prefix(character.size());
  }
  if (!name.empty()) out += "…";
  return out;
}

TarReader::TarReader(ArchiveInput& input, OddEnd odd_end)
    : input_(input), odd_end_(odd_end), archive_(::archive_read_new(), &::archive_read_free) {}
TarReader::~TarReader() = default;

long TarReader::supply(archive* handle, void* self, const void** bytes) {
  auto* reader = static_cast<TarReader*>(self);
  reader->chunk_offset_ += reader->chunk_.size();
  auto next = reader->input_.next();
  if (!next) {
    reader->input_error_ = std::move(next.error());
    reader->chunk_ = {};
    ::archive_set_error(handle, EIO, "input");
    return -1;
  }
  reader->chunk_ = *next;
  *bytes = next->data();
  return static_cast<long>(next->size());
}

Error TarReader::error(std::string_view what) {
  if (input_error_) return *input_error_;
  const char* text = ::archive_error_string(archive_.get());
  return Error(ErrorKind::kCorrupt,
               fmt::format("{}: {}", what, text == nullptr ? "invalid data" : shown(text)));
}

Result<std::optional<TarItem>> TarReader::next() {
  if (!opened_) {
    opened_ = true;
    // Names are bytes; a locale of another encoding would make libarchive convert them.
    (void)std::setlocale(LC_CTYPE, "C.UTF-8");  // without it, the C locale: names of ASCII still pass
    ::archive_read_support_format_tar(archive_.get());
    if (::archive_read_open(archive_.get(), this, nullptr, &TarReader::supply, nullptr) != ARCHIVE_OK) {
      return fail(error("the archive is not a tar"));
    }
  }
  archive_entry* entry = nullptr;
  const int status = ::archive_read_next_header(archive_.get(), &entry);
  if (status == ARCHIVE_EOF) {
    RETURN_IF_ERROR(finish());
    return std::nullopt;
  }
  if (status != ARCHIVE_OK) {
    // A name in a pax record that is not UTF-8 is no damage: libarchive then gives its raw bytes.
    const char* text = ::archive_error_string(archive_.get());
    const bool only_encoding = status == ARCHIVE_WARN && text != nullptr &&
                               std::string_view(text).find("can't be converted") != std::string_view::npos;
    if (!only_encoding)
      return fail(error(opened_ && ::archive_file_count(archive_.get()) == 0
                            ? "the archive is not a readable tar"
                            : "the tar is damaged"));
  }
  TarItem item;
  const char* const path = ::archive_entry_pathname(entry);
  if (path == nullptr) return fail(ErrorKind::kCorrupt, "a tar entry has no name");
  item.path = path;
  if (const char* link = ::archive_entry_hardlink(entry)) {
    item.hard_link = true;
    item.link = link;
  } else {
    ASSIGN_OR_RETURN(item.type, type_of(entry));
    if (const char* target = ::archive_entry_symlink(entry)) item.link = target;
  }
  item.mode = static_cast<std::uint32_t>(::archive_entry_perm(entry)) & 07777U;
  item.uid = ::archive_entry_uid(entry);
  item.gid = ::archive_entry_gid(entry);
  item.size = ::archive_entry_size(entry);
  item.mtime_s = ::archive_entry_mtime(entry);
  item.mtime_ns = static_cast<std::uint32_t>(std::clamp(::archive_entry_mtime_nsec(entry), 0L, 999'999'999L));
  item.dev_major = static_cast<std::uint32_t>(::archive_entry_rdevmajor(entry));
  item.dev_minor = static_cast<std::uint32_t>(::archive_entry_rdevminor(entry));
  ::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name != nullptr) item.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  return item;
}

Result<std::optional<TarReader::Piece>> TarReader::data() {
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int status = ::archive_read_data_block(archive_.get(), &bytes, &size, &offset);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK || offset < 0) return fail(error("the tar is damaged"));
  return Piece{std::string_view(static_cast<const char*>(bytes), size), static_cast<std::uint64_t>(offset)};
}

// libarchive takes the end of the stream at a block boundary for the end of the tar, and reads nothing behind
// an end marker. A transfer cut at that point, or something hidden behind the end, must not pass unnoticed.
Status TarReader::finish() {
  const auto consumed = static_cast<std::uint64_t>(::archive_filter_bytes(archive_.get(), 0));
  const auto last_header = static_cast<std::uint64_t>(::archive_read_header_position(archive_.get()));
  if (consumed < last_header + kBlock)
    RETURN_IF_ERROR(odd("the tar is cut short: its end marker is missing"));
  std::string_view rest = chunk_;
  rest.remove_prefix(static_cast<std::size_t>(
      std::min<std::uint64_t>(consumed - std::min(consumed, chunk_offset_), rest.size())));
  if (chunk_offset_ > consumed) rest = chunk_;
  while (true) {
    if (warning_.empty() && std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\0'; }))
      RETURN_IF_ERROR(odd("the tar has data behind its end marker"));
    ASSIGN_OR_RETURN(rest, input_.next());
    if (rest.empty()) return {};
  }
}

Status TarReader::odd(std::string_view text) {
  if (odd_end_ == OddEnd::kRefused) return fail(ErrorKind::kCorrupt, std::string(text));
  warning_ = text;
  return {};
}

}  // namespace shale::layer
