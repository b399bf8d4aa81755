// SPDX-License-Identifier: Apache-2.0
#include "export/compression.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "image/manifest.h"

namespace shale::exporter {

namespace {

using layer::Compression;

constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

struct TypeName {
  std::string_view media_type;
  Compression compression;
};
constexpr std::array kLayerTypes = {
    TypeName{image::kOciLayer, Compression::kNone},
    TypeName{image::kOciLayerGzip, Compression::kGzip},
    TypeName{image::kOciLayerZstd, Compression::kZstd},
    TypeName{kDockerLayer, Compression::kNone},
    TypeName{image::kDockerLayerGzip, Compression::kGzip},
    TypeName{"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd},
};

}  // namespace

Result<CompressionOptions> parse_compression(const std::map<std::string, std::string>& attributes) {
  CompressionOptions options;
  if (const auto found = attributes.find("compression"); found != attributes.end()) {
    if (found->second == "uncompressed")
      options.compression = Compression::kNone;
    else if (found->second == "gzip")
      options.compression = Compression::kGzip;
    else if (found->second == "zstd")
      options.compression = Compression::kZstd;
    else
      return fail(Error(ErrorKind::kUsage, fmt::format("unknown compression '{}'", found->second))
                      .hint("compression= takes uncompressed, gzip or zstd"));
  }
  if (const auto found = attributes.find("compression-level"); found != attributes.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.level);
    const int highest = options.compression == Compression::kZstd ? 19 : 9;
    if (error != std::errc() || end != text.data() + text.size() || options.level < 0 ||
        options.level > highest)
      return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is no compression level", text))
                      .hint(fmt::format("compression-level= takes 0 to {} here", highest)));
    if (options.level == 0)
      options.level = 1;  // BuildKit's lowest; "stored" would be compression=uncompressed
  }
  ASSIGN_OR_RETURN(options.force, output_flag(attributes, "force-compression", options.force));
  return options;
}

Result<bool> output_flag(const std::map<std::string, std::string>& attributes, const std::string& key,
                         bool otherwise) {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : parse_output_bool(key, found->second);
}

Result<bool> parse_output_bool(std::string_view key, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return fail(ErrorKind::kUsage, fmt::format("{} takes true or false, not '{}'", key, value));
}

std::optional<Compression> compression_of(std::string_view media_type) {
  for (const TypeName& known : kLayerTypes)
    if (media_type == known.media_type) return known.compression;
  return std::nullopt;
}

Compression sniff_compression(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::kGzip;          // RFC 1952
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;  // RFC 8878
  return Compression::kNone;
}

std::optional<std::string_view> docker_layer_type(std::string_view oci_type) {
  if (oci_type == image::kOciLayer) return kDockerLayer;
  if (oci_type == image::kOciLayerGzip) return image::kDockerLayerGzip;
  return std::nullopt;
}

std::string_view oci_layer_type(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return image::kOciLayerGzip;
    case Compression::kZstd:
      return image::kOciLayerZstd;
    case Compression::kNone:
      break;
  }
  return image::kOciLayer;
}

}  // namespace shale::exporter
