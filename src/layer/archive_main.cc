// SPDX-License-Identifier: Apache-2.0
// shale-archive: everything that touches archive and compression libraries, in a process of its own. The
// protocol is described in archive.cc.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/json.h"
#include "layer/archive_input.h"
#include "layer/pack.h"
#include "layer/tar_reader.h"
#include "layer/unpack.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

constexpr int kEventsFd = 1;
constexpr int kSpecFd = 3;
constexpr int kInputFd = 4;
constexpr int kTreeFd = 5;
constexpr int kOutputFd = 6;
// Taste: what a progress bar can use.
constexpr std::chrono::milliseconds kProgressInterval{100};

void send(const Json& event) {
  // A reader that has gone needs no answer.
  (void)sys::write_all(kEventsFd, dump_json(event) + "\n");
}

// Sends the number now and then; called from any thread.
class ProgressReport {
 public:
  void operator()(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < kProgressInterval) return;
    last_ = now;
    send(Json{{"progress", bytes}});
  }

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

ArchiveLimits limits_from(const Json& spec) {
  ArchiveLimits limits;
  const Json* json = json_member(spec, "limits");
  if (json == nullptr) return limits;
  const auto number = [&](const char* key, std::uint64_t& value) {
    value = static_cast<std::uint64_t>(json_int(*json, key, static_cast<std::int64_t>(value)));
  };
  number("max_bytes", limits.max_bytes);
  number("max_entries", limits.max_entries);
  number("max_metadata_bytes", limits.max_metadata_bytes);
  number("max_ratio", limits.max_ratio);
  number("ratio_free_bytes", limits.ratio_free_bytes);
  return limits;
}

Result<std::optional<Digest>> digest_from(const Json& spec, const char* key) {
  const std::string text = json_string(spec, key);
  if (text.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Digest digest, Digest::parse(text));
  return digest;
}

Result<SnapshotView> lower_view(const Json& spec) {
  std::vector<std::shared_ptr<const LayerManifest>> layers;
  if (const Json* paths = json_member(spec, "lower_manifests"); paths != nullptr && paths->is_array()) {
    for (const Json& path : *paths) {
      if (!path.is_string()) continue;
      ASSIGN_OR_RETURN(LayerManifest manifest, LayerManifest::load(AT_FDCWD, path.get<std::string>()));
      layers.push_back(std::make_shared<const LayerManifest>(std::move(manifest)));
    }
  }
  return SnapshotView(std::move(layers));
}

// Some at a time: a line with all of them would be as long as the archive's author likes.
void send_implied(const UnpackOutcome& outcome) {
  constexpr std::size_t kAtOnce = 10'000;
  const std::vector<Entry>& entries = outcome.manifest.entries();
  for (std::size_t at = 0; at < outcome.implied.size(); at += kAtOnce) {
    Json indices = Json::array();
    for (std::size_t i = at; i < std::min(at + kAtOnce, outcome.implied.size()); ++i)
      if (const Entry* entry = outcome.manifest.find(outcome.implied[i]))
        indices.push_back(static_cast<std::size_t>(entry - entries.data()));
    send(Json{{"implied", std::move(indices)}});
  }
}

