// SPDX-License-Identifier: Apache-2.0
// The client of shale-archive: hands over a specification and descriptors, reads JSON lines.
//
// The helper's arguments are its verb; its descriptors are 1 (events), 3 (the specification), 4 (input), 5
// (the tree), 6 (output). An event is {"progress": bytes}, {"implied": [index, …]}, {"result": {…}} or
// {"error": {…}}, one per line; a result or an error is the last.
#include "layer/archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "layer/archive_format.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

constexpr std::string_view kHelper = "shale-archive";
// A line is a result with its warnings at most.
constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;

Json limits_json(const ArchiveLimits& limits) {
  return Json{{"max_bytes", limits.max_bytes},
              {"max_entries", limits.max_entries},
              {"max_metadata_bytes", limits.max_metadata_bytes},
              {"max_ratio", limits.max_ratio},
              {"ratio_free_bytes", limits.ratio_free_bytes}};
}

// A descriptor to hand over: the given one, or `path` opened.
Result<int> given_or_opened(int fd, const std::string& path, int flags, UniqueFd& owner, mode_t mode = 0) {
  if (fd >= 0) return fd;
  ASSIGN_OR_RETURN(owner, sys::open_at(AT_FDCWD, path, flags, mode));
  return owner.get();
}

// The helper must not depend on this program's working directory once it has its own view of it; it is
// started in the same one, so relative paths keep their meaning.
Json paths_json(const std::vector<std::string>& paths) {
  Json list = Json::array();
  for (const std::string& path : paths) list.push_back(path);
  return list;
}

Result<ArchiveResult> result_from(const Json& json) {
  ArchiveResult result;
  const auto digest = [&](const char* key, Digest& out) -> Status {
    const std::string text = json_string(json, key);
    if (text.empty()) return {};
    ASSIGN_OR_RETURN(out, Digest::parse(text));
    return {};
  };
  RETURN_IF_ERROR(digest("diff_id", result.diff_id));
  RETURN_IF_ERROR(digest("blob_digest", result.blob_digest));
  RETURN_IF_ERROR(digest("content_key", result.content_key));
  result.blob_bytes = static_cast<std::uint64_t>(json_int(json, "blob_bytes"));
  result.tar_bytes = static_cast<std::uint64_t>(json_int(json, "tar_bytes"));
  result.entries = static_cast<std::uint64_t>(json_int(json, "entries"));
  result.depends_on_lower = json_bool(json, "depends_on_lower");
  if (const Json* list = json_member(json, "warnings"); list != nullptr && list->is_array())
    for (const Json& item : *list)
      if (item.is_string()) result.warnings.push_back(item.get<std::string>());
  return result;
}

Result<ArchiveResult> wait_for(Result<ArchiveJob> job) {
  if (!job) return fail(std::move(job.error()));
  return job->wait();
}

}  // namespace

