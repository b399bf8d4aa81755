// SPDX-License-Identifier: Apache-2.0
// The values of --add-host, and the rules that --memory and its kin follow.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "shale/run_options.h"

namespace shale {

namespace {

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// Anything that would end the name or the line in /etc/hosts.
bool is_host_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '#';
  });
}

// The kernel's list format: "0-3,7".
bool is_number_list(std::string_view text) {
  const auto number = [&]() -> std::optional<unsigned> {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
  };
  while (true) {
    const std::optional<unsigned> first = number();
    if (!first) return false;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      const std::optional<unsigned> last = number();
      if (!last || *last < *first) return false;
    }
    if (text.empty()) return true;
    if (!text.starts_with(',')) return false;
    text.remove_prefix(1);
  }
}

}  // namespace

Result<ExtraHost> ExtraHost::parse(std::string_view text) {
  // The first '=' divides; without one the first ':', since IPv6 addresses have more of those.
  std::size_t at = text.find('=');
  if (at == std::string_view::npos) at = text.find(':');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    return fail(Error(ErrorKind::kUsage, fmt::format("--add-host '{}' is not of the form host:ip", text))
                    .hint("for example --add-host db:10.0.0.2"));
  ExtraHost out{.name = std::string(text.substr(0, at)), .address = std::string(text.substr(at + 1))};
  if (!is_host_name(out.name))
    return fail(
        Error(ErrorKind::kUsage, fmt::format("--add-host '{}': '{}' is not a host name", text, out.name))
            .hint("a name has no spaces, control characters or '#'"));
  if (out.address.size() > 2 && out.address.starts_with('[') && out.address.ends_with(']'))
    out.address = out.address.substr(1, out.address.size() - 2);
  if (out.address != kGateway && !is_address(out.address))
    return fail(
        Error(ErrorKind::kUsage, fmt::format("--add-host '{}': '{}' is not an IP address", text, out.address))
            .hint("write an IPv4 or IPv6 address, or host-gateway for the host itself"));
  return out;
}

Status ResourceLimits::check() const {
  std::optional<Error> errors;
  const auto mistake = [&](bool wrong, std::string message, std::string hint) {
    if (wrong) collect(errors, Error(ErrorKind::kUsage, std::move(message)).hint(std::move(hint)));
  };
  constexpr std::uint64_t kLeastMemory = std::uint64_t{6} << 20;  // docker's: less holds no process
  mistake(memory != 0 && memory < kLeastMemory, fmt::format("--memory {} is less than 6 MiB", memory),
          "a command needs more to start: --memory 512m");
  mistake(memory_swap > 0 && memory == 0, "--memory-swap needs --memory",
          "it is the limit of memory and swap together");
  mistake(memory_swap > 0 && memory != 0 && static_cast<std::uint64_t>(memory_swap) < memory,
          "--memory-swap is less than --memory", "it is the limit of memory and swap together");
  mistake(memory_swap < -1, fmt::format("--memory-swap {} is less than -1", memory_swap),
          "-1 stands for no limit on swap");
  constexpr std::uint64_t kLeastShares = 2;  // cgroup v1's range, which docker's values are in
  constexpr std::uint64_t kMostShares = 262144;
  mistake(cpu_shares != 0 && (cpu_shares < kLeastShares || cpu_shares > kMostShares),
          fmt::format("--cpu-shares {} is not in 2–262144", cpu_shares), "1024 is an equal share");
  constexpr std::uint64_t kLeastPeriod = 1000;  // the kernel's
  constexpr std::uint64_t kMostPeriod = 1000000;
  mistake(cpu_period != 0 && (cpu_period < kLeastPeriod || cpu_period > kMostPeriod),
          fmt::format("--cpu-period {} is not in 1000–1000000", cpu_period),
          "it is a number of microseconds; 100000 without the option");
  mistake(cpu_quota < -1 || (cpu_quota > 0 && cpu_quota < static_cast<std::int64_t>(kLeastPeriod)),
          fmt::format("--cpu-quota {} is less than 1000", cpu_quota),
          "it is a number of microseconds of each --cpu-period; -1 stands for no limit");
  mistake(!cpuset_cpus.empty() && !is_number_list(cpuset_cpus),
          fmt::format("--cpuset-cpus '{}' is not a list of processors", cpuset_cpus), "for example 0-2,5");
  mistake(!cpuset_mems.empty() && !is_number_list(cpuset_mems),
          fmt::format("--cpuset-mems '{}' is not a list of memory nodes", cpuset_mems), "for example 0,1");
  mistake(pids < -1, fmt::format("--pids-limit {} is less than -1", pids), "-1 stands for no limit");
  if (errors) return fail(std::move(*errors));
  return {};
}

}  // namespace shale
