// SPDX-License-Identifier: Apache-2.0
#include "build/ulimits.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

#include "base/suggest.h"

namespace shale {

namespace {

struct KnownLimit {
  const char* name;
  int resource;
  const char* systemd;  // the directive of a unit that sets it
};
// docker's names.
constexpr std::array<KnownLimit, 15> kKnown = {{{"core", RLIMIT_CORE, "LimitCORE"},
                                                {"cpu", RLIMIT_CPU, "LimitCPU"},
                                                {"data", RLIMIT_DATA, "LimitDATA"},
                                                {"fsize", RLIMIT_FSIZE, "LimitFSIZE"},
                                                {"locks", RLIMIT_LOCKS, "LimitLOCKS"},
                                                {"memlock", RLIMIT_MEMLOCK, "LimitMEMLOCK"},
                                                {"msgqueue", RLIMIT_MSGQUEUE, "LimitMSGQUEUE"},
                                                {"nice", RLIMIT_NICE, "LimitNICE"},
                                                {"nofile", RLIMIT_NOFILE, "LimitNOFILE"},
                                                {"nproc", RLIMIT_NPROC, "LimitNPROC"},
                                                {"rss", RLIMIT_RSS, "LimitRSS"},
                                                {"rtprio", RLIMIT_RTPRIO, "LimitRTPRIO"},
                                                {"rttime", RLIMIT_RTTIME, "LimitRTTIME"},
                                                {"sigpending", RLIMIT_SIGPENDING, "LimitSIGPENDING"},
                                                {"stack", RLIMIT_STACK, "LimitSTACK"}}};

const KnownLimit* known_limit(std::string_view name) {
  const auto* found =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const KnownLimit& known) { return name == known.name; });
  return found == kKnown.end() ? nullptr : found;
}

std::unexpected<Error> malformed(std::string_view text) {
  return fail(Error(ErrorKind::kUsage, fmt::format("--ulimit '{}' is not of the form type=soft[:hard]", text))
                  .hint("for example --ulimit nofile=1024:4096; -1 stands for no limit"));
}

std::optional<std::int64_t> limit_value(std::string_view text) {
  if (text == "unlimited") return -1;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -1) return std::nullopt;
  return value;
}

rlim_t kernel_value(std::int64_t value) { return value < 0 ? RLIM_INFINITY : static_cast<rlim_t>(value); }

std::string shown(rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : std::to_string(value); }

struct rlimit own_limit(int resource) {
  struct rlimit own{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  (void)::getrlimit(static_cast<__rlimit_resource_t>(resource), &own);  // fails for unknown ones only
  return own;
}

// What nobody may have more of.
std::string kernel_maximum(int resource) {
  std::string value;
  if (resource == RLIMIT_NOFILE) std::ifstream("/proc/sys/fs/nr_open") >> value;
  return value;
}

}  // namespace

Result<Ulimit> Ulimit::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return malformed(text);
  Ulimit out;
  out.name = text.substr(0, equals);
  if (known_limit(out.name) == nullptr) {
    std::vector<std::string> names;
    for (const KnownLimit& known : kKnown) names.emplace_back(known.name);
    Error error(ErrorKind::kUsage, fmt::format("--ulimit '{}': there is no limit '{}'", text, out.name));
    hint_nearest(error, out.name, names);
    error.add_hint(fmt::format("the limits are {}", fmt::join(names, ", ")));
    return fail(std::move(error));
  }
  const std::string_view values = text.substr(equals + 1);
  const std::size_t colon = values.find(':');
  const std::optional<std::int64_t> soft = limit_value(values.substr(0, colon));
  const std::optional<std::int64_t> hard =
      colon == std::string_view::npos ? soft : limit_value(values.substr(colon + 1));
  if (!soft || !hard) return malformed(text);
  if (kernel_value(*soft) > kernel_value(*hard))
    return fail(
        Error(ErrorKind::kUsage, fmt::format("--ulimit '{}': the soft limit is above the hard limit", text))
            .hint("the soft limit comes first: type=soft:hard"));
  out.soft = *soft;
  out.hard = *hard;
  return out;
}

namespace build {

std::vector<runtime::ResourceLimit> command_limits(const std::vector<Ulimit>& ulimits) {
  constexpr rlim_t kOpenFiles = 1024;  // what select(2) can hold
  constexpr rlim_t kMostOpenFiles = 524288;
  const struct rlimit files = own_limit(RLIMIT_NOFILE);
  std::vector<runtime::ResourceLimit> out;
  const auto set = [&](int resource, rlim_t soft, rlim_t hard) {
    std::erase_if(out, [&](const runtime::ResourceLimit& one) { return one.resource == resource; });
    out.push_back({.resource = resource, .soft = soft, .hard = hard});
  };
  const rlim_t most = std::min(files.rlim_max, kMostOpenFiles);
  set(RLIMIT_NOFILE, std::min(kOpenFiles, most), most);
  // A program that is to write one can still raise it.
  set(RLIMIT_CORE, 0, own_limit(RLIMIT_CORE).rlim_max);
  for (const Ulimit& one : ulimits)
    if (const KnownLimit* known = known_limit(one.name))
      set(known->resource, kernel_value(one.soft), kernel_value(one.hard));
  return out;
}

Status allow_limits(const std::vector<Ulimit>& ulimits) {
  for (const Ulimit& one : ulimits) {
    const KnownLimit* known = known_limit(one.name);
    const rlim_t wanted = kernel_value(one.hard);
    struct rlimit own = own_limit(known == nullptr ? RLIMIT_NOFILE : known->resource);
    if (known == nullptr || wanted <= own.rlim_max) continue;
    const std::string before = shown(own.rlim_max);
    own.rlim_max = wanted;
    if (::setrlimit(static_cast<__rlimit_resource_t>(known->resource), &own) == 0) continue;
    Error error(ErrorKind::kUnsupported,
                fmt::format("--ulimit {}={}: the hard limit of this process is {}, and more "
                            "is not allowed",
                            one.name, shown(wanted), before));
    error.add_hint(
        fmt::format("ask for at most {}, or raise it: a line in /etc/security/limits.conf, or {}= of the "
                    "systemd unit",
                    before, known->systemd));
    if (const std::string most = kernel_maximum(known->resource); !most.empty())
      error.add_hint(fmt::format("the kernel gives nobody more than {} (sysctl fs.nr_open)", most));
    return fail(std::move(error));
  }
  return {};
}

}  // namespace build

}  // namespace shale
