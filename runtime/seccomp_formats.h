// SPDX-License-Identifier: Apache-2.0
// The two texts a seccomp profile can be written in. seccomp_profile.h is the door.
#pragma once

#include <string_view>

#include "runtime/seccomp_profile.h"

namespace shale::runtime {

Result<SeccompProfile> parse_yaml_profile(std::string_view text, std::string_view name);
// Docker's and podman's. Rules for other architectures, for capabilities not in `capabilities`, or for newer
// kernels than the running one are left out; the lists of architectures are ours to choose.
Result<SeccompProfile> parse_docker_profile(std::string_view text, std::string_view name,
                                            std::uint64_t capabilities);

// "EPERM" -> 1; 0 = there is no such errno.
int errno_by_name(std::string_view name);

}  // namespace shale::runtime
