// SPDX-License-Identifier: Apache-2.0
#include "export/rewrite_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "export/layer_packing.h"
#include "export/rfc3339.h"
#include "image/config.h"
#include "store/layers.h"

namespace shale::exporter {

namespace {

class TimeRewriter {
 public:
  TimeRewriter(store::Store& store, store::BuildLease& lease, std::int64_t latest_s,
               const CompressionOptions& compression, const Progress& progress)
      : store_(store), lease_(lease), latest_s_(latest_s), compression_(compression), progress_(progress) {}

  // The diff_id the layer has now; its own if no time in it is too late.
  Result<Digest> rewrite(const Digest& diff_id, const std::string& id) {
    if (const auto known = done_.find(diff_id); known != done_.end()) return known->second;
    ASSIGN_OR_RETURN(const bool late, is_late(id));
    Digest now = diff_id;
    if (late) {
      Result<Digest> packed = pack(diff_id, id);
      if (!packed)
        return fail(std::move(packed.error())
                        .context(fmt::format("rewriting the times of layer {}", diff_id.to_string())));
      now = *packed;
    }
    done_.emplace(diff_id, now);
    return now;
  }

 private:
  Result<bool> is_late(const std::string& id) {
    ASSIGN_OR_RETURN(const auto manifest, store_.layers().load_manifest(id));
    // Whiteouts have no time of their own in a tar.
    return std::ranges::any_of(manifest->entries(), [&](const layer::Entry& entry) {
      return !entry.is_whiteout() && entry.mtime_s > latest_s_;
    });
  }

  Result<Digest> pack(const Digest& diff_id, const std::string& id) {
    ASSIGN_OR_RETURN(LayerPacking packing,
                     LayerPacking::start(store_, id, fmt::format("rewriting {}", diff_id.short_hex()),
                                         compression_, latest_s_));
    for (bool done = false; !done;) {
      RETURN_IF_ERROR(progress_.wait(std::array{packing.fd()}));
      ASSIGN_OR_RETURN(done, packing.advance(progress_));
    }
    ASSIGN_OR_RETURN(const Digest now, packing.finish(progress_));
    RETURN_IF_ERROR(packing.keep(store_, lease_));
    return now;
  }

  store::Store& store_;
  store::BuildLease& lease_;
  const std::int64_t latest_s_;
  const CompressionOptions& compression_;
  const Progress& progress_;
  std::map<Digest, Digest> done_;  // the same layer twice in one image: packed once
};

}  // namespace

Result<ImageBundle> rewrite_times(store::Store& store, store::BuildLease& lease, ImageBundle bundle,
                                  std::size_t first, std::int64_t latest_s,
                                  const CompressionOptions& compression, const Progress& progress) {
  ASSIGN_OR_RETURN(image::ImageConfig config, image::ImageConfig::parse(bundle.config_json));
  TimeRewriter rewriter(store, lease, latest_s, compression, progress);
  for (std::size_t i = first; i < bundle.diff_ids.size(); ++i) {
    ASSIGN_OR_RETURN(const Digest now, rewriter.rewrite(bundle.diff_ids[i], bundle.layer_ids[i]));
    if (now == bundle.diff_ids[i]) continue;
    bundle.diff_ids[i] = now;
    bundle.layer_ids[i].clear();  // the directory has the old times
  }
  if (config.diff_ids == bundle.diff_ids) return bundle;
  config.diff_ids = bundle.diff_ids;
  bundle.config_json = config.to_json();
  bundle.id = Digest::of(bundle.config_json);
  return bundle;
}

Result<ImageBundle> limit_config_times(ImageBundle bundle, std::size_t first_row, std::int64_t latest_s) {
  ASSIGN_OR_RETURN(image::ImageConfig config, image::ImageConfig::parse(bundle.config_json));
  const auto latest = std::chrono::system_clock::from_time_t(latest_s);
  const auto limit = [&](std::string& time) {
    if (const auto parsed = parse_rfc3339(time); !parsed || *parsed > latest) time = format_rfc3339(latest);
  };
  limit(config.created);
  for (std::size_t row = first_row; row < config.history.size(); ++row) limit(config.history[row].created);
  bundle.config_json = config.to_json();
  bundle.id = Digest::of(bundle.config_json);
  return bundle;
}

}  // namespace shale::exporter
