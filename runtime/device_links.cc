// SPDX-License-Identifier: Apache-2.0
#include "runtime/device_links.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "runtime/report.h"

namespace shale::runtime {

void make_device_links(int dev) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kLinks = {{{"/proc/self/fd", "fd"},
                                                                          {"/proc/self/fd/0", "stdin"},
                                                                          {"/proc/self/fd/1", "stdout"},
                                                                          {"/proc/self/fd/2", "stderr"},
                                                                          {"pts/ptmx", "ptmx"}}};
  for (const auto& [content, name] : kLinks)
    if (::symlinkat(content, dev, name) != 0) give_up(SetupStep::kDev, errno, std::string("/dev/") + name);
}

}  // namespace shale::runtime
