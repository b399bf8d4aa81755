// SPDX-License-Identifier: Apache-2.0
#include "build/image_resolver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include "dockerfile/source.h"
#include "export/found_image.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::string_view kLayout = "oci-layout://";

// An image of the store as a base. Its layers may be directories or blobs.
Result<BaseImage> from_store(store::Store& store, const store::ResolvedImage& found) {
  BaseImage out;
  out.config_json = found.image.config_json;
  ASSIGN_OR_RETURN(out.config, image::ImageConfig::parse(found.image.config_json));
  out.id = found.image.id;
  out.manifest = found.image.manifest;
  for (const Digest& diff_id : found.image.diff_ids) {
    ASSIGN_OR_RETURN(const std::vector<image::Descriptor> blobs, store.layers().blobs_of(diff_id));
    image::Descriptor chosen;  // an empty one where the store has a directory only
    for (const image::Descriptor& blob : blobs)
      if (chosen.digest.empty() && store.blobs().has(blob.digest)) chosen = blob;
    out.blobs.push_back(std::move(chosen));
  }
  return out;
}

}  // namespace

Result<bool> ImageResolver::find_local(const plan::ImageNeed& need) {
  Result<store::ResolvedImage> found = store_.images().resolve(need.reference);
  if (!found) {
    if (found.error().kind() == ErrorKind::kNotFound) return false;
    return fail(std::move(found.error()));
  }
  // A short name of hex digits is a name, even if some image's id begins so; docker shows ids with 12 digits.
  constexpr std::size_t kShownIdDigits = 12;
  if (!found->tag && need.reference.size() < kShownIdDigits) return false;
  ASSIGN_OR_RETURN(BaseImage image, from_store(store_, *found));
  ASSIGN_OR_RETURN(const image::Platform wanted, image::Platform::parse(need.platform));
  const image::Platform& have = image.config.platform;
  if (have.os != wanted.os || have.architecture != wanted.architecture) return false;
  image.reference = need.reference;
  images_.insert_or_assign(need.key(), std::move(image));
  return true;
}

// "oci-layout://DIR[:TAG][@DIGEST]", as --build-context gives it.
Status ImageResolver::read_layout(const plan::ImageNeed& need) {
  std::string path = need.reference.substr(kLayout.size());
  std::optional<Digest> digest;
  if (const std::size_t at = path.rfind('@'); at != std::string::npos) {
    Result<Digest> parsed = Digest::parse(path.substr(at + 1));
    if (!parsed)
      return fail(ErrorKind::kUsage, fmt::format("{}: {}", need.reference, parsed.error().message()));
    digest = *parsed;
    path.resize(at);
  }
  std::string tag;
  if (const std::size_t colon = path.rfind(':');
      colon != std::string::npos && path.find('/', colon) == std::string::npos) {
    tag = path.substr(colon + 1);
    path.resize(colon);
  }
  const auto explain = [&](Error error) {
    return fail(std::move(error).context(fmt::format("while reading the image of {}", need.reference)));
  };
  Result<UniqueFd> root = sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!root) return explain(std::move(root.error()));
  BaseImage image;
  ASSIGN_OR_RETURN(image.layout, sys::read_link(AT_FDCWD, fmt::format("/proc/self/fd/{}", root->get())));
  ASSIGN_OR_RETURN(const image::Platform platform, image::Platform::parse(need.platform));
  exporter::FoundFiles files(store_, std::move(*root));
  Result<exporter::FoundImage> found = exporter::read_layout_image(files, platform, tag, digest);
  if (!found) return explain(std::move(found.error()));
  ASSIGN_OR_RETURN(image.config, image::ImageConfig::parse(found->config_json));
  image.config_json = std::move(found->config_json);
  image.id = found->id;
  image.blobs = std::move(found->blobs);
  image.manifest = std::move(found->manifest);
  image.reference = need.reference;
  images_.insert_or_assign(need.key(), std::move(image));
  return {};
}

Status take_layout_layers(BuildState& state) {
  for (const auto& [node, image] : state.images) {
    if (image.layout.empty() || !state.state(node).needed || state.state(node).materialized) continue;
    RETURN_IF_ERROR(state.open_lease());
    ASSIGN_OR_RETURN(UniqueFd root, sys::open_at(AT_FDCWD, image.layout, O_RDONLY | O_DIRECTORY));
    exporter::FoundFiles files(*state.store, *state.lease, std::move(root), false);
    for (const image::Descriptor& blob : image.blobs)
      if (Status taken = files.take_blob(blob); !taken)
        return fail(
            std::move(taken.error()).context(fmt::format("while reading the image of {}", image.reference)));
  }
  return {};
}