Result<Json> run_unpack(const Json& spec, bool layer) {
  ProgressReport report;
  ArchiveInputOptions input_options;
  input_options.fd = kInputFd;
  input_options.layer = layer;
  ASSIGN_OR_RETURN(input_options.blob_digest, digest_from(spec, "blob_digest"));
  ASSIGN_OR_RETURN(input_options.diff_id, digest_from(spec, "diff_id"));
  if (const auto bytes = json_int(spec, "blob_bytes", -1); bytes >= 0) {
    input_options.blob_bytes = static_cast<std::uint64_t>(bytes);
  }
  input_options.limits = limits_from(spec);
  input_options.progress = [&report](std::uint64_t bytes) { report(bytes); };

  UnpackOptions options;
  options.layer = layer;
  options.squash_owners = json_bool(spec, "squash_owners");
  options.record_owners = json_bool(spec, "record_owners");
  options.any_end = json_bool(spec, "any_end");
  if (json_bool(spec, "owner_attributes")) options.owners = OwnerEncoding::kAttributes;
  options.limits = input_options.limits;
  ASSIGN_OR_RETURN(options.below, lower_view(spec));

  ArchiveInput input(std::move(input_options));
  ASSIGN_OR_RETURN(const UnpackOutcome outcome, unpack(input, kTreeFd, options));
  RETURN_IF_ERROR(
      sys::replace_file(AT_FDCWD, json_string(spec, "manifest"), outcome.manifest.serialize(), 0600));
  const ArchiveInput::Totals& totals = input.totals();
  if (!layer) send_implied(outcome);
  Json warnings = Json::array();
  for (const std::string& warning : outcome.warnings) warnings.push_back(warning);
  return Json{{"diff_id", totals.diff_id.to_string()},
              {"blob_digest", totals.blob_digest.to_string()},
              {"blob_bytes", totals.blob_bytes},
              {"tar_bytes", totals.tar_bytes},
              {"entries", outcome.manifest.entries().size()},
              {"content_key", outcome.manifest.content_key().to_string()},
              {"depends_on_lower", outcome.depends_on_lower},
              {"warnings", std::move(warnings)}};
}

Result<Json> run_pack(const Json& spec) {
  ProgressReport report;
  ASSIGN_OR_RETURN(const LayerManifest manifest,
                   LayerManifest::load(AT_FDCWD, json_string(spec, "manifest")));
  PackOptions options;
  const std::string compression = json_string(spec, "compression", "gzip");
  if (compression == "none") options.compression = Compression::kNone;
  if (compression == "zstd") options.compression = Compression::kZstd;
  options.level = static_cast<int>(json_int(spec, "level", -1));
  options.threads = static_cast<int>(json_int(spec, "threads", 0));
  if (json_member(spec, "latest_mtime") != nullptr) options.latest_mtime_s = json_int(spec, "latest_mtime");
  options.progress = [&report](std::uint64_t bytes) { report(bytes); };
  ASSIGN_OR_RETURN(const PackOutcome outcome, pack(manifest, kTreeFd, kOutputFd, options));
  return Json{{"diff_id", outcome.diff_id.to_string()}, {"blob_digest", outcome.blob_digest.to_string()},
              {"blob_bytes", outcome.blob_bytes},       {"tar_bytes", outcome.tar_bytes},
              {"entries", manifest.entries().size()},   {"content_key", manifest.content_key().to_string()}};
}

// Whether a first entry can be read. Whatever is wrong with the input means "no"; that it could not be read
// does not.
Result<Json> run_sniff() {
  ArchiveInputOptions options;
  options.fd = kInputFd;
  options.keep_offset = true;
  ArchiveInput input(std::move(options));
  const Result<std::string_view> first = input.next();
  if (!first && first.error().errno_value() != 0) return fail(first.error());
  return Json{{"entries", first && is_tar_header(*first) ? 1 : 0}};
}

Result<Json> run(std::string_view verb) {
  ASSIGN_OR_RETURN(const std::string text, sys::read_fd(kSpecFd, "specification"));
  ASSIGN_OR_RETURN(const Json spec, parse_json(text, "the specification"));
  if (verb == "unpack-layer") return run_unpack(spec, true);
  if (verb == "extract") return run_unpack(spec, false);
  if (verb == "pack-layer") return run_pack(spec);
  if (verb == "sniff") return run_sniff();
  return fail(ErrorKind::kUsage, fmt::format("unknown verb '{}'", verb));
}

}  // namespace
}  // namespace shale::layer

int main(int argc, char** argv) {
  using namespace shale;
  ::umask(0);  // modes are the archive's, set explicitly
  if (argc != 2 || ::fcntl(3, F_GETFD) < 0) {
    // Started by hand: there is nothing to see here, but say so.
    (void)sys::write_all(2, "shale-archive is a part of shale and is started by it\n");
    return 2;
  }
  const Result<Json> result = layer::run(argv[1]);
  if (result) {
    layer::send(Json{{"result", *result}});
    return 0;
  }
  layer::send(Json{{"error", Json::parse(result.error().serialize(), nullptr, false)}});
  return exit_code(result.error());
}
