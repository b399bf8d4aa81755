// SPDX-License-Identifier: Apache-2.0
// ManifestOptions: how an output wants its manifest: whose media types, and which annotations.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "export/image_bundle.h"
#include "image/manifest.h"
#include "image/platform.h"

namespace shale::exporter {

// One annotation of an image: in its manifest, or on the descriptor that an index has of it.
struct Annotation {
  enum class Place : std::uint8_t { kManifest, kDescriptor };
  Place place = Place::kManifest;
  std::optional<image::Platform> platform;  // only of images for it
  std::string key;
  std::string value;
};

// "annotation.K", "annotation-manifest[linux/amd64].K", "annotation-manifest-descriptor.K" as the key of an
// --output. What belongs to an index of several images is refused: there is none.
bool is_annotation_key(std::string_view key);
Result<Annotation> parse_annotation(const std::string& key, const std::string& value);

struct ManifestOptions {
  bool docker_types = false;  // docker's media types instead of OCI's
  std::vector<Annotation> annotations;
  // Those of one place that an image of this platform gets.
  [[nodiscard]] std::map<std::string, std::string> annotations_for(Annotation::Place place,
                                                                   const image::Platform& platform) const;
};

// oci-mediatypes=BOOL and the annotations of an --output; other keys are not looked at, but what docker's
// types cannot express is refused.
Result<ManifestOptions> parse_manifest_options(const std::map<std::string, std::string>& attributes);

// A manifest of the image and its bytes. Layers have OCI's media types, and are given docker's if wanted.
struct BuiltManifest {
  image::Manifest manifest;
  std::string json;
  Digest digest;
};
BuiltManifest manifest_of(const ImageBundle& bundle, std::vector<image::Descriptor> layers,
                          const ManifestOptions& options = {});

}  // namespace shale::exporter
