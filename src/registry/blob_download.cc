// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_download.h"

#include <fmt/format.h>

#include <algorithm>

#include "registry/blob_file.h"
#include "registry/header_fields.h"

namespace shale::registry {

namespace {

// Feeds answers into a BlobFile, whatever part of the blob they carry.
class DownloadSink : public BodySink {
 public:
  DownloadSink(BlobFile& file, const image::Descriptor& blob, EventWriter& events)
      : file_(file), blob_(blob), events_(events) {}

  // Call before each request. 0 = the whole blob is asked for.
  std::uint64_t offset_to_ask() {
    skip_ = 0;
    asked_ = use_ranges_ ? file_.size() : 0;
    return asked_;
  }
  // The server does not do ranges: the next request is for the whole blob, from nothing.
  Status give_up_ranges() {
    use_ranges_ = false;
    return restart();
  }
  Status restart() {
    skip_ = 0;
    return file_.restart();
  }
  bool wants_restart() const { return wants_restart_; }
  void clear_restart() { wants_restart_ = false; }

  Result<bool> begin(const HttpResponse& head) override {
    if (head.status == 206) return begin_part(head);
    if (head.status != 200) return false;
    if (file_.size() == 0) return true;
    if (asked_ > 0 && !discarded_) {
      // The whole blob instead of its rest: once, what is known already is thrown away and the rest used.
      discarded_ = true;
      skip_ = file_.size();
      return true;
    }
    RETURN_IF_ERROR(give_up_ranges());
    return true;
  }

  Status write(std::string_view bytes) override {
    if (skip_ > 0) {
      const std::uint64_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
      skip_ -= skipped;
      bytes.remove_prefix(skipped);
    }
    if (bytes.size() > blob_.size - std::min(blob_.size, file_.size()))
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the blob {} is longer than the {} bytes its manifest promises",
                              blob_.digest.to_string(), blob_.size));
    RETURN_IF_ERROR(file_.write(bytes));
    events_.progress(blob_.digest, file_.size(), blob_.size);
    return {};
  }

 private:
  Result<bool> begin_part(const HttpResponse& head) {
    const auto range = parse_content_range(head.header("content-range"));
    const bool right = asked_ > 0 && range && range->first == asked_ && range->last < blob_.size &&
                       (!range->total || *range->total == blob_.size);
    if (right) return true;
    wants_restart_ = true;  // another part than the one asked for
    return false;
  }

  BlobFile& file_;
  const image::Descriptor& blob_;
  EventWriter& events_;
  std::uint64_t skip_ = 0;
  std::uint64_t asked_ = 0;
  bool use_ranges_ = true;
  bool discarded_ = false;
  bool wants_restart_ = false;
};

}  // namespace

Status download_blob(Session& session, HttpClient& client, const image::Descriptor& blob,
                     const std::string& directory, EventWriter& events) {
  const std::string digest = blob.digest.to_string();
  const std::string what = fmt::format("download blob {} of {}", digest, session.shown());
  ASSIGN_OR_RETURN(BlobFile file, BlobFile::create(directory));
  DownloadSink sink(file, blob, events);
  Retry retry = session.retry(what);
  RegistryRequest request{.path = fmt::format("blobs/{}", digest), .sink = &sink};
  bool wrong_before = false;
  while (true) {
    request.headers.clear();
    if (const std::uint64_t offset = sink.offset_to_ask(); offset > 0)
      request.headers.push_back(fmt::format("Range: bytes={}-", offset));
    // A part that is refused has an unknown length: it is not read further than this.
    request.max_body = std::size_t{1} << 20;
    sink.clear_restart();
    Result<Exchange> exchange = session.attempt(client, request);
    if (sink.wants_restart()) {
      RETURN_IF_ERROR(sink.give_up_ranges());
      Exchange lied{.outcome = Outcome::kBroken,
                    .problem = "it sent another part of the blob than was asked for"};
      RETURN_IF_ERROR(retry.next(lied));
      continue;
    }
    if (!exchange) return fail(std::move(exchange.error()).context(fmt::format("while trying to {}", what)));
    const bool answered = exchange->outcome == Outcome::kAnswered;
    const int status = exchange->response.status;
    const bool complete = answered && (status == 200 || status == 206) && file.size() == blob.size;
    if (complete) {
      ASSIGN_OR_RETURN(const Digest found, file.finish());
      if (found == blob.digest) return file.commit(fmt::format("{}/{}", directory, blob.digest.hex()), false);
      if (wrong_before)
        return fail(ErrorKind::kCorrupt,
                    fmt::format("{}: the bytes hash to {}, twice", what, found.to_string()));
      wrong_before =
          true;  // perhaps the blob changed between two parts: once more, from the start, in one piece
      RETURN_IF_ERROR(sink.give_up_ranges());
      continue;
    }
    if (answered && status == 416) {
      RETURN_IF_ERROR(sink.give_up_ranges());
    } else if (answered && status != 200 && status != 206 && !is_passing_status(status)) {
      return fail(session.refusal(exchange->response, what));
    } else if (answered && !is_passing_status(status)) {
      exchange->outcome = Outcome::kBroken;
      exchange->problem = fmt::format("the answer ended after {} of {} bytes", file.size(), blob.size);
    }
    retry.reached(file.size());
    RETURN_IF_ERROR(retry.next(*exchange));
  }
}

}  // namespace shale::registry
