// SPDX-License-Identifier: Apache-2.0
// Finding the images of OCI layouts and docker archives.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "export/found_image.h"
#include "export/layer_blob.h"
#include "export/unpack_image.h"
#include "image/config.h"

namespace shale::exporter {

namespace {

constexpr int kMaxIndexDepth = 4;  // an index in an index is legal; more than this nobody writes

std::vector<image::ImageRef> names_of(const image::Descriptor& entry) {
  std::vector<image::ImageRef> names;
  const auto add = [&](const char* key) {
    const auto found = entry.annotations.find(key);
    if (found == entry.annotations.end() || !names.empty()) return;
    // A tag alone ("latest") is no name of an image.
    if (found->second.find_first_of(":/") == std::string::npos) return;
    if (Result<image::ImageRef> name = image::ImageRef::parse(found->second))
      names.push_back(std::move(*name));
  };
  add("io.containerd.image.name");
  add("org.opencontainers.image.ref.name");
  return names;
}

// A name of an index entry is the tag itself, or a whole reference that ends with it.
bool is_tagged(const image::Descriptor& entry, const std::string& tag) {
  for (const char* key : {"org.opencontainers.image.ref.name", "io.containerd.image.name"}) {
    const auto found = entry.annotations.find(key);
    if (found != entry.annotations.end() && (found->second == tag || found->second.ends_with(":" + tag)))
      return true;
  }
  return false;
}

bool is_attestation(const image::Descriptor& entry) {
  return entry.platform && entry.platform->os == "unknown";
}

class LayoutReader {
 public:
  // Without `progress`, layers are not taken.
  LayoutReader(FoundFiles& files, const image::Platform& platform, const Progress* progress)
      : files_(files), platform_(platform), progress_(progress) {}

  Result<std::vector<FoundImage>> run() {
    ASSIGN_OR_RETURN(const std::string text, files_.read("index.json"));
    ASSIGN_OR_RETURN(const image::ManifestOrIndex top, image::parse_manifest(text, {}));
    const auto* index = std::get_if<image::Index>(&top);
    if (index == nullptr) return fail(ErrorKind::kCorrupt, "index.json of the image layout is not an index");
    for (const image::Descriptor& entry : index->manifests) {
      if (is_attestation(entry)) continue;
      RETURN_IF_ERROR(read_entry(entry, names_of(entry), 1));
    }
    return std::move(found_);
  }

  Result<FoundImage> run_one(const std::string& tag, const std::optional<Digest>& digest) {
    ASSIGN_OR_RETURN(const std::string text, files_.read("index.json"));
    ASSIGN_OR_RETURN(const image::ManifestOrIndex top, image::parse_manifest(text, {}));
    const auto* index = std::get_if<image::Index>(&top);
    if (index == nullptr) return fail(ErrorKind::kCorrupt, "index.json of the image layout is not an index");
    std::vector<image::Descriptor> images;
    std::ranges::copy_if(index->manifests, std::back_inserter(images),
                         [](const image::Descriptor& entry) { return !is_attestation(entry); });
    ASSIGN_OR_RETURN(const image::Descriptor chosen, choose(images, tag, digest));
    RETURN_IF_ERROR(read_entry(chosen, {}, 1));
    return std::move(found_.front());
  }

 private:
  Result<image::Descriptor> choose(const std::vector<image::Descriptor>& images, const std::string& tag,
                                   const std::optional<Digest>& digest) const {
    if (digest) {
      const auto found = std::ranges::find(images, *digest, &image::Descriptor::digest);
      if (found != images.end()) return *found;
      // Any manifest of the layout may be meant, also one that only an index names.
      ASSIGN_OR_RETURN(const std::string bytes, files_.read("blobs/sha256/" + digest->hex()));
      return image::Descriptor{.media_type = {}, .digest = *digest, .size = bytes.size()};
    }
    if (tag.empty() && images.size() == 1) return images.front();
    const std::string wanted = tag.empty() ? "latest" : tag;
    const auto found = std::ranges::find_if(
        images, [&](const image::Descriptor& entry) { return is_tagged(entry, wanted); });
    if (found != images.end()) return *found;
    Error error(ErrorKind::kNotFound,
                fmt::format("the image layout has no image with the tag \"{}\"", wanted));
    std::vector<std::string> names;
    for (const image::Descriptor& entry : images)
      if (const auto name = entry.annotations.find("org.opencontainers.image.ref.name");
          name != entry.annotations.end())
        names.push_back(name->second);
    if (!names.empty()) error.add_hint(fmt::format("it has {}", fmt::join(names, ", ")));
    return fail(std::move(error));
  }

  Status read_entry(const image::Descriptor& entry, std::vector<image::ImageRef> names, int depth) {
    if (progress_ != nullptr) RETURN_IF_ERROR(progress_->check());
    if (depth > kMaxIndexDepth)
      return fail(ErrorKind::kCorrupt, "the image layout's indexes are nested too deeply");
    // The same image under several names has one entry for each.
    for (FoundImage& known : found_)
      if (known.manifest->digest == entry.digest) {
        std::ranges::move(names, std::back_inserter(known.names));
        return {};
      }
    ASSIGN_OR_RETURN(std::string json, files_.read_blob(entry));
    ASSIGN_OR_RETURN(const image::ManifestOrIndex parsed, image::parse_manifest(json, entry.media_type));
    if (const auto* index = std::get_if<image::Index>(&parsed)) {
      const image::Descriptor* chosen = index->find(platform_);
      if (chosen == nullptr && index->manifests.size() == 1) chosen = &index->manifests.front();
      if (chosen == nullptr)
        return fail(Error(ErrorKind::kNotFound,
                          fmt::format("the image layout has no image for {}", platform_.to_string())));
      return read_entry(*chosen, std::move(names), depth + 1);
    }
    return read_manifest(std::get<image::Manifest>(parsed), entry, std::move(json), std::move(names));
  }

