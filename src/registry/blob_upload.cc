// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_upload.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <optional>

#include "base/sha256.h"
#include "registry/header_fields.h"
#include "sys/files.h"

namespace shale::registry {

namespace {

class Upload {
 public:
  Upload(Session& session, HttpClient& client, const PushBlob& blob, EventWriter& events)
      : session_(session),
        client_(client),
        blob_(blob),
        events_(events),
        digest_(blob.digest.to_string()),
        what_(fmt::format("upload blob {} to {}", digest_, session.shown())),
        retry_(session.retry(what_)) {}

  Result<bool> exists() {
    ASSIGN_OR_RETURN(
        const HttpResponse response,
        session_.request(client_, {.method = "HEAD", .path = fmt::format("blobs/{}", digest_)}, what_));
    if (response.status == 200) return true;
    // Some registries know no HEAD, or hide what one may not read; the upload itself tells.
    if (response.status == 401) return fail(session_.refusal(response, what_));
    return false;
  }

  // True: mounted. False: the registry opened an upload instead (kept), or knows no mounts.
  Result<bool> mount(const std::string& from) {
    return open(fmt::format("blobs/uploads/?mount={}&from={}", percent_encode(digest_), percent_encode(from)),
                true);
  }

  Status send() {
    ASSIGN_OR_RETURN(fd_, sys::open_at(AT_FDCWD, blob_.path, O_RDONLY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd_.get()));
    if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != blob_.size)
      return fail(ErrorKind::kCorrupt,
                  fmt::format("{}: '{}' is not a file of {} bytes", what_, blob_.path, blob_.size));
    bool in_one = true;  // one request that ends the upload; after a break, a part and then its end
    std::uint64_t offset = 0;
    while (true) {
      if (!upload_) {
        RETURN_IF_ERROR(open("blobs/uploads/", false));
        in_one = true;
        offset = 0;
      }
      ASSIGN_OR_RETURN(Exchange exchange, in_one ? put(0) : patch(offset));
      const int status = exchange.outcome == Outcome::kAnswered ? exchange.response.status : 0;
      if (in_one && (status == 201 || status == 204)) return {};
      if (!in_one && (status == 202 || status == 204)) {
        ASSIGN_OR_RETURN(*upload_, next_address(exchange.response));
        return finish();
      }
      if (status == 404) {
        upload_.reset();  // the session is lost: from the beginning
      } else if (status != 0 && status != 416 && !is_passing_status(status)) {
        Error error = session_.refusal(exchange.response, what_);
        if (hash_offset_ == blob_.size && hash_.finish() != blob_.digest)
          return fail(ErrorKind::kCorrupt, fmt::format("'{}' is not what its digest says", blob_.path));
        return fail(std::move(error));
      }
      RETURN_IF_ERROR(retry_.next(exchange));
      if (!upload_) continue;
      ASSIGN_OR_RETURN(const std::optional<std::uint64_t> there, progress());
      if (done_) return {};
      if (!there) {
        upload_.reset();
        continue;
      }
      retry_.reached(*there);
      offset = *there;
      in_one = offset == 0;
    }
  }

 private:
  // Begins an upload; `upload_` is its address then. For a mount: whether the blob is there now.
  Result<bool> open(const std::string& path, bool is_mount) {
    const Url asked = session_.url_of(path);
    ASSIGN_OR_RETURN(
        const HttpResponse response,
        session_.request(client_, {.method = "POST", .path = path, .headers = {"Content-Length: 0"}}, what_));
    if (response.status == 201) return true;
    if (response.status == 202) {
      ASSIGN_OR_RETURN(upload_, session_.location(response, asked));
      return false;
    }
    if (is_mount) return false;
    return fail(session_.refusal(response, what_));
  }

  Result<Url> next_address(const HttpResponse& response) {
    if (response.header("location").empty()) return *upload_;
    return session_.location(response, *upload_);
  }

  RegistryRequest body_request(const char* method, Url url, std::uint64_t offset) {
    RegistryRequest request{
        .method = method, .url = std::move(url), .headers = {"Content-Type: application/octet-stream"}};
    request.file = FileBody{.fd = fd_.get(),
                            .offset = offset,
                            .size = blob_.size - offset,
                            .sent = [this](std::uint64_t at, std::string_view bytes) { on_sent(at, bytes); }};
    return request;
  }

  void on_sent(std::uint64_t at, std::string_view bytes) {
    // Hashed when it goes out for the first time, in order, so that a refusal can be told from a damaged
    // file.
    if (at == hash_offset_) {
      hash_.update(bytes);
      hash_offset_ += bytes.size();
    }
    sent_ = at + bytes.size();
    events_.progress(blob_.digest, sent_, blob_.size);
  }

  Result<Exchange> put(std::uint64_t offset) {
    Url url = *upload_;
    url.add_query("digest", digest_);
    return session_.attempt(client_, body_request("PUT", std::move(url), offset));
  }

  Result<Exchange> patch(std::uint64_t offset) {
    RegistryRequest request = body_request("PATCH", *upload_, offset);
    if (blob_.size > offset)
      request.headers.push_back(fmt::format("Content-Range: {}-{}", offset, blob_.size - 1));
    return session_.attempt(client_, request);
  }

  Status finish() {
    Url url = *upload_;
    url.add_query("digest", digest_);
    ASSIGN_OR_RETURN(
        const HttpResponse response,
        session_.request(client_, {.method = "PUT", .url = url, .headers = {"Content-Length: 0"}}, what_));
    if (response.status == 201 || response.status == 204) return {};
    if (response.status == 404) {
      // The answer to an earlier try may have been lost after it worked.
      ASSIGN_OR_RETURN(const bool there, exists());
      if (there) return {};
    }
    return fail(session_.refusal(response, what_));
  }

  // How much the registry has; nullopt when it has lost the upload. Sets done_ when the blob is complete: a
  // broken connection may have hidden the answer that said so.
  Result<std::optional<std::uint64_t>> progress() {
    ASSIGN_OR_RETURN(done_, exists());
    if (done_) return std::optional<std::uint64_t>{};
    ASSIGN_OR_RETURN(const HttpResponse response,
                     session_.request(client_, {.method = "GET", .url = upload_}, what_));
    if (response.status != 204 && response.status != 202) return std::optional<std::uint64_t>{};
    ASSIGN_OR_RETURN(*upload_, next_address(response));
    const auto there = parse_upload_range(response.header("range"), sent_);
    if (!there || *there > blob_.size) return std::optional<std::uint64_t>{};
    return there;
  }

  Session& session_;
  HttpClient& client_;
  const PushBlob& blob_;
  EventWriter& events_;
  std::string digest_;
  std::string what_;
  Retry retry_;
  UniqueFd fd_;
  std::optional<Url> upload_;
  Sha256 hash_;
  std::uint64_t hash_offset_ = 0;
  std::uint64_t sent_ = 0;
  bool done_ = false;
};

}  // namespace

Result<PushBlobDone::How> upload_blob(Session& session, HttpClient& client, const PushBlob& blob,
                                      const std::vector<std::string>& mount_from, EventWriter& events) {
  Upload upload(session, client, blob, events);
  ASSIGN_OR_RETURN(const bool exists, upload.exists());
  if (exists) return PushBlobDone::How::kExisted;
  for (const std::string& from : mount_from) {
    ASSIGN_OR_RETURN(const bool mounted, upload.mount(from));
    if (mounted) return PushBlobDone::How::kMounted;
  }
  RETURN_IF_ERROR(upload.send());
  return PushBlobDone::How::kUploaded;
}

}  // namespace shale::registry
