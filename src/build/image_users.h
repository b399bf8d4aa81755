// SPDX-License-Identifier: Apache-2.0
// Users: names in an image's own /etc/passwd and /etc/group → numbers. Never the host's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/copy_plan.h"

namespace shale::build {

// Gives the content of a small regular file of the image, or nullopt if it is not there.
using ImageFileReader = std::function<Result<std::optional<std::string>>(const std::string& path)>;

struct RunUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  std::string home = "/";
};

// USER "name|uid[:group|gid]" as runc understands it: a number (a "+" before it changes nothing) is never
// looked up as a name, a number without a row has group 0; with an explicit group there are no other groups.
// The primary group comes first among the supplementary ones. Empty = root.
Result<RunUser> resolve_run_user(std::string_view user, const ImageFileReader& read);

// A user or group that nobody has: an error, or, for WORKDIR, no error before something runs as that user.
enum class UnknownOwner : std::uint8_t { kRefused, kPassedOver };

// --chown "user[:group]": a name without a group takes that user's primary group, a number without a group is
// its own group. An unknown user that is passed over is 0:0, an unknown group leaves that of the user.
Result<Owner> resolve_owner(std::string_view owner, const ImageFileReader& read,
                            UnknownOwner unknown = UnknownOwner::kRefused);

}  // namespace shale::build