  Status read_manifest(const image::Manifest& manifest, const image::Descriptor& entry, std::string json,
                       std::vector<image::ImageRef> names) {
    FoundImage image{
        .config_json = {}, .id = manifest.config.digest, .diff_ids = {}, .blobs = manifest.layers};
    ASSIGN_OR_RETURN(image.config_json, files_.read_blob(manifest.config));
    ASSIGN_OR_RETURN(image.diff_ids, diff_ids_of(image.config_json, manifest.layers.size()));
    for (const image::Descriptor& layer : manifest.layers) {
      if (!compression_of(layer.media_type))
        return fail(ErrorKind::kUnsupported,
                    fmt::format("a layer of the image is of the unknown type '{}'", layer.media_type));
      if (progress_ == nullptr) continue;
      RETURN_IF_ERROR(progress_->check());
      RETURN_IF_ERROR(files_.take_blob(layer));
      progress_->item("reading " + layer.digest.short_hex(), layer.size, layer.size, true);
    }
    image.manifest = store::ImageManifest{
        .digest = entry.digest, .media_type = manifest.media_type, .json = std::move(json)};
    image.names = std::move(names);
    found_.push_back(std::move(image));
    return {};
  }

  FoundFiles& files_;
  const image::Platform& platform_;
  const Progress* progress_;
  std::vector<FoundImage> found_;
};

Result<std::vector<std::string>> strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  const Json* list = json_member(object, key);
  if (list == nullptr || list->is_null()) return out;
  if (!list->is_array()) return fail(ErrorKind::kCorrupt, fmt::format("{} in manifest.json is no list", key));
  for (const Json& item : *list) {
    if (!item.is_string())
      return fail(ErrorKind::kCorrupt, fmt::format("{} in manifest.json has no texts", key));
    out.push_back(item.get<std::string>());
  }
  return out;
}

// The digest in "<hex>.json" or "blobs/sha256/<hex>", or none.
std::optional<Digest> digest_in_name(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  if (path.ends_with(".json")) path.remove_suffix(5);
  const Result<Digest> digest = Digest::from_hex(path);
  return digest ? std::optional<Digest>(*digest) : std::nullopt;
}

}  // namespace

Result<std::vector<FoundImage>> read_oci_layout(FoundFiles& files, const image::Platform& platform,
                                                const Progress& progress) {
  return LayoutReader(files, platform, &progress).run();
}

Result<FoundImage> read_layout_image(FoundFiles& files, const image::Platform& platform,
                                     const std::string& tag, const std::optional<Digest>& digest) {
  return LayoutReader(files, platform, nullptr).run_one(tag, digest);
}

Result<std::vector<FoundImage>> read_docker_archive(FoundFiles& files, const Progress& progress) {
  ASSIGN_OR_RETURN(const std::string text, files.read("manifest.json"));
  ASSIGN_OR_RETURN(const Json list, parse_json(text, "manifest.json of the docker archive"));
  if (!list.is_array()) return fail(ErrorKind::kCorrupt, "manifest.json of the docker archive is no list");
  std::vector<FoundImage> found;
  // Compressed layers are found again by their path: a file that was moved into the store is no longer there.
  std::map<std::string, image::Descriptor> taken;
  for (const Json& item : list) {
    const std::string config_path = json_string(item, "Config");
    ASSIGN_OR_RETURN(const std::vector<std::string> layers, strings(item, "Layers"));
    ASSIGN_OR_RETURN(const std::vector<std::string> tags, strings(item, "RepoTags"));
    FoundImage image;
    ASSIGN_OR_RETURN(image.config_json, files.read(config_path));
    image.id = Digest::of(image.config_json);
    if (const std::optional<Digest> named = digest_in_name(config_path); named && *named != image.id)
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the image config '{}' has other bytes than its name says", config_path));
    ASSIGN_OR_RETURN(image.diff_ids, diff_ids_of(image.config_json, layers.size()));
    for (std::size_t i = 0; i < layers.size(); ++i) {
      RETURN_IF_ERROR(progress.check());
      if (!taken.contains(layers[i])) {
        ASSIGN_OR_RETURN(taken[layers[i]], files.take_layer(layers[i], image.diff_ids[i]));
      }
      image.blobs.push_back(taken[layers[i]]);
      progress.item("reading " + image.diff_ids[i].short_hex(), image.blobs.back().size,
                    image.blobs.back().size, true);
    }
    for (const std::string& tag : tags) {
      ASSIGN_OR_RETURN(image::ImageRef name, image::ImageRef::parse(tag));
      image.names.push_back(std::move(name));
    }
    found.push_back(std::move(image));
  }
  if (found.empty()) return fail(ErrorKind::kNotFound, "the docker archive holds no image");
  return found;
}

}  // namespace shale::exporter
