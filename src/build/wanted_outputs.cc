// SPDX-License-Identifier: Apache-2.0
#include "build/wanted_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "build/image_result.h"

namespace shale::build {

namespace {

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

}  // namespace

Result<WantedOutput> WantedOutput::read(const OutputSpec& spec) {
  WantedOutput out;
  out.spec = spec;
  const auto& attributes = spec.attributes;
  ASSIGN_OR_RETURN(out.compression, exporter::parse_compression(attributes));
  ASSIGN_OR_RETURN(out.manifest, exporter::parse_manifest_options(attributes));
  ASSIGN_OR_RETURN(out.tar, exporter::output_flag(attributes, "tar", true));
  ASSIGN_OR_RETURN(out.platform_split, exporter::output_flag(attributes, "platform-split", false));
  ASSIGN_OR_RETURN(out.rewrites_times, exporter::output_flag(attributes, "rewrite-timestamp", false));
  if (const auto found = attributes.find("source-date-epoch"); found != attributes.end()) {
    out.names_epoch = true;
    ASSIGN_OR_RETURN(out.epoch, parse_epoch("source-date-epoch", found->second));
  }
  return out;
}

bool WantedOutput::keeps_image() const {
  return spec.kind == OutputSpec::Kind::kImage || spec.kind == OutputSpec::Kind::kRegistry;
}

bool WantedOutput::needs_files() const {
  switch (spec.kind) {
    case OutputSpec::Kind::kLocal:
    case OutputSpec::Kind::kTar:
    case OutputSpec::Kind::kOci:
    case OutputSpec::Kind::kDocker:
      return true;
    case OutputSpec::Kind::kImage:
    case OutputSpec::Kind::kRegistry:
      return changes_image();
    case OutputSpec::Kind::kCacheOnly:
      return false;
  }
  return true;
}

Result<WantedOutputs> WantedOutputs::read(const BuildRequest& request) {
  WantedOutputs out;
  ASSIGN_OR_RETURN(out.names, names_of(request));
  for (const OutputSpec& spec : request.outputs) {
    ASSIGN_OR_RETURN(WantedOutput output, WantedOutput::read(spec));
    if (spec.kind == OutputSpec::Kind::kRegistry && out.names.empty())
      return fail(
          Error(ErrorKind::kUsage, "tag is needed when pushing to registry").hint("name the image with -t"));
    out.all.push_back(std::move(output));
  }
  return out;
}

bool WantedOutputs::keep_image() const {
  return all.empty() || std::ranges::any_of(all, &WantedOutput::keeps_image);
}

bool WantedOutputs::need_files() const { return std::ranges::any_of(all, &WantedOutput::needs_files); }

}  // namespace shale::build
