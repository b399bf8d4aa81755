// SPDX-License-Identifier: Apache-2.0
// Upload of one blob: skipped when the registry has it, mounted from another repository, else sent and, after
// a break, continued where the registry says it is.
#pragma once

#include <string>
#include <vector>

#include "registry/push.h"
#include "registry/session.h"

namespace shale::registry {

// Events: progress. kCorrupt when the file is not what its digest says.
Result<PushBlobDone::How> upload_blob(Session& session, HttpClient& client, const PushBlob& blob,
                                      const std::vector<std::string>& mount_from, EventWriter& events);

}  // namespace shale::registry
