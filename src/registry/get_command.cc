// SPDX-License-Identifier: Apache-2.0
// The download of a file that has no digest to verify it by: it is resumed only while the server promises, by
// a strong ETag, that it is still the same file.
#include <fmt/format.h>

#include <algorithm>

#include "registry/auth_policy.h"
#include "registry/blob_file.h"
#include "registry/commands.h"
#include "registry/credentials.h"
#include "registry/header_fields.h"
#include "registry/retry.h"

namespace shale::registry {

namespace {

constexpr int kMaxRedirects = 10;

struct GetSpec {
  Url url;
  std::string destination;
  std::optional<Digest> checksum;
  std::string etag;
  std::vector<std::string> headers;
  std::uint64_t max_bytes = 0;
  NetworkOptions network;
};

Result<GetSpec> read_spec(const Json& json) {
  GetSpec spec;
  ASSIGN_OR_RETURN(spec.url, Url::parse(json_string(json, "url")));
  spec.destination = json_string(json, "destination");
  if (const std::string checksum = json_string(json, "checksum"); !checksum.empty()) {
    ASSIGN_OR_RETURN(spec.checksum, Digest::parse(checksum));
  }
  spec.etag = json_string(json, "etag");
  spec.max_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, json_int(json, "max_bytes")));
  if (const Json* list = json_member(json, "headers"); list != nullptr && list->is_array())
    for (const Json& item : *list)
      if (item.is_string()) spec.headers.push_back(item.get<std::string>());
  for (std::string& text : spec.headers)
    if (text.find_first_of("\r\n") != std::string::npos || text.find('\0') != std::string::npos)
      return fail(ErrorKind::kUsage, "a header for a download has a line break or a NUL");
  if (!spec.url.userinfo.empty()) {
    std::string login;
    if (!percent_decode(spec.url.userinfo, login))
      return fail(ErrorKind::kUsage,
                  fmt::format("the user name in {} is not well encoded", redacted_url(spec.url)));
    if (login.find(':') == std::string::npos) login += ':';
    spec.headers.push_back("Authorization: Basic " + base64_encode(login));
  }
  if (const Json* network = json_member(json, "network")) spec.network = network_options_from(*network);
  return spec;
}

class FileSink : public BodySink {
 public:
  FileSink(BlobFile& file, std::uint64_t limit, EventWriter& events)
      : file_(file), limit_(limit), events_(events) {}
  // Where to go on; 0 when the server gave no promise that it is the same file.
  std::uint64_t offset_to_ask() {
    asked_ = etag_.empty() ? 0 : file_.size();
    return asked_;
  }
  const std::string& etag() const { return etag_; }
  void forget() { etag_.clear(); }
  // A server may give less than the rest that was asked for (RFC 9110, 15.3.7): then there is more to ask
  // for.
  bool complete() const { return !whole_ || *whole_ == file_.size(); }

  Result<bool> begin(const HttpResponse& head) override {
    if (head.status == 206) {
      const auto range = parse_content_range(head.header("content-range"));
      if (range && range->total && asked_ > 0 && range->first == asked_ && head.header("etag") == etag_) {
        whole_ = range->total;
        return true;
      }
      etag_.clear();  // another file or another part: the next try asks for all of it
      return false;
    }
    if (head.status != 200) return false;
    RETURN_IF_ERROR(file_.restart());
    whole_.reset();
    etag_ = head.header("etag");
    if (!etag_.starts_with('"')) etag_.clear();  // weak, or none
    const std::string length = head.header("content-length");
    total_ = length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
    return true;
  }
  Status write(std::string_view bytes) override {
    if (limit_ != 0 && file_.size() + bytes.size() > limit_)
      return fail(ErrorKind::kNetwork, fmt::format("the download is larger than {} bytes", limit_));
    RETURN_IF_ERROR(file_.write(bytes));
    events_.progress({}, file_.size(), total_);
    return {};
  }

 private:
  BlobFile& file_;
  std::uint64_t limit_;
  EventWriter& events_;
  std::uint64_t asked_ = 0;
  std::uint64_t total_ = 0;
  std::optional<std::uint64_t> whole_;  // bytes of the file of which the last answer was a part
  std::string etag_;
};

