// SPDX-License-Identifier: Apache-2.0
// Docker's and podman's seccomp profiles in JSON.
#include <fmt/format.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/json.h"
#include "runtime/seccomp_formats.h"

namespace shale::runtime {

namespace {

// What Go, and so these files, call the architectures.
const char* go_architecture() {
  switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
      return "amd64";
    case SCMP_ARCH_X86:
      return "386";
    case SCMP_ARCH_AARCH64:
      return "arm64";
    case SCMP_ARCH_ARM:
      return "arm";
    case SCMP_ARCH_PPC64LE:
      return "ppc64le";
    case SCMP_ARCH_S390X:
      return "s390x";
    case SCMP_ARCH_RISCV64:
      return "riscv64";
    default:
      return "";
  }
}

bool has_architecture(const Json& list) {
  for (const Json& item : list) {
    if (!item.is_string()) continue;
    const std::string name = item.get<std::string>();
    // An x86_64 filter is one for i386 as well, which these files call x86.
    if (name == go_architecture() || (name == "x86" && seccomp_arch_native() == SCMP_ARCH_X86_64))
      return true;
  }
  return false;
}

bool has_capability(const Json& item, std::uint64_t capabilities) {
  cap_value_t value = 0;
  if (!item.is_string() || ::cap_from_name(item.get<std::string>().c_str(), &value) != 0) return false;
  return value >= 0 && value < 64 && (capabilities >> static_cast<unsigned>(value) & 1U) != 0;
}

// A kernel of at least "4.8"?
bool kernel_is_at_least(const std::string& wanted) {
  struct utsname name;
  int have[2] = {0, 0};
  int want[2] = {0, 0};
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &have[0], &have[1]) != 2 ||
      std::sscanf(wanted.c_str(), "%d.%d", &want[0], &want[1]) != 2)
    return false;
  return std::pair(have[0], have[1]) >= std::pair(want[0], want[1]);
}

// Whether `filter` ("includes" or "excludes") holds. For an inclusion everything named must hold, for an
// exclusion one thing is enough.
bool matches(const Json* filter, std::uint64_t capabilities, bool all) {
  bool every = true;
  bool any = false;
  const auto note = [&](bool holds) {
    every = every && holds;
    any = any || holds;
  };
  if (const Json* list = filter == nullptr ? nullptr : json_member(*filter, "caps");
      list != nullptr && list->is_array())
    for (const Json& item : *list) note(has_capability(item, capabilities));
  if (const Json* list = filter == nullptr ? nullptr : json_member(*filter, "arches");
      list != nullptr && list->is_array() && !list->empty())
    note(has_architecture(*list));
  if (filter != nullptr)
    if (const std::string kernel = json_string(*filter, "minKernel"); !kernel.empty())
      note(kernel_is_at_least(kernel));
  return all ? every : any;
}

Result<SeccompAction> action(const std::string& name, std::int64_t errno_value, std::string_view profile) {
  constexpr std::int64_t kMaxErrno = 4095;
  if (name == "SCMP_ACT_ALLOW") return SeccompAction{SeccompAction::Kind::kAllow, 0};
  if (name == "SCMP_ACT_LOG") return SeccompAction{SeccompAction::Kind::kLog, 0};
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_PROCESS" || name == "SCMP_ACT_KILL_THREAD")
    return SeccompAction{SeccompAction::Kind::kKillProcess, 0};
  if (name == "SCMP_ACT_ERRNO" && errno_value > 0 && errno_value <= kMaxErrno)
    return SeccompAction{SeccompAction::Kind::kErrno, static_cast<int>(errno_value)};
  return fail(ErrorKind::kUsage,
              fmt::format("seccomp profile '{}': the action '{}' is not supported", profile, name));
}

Result<SeccompArgument> argument(const Json& json, std::string_view profile) {
  using Compare = SeccompArgument::Compare;
  constexpr std::pair<const char*, Compare> kOperators[] = {{"SCMP_CMP_EQ", Compare::kEqual},
                                                            {"SCMP_CMP_NE", Compare::kNotEqual},
                                                            {"SCMP_CMP_LT", Compare::kLess},
                                                            {"SCMP_CMP_LE", Compare::kLessEqual},
                                                            {"SCMP_CMP_GT", Compare::kGreater},
                                                            {"SCMP_CMP_GE", Compare::kGreaterEqual},
                                                            {"SCMP_CMP_MASKED_EQ", Compare::kMaskedEqual}};
  const std::string op = json_string(json, "op");
  for (const auto& [name, compare] : kOperators) {
    if (op != name) continue;
    const std::int64_t index = json_int(json, "index", -1);
    if (index < 0 || index > 5) break;
    const auto value = static_cast<std::uint64_t>(json_int(json, "value"));
    const auto second = static_cast<std::uint64_t>(json_int(json, "valueTwo"));
    SeccompArgument out{.index = static_cast<unsigned>(index), .compare = compare, .value = value};
    if (compare == Compare::kMaskedEqual) {
      out.mask = value;
      out.value = second;
    }
    return out;
  }
  return fail(ErrorKind::kUsage,
              fmt::format("seccomp profile '{}': a condition with '{}' is not understood", profile, op));
}

}  // namespace

Result<SeccompProfile> parse_docker_profile(std::string_view text, std::string_view name,
                                            std::uint64_t capabilities) {
  ASSIGN_OR_RETURN(const Json top, parse_json(text, fmt::format("seccomp profile '{}'", name)));
  ASSIGN_OR_RETURN(const SeccompAction default_action,
                   action(json_string(top, "defaultAction"), json_int(top, "defaultErrnoRet", EPERM), name));
  const Json* calls = json_member(top, "syscalls");
  if (calls == nullptr || !calls->is_array())
    return fail(ErrorKind::kUsage, fmt::format("seccomp profile '{}' has no list 'syscalls'", name));
  std::vector<SeccompRule> rules;
  for (const Json& item : *calls) {
    if (!matches(json_member(item, "includes"), capabilities, true) ||
        matches(json_member(item, "excludes"), capabilities, false))
      continue;
    SeccompRule rule;
    ASSIGN_OR_RETURN(rule.action,
                     action(json_string(item, "action"), json_int(item, "errnoRet", EPERM), name));
    if (const Json* names = json_member(item, "names"); names != nullptr && names->is_array())
      for (const Json& call : *names)
        if (call.is_string()) rule.names.push_back(call.get<std::string>());
    if (const std::string single = json_string(item, "name"); !single.empty()) rule.names.push_back(single);
    std::vector<SeccompArgument> arguments;
    bool same_argument = false;
    if (const Json* list = json_member(item, "args"); list != nullptr && list->is_array())
      for (const Json& entry : *list) {
        ASSIGN_OR_RETURN(const SeccompArgument parsed, argument(entry, name));
        for (const SeccompArgument& other : arguments)
          same_argument = same_argument || other.index == parsed.index;
        arguments.push_back(parsed);
      }
    if (!same_argument) {
      rule.arguments = std::move(arguments);
      rules.push_back(std::move(rule));
      continue;
    }
    // Two conditions on one argument are alternatives in docker's reading.
    for (const SeccompArgument& alternative : arguments) {
      rule.arguments = {alternative};
      rules.push_back(rule);
    }
  }
  return SeccompProfile(default_action, std::move(rules));
}

}  // namespace shale::runtime
