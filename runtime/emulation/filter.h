// SPDX-License-Identifier: Apache-2.0
// The filter that asks the supervisor: which calls, and with which arguments.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace shale::runtime {

// A program for seccomp(2) with SECCOMP_FILTER_FLAG_NEW_LISTENER. Calls it does not know are allowed: the
// sandbox's policy is another program, whose refusals are stronger.
// `as_user`: the command starts as a user, who is to be refused whatever docker would refuse. For a command
// of root's less is asked, because each question costs: opening to read, for one.
std::vector<struct sock_filter> emulation_filter(bool as_user = false);

}  // namespace shale::runtime
