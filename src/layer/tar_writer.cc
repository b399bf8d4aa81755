// SPDX-License-Identifier: Apache-2.0
// Tar headers, and TarStream. POSIX.1-2001 (pax): a ustar header says what fits; what does not is in a record
// of an extended header before it.
#include "layer/tar_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace shale::layer {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr std::uint64_t kMaxOctal7 = 07777777;       // 8-byte fields: 7 digits and a NUL
constexpr std::uint64_t kMaxOctal11 = 077777777777;  // 12-byte fields: 8 GiB - 1
constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr std::string_view kXattrRecord = "SCHILY.xattr.";

struct Header {
  std::string name;
  char type = '0';
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_s = 0;
  std::string link;
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;
  bool device = false;
  std::vector<std::pair<std::string, std::string>> records;  // of the extended header
};

// "LENGTH key=value\n", where LENGTH counts itself too.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (length != rest + fmt::formatted_size("{}", length))
    length = rest + fmt::formatted_size("{}", length);
  std::string record = fmt::format("{} {}=", length, key);
  record += value;
  record += '\n';
  return record;
}

void put_field(std::string& block, std::size_t at, std::size_t size, std::string_view text) {
  std::memcpy(block.data() + at, text.data(), std::min(size, text.size()));
}

std::string ustar_block(const Header& header) {
  std::string block(kBlock, '\0');
  put_field(block, 0, 100, header.name);
  put_field(block, 100, 8, fmt::format("{:07o}", header.mode));
  put_field(block, 108, 8, fmt::format("{:07o}", header.uid <= kMaxOctal7 ? header.uid : 0));
  put_field(block, 116, 8, fmt::format("{:07o}", header.gid <= kMaxOctal7 ? header.gid : 0));
  put_field(block, 124, 12, fmt::format("{:011o}", header.size <= kMaxOctal11 ? header.size : 0));
  const bool time_fits = header.mtime_s >= 0 && static_cast<std::uint64_t>(header.mtime_s) <= kMaxOctal11;
  put_field(block, 136, 12, fmt::format("{:011o}", time_fits ? header.mtime_s : 0));
  block[156] = header.type;
  put_field(block, 157, 100, header.link);
  put_field(block, 257, 8,
            std::string_view("ustar\0"
                             "00",
                             8));
  if (header.device) {
    put_field(block, 329, 8, fmt::format("{:07o}", header.dev_major));
    put_field(block, 337, 8, fmt::format("{:07o}", header.dev_minor));
  }
  // The checksum counts its own field as blanks; written as six digits, NUL, blank.
  unsigned sum = 8 * ' ';
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_field(block, 148, 8, fmt::format("{:06o}", sum));
  block[155] = ' ';
  return block;
}

std::string encode(Header header) {
  auto& records = header.records;
  if (header.name.size() > 100) records.emplace_back("path", header.name);
  if (header.link.size() > 100) records.emplace_back("linkpath", header.link);
  if (header.uid > kMaxOctal7) records.emplace_back("uid", fmt::to_string(header.uid));
  if (header.gid > kMaxOctal7) records.emplace_back("gid", fmt::to_string(header.gid));
  if (header.size > kMaxOctal11) records.emplace_back("size", fmt::to_string(header.size));
  if (header.mtime_s < 0 || static_cast<std::uint64_t>(header.mtime_s) > kMaxOctal11) {
    records.emplace_back("mtime", fmt::to_string(header.mtime_s));
  }
  if (records.empty()) return ustar_block(header);
  std::sort(records.begin(), records.end());
  std::string body;
  for (const auto& [key, value] : records) body += pax_record(key, value);
  Header extended;
  // Unpackers that do not know pax would leave a file of this name behind; no information is in it.
  const std::string_view name(header.name);
  const std::string_view trimmed = name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
  extended.name = "PaxHeaders/";
  extended.name += trimmed.substr(trimmed.rfind('/') + 1).substr(0, 80);
  extended.type = 'x';
  extended.mode = 0644;
  extended.size = body.size();
  std::string out = ustar_block(extended);
  out += body;
  out += tar_padding(body.size());
  out += ustar_block(header);
  return out;
}

}  // namespace

std::string_view tar_padding(std::uint64_t size) {
  static constexpr std::array<char, kBlock> kZeros{};
  return {kZeros.data(), static_cast<std::size_t>((kBlock - size % kBlock) % kBlock)};
}

