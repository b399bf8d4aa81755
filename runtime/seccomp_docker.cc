// SPDX-License-Identifier: Apache-2.0
// Docker's and podman's seccomp profiles in JSON.
#include <fmt/format.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>
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

// Where in the file something stands, for errors: "syscalls[3].args[0]".
struct Place {
  std::string_view profile;
  std::string path;
  [[nodiscard]] Place in(std::string_view part) const {
    return {profile, path.empty() ? std::string(part) : fmt::format("{}.{}", path, part)};
  }
  [[nodiscard]] Place at(std::size_t index) const { return {profile, fmt::format("{}[{}]", path, index)}; }
  [[nodiscard]] std::unexpected<Error> bad(std::string_view what) const {
    return fail(ErrorKind::kUsage, path.empty()
                                       ? fmt::format("seccomp profile '{}': {}", profile, what)
                                       : fmt::format("seccomp profile '{}', {}: {}", profile, path, what));
  }
};

Result<std::string> text_member(const Json& object, const char* key, const Place& place) {
  const Json* member = json_member(object, key);
  if (member == nullptr || member->is_null()) return std::string();
  if (!member->is_string()) return place.in(key).bad("a string is expected");
  return member->get<std::string>();
}

Result<std::uint64_t> number_member(const Json& object, const char* key, std::uint64_t fallback,
                                    const Place& place) {
  const Json* member = json_member(object, key);
  if (member == nullptr || member->is_null()) return fallback;
  if (!member->is_number_unsigned()) return place.in(key).bad("a whole number, not below 0, is expected");
  return member->get<std::uint64_t>();
}

// nullptr if it is absent, which for docker is as good as empty.
Result<const Json*> list_member(const Json& object, const char* key, const Place& place) {
  const Json* member = json_member(object, key);
  if (member == nullptr || member->is_null()) return static_cast<const Json*>(nullptr);
  if (!member->is_array()) return place.in(key).bad("a list is expected");
  return member;
}

// Whether `key` ("includes" or "excludes") of a rule holds. For an inclusion everything named must hold, for
// an exclusion one thing is enough.
Result<bool> matches(const Json& rule, const char* key, std::uint64_t capabilities, bool all,
                     const Place& rule_place) {
  const Json* filter = json_member(rule, key);
  if (filter == nullptr || filter->is_null()) return all;
  const Place place = rule_place.in(key);
  if (!filter->is_object()) return place.bad("an object is expected");
  bool every = true;
  bool any = false;
  const auto note = [&](bool holds) {
    every = every && holds;
    any = any || holds;
  };
  ASSIGN_OR_RETURN(const Json* caps, list_member(*filter, "caps", place));
  if (caps != nullptr)
    for (const Json& item : *caps) note(has_capability(item, capabilities));
  ASSIGN_OR_RETURN(const Json* arches, list_member(*filter, "arches", place));
  if (arches != nullptr && !arches->empty()) note(has_architecture(*arches));
  ASSIGN_OR_RETURN(const std::string kernel, text_member(*filter, "minKernel", place));
  if (!kernel.empty()) note(kernel_is_at_least(kernel));
  return all ? every : any;
}

Result<SeccompAction> action(const Json& object, const char* key, const char* errno_key, const Place& place) {
  constexpr std::uint64_t kMaxErrno = 4095;
  ASSIGN_OR_RETURN(const std::string name, text_member(object, key, place));
  ASSIGN_OR_RETURN(const std::uint64_t errno_value, number_member(object, errno_key, EPERM, place));
  if (name == "SCMP_ACT_ALLOW") return SeccompAction{SeccompAction::Kind::kAllow, 0};
  if (name == "SCMP_ACT_LOG") return SeccompAction{SeccompAction::Kind::kLog, 0};
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_PROCESS" || name == "SCMP_ACT_KILL_THREAD")
    return SeccompAction{SeccompAction::Kind::kKillProcess, 0};
  if (name == "SCMP_ACT_ERRNO") {
    if (errno_value == 0 || errno_value > kMaxErrno) return place.in(errno_key).bad("it is not in 1–4095");
    return SeccompAction{SeccompAction::Kind::kErrno, static_cast<int>(errno_value)};
  }
  if (name.empty()) return place.in(key).bad("an action is missing");
  return place.in(key).bad(fmt::format("the action '{}' is not supported", name));
}

