// SPDX-License-Identifier: Apache-2.0
// The file format of a LayerManifest: a magic with the version, the number of entries, then each entry with
// the bytes its path does not share with the one before. Numbers are LEB128. Readers trust none of it.
#include <fmt/format.h>

#include <algorithm>

#include "layer/manifest.h"

namespace shale::layer {
namespace {

// The last byte is the version; a reader accepts exactly its own.
constexpr std::string_view kMagic("shaleml\x01", 8);
constexpr std::uint8_t kOpaqueFlag = 0x80;
// The smallest entry there can be: a bound on how much a count may make us reserve.
constexpr std::size_t kMinEntryBytes = 9;

void put_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

// Signed numbers as 0, -1, 1, -2, …
std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Reads from untrusted bytes. After the first thing that does not fit, ok() is false and every read gives
// nothing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

  std::uint64_t number(std::uint64_t max) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      const std::uint64_t bits = byte & 0x7fU;
      if (shift == 63 && bits > 1) break;
      value |= bits << shift;
      if ((byte & 0x80U) != 0) continue;
      if ((byte == 0 && shift > 0) || value > max) break;  // one encoding per number
      return value;
    }
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::uint32_t number32(std::uint32_t max = UINT32_MAX) { return static_cast<std::uint32_t>(number(max)); }

  std::string_view bytes(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view text() { return bytes(number(UINT64_MAX)); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

void put_entry(std::string& out, const Entry& entry, std::string_view previous_path) {
  const auto shared = static_cast<std::size_t>(
      std::mismatch(entry.path.begin(), entry.path.end(), previous_path.begin(), previous_path.end()).first -
      entry.path.begin());
  put_number(out, shared);
  put_text(out, std::string_view(entry.path).substr(shared));
  out.push_back(static_cast<char>(static_cast<std::uint8_t>(entry.type) | (entry.opaque ? kOpaqueFlag : 0)));
  put_number(out, entry.mode);
  put_number(out, entry.uid);
  put_number(out, entry.gid);
  put_number(out, zigzag(entry.mtime_s));
  put_number(out, entry.mtime_ns);
  put_text(out, entry.hard_link_of);
  switch (entry.type) {
    case EntryType::kFile:
      put_number(out, entry.size);
      out.append(reinterpret_cast<const char*>(entry.content.bytes().data()), Digest::kBytes);
      break;
    case EntryType::kSymlink:
      put_text(out, entry.link_target);
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      put_number(out, entry.dev_major);
      put_number(out, entry.dev_minor);
      break;
    default:
      break;
  }
  put_number(out, entry.xattrs.size());
  for (const EntryXattr& xattr : entry.xattrs) {
    put_text(out, xattr.name);
    put_text(out, xattr.value);
  }
}

Entry take_entry(Reader& in, const std::string& previous_path, bool& valid) {
  Entry entry;
  const std::size_t shared = in.number(previous_path.size());
  const std::string_view suffix = in.text();
  entry.path.reserve(shared + suffix.size());
  entry.path.append(previous_path, 0, shared).append(suffix);
  const auto type = in.bytes(1);
  const auto bits = type.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(type.front());
  const std::uint8_t number = bits & static_cast<std::uint8_t>(~kOpaqueFlag);
  entry.opaque = (bits & kOpaqueFlag) != 0;
  valid = number >= static_cast<std::uint8_t>(EntryType::kFile) &&
          number <= static_cast<std::uint8_t>(EntryType::kWhiteout);
  entry.type = static_cast<EntryType>(number);
  if (entry.opaque && !entry.is_directory()) valid = false;
  entry.mode = in.number32(07777);
  entry.uid = in.number32();
  entry.gid = in.number32();
  entry.mtime_s = unzigzag(in.number(UINT64_MAX));
  entry.mtime_ns = in.number32(999'999'999);
  entry.hard_link_of = in.text();
  switch (entry.type) {
    case EntryType::kFile: {
      entry.size = in.number(INT64_MAX);
      const std::string_view content = in.bytes(Digest::kBytes);
      Digest::Bytes raw{};
      std::copy(content.begin(), content.end(), raw.begin());
      entry.content = Digest(raw);
      break;
    }
    case EntryType::kSymlink:
      entry.link_target = in.text();
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      entry.dev_major = in.number32();
      entry.dev_minor = in.number32();
      break;
    default:
      break;
  }
  const std::size_t xattrs = in.number(in.left());
  for (std::size_t i = 0; i < xattrs && in.ok(); ++i) {
    EntryXattr xattr;
    xattr.name = in.text();
    xattr.value = in.text();
    entry.xattrs.push_back(std::move(xattr));
  }
  return entry;
}

}  // namespace

std::string LayerManifest::serialize() const {
  std::string out;
  out.reserve(entries_.size() * 96 + 16);
  out += kMagic;
  put_number(out, entries_.size());
  std::string_view previous;
  for (const Entry& entry : entries_) {
    put_entry(out, entry, previous);
    previous = entry.path;
  }
  return out;
}

Result<LayerManifest> LayerManifest::parse(std::string_view bytes, std::string_view name) {
  const auto corrupt = [&](std::string_view why) {
    return fail(ErrorKind::kCorrupt, fmt::format("layer manifest '{}' {}", name, why));
  };
  Reader in(bytes);
  const std::string_view magic = in.bytes(kMagic.size());
  if (magic != kMagic) {
    if (magic.substr(0, 7) == kMagic.substr(0, 7)) return corrupt("is of another version of Shale");
    return corrupt("is not a layer manifest");
  }
  const std::size_t count = in.number(in.left() / kMinEntryBytes);
  if (!in.ok()) return corrupt("is cut short");
  LayerManifest manifest;
  manifest.entries_.reserve(count);
  const std::string none;
  for (std::size_t i = 0; i < count; ++i) {
    bool valid = true;
    manifest.entries_.push_back(take_entry(in, i == 0 ? none : manifest.entries_[i - 1].path, valid));
    if (!in.ok() || !valid) return corrupt(fmt::format("is damaged at entry {}", i));
  }
  if (in.left() != 0) return corrupt("has bytes behind its end");
  if (Status status = manifest.finish(); !status) {
    return fail(std::move(status.error()).context(fmt::format("while reading layer manifest '{}'", name)));
  }
  return manifest;
}

}  // namespace shale::layer
