// SPDX-License-Identifier: Apache-2.0
// describe_image() and image_history(): what the store knows of one image.
#include "base/json.h"
#include "export/rfc3339.h"
#include "image/config.h"
#include "shale/images.h"
#include "store/images.h"
#include "store/layers.h"
#include "store/store.h"

namespace shale {

namespace {

struct Found {
  store::Store store;
  store::ResolvedImage image;
  image::ImageConfig config;
};

Result<Found> find_image(const std::string& store_root, const std::string& name) {
  std::string root = store_root;
  if (root.empty()) {
    ASSIGN_OR_RETURN(root, default_store_root());
  }
  ASSIGN_OR_RETURN(store::Store opened, store::Store::open(root));
  ASSIGN_OR_RETURN(store::ResolvedImage found, opened.images().resolve(name));
  ASSIGN_OR_RETURN(image::ImageConfig config, image::ImageConfig::parse(found.image.config_json));
  return Found{.store = std::move(opened), .image = std::move(found), .config = std::move(config)};
}

Json names_of(const std::set<std::string>& names) {
  Json out = Json::object();
  for (const std::string& name : names) out[name] = Json::object();
  return out;
}

Json healthcheck_of(const image::Healthcheck& check) {
  Json out = {{"Test", check.test}};
  const auto put = [&](const char* key, std::int64_t value) {
    if (value != 0) out[key] = value;
  };
  put("Interval", check.interval.count());
  put("Timeout", check.timeout.count());
  put("StartPeriod", check.start_period.count());
  put("StartInterval", check.start_interval.count());
  put("Retries", check.retries);
  return out;
}

Json config_of(const image::ImageConfig& config) {
  Json labels = Json::object();
  for (const auto& [key, value] : config.labels) labels[key] = value;
  return {{"User", config.user},
          {"ExposedPorts", names_of(config.exposed_ports)},
          {"Env", config.env},
          {"Cmd", config.cmd},
          {"Healthcheck", config.healthcheck ? healthcheck_of(*config.healthcheck) : Json()},
          {"Volumes", names_of(config.volumes)},
          {"WorkingDir", config.working_dir},
          {"Entrypoint", config.entrypoint},
          {"OnBuild", config.on_build},
          {"Labels", std::move(labels)},
          {"StopSignal", config.stop_signal},
          {"Shell", config.shell}};
}

// Of the layer's files; 0 if neither this store's directory nor a row of it is there any more.
Result<std::uint64_t> size_of(store::Store& store, const Digest& diff_id, const Digest& chain) {
  ASSIGN_OR_RETURN(const std::vector<store::LayerRecord> layers,
                   store.layers().find_diff_id_elsewhere(diff_id, chain, /*encoding=*/""));
  return layers.empty() ? 0 : layers.front().content_bytes;
}

}  // namespace

Result<std::string> describe_image(const std::string& store_root, const std::string& name) {
  ASSIGN_OR_RETURN(Found found, find_image(store_root, name));
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags,
                   found.store.images().tags_of(found.image.image.id));
  Json names = Json::array();
  Json digests = Json::array();
  for (const store::TagRecord& tag : tags) {
    const Result<image::ImageRef> reference = image::ImageRef::parse(tag.reference);
    if (!reference) continue;  // a damaged row, which `shale images` shows
    if (!reference->tag.empty()) names.push_back(reference->familiar());
    if (!tag.manifest_digest.empty())
      digests.push_back(reference->familiar_repository() + "@" + tag.manifest_digest.to_string());
  }
  Json layers = Json::array();
  for (const Digest& diff_id : found.config.diff_ids) layers.push_back(diff_id.to_string());
  const Json image = {{"Id", found.image.image.id.to_string()},
                      {"RepoTags", std::move(names)},
                      {"RepoDigests", std::move(digests)},
                      {"Comment", found.config.history.empty() ? "" : found.config.history.back().comment},
                      {"Created", found.config.created},
                      {"Author", found.config.author},
                      {"Config", config_of(found.config)},
                      {"Architecture", found.config.platform.architecture},
                      {"Variant", found.config.platform.variant},
                      {"Os", found.config.platform.os},
                      {"Size", found.image.image.size_bytes},
                      {"RootFS", {{"Type", "layers"}, {"Layers", std::move(layers)}}}};
  RETURN_IF_ERROR(found.store.close());
  return dump_json_pretty(image);
}

Result<std::vector<HistoryStep>> image_history(const std::string& store_root, const std::string& name) {
  ASSIGN_OR_RETURN(Found found, find_image(store_root, name));
  std::vector<HistoryStep> steps;
  Digest chain;
  auto layer = found.config.diff_ids.begin();
  for (const image::HistoryRow& row : found.config.history) {
    HistoryStep step{.created = exporter::parse_rfc3339(row.created),
                     .created_by = row.created_by,
                     .comment = row.comment};
    if (!row.empty_layer && layer != found.config.diff_ids.end()) {
      chain = store::next_chain_id(chain, *layer);
      ASSIGN_OR_RETURN(step.size_bytes, size_of(found.store, *layer, chain));
      ++layer;
    }
    steps.insert(steps.begin(), std::move(step));
  }
  if (!steps.empty()) steps.front().image = found.image.image.id;
  RETURN_IF_ERROR(found.store.close());
  return steps;
}

}  // namespace shale