std::string_view tar_end() {
  static constexpr std::array<char, 2 * kBlock> kZeros{};
  return {kZeros.data(), kZeros.size()};
}

std::string tar_opaque_marker(std::string_view path) {
  Header header;
  header.name = path.empty() ? std::string(kOpaqueMarker) : fmt::format("{}/{}", path, kOpaqueMarker);
  return encode(std::move(header));
}

std::string tar_header(const Entry& entry) {
  Header header;
  if (entry.is_whiteout()) {
    const std::size_t directory = entry.path.size() - entry.name().size();
    header.name = entry.path.substr(0, directory);
    header.name += kWhiteoutPrefix;
    header.name += entry.name();
    return encode(std::move(header));
  }
  header.name = entry.path;
  header.mode = entry.mode;
  header.uid = entry.uid;
  header.gid = entry.gid;
  header.mtime_s = entry.mtime_s;
  if (!entry.hard_link_of.empty()) {
    header.type = '1';
    header.link = entry.hard_link_of;
    return entry.type == EntryType::kSocket ? std::string() : encode(std::move(header));
  }
  switch (entry.type) {
    case EntryType::kFile:
      header.size = entry.size;
      break;
    case EntryType::kDirectory:
      header.type = '5';
      header.name = entry.path.empty() ? "./" : entry.path + "/";
      break;
    case EntryType::kSymlink:
      header.type = '2';
      header.link = entry.link_target;
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      header.type = entry.type == EntryType::kCharDevice ? '3' : '4';
      header.device = true;
      header.dev_major = entry.dev_major & kMaxOctal7;
      header.dev_minor = entry.dev_minor & kMaxOctal7;
      break;
    case EntryType::kFifo:
      header.type = '6';
      break;
    case EntryType::kSocket:
    case EntryType::kWhiteout:
      return {};
  }
  for (const EntryXattr& xattr : entry.xattrs) {
    header.records.emplace_back(std::string(kXattrRecord) + xattr.name, xattr.value);
  }
  return encode(std::move(header));
}

Status TarStream::put(std::string_view bytes) {
  written_ += bytes.size();
  return sink_(bytes);
}

Status TarStream::add_directory(std::string_view name) {
  Header header;
  header.name = fmt::format("{}/", name);
  header.type = '5';
  header.mode = 0755;
  header.mtime_s = mtime_s_;
  return put(encode(std::move(header)));
}

Status TarStream::add_symlink(std::string_view name, std::string_view target) {
  Header header;
  header.name = name;
  header.type = '2';
  header.mode = 0777;
  header.mtime_s = mtime_s_;
  header.link = target;
  return put(encode(std::move(header)));
}

Status TarStream::begin_file(std::string_view name, std::uint64_t size) {
  Header header;
  header.name = name;
  header.mode = 0644;
  header.size = size;
  header.mtime_s = mtime_s_;
  file_size_ = file_left_ = size;
  return put(encode(std::move(header)));
}

Status TarStream::write(std::string_view bytes) {
  if (bytes.size() > file_left_)
    return fail(ErrorKind::kInternal, "a tar entry got more bytes than announced");
  file_left_ -= bytes.size();
  return put(bytes);
}

Status TarStream::end_file() {
  if (file_left_ != 0) return fail(ErrorKind::kInternal, "a tar entry got fewer bytes than announced");
  return put(tar_padding(file_size_));
}

Status TarStream::add_file(std::string_view name, std::string_view bytes) {
  RETURN_IF_ERROR(begin_file(name, bytes.size()));
  RETURN_IF_ERROR(write(bytes));
  return end_file();
}

Status TarStream::add_file(std::string_view name, std::uint64_t size, int fd) {
  RETURN_IF_ERROR(begin_file(name, size));
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, kReadBytes)), '\0');
  while (file_left_ > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(file_left_, buffer.size()));
    const ssize_t got = ::read(fd, buffer.data(), wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read '{}' for the archive", name));
    if (got == 0) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("'{}' is {} bytes shorter than expected", name, file_left_));
    }
    RETURN_IF_ERROR(write(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
  }
  return end_file();
}

Status TarStream::finish() { return put(tar_end()); }

}  // namespace shale::layer
