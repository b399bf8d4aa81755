// SPDX-License-Identifier: Apache-2.0
#include "build/outputs.h"

#include <fmt/format.h>

#include "export/docker_archive.h"
#include "export/local.h"
#include "export/oci_layout.h"

namespace shale::build {

bool needs_files(const OutputSpec& output) {
  switch (output.kind) {
    case OutputSpec::Kind::kLocal:
    case OutputSpec::Kind::kTar:
    case OutputSpec::Kind::kOci:
    case OutputSpec::Kind::kDocker:
      return true;
    case OutputSpec::Kind::kImage:
    case OutputSpec::Kind::kRegistry:
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

Result<WrittenOutput> write_output(BuildState& state, const OutputSpec& output,
                                   const store::ImageRecord& image, const std::vector<image::ImageRef>& names,
                                   const exporter::Progress& progress) {
  WrittenOutput out;
  std::vector<std::string> layer_ids;
  for (const store::LayerRecord& layer : state.stack(state.plan.stages[state.plan.target].result))
    layer_ids.push_back(layer.id);
  exporter::ImageBundle bundle{.config_json = image.config_json,
                               .id = image.id,
                               .diff_ids = image.diff_ids,
                               .layer_ids = layer_ids,
                               .names = names};
  exporter::LayoutOptions options;
  ASSIGN_OR_RETURN(options.compression, exporter::parse_compression(output.attributes));
  switch (output.kind) {
    case OutputSpec::Kind::kLocal: {
      // As docker's: the files belong to whoever asked for them.
      RETURN_IF_ERROR(
          exporter::write_local(*state.store, layer_ids, output.destination, {.owners = false}, progress));
      break;
    }
    case OutputSpec::Kind::kTar:
      RETURN_IF_ERROR(exporter::write_flat_tar(*state.store, layer_ids, output.destination, progress));
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
