// SPDX-License-Identifier: Apache-2.0
// Magic numbers of compressed streams and the checksum of a tar header.
#include "layer/archive_format.h"

namespace shale::layer {

StreamFormat sniff_format(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return StreamFormat::kGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return StreamFormat::kZstd;
  // A skippable frame: zstd streams may begin with one (0x184D2A50 to 0x184D2A5F, little-endian).
  if (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0U) == 0x50 &&
      head.substr(1, 3) == "\x2a\x4d\x18") {
    return StreamFormat::kZstd;
  }
  if (head.starts_with("BZh")) return StreamFormat::kBzip2;
  if (head.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return StreamFormat::kXz;
  return StreamFormat::kPlain;
}

std::string_view stream_format_name(StreamFormat format) {
  switch (format) {
    case StreamFormat::kPlain:
      return "uncompressed";
    case StreamFormat::kGzip:
      return "gzip";
    case StreamFormat::kZstd:
      return "zstd";
    case StreamFormat::kBzip2:
      return "bzip2";
    case StreamFormat::kXz:
      return "xz";
  }
  return "unknown";
}

bool is_tar_header(std::string_view head) {
  constexpr std::size_t kBlock = 512;
  constexpr std::size_t kChecksumAt = 148;
  constexpr std::size_t kChecksumSize = 8;
  if (head.size() < kBlock) return false;
  std::uint32_t stored = 0;
  bool digits = false;
  for (const char c : head.substr(kChecksumAt, kChecksumSize)) {
    if (c >= '0' && c <= '7') {
      stored = stored * 8 + static_cast<std::uint32_t>(c - '0');
      digits = true;
    } else if (c != ' ' || digits) {
      break;
    }
  }
  // Old tars summed signed bytes.
  std::uint32_t plain = 0;
  std::int32_t with_sign = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const char c = i >= kChecksumAt && i < kChecksumAt + kChecksumSize ? ' ' : head[i];
    plain += static_cast<unsigned char>(c);
    with_sign += static_cast<signed char>(c);
  }
  return digits && (stored == plain || static_cast<std::int32_t>(stored) == with_sign);
}

}  // namespace shale::layer