Result<ArchiveJob> start_archive_job(std::string verb, const Json& spec,
                                     std::vector<std::pair<int, int>> fds) {
  ASSIGN_OR_RETURN(FdPair pipe, sys::make_pipe());
  ASSIGN_OR_RETURN(const UniqueFd spec_fd, sys::sealed_memfd("shale-archive", dump_json(spec)));
  if (const int flags = ::fcntl(pipe.first.get(), F_GETFL);
      ::fcntl(pipe.first.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail_errno(errno, "make a pipe non-blocking");
  }
  sys::SpawnOptions options;
  ASSIGN_OR_RETURN(options.program, sys::helper_path(kHelper));
  options.args = {std::string(kHelper), std::move(verb)};
  options.fds = std::move(fds);
  options.fds.emplace_back(pipe.second.get(), 1);
  options.fds.emplace_back(2, 2);
  options.fds.emplace_back(spec_fd.get(), 3);
  ArchiveJob job;
  ASSIGN_OR_RETURN(job.child_, sys::spawn(options));
  job.events_ = std::move(pipe.first);
  return job;
}

Result<bool> ArchiveJob::poll() {
  std::array<char, 65536> chunk{};
  while (true) {
    const ssize_t got = ::read(events_.get(), chunk.data(), chunk.size());
    if (got > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
      RETURN_IF_ERROR(take_lines());
      continue;
    }
    if (got == 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return false;
    return fail_errno(errno, "read from shale-archive");
  }
}

Status ArchiveJob::take_lines() {
  std::size_t start = 0;
  for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', start)) {
    ASSIGN_OR_RETURN(Json event, parse_json(std::string_view(buffer_).substr(start, end - start),
                                            "the answer of shale-archive"));
    start = end + 1;
    if (const Json* error = json_member(event, "error")) {
      error_ = Error::deserialize(dump_json(*error));
    } else if (const Json* result = json_member(event, "result")) {
      result_ = *result;
    } else if (const Json* implied = json_member(event, "implied");
               implied != nullptr && implied->is_array()) {
      for (const Json& index : *implied)
        if (index.is_number_unsigned()) implied_.push_back(index.get<std::size_t>());
    } else {
      progress_.bytes =
          static_cast<std::uint64_t>(json_int(event, "progress", static_cast<std::int64_t>(progress_.bytes)));
    }
  }
  buffer_.erase(0, start);
  if (buffer_.size() > kMaxLineBytes)
    return fail(ErrorKind::kInternal, "shale-archive answered with an endless line");
  return {};
}

Result<ArchiveResult> ArchiveJob::wait() {
  while (true) {
    ASSIGN_OR_RETURN(const bool closed, poll());
    if (closed) break;
    struct pollfd ready{events_.get(), POLLIN, 0};
    if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return fail_errno(errno, "wait for shale-archive");
  }
  ASSIGN_OR_RETURN(const sys::ExitStatus status, child_.wait());
  if (error_) return fail(std::move(*error_));
  if (result_ && status.ok()) {
    ASSIGN_OR_RETURN(ArchiveResult result, result_from(*result_));
    result.implied = std::move(implied_);
    return result;
  }
  if (status.signal != 0) {
    return fail(Error(ErrorKind::kSystem, fmt::format("shale-archive was ended by signal {}", status.signal))
                    .hint("if memory is short here, the kernel may have killed it"));
  }
  return fail(ErrorKind::kInternal,
              fmt::format("shale-archive ended with status {} and no answer", status.code));
}

Result<ArchiveJob> start_unpack_layer(const UnpackLayerSpec& spec) {
  UniqueFd input_owner;
  UniqueFd fs_owner;
  ASSIGN_OR_RETURN(const int input, given_or_opened(spec.input_fd, spec.input_path, O_RDONLY, input_owner));
  ASSIGN_OR_RETURN(const int fs, given_or_opened(spec.fs_fd, spec.fs_path, O_RDONLY | O_DIRECTORY, fs_owner));
  Json json{{"manifest", spec.manifest_path}, {"limits", limits_json(spec.limits)}};
  if (spec.blob_digest) json["blob_digest"] = spec.blob_digest->to_string();
  if (spec.blob_bytes) json["blob_bytes"] = *spec.blob_bytes;
  if (spec.diff_id) json["diff_id"] = spec.diff_id->to_string();
  json["lower_manifests"] = paths_json(spec.lower_manifests);
  json["owner_attributes"] = spec.owners == OwnerEncoding::kAttributes;
  return start_archive_job("unpack-layer", json, {{input, 4}, {fs, 5}});
}

Result<ArchiveJob> start_extract_archive(const ExtractSpec& spec) {
  UniqueFd input_owner;
  UniqueFd fs_owner;
  ASSIGN_OR_RETURN(const int input, given_or_opened(spec.input_fd, spec.input_path, O_RDONLY, input_owner));
  ASSIGN_OR_RETURN(const int fs, given_or_opened(spec.fs_fd, spec.fs_path, O_RDONLY | O_DIRECTORY, fs_owner));
  Json json{{"manifest", spec.manifest_path},
            {"limits", limits_json(spec.limits)},
            {"squash_owners", spec.squash_owners},
            {"record_owners", spec.record_owners},
            {"any_end", spec.any_end},
            {"owner_attributes", spec.owners == OwnerEncoding::kAttributes}};
  return start_archive_job("extract", json, {{input, 4}, {fs, 5}});
}

Result<ArchiveJob> start_pack_layer(const PackLayerSpec& spec) {
  UniqueFd output_owner;
  UniqueFd fs_owner;
  // A root that may only be passed holds files that may be read all the same.
  ASSIGN_OR_RETURN(const int fs, given_or_opened(spec.fs_fd, spec.fs_path, O_PATH | O_DIRECTORY, fs_owner));
  ASSIGN_OR_RETURN(const int output, given_or_opened(spec.output_fd, spec.output_path,
                                                     O_WRONLY | O_CREAT | O_TRUNC, output_owner, 0644));
  const char* compression = "none";
  if (spec.compression == Compression::kGzip) compression = "gzip";
  if (spec.compression == Compression::kZstd) compression = "zstd";
  Json json{{"manifest", spec.manifest_path},
            {"compression", compression},
            {"level", spec.level},
            {"threads", spec.threads}};
  if (spec.latest_mtime_s) json["latest_mtime"] = *spec.latest_mtime_s;
  return start_archive_job("pack-layer", json, {{fs, 5}, {output, 6}});
}

Result<ArchiveResult> unpack_layer(const UnpackLayerSpec& spec) { return wait_for(start_unpack_layer(spec)); }
Result<ArchiveResult> extract_archive(const ExtractSpec& spec) {
  return wait_for(start_extract_archive(spec));
}
Result<ArchiveResult> pack_layer(const PackLayerSpec& spec) { return wait_for(start_pack_layer(spec)); }

Result<std::string> read_head(int fd, std::string_view what) {
  std::array<char, 512> block{};  // a tar's header
  std::size_t have = 0;
  while (have < block.size()) {
    const ssize_t got = ::pread(fd, block.data() + have, block.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read the beginning of {}", what));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return std::string(block.data(), have);
}

Result<bool> is_archive(int fd) {
  ASSIGN_OR_RETURN(const std::string head, read_head(fd, "a file"));
  if (sniff_format(head) == StreamFormat::kPlain) return is_tar_header(head);
  ASSIGN_OR_RETURN(ArchiveJob job, start_archive_job("sniff", Json::object(), {{fd, 4}}));
  ASSIGN_OR_RETURN(const ArchiveResult result, job.wait());
  return result.entries > 0;
}

}  // namespace shale::layer
