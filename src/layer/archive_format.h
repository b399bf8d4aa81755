// SPDX-License-Identifier: Apache-2.0
// Telling formats apart by their first bytes. Names and media types are claims; the bytes decide.
#pragma once

#include <cstdint>
#include <string_view>

namespace shale::layer {

enum class StreamFormat : std::uint8_t { kPlain, kGzip, kZstd, kBzip2, kXz };

// By magic number; kPlain for anything else.
[[nodiscard]] StreamFormat sniff_format(std::string_view head);

// "gzip", …: the word for messages.
[[nodiscard]] std::string_view stream_format_name(StreamFormat format);

// True if the 512 bytes begin with a tar header whose checksum is right. A zero block (the end of an empty
// tar) is none.
[[nodiscard]] bool is_tar_header(std::string_view head);

}  // namespace shale::layer