Status ImageResolver::resolve(const std::vector<plan::ImageNeed>& needs) {
  std::vector<Pending> pending;
  for (const plan::ImageNeed& need : needs) {
    if (need.reference.starts_with(kLayout)) {
      RETURN_IF_ERROR(read_layout(need));
      continue;
    }
    if (!always_ask_) {
      ASSIGN_OR_RETURN(const bool local, find_local(need));
      if (local) continue;
    }
    Pending one{.need = need,
                .reference = {},
                .pull = pulls_.size(),
                .step = next_step_++,
                .started = std::chrono::steady_clock::now()};
    ASSIGN_OR_RETURN(one.reference, image::ImageRef::parse(need.reference));
    events_.on(StepStarted{.step = one.step,
                           .name = fmt::format("[internal] load metadata for {}", one.reference.full())});
    registry::PullRequest request;
    request.reference = one.reference;
    ASSIGN_OR_RETURN(request.platform, image::Platform::parse(need.platform));
    request.want_layers = layers_ == Layers::kFetch;
    request.blob_directory = store_.blobs().directory();
    ASSIGN_OR_RETURN(registry::PullProcess pull, registry::PullProcess::start(request));
    pulls_.push_back(std::move(pull));
    pending.push_back(std::move(one));
  }
  for (const Pending& one : pending) RETURN_IF_ERROR(await(one));
  return {};
}

Status ImageResolver::provide(plan::Planner& planner, const std::vector<plan::ImageNeed>& needs,
                              const std::string& text) {
  if (Status resolved = resolve(needs); !resolved) {
    Error error = std::move(resolved.error());
    if (error.span() == nullptr) return fail(std::move(error));
    std::string excerpt = dockerfile::excerpt(text, *error.span());
    return fail(std::move(error).with_excerpt(std::move(excerpt)));
  }
  for (const plan::ImageNeed& need : needs) planner.provide(need, images_.at(need.key()).config);
  return {};
}

Status ImageResolver::await(const Pending& pending) {
  registry::PullProcess& pull = pulls_[pending.pull];
  const auto elapsed = [&] { return std::chrono::steady_clock::now() - pending.started; };
  while (true) {
    Result<std::optional<registry::PullEvent>> event = pull.next_event();
    if (!event) {
      Error error = std::move(event.error());
      if (always_ask_ && (error.kind() == ErrorKind::kNotFound || error.kind() == ErrorKind::kNetwork)) {
        // An image that exists only here cannot be refreshed.
        if (const Result<bool> local = find_local(pending.need); local && *local) {
          events_.on(StepEnded{.step = pending.step,
                               .end = StepEnd::kDone,
                               .elapsed = elapsed(),
                               .message = {},
                               .log_path = {}});
          return {};
        }
      }
      events_.on(StepEnded{.step = pending.step,
                           .end = StepEnd::kFailed,
                           .elapsed = elapsed(),
                           .message = error.to_line(),
                           .log_path = {}});
      // What the caller asked for is the build; that a registry does not have an image is the registry's
      // answer.
      if (error.kind() == ErrorKind::kNotFound) {
        Error answered(ErrorKind::kRegistry, error.to_line());
        for (const std::string& line : error.contexts()) answered.add_context(line);
        for (const std::string& hint : error.hints()) answered.add_hint(hint);
        error = std::move(answered);
      }
      if (!pending.need.near_stage.empty())
        error.add_hint(fmt::format("did you mean the stage '{}'?", pending.need.near_stage));
      error.set_span(pending.need.span);
      return fail(
          std::move(error).context(fmt::format("while looking for the image {}", pending.need.reference)));
    }
    if (!event->has_value()) {
      struct pollfd waiting{pull.event_fd(), POLLIN, 0};
      (void)::poll(&waiting, 1, 100);  // a signal only makes it look again
      events_.tick();
      continue;
    }
    const auto* resolved = std::get_if<registry::PullResolved>(&**event);
    if (resolved == nullptr) continue;  // a warning may come first
    BaseImage image;
    image.config_json = resolved->config_json;
    ASSIGN_OR_RETURN(image.config, image::ImageConfig::parse(resolved->config_json));
    image.id = resolved->manifest.config.digest;
    image.blobs = resolved->manifest.layers;
    image.manifest = store::ImageManifest{.digest = resolved->manifest_digest,
                                          .media_type = resolved->media_type,
                                          .json = resolved->manifest_json};
    image.registry_digest = resolved->index_digest.value_or(resolved->manifest_digest);
    image.reference = pending.reference.full();
    image.pull = static_cast<int>(pending.pull);
    if (image.blobs.size() != image.config.diff_ids.size())
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the config of {} names {} layers, its manifest {}", pending.need.reference,
                              image.config.diff_ids.size(), image.blobs.size()));
    images_.insert_or_assign(pending.need.key(), std::move(image));
    events_.on(StepEnded{
        .step = pending.step, .end = StepEnd::kDone, .elapsed = elapsed(), .message = {}, .log_path = {}});
    return {};
  }
}

}  // namespace shale::build
