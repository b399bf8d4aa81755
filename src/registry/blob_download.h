// SPDX-License-Identifier: Apache-2.0
// Download of one blob: resumed where it broke, restarted when the server lies, verified before it gets its
// name.
#pragma once

#include <string>

#include "image/manifest.h"
#include "registry/session.h"

namespace shale::registry {

// Fetches `blob` into `<directory>/<hex>`. Events: progress. kCorrupt when the bytes are wrong twice.
Status download_blob(Session& session, HttpClient& client, const image::Descriptor& blob,
                     const std::string& directory, EventWriter& events);

}  // namespace shale::registry
