// SPDX-License-Identifier: Apache-2.0
// Manifests and indexes, OCI's and docker's, as plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "image/platform.h"
#include "shale/digest.h"

namespace shale::image {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  // bytes
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
};

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  std::map<std::string, std::string> annotations;
  [[nodiscard]] std::string to_json() const;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
  [[nodiscard]] std::string to_json() const;
  // The best entry for a platform: os and architecture equal; the variant equal if both name one (a lower arm
  // variant will do). Attestation entries (platform unknown/unknown) never match. nullptr: none.
  [[nodiscard]] const Descriptor* find(const Platform& platform) const;
};

using ManifestOrIndex = std::variant<Manifest, Index>;

// Refuses a document that is both (CVE-2021-41190), whose mediaType contradicts `content_type` (empty =
// unknown), with a size that is negative or not a whole number, with more than 1,000 entries, or larger than
// 4 MiB. Docker schema 1 is refused by name.
Result<ManifestOrIndex> parse_manifest(std::string_view json, std::string_view content_type);

}  // namespace shale::image
