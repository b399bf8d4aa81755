// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "cli/units.h"

namespace shale::cli {

namespace {

template <typename Item>
void take_list(const CommandLine& line, std::string_view option, std::vector<Item>& out, Mistakes& mistakes) {
  for (const std::string& text : line.list(option)) {
    Result<Item> item = Item::parse(text);
    if (item)
      out.push_back(std::move(*item));
    else
      mistakes.add(std::move(item.error()));
  }
}

void take_size(const CommandLine& line, std::string_view option, std::uint64_t& out, Mistakes& mistakes) {
  if (!line.has(option)) return;
  Result<std::uint64_t> size = parse_size(line.value(option));
  if (size)
    out = *size;
  else
    mistakes.add(std::move(size.error()).context(fmt::format("in --{}", option)));
}

template <typename Number>
void take_number(const CommandLine& line, std::string_view option, Number& out, Mistakes& mistakes) {
  if (!line.has(option)) return;
  const std::string text = line.value(option);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    mistakes.add(fmt::format("--{} '{}' is not a whole number", option, text),
                 fmt::format("for example --{} 1024", option));
}

// -1 is a value of its own, everything else a size.
void take_swap(const CommandLine& line, std::int64_t& out, Mistakes& mistakes) {
  if (line.value("memory-swap") == "-1") {
    out = -1;
    return;
  }
  std::uint64_t size = 0;
  take_size(line, "memory-swap", size, mistakes);
  out = static_cast<std::int64_t>(size);  // parse_size gives no more than it can hold
}

}  // namespace

void take_run_options(BuildRequest& request, const CommandLine& line, Mistakes& mistakes) {
  take_list(line, "add-host", request.add_hosts, mistakes);
  take_list(line, "ulimit", request.ulimits, mistakes);
  take_size(line, "shm-size", request.shm_bytes, mistakes);
  ResourceLimits& limits = request.limits;
  take_size(line, "memory", limits.memory, mistakes);
  take_swap(line, limits.memory_swap, mistakes);
  take_number(line, "cpu-shares", limits.cpu_shares, mistakes);
  take_number(line, "cpu-period", limits.cpu_period, mistakes);
  take_number(line, "cpu-quota", limits.cpu_quota, mistakes);
  take_number(line, "pids-limit", limits.pids, mistakes);
  limits.cpuset_cpus = line.value("cpuset-cpus");
  limits.cpuset_mems = line.value("cpuset-mems");
  limits.cgroup_parent = line.value("cgroup-parent");
  if (Status good = limits.check(); !good) mistakes.add(std::move(good.error()));
  for (const std::string& text : line.list("security-opt"))
    if (Status taken = request.security.add(text); !taken) mistakes.add(std::move(taken.error()));
}

}  // namespace shale::cli