Result<SeccompArgument> argument(const Json& json, const Place& place) {
  using Compare = SeccompArgument::Compare;
  constexpr std::pair<const char*, Compare> kOperators[] = {{"SCMP_CMP_EQ", Compare::kEqual},
                                                            {"SCMP_CMP_NE", Compare::kNotEqual},
                                                            {"SCMP_CMP_LT", Compare::kLess},
                                                            {"SCMP_CMP_LE", Compare::kLessEqual},
                                                            {"SCMP_CMP_GT", Compare::kGreater},
                                                            {"SCMP_CMP_GE", Compare::kGreaterEqual},
                                                            {"SCMP_CMP_MASKED_EQ", Compare::kMaskedEqual}};
  if (!json.is_object()) return place.bad("an object is expected");
  ASSIGN_OR_RETURN(const std::string op, text_member(json, "op", place));
  ASSIGN_OR_RETURN(const std::uint64_t index, number_member(json, "index", 0, place));
  ASSIGN_OR_RETURN(const std::uint64_t value, number_member(json, "value", 0, place));
  ASSIGN_OR_RETURN(const std::uint64_t second, number_member(json, "valueTwo", 0, place));
  if (index > 5) return place.in("index").bad("a call has the arguments 0 to 5");
  for (const auto& [name, compare] : kOperators) {
    if (op != name) continue;
    SeccompArgument out{.index = static_cast<unsigned>(index), .compare = compare, .value = value};
    if (compare == Compare::kMaskedEqual) {
      out.mask = value;
      out.value = second;
    }
    return out;
  }
  return place.in("op").bad(fmt::format("the comparison '{}' is not known", op));
}

Result<std::vector<std::string>> names_of(const Json& rule, const Place& place) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(const Json* list, list_member(rule, "names", place));
  if (list != nullptr)
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (!(*list)[i].is_string()) return place.in("names").at(i).bad("a string is expected");
      names.push_back((*list)[i].get<std::string>());
    }
  // Before docker 1.12 a rule had one name.
  ASSIGN_OR_RETURN(std::string single, text_member(rule, "name", place));
  if (!single.empty()) names.push_back(std::move(single));
  return names;
}

Status add_rule(const Json& item, std::uint64_t capabilities, const Place& place,
                std::vector<SeccompRule>& rules) {
  if (!item.is_object()) return place.bad("an object is expected");
  ASSIGN_OR_RETURN(const bool included, matches(item, "includes", capabilities, true, place));
  ASSIGN_OR_RETURN(const bool excluded, matches(item, "excludes", capabilities, false, place));
  SeccompRule rule;
  ASSIGN_OR_RETURN(rule.action, action(item, "action", "errnoRet", place));
  ASSIGN_OR_RETURN(rule.names, names_of(item, place));
  ASSIGN_OR_RETURN(const Json* list, list_member(item, "args", place));
  std::vector<SeccompArgument> arguments;
  bool same_argument = false;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ASSIGN_OR_RETURN(const SeccompArgument parsed, argument((*list)[i], place.in("args").at(i)));
    for (const SeccompArgument& other : arguments)
      same_argument = same_argument || other.index == parsed.index;
    arguments.push_back(parsed);
  }
  if (!included || excluded) return {};
  if (!same_argument) {
    rule.arguments = std::move(arguments);
    rules.push_back(std::move(rule));
    return {};
  }
  // Two conditions on one argument are alternatives in docker's reading.
  for (const SeccompArgument& alternative : arguments) {
    rule.arguments = {alternative};
    rules.push_back(rule);
  }
  return {};
}

}  // namespace

Result<SeccompProfile> parse_docker_profile(std::string_view text, std::string_view name,
                                            std::uint64_t capabilities) {
  const Place top_place{name, {}};
  const Result<Json> top = parse_json(text, "it");
  // With the line and the column.
  if (!top) return top_place.bad(top.error().message());
  ASSIGN_OR_RETURN(const SeccompAction default_action,
                   action(*top, "defaultAction", "defaultErrnoRet", top_place));
  ASSIGN_OR_RETURN(const Json* calls, list_member(*top, "syscalls", top_place));
  if (calls == nullptr) return top_place.bad("there is no list 'syscalls'");
  std::vector<SeccompRule> rules;
  std::set<std::string> decided;
  std::size_t decisions = 0;
  for (std::size_t i = 0; i < calls->size(); ++i) {
    const std::size_t before = rules.size();
    RETURN_IF_ERROR(add_rule((*calls)[i], capabilities, top_place.in("syscalls").at(i), rules));
    for (std::size_t rule = before; rule < rules.size(); ++rule) {
      decisions += rules[rule].names.size();
      // Of two rules without conditions the first counts, as for docker's library. Podman's own profile has
      // such.
      if (rules[rule].arguments.empty())
        std::erase_if(rules[rule].names,
                      [&](const std::string& call) { return !decided.insert(call).second; });
    }
    if (decisions > kMostDecisions) return top_place.in("syscalls").at(i).bad(too_many_decisions());
  }
  return SeccompProfile(default_action, std::move(rules));
}

}  // namespace shale::runtime