// One exchange through its redirects. The caller's own headers go to the first origin only.
Result<Exchange> get(HttpClient& client, const GetSpec& spec, const std::vector<std::string>& conditions,
                     BodySink& sink) {
  const HostTrust trust{.insecure = spec.network.insecure_registries};
  Url url = spec.url;
  for (int hops = 0;; ++hops) {
    HttpRequest request{.url = url,
                        .headers = conditions,
                        .sink = &sink,
                        .verify_tls = !trust.is_insecure(url),
                        .connect_timeout = spec.network.patience.connect_timeout,
                        .stall_timeout = spec.network.patience.stall_timeout};
    if (may_send_credential(spec.url, url))
      request.headers.insert(request.headers.end(), spec.headers.begin(), spec.headers.end());
    Exchange exchange = client.perform(request);
    const int status = exchange.outcome == Outcome::kAnswered ? exchange.response.status : 0;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
      const std::string note = status == 0 ? proxy_note(url) : "";
      if (!note.empty()) exchange.problem += fmt::format(" ({})", note);
      return exchange;
    }
    if (hops >= kMaxRedirects)
      return fail(ErrorKind::kNetwork,
                  fmt::format("{} redirects more than {} times", redacted_url(spec.url), kMaxRedirects));
    ASSIGN_OR_RETURN(Url next, url.resolve(exchange.response.header("location")));
    RETURN_IF_ERROR(check_redirect(url, next));
    url = std::move(next);
  }
}

Status finish(const GetSpec& spec, BlobFile& file, const HttpResponse& response, const std::string& what,
              EventWriter& events) {
  Json done = {{"type", "done"}, {"status", response.status}};
  if (response.status == 200 || response.status == 206) {
    const std::uint64_t size = file.size();
    ASSIGN_OR_RETURN(const Digest digest, file.finish());
    if (spec.checksum && digest != *spec.checksum)
      return fail(ErrorKind::kCorrupt, fmt::format("{}: its digest is {}, not {} as demanded", what,
                                                   digest.to_string(), spec.checksum->to_string()));
    RETURN_IF_ERROR(file.commit(spec.destination, true));
    done["status"] = 200;
    done["digest"] = digest.to_string();
    done["size"] = size;
  }
  done["etag"] = response.header("etag");
  done["content_type"] = response.header("content-type");
  if (const auto modified = parse_http_date(response.header("last-modified")))
    done["last_modified"] = *modified;
  events.write(done);
  return {};
}

}  // namespace

Status run_get(const Json& json, EventWriter& events) {
  ASSIGN_OR_RETURN(const GetSpec spec, read_spec(json));
  const std::string what = fmt::format("download {}", redacted_url(spec.url));
  const std::size_t slash = spec.destination.find_last_of('/');
  ASSIGN_OR_RETURN(
      BlobFile file,
      BlobFile::create(slash == std::string::npos ? "." : spec.destination.substr(0, slash + 1)));
  FileSink sink(file, spec.max_bytes, events);
  HttpClient client;
  Retry retry(spec.network.patience, what);
  while (true) {
    std::vector<std::string> conditions;
    const std::uint64_t offset = sink.offset_to_ask();
    if (offset > 0)
      conditions = {fmt::format("Range: bytes={}-", offset), "If-Range: " + sink.etag()};
    else if (!spec.etag.empty() && spec.etag.find_first_of("\r\n") == std::string::npos)
      conditions = {"If-None-Match: " + spec.etag};
    Result<Exchange> exchange = get(client, spec, conditions, sink);
    if (!exchange) return fail(std::move(exchange.error()).context(fmt::format("while trying to {}", what)));
    const int status = exchange->outcome == Outcome::kAnswered ? exchange->response.status : 0;
    const bool part = status == 206 && offset > 0 && !sink.etag().empty();
    if (status == 200 || (part && sink.complete()) || (status == 304 && !spec.etag.empty()))
      return finish(spec, file, exchange->response, what, events);
    if (part) {
      exchange->outcome = Outcome::kBroken;
      exchange->problem = fmt::format("the answer ended after {} bytes of the file", file.size());
    } else if (status == 416 || status == 206) {
      sink.forget();
    } else if (status != 0 && !is_passing_status(status)) {
      Error error(status == 404 || status == 410 ? ErrorKind::kNotFound : ErrorKind::kNetwork,
                  fmt::format("{}: the server answers with status {}", what, status));
      return fail(std::move(error));
    }
    retry.reached(file.size());
    RETURN_IF_ERROR(retry.next(*exchange));
  }
}

}  // namespace shale::registry
