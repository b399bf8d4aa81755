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

// How often a profile may name a call. A filter has at most 4096 instructions, so more could not be loaded,
// and libseccomp's time grows with the square.
inline constexpr std::size_t kMostDecisions = 8192;
std::string too_many_decisions();

// "EPERM" -> 1; 0 = there is no such errno.
int errno_by_name(std::string_view name);

}  // namespace shale::runtime
