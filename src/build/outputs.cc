// SPDX-License-Identifier: Apache-2.0
#include "build/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "build/image_result.h"
#include "export/docker_archive.h"
#include "export/local.h"
#include "export/manifest_options.h"
#include "export/oci_layout.h"
#include "export/rewrite_times.h"

namespace shale::build {

namespace {

// An output's attributes, read.
struct OutputForm {
  exporter::CompressionOptions compression;
  exporter::ManifestOptions manifest;
  bool rewrites_times = false;
  // source-date-epoch=: what counts for this output instead of the build's; an empty value is none.
  bool names_epoch = false;
  std::optional<std::int64_t> epoch;
};

Result<OutputForm> form_of(const OutputSpec& output) {
  OutputForm form;
  ASSIGN_OR_RETURN(form.compression, exporter::parse_compression(output.attributes));
  ASSIGN_OR_RETURN(form.manifest, exporter::parse_manifest_options(output.attributes));
  const auto& attributes = output.attributes;
  ASSIGN_OR_RETURN(form.rewrites_times, exporter::output_flag(attributes, "rewrite-timestamp", false));
  if (const auto found = attributes.find("source-date-epoch"); found != attributes.end()) {
    form.names_epoch = true;
    ASSIGN_OR_RETURN(form.epoch, parse_epoch("source-date-epoch", found->second));
  }
  return form;
}

// For what has passed check_outputs().
OutputForm checked_form(const OutputSpec& output) { return form_of(output).value_or(OutputForm{}); }

// Whether the output's image is another one than the build made.
bool changes_image(const OutputSpec& output) {
  const OutputForm form = checked_form(output);
  return form.rewrites_times || form.epoch;
}

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

Result<std::optional<std::int64_t>> epoch_of(const BuildState& state, const OutputForm& form) {
  if (form.names_epoch) return form.epoch;
  return source_date_epoch(state.plan);
}

// The image with the times that the output wants.
Result<exporter::ImageBundle> dated(BuildState& state, exporter::ImageBundle bundle, const OutputForm& form,
                                    const exporter::CompressionOptions& compression,
                                    const exporter::Progress& progress) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, epoch_of(state, form));
  if (form.rewrites_times && !epoch) {
    // As BuildKit: it is worth a warning, no more.
    progress.warn("rewrite-timestamp changes nothing: SOURCE_DATE_EPOCH is not set");
  } else if (form.rewrites_times) {
    ASSIGN_OR_RETURN(bundle, exporter::rewrite_times(*state.store, *state.lease, std::move(bundle),
                                                     base_layers(state), *epoch, compression, progress));
  }
  if (!form.epoch) return bundle;
  const plan::Stage& stage = state.plan.stages[state.plan.target];
  return exporter::limit_config_times(std::move(bundle), stage.config.history.size(), *form.epoch);
}

bool attribute_is(const OutputSpec& output, const char* key, bool otherwise) {
  return exporter::output_flag(output.attributes, key, otherwise).value_or(otherwise);
}

// platform-split: a directory of its own in dest, as BuildKit calls it.
std::string local_directory(const BuildState& state, const OutputSpec& output) {
  if (!attribute_is(output, "platform-split", false)) return output.destination;
  std::string name = state.plan.stages[state.plan.target].config.platform.to_string();
  std::ranges::replace(name, '/', '_');
  return fmt::format("{}/{}", output.destination, name);
}

}  // namespace

Status check_outputs(const BuildRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<image::ImageRef> names, names_of(request));
  for (const OutputSpec& output : request.outputs) {
    RETURN_IF_ERROR(form_of(output));
    if (output.kind == OutputSpec::Kind::kRegistry && names.empty())
      return fail(
          Error(ErrorKind::kUsage, "tag is needed when pushing to registry").hint("name the image with -t"));
  }
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
      return changes_image(output);
    case OutputSpec::Kind::kCacheOnly:
      return false;
  }
  return true;
}

Result<std::vector<image::ImageRef>> names_of(const BuildRequest& request) {
  std::vector<image::ImageRef> out;
  std::vector<std::string> texts = request.tags;
  for (const OutputSpec& output : request.outputs)
    for (const auto name : std::views::split(output.name, ','))
      if (!name.empty()) texts.emplace_back(name.begin(), name.end());
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
      outputs, [](const OutputSpec& one) { return keeps_image(one) && changes_image(one); });
  if (output == outputs.end()) return image;
  const OutputForm form = checked_form(*output);
  ASSIGN_OR_RETURN(const exporter::ImageBundle bundle,
                   dated(state, bundle_of(state, image, {}), form, form.compression, progress));
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
  const OutputForm form = checked_form(output);
  const exporter::LayoutOptions options{
      .compression = form.compression, .manifest = form.manifest, .annotations = {}};
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, epoch_of(state, form));
  const bool archive = output.kind == OutputSpec::Kind::kOci || output.kind == OutputSpec::Kind::kDocker;
  if (archive && changes_image(output)) {
    // Docker archives hold plain tars.
    const exporter::CompressionOptions plain{.compression = layer::Compression::kNone};
    ASSIGN_OR_RETURN(bundle,
                     dated(state, std::move(bundle), form,
                           output.kind == OutputSpec::Kind::kDocker ? plain : form.compression, progress));
  }
  WrittenOutput out{.image_id = bundle.id, .manifest = {}};
  switch (output.kind) {
    case OutputSpec::Kind::kLocal: {
      // As docker's: the files belong to whoever asked for them.
      RETURN_IF_ERROR(exporter::write_local(*state.store, layer_ids, local_directory(state, output),
                                            {.owners = false, .mtime_s = epoch}, progress));
      break;
    }
    case OutputSpec::Kind::kTar:
      RETURN_IF_ERROR(exporter::write_flat_tar(*state.store, layer_ids, output.destination, epoch, progress));
      break;
    case OutputSpec::Kind::kOci: {
      const bool directory = !attribute_is(output, "tar", true);
      ASSIGN_OR_RETURN(const std::vector<exporter::WrittenManifest> written,
                       directory ? exporter::write_oci_directory(*state.store, *state.lease, {bundle},
                                                                 output.destination, options, progress)
                                 : exporter::write_oci_archive(*state.store, *state.lease, {bundle},
                                                               output.destination, options, progress));
      out.manifest = store::ImageManifest{.digest = written.front().digest,
                                          .media_type = written.front().media_type,
                                          .json = written.front().json};
      out.plain_manifest = !form.manifest.docker_types && form.manifest.annotations.empty();
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
