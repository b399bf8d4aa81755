// SPDX-License-Identifier: Apache-2.0
// HttpFile: one file from an http or https address, as ADD, contexts and --file fetch it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "remote/secret.h"
#include "shale/digest.h"
#include "shale/error.h"
#include "shale/events.h"

namespace shale::remote {

struct HttpFile {
  bool unchanged = false;  // the server says that the copy with the etag asked about is still right
  Digest digest;           // of the bytes; empty if unchanged
  std::uint64_t size = 0;
  std::optional<std::int64_t> last_modified;  // seconds since 1970
  std::string etag;
};

struct HttpFileRequest {
  std::string url;
  std::string destination;         // absolute path; written only when everything is there
  std::optional<Digest> checksum;  // what the bytes must hash to
  std::string etag;                // of a copy that is there already
  std::uint64_t max_bytes = 0;     // 0 = any number
  EventSink* events = nullptr;     // gets ticks while the download runs; may be null
};

// Blocks until it is there. The secrets HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> go to that host.
Result<HttpFile> fetch_file(const HttpFileRequest& request, const std::vector<Secret>& secrets);

}  // namespace shale::remote
