// SPDX-License-Identifier: Apache-2.0
#include "build/outputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "build/image_result.h"
#include "export/docker_archive.h"
#include "export/local.h"
#include "export/oci_layout.h"
#include "export/rewrite_times.h"

namespace shale::build {

namespace {

constexpr const char* kRewriteTimestamp = "rewrite-timestamp";

// How many of the image's layers are its base image's.
std::size_t base_layers(const BuildState& state) {
  plan::NodeId id = state.plan.stages[state.plan.target].result;
  for (; id != plan::kNoNode; id = state.node(id).parent)
    if (std::holds_alternative<plan::ImageOp>(state.node(id).op)) return state.diff_ids(id).size();
  return 0;
}

exporter::ImageBundle bundle_of(const BuildState& state, const store::ImageRecord& image,
                                const std::vector<image::ImageRef>& names) {
  exporter::ImageBundle bundle{.config_json = image.config_json,
                               .id = image.id,
                               .diff_ids = image.diff_ids,
                               .layer_ids = {},
                               .names = names};
  for (const store::LayerRecord& layer : state.stack(state.plan.stages[state.plan.target].result))
    bundle.layer_ids.push_back(layer.id);
  return bundle;
}

// As BuildKit: without SOURCE_DATE_EPOCH it is worth a warning, no more.
Result<exporter::ImageBundle> rewritten(BuildState& state, exporter::ImageBundle bundle,
                                        const exporter::CompressionOptions& compression,
                                        const exporter::Progress& progress) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, source_date_epoch(state.plan));
  if (!epoch) {
    progress.warn("rewrite-timestamp changes nothing: SOURCE_DATE_EPOCH is not set");
    return bundle;
  }
  return exporter::rewrite_times(*state.store, *state.lease, std::move(bundle), base_layers(state), *epoch,
                                 compression, progress);
}

}  // namespace

Result<bool> rewrites_times(const OutputSpec& output) {
  const auto found = output.attributes.find(kRewriteTimestamp);
  if (found == output.attributes.end()) return false;
  const std::string& value = found->second;
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return fail(ErrorKind::kUsage, fmt::format("rewrite-timestamp takes true or false, not '{}'", value));
}

Status check_outputs(const BuildRequest& request) {
  for (const OutputSpec& output : request.outputs) RETURN_IF_ERROR(rewrites_times(output));
  return {};
}

bool keeps_image(const OutputSpec& output) {
  return output.kind == OutputSpec::Kind::kImage || output.kind == OutputSpec::Kind::kRegistry;
}

bool needs_files(const OutputSpec& output) {
  switch (output.kind) {
    case OutputSpec::Kind::kLocal:
    case OutputSpec::Kind::kTar:
    case OutputSpec::Kind::kOci:
    case OutputSpec::Kind::kDocker:
      return true;
    case OutputSpec::Kind::kImage:
    case OutputSpec::Kind::kRegistry:
      return rewrites_times(output).value_or(false);
    case OutputSpec::Kind::kCacheOnly:
      return false;
  }
  return true;
}

Result<std::vector<image::ImageRef>> names_of(const BuildRequest& request) {
  std::vector<image::ImageRef> out;
  std::vector<std::string> texts = request.tags;
  for (const OutputSpec& output : request.outputs)
    if (!output.name.empty()) texts.push_back(output.name);
  for (const std::string& text : texts) {
    Result<image::ImageRef> name = image::ImageRef::parse(text);
    if (!name)
      return fail(
          Error(ErrorKind::kUsage, fmt::format("invalid tag \"{}\": {}", text, name.error().message())));
    if (name->digest)
      return fail(ErrorKind::kUsage,
                  fmt::format("invalid tag \"{}\": a digest cannot be given to an image", text));
    out.push_back(std::move(*name));
  }
  return out;
}

Result<store::ImageRecord> image_to_keep(BuildState& state, const store::ImageRecord& image,
                                         const exporter::Progress& progress) {
  const std::vector<OutputSpec>& outputs = state.request.outputs;
  const auto output = std::ranges::find_if(
      outputs, [](const OutputSpec& one) { return keeps_image(one) && rewrites_times(one).value_or(false); });
  if (output == outputs.end()) return image;
  ASSIGN_OR_RETURN(const exporter::CompressionOptions compression,
                   exporter::parse_compression(output->attributes));
  ASSIGN_OR_RETURN(const exporter::ImageBundle bundle,
                   rewritten(state, bundle_of(state, image, {}), compression, progress));
  store::ImageRecord kept = image;
  kept.config_json = bundle.config_json;
  kept.id = bundle.id;
  kept.diff_ids = bundle.diff_ids;
  return kept;
}

Result<WrittenOutput> write_output(BuildState& state, const OutputSpec& output,
                                   const store::ImageRecord& image, const std::vector<image::ImageRef>& names,
                                   const exporter::Progress& progress) {
  exporter::ImageBundle bundle = bundle_of(state, image, names);
  const std::vector<std::string> layer_ids = bundle.layer_ids;
  exporter::LayoutOptions options;
  ASSIGN_OR_RETURN(options.compression, exporter::parse_compression(output.attributes));
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, source_date_epoch(state.plan));
  ASSIGN_OR_RETURN(const bool rewrites, rewrites_times(output));
  const bool archive = output.kind == OutputSpec::Kind::kOci || output.kind == OutputSpec::Kind::kDocker;
  if (rewrites && archive) {
    // Docker archives hold plain tars.
    const exporter::CompressionOptions plain{.compression = layer::Compression::kNone};
    ASSIGN_OR_RETURN(
        bundle, rewritten(state, std::move(bundle),
                          output.kind == OutputSpec::Kind::kDocker ? plain : options.compression, progress));
  }
  WrittenOutput out{.image_id = bundle.id, .manifest = {}};
  switch (output.kind) {
    case OutputSpec::Kind::kLocal: {
      // As docker's: the files belong to whoever asked for them.
      RETURN_IF_ERROR(exporter::write_local(*state.store, layer_ids, output.destination,
                                            {.owners = false, .mtime_s = epoch}, progress));
      break;
    }
    case OutputSpec::Kind::kTar:
      RETURN_IF_ERROR(exporter::write_flat_tar(*state.store, layer_ids, output.destination, epoch, progress));
      break;
    case OutputSpec::Kind::kOci: {
      const auto tar = output.attributes.find("tar");
      const bool directory = tar != output.attributes.end() && tar->second == "false";
      ASSIGN_OR_RETURN(const std::vector<exporter::WrittenManifest> written,
                       directory ? exporter::write_oci_directory(*state.store, *state.lease, {bundle},
                                                                 output.destination, options, progress)
                                 : exporter::write_oci_archive(*state.store, *state.lease, {bundle},
                                                               output.destination, options, progress));
      out.manifest = store::ImageManifest{.digest = written.front().digest,
                                          .media_type = written.front().media_type,
                                          .json = written.front().json};
      break;
    }
    case OutputSpec::Kind::kDocker:
      RETURN_IF_ERROR(
          exporter::write_docker_archive(*state.store, *state.lease, {bundle}, output.destination, progress));
      break;
    case OutputSpec::Kind::kImage:
    case OutputSpec::Kind::kRegistry:
    case OutputSpec::Kind::kCacheOnly:
      break;
  }
  return out;
}

}  // namespace shale::build
