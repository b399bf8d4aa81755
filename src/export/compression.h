// SPDX-License-Identifier: Apache-2.0
// How layers are compressed: what an output asks for, and what media types and first bytes say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "layer/archive.h"

namespace shale::exporter {

struct CompressionOptions {
  layer::Compression compression = layer::Compression::kGzip;
  int level = -1;  // as in PackLayerSpec
  // Pack a layer again whose blobs are of another compression. Layers whose tar cannot be made again keep
  // theirs.
  bool force = false;
  bool operator==(const CompressionOptions&) const = default;
};

// compression=uncompressed|gzip|zstd, compression-level=N and force-compression=BOOL of an --output; other
// keys are not looked at.
Result<CompressionOptions> parse_compression(const std::map<std::string, std::string>& attributes);

// A value that is true or false, as docker's outputs take it; `key` is for the error.
Result<bool> parse_output_bool(std::string_view key, const std::string& value);
// The same for one of an output's attributes; `otherwise` if it is not among them.
Result<bool> output_flag(const std::map<std::string, std::string>& attributes, const std::string& key,
                         bool otherwise);

// How the bytes of a layer of this media type (OCI's or docker's) are compressed; none = no layer we know.
std::optional<layer::Compression> compression_of(std::string_view media_type);
// The same by the first bytes of a file.
layer::Compression sniff_compression(std::string_view first_bytes);
std::string_view oci_layer_type(layer::Compression compression);
// Docker's media type of a layer with one of OCI's; none for zstd.
std::optional<std::string_view> docker_layer_type(std::string_view oci_type);

}  // namespace shale::exporter
