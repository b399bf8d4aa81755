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

Result<std::optional<std::int64_t>> epoch_of(const BuildState& state, const WantedOutput& output) {
  if (output.names_epoch) return output.epoch;
  return source_date_epoch(state.plan);
}

// The image with the times that the output wants.
Result<exporter::ImageBundle> dated(BuildState& state, exporter::ImageBundle bundle,
                                    const WantedOutput& output,
                                    const exporter::CompressionOptions& compression,
                                    const exporter::Progress& progress) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, epoch_of(state, output));
  if (output.rewrites_times && !epoch) {
    // As BuildKit: it is worth a warning, no more.
    progress.warn("rewrite-timestamp changes nothing: SOURCE_DATE_EPOCH is not set");
  } else if (output.rewrites_times) {
    ASSIGN_OR_RETURN(bundle, exporter::rewrite_times(*state.store, *state.lease, std::move(bundle),
                                                     base_layers(state), *epoch, compression, progress));
  }
  if (!output.epoch) return bundle;
  const plan::Stage& stage = state.plan.stages[state.plan.target];
  return exporter::limit_config_times(std::move(bundle), stage.config.history.size(), *output.epoch);
}

// platform-split: a directory of its own in dest, as BuildKit calls it.
std::string local_directory(const BuildState& state, const WantedOutput& output) {
  if (!output.platform_split) return output.spec.destination;
  std::string name = state.plan.stages[state.plan.target].config.platform.to_string();
  std::ranges::replace(name, '/', '_');
  return fmt::format("{}/{}", output.spec.destination, name);
}

}  // namespace

Result<store::ImageRecord> image_to_keep(BuildState& state, const store::ImageRecord& image,
                                         const exporter::Progress& progress) {
  const std::vector<WantedOutput>& outputs = state.outputs.all;
  const auto output = std::ranges::find_if(
      outputs, [](const WantedOutput& one) { return one.keeps_image() && one.changes_image(); });
  if (output == outputs.end()) return image;
  ASSIGN_OR_RETURN(const exporter::ImageBundle bundle,
                   dated(state, bundle_of(state, image, {}), *output, output->compression, progress));
  store::ImageRecord kept = image;
  kept.config_json = bundle.config_json;
  kept.id = bundle.id;
  kept.diff_ids = bundle.diff_ids;
  return kept;
}

Result<WrittenOutput> write_output(BuildState& state, const WantedOutput& output,
                                   const store::ImageRecord& image, const exporter::Progress& progress) {
  exporter::ImageBundle bundle = bundle_of(state, image, state.outputs.names);
  const std::vector<std::string> layer_ids = bundle.layer_ids;
  const exporter::LayoutOptions options{
      .compression = output.compression, .manifest = output.manifest, .annotations = {}};
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, epoch_of(state, output));
  const OutputSpec::Kind kind = output.spec.kind;
  const std::string& destination = output.spec.destination;
  const bool archive = kind == OutputSpec::Kind::kOci || kind == OutputSpec::Kind::kDocker;
  if (archive && output.changes_image()) {
    // Docker archives hold plain tars.
    const exporter::CompressionOptions plain{.compression = layer::Compression::kNone};
    ASSIGN_OR_RETURN(bundle, dated(state, std::move(bundle), output,
                                   kind == OutputSpec::Kind::kDocker ? plain : output.compression, progress));
  }
  WrittenOutput out{.image_id = bundle.id, .manifest = {}};
  switch (kind) {
    case OutputSpec::Kind::kLocal: {
      // As docker's: the files belong to whoever asked for them.
      RETURN_IF_ERROR(exporter::write_local(*state.store, layer_ids, local_directory(state, output),
                                            {.owners = false, .mtime_s = epoch}, progress));
      break;
    }
    case OutputSpec::Kind::kTar:
      RETURN_IF_ERROR(exporter::write_flat_tar(*state.store, layer_ids, destination, epoch, progress));
      break;
    case OutputSpec::Kind::kOci: {
      ASSIGN_OR_RETURN(const std::vector<exporter::WrittenManifest> written,
                       output.tar ? exporter::write_oci_archive(*state.store, *state.lease, {bundle},
                                                                destination, options, progress)
                                  : exporter::write_oci_directory(*state.store, *state.lease, {bundle},
                                                                  destination, options, progress));
      out.manifest = store::ImageManifest{.digest = written.front().digest,
                                          .media_type = written.front().media_type,
                                          .json = written.front().json};
      out.plain_manifest = !output.manifest.docker_types && output.manifest.annotations.empty();
      break;
    }
    case OutputSpec::Kind::kDocker:
      RETURN_IF_ERROR(
          exporter::write_docker_archive(*state.store, *state.lease, {bundle}, destination, progress));
      break;
    case OutputSpec::Kind::kImage:
    case OutputSpec::Kind::kRegistry:
    case OutputSpec::Kind::kCacheOnly:
      break;
  }
  return out;
}

}  // namespace shale::build
