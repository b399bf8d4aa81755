// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp_profile.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cstring>
#include <optional>

#include "runtime/seccomp_formats.h"

namespace shale::runtime {

namespace {

constexpr std::string_view kDefaultProfile =
#include "runtime/default_profile.inc"
    ;
constexpr std::size_t kMaxText = std::size_t{1} << 20;
// not_in becomes one comparison per value below its largest.
constexpr std::uint64_t kMaxListed = 64;

// Thrown and caught in this file only: yaml-cpp reports by exceptions anyway.
struct BadProfile {
  YAML::Mark mark;
  std::string what;
};

std::uint64_t number(const YAML::Node& node) {
  const std::string text = node.as<std::string>();
  try {
    std::size_t used = 0;
    const std::uint64_t value = std::stoull(text, &used, 0);
    if (used == text.size() && text[0] != '-') return value;
  } catch (const std::logic_error&) {  // NOLINT(bugprone-empty-catch)
    // stoull's "no number" and "out of range"; said below.
  }
  throw BadProfile{node.Mark(), fmt::format("'{}' is not a number", text)};
}

void allow_keys(const YAML::Node& map, std::initializer_list<std::string_view> known) {
  if (!map.IsMap()) throw BadProfile{map.Mark(), "a list of 'key: value' is expected here"};
  for (const auto& item : map) {
    const std::string key = item.first.as<std::string>();
    bool found = false;
    for (const std::string_view name : known) found = found || name == key;
    if (!found) throw BadProfile{item.first.Mark(), fmt::format("the key '{}' is unknown", key)};
  }
}

SeccompAction action(const YAML::Node& node) {
  if (!node.IsDefined() || !node.IsScalar())
    throw BadProfile{node.IsDefined() ? node.Mark() : YAML::Mark(), "an action is missing"};
  const std::string name = node.as<std::string>();
  if (name == "allow") return {SeccompAction::Kind::kAllow, 0};
  if (name == "log") return {SeccompAction::Kind::kLog, 0};
  if (name == "kill") return {SeccompAction::Kind::kKillProcess, 0};
  if (const int value = errno_by_name(name); value != 0) return {SeccompAction::Kind::kErrno, value};
  throw BadProfile{node.Mark(),
                   fmt::format("the action '{}' is not allow, log, kill or the name of an errno", name)};
}

// One condition as alternatives (any of them); more than one only for any_bit and not_in.
std::vector<SeccompArgument> condition(const YAML::Node& node) {
  using Compare = SeccompArgument::Compare;
  allow_keys(node, {"argument", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
                    "mask", "value", "any_bit", "not_in"});
  if (!node["argument"]) throw BadProfile{node.Mark(), "a condition names no argument"};
  const std::uint64_t index = number(node["argument"]);
  if (index > 5) throw BadProfile{node.Mark(), "a call has the arguments 0 to 5"};
  const auto compare = [&](Compare how, std::uint64_t value, std::uint64_t mask = ~std::uint64_t{0}) {
    return SeccompArgument{static_cast<unsigned>(index), how, value, mask};
  };
  if (node["mask"] && node["value"] && node.size() == 3)
    return {compare(Compare::kMaskedEqual, number(node["value"]), number(node["mask"]))};
  if (node.size() != 2) throw BadProfile{node.Mark(), "a condition has an argument and one comparison"};
  std::vector<SeccompArgument> out;
  if (const YAML::Node bits = node["any_bit"]) {
    const std::uint64_t mask = number(bits);
    for (unsigned bit = 0; bit < 64; ++bit)
      if (const std::uint64_t one = std::uint64_t{1} << bit; (mask & one) != 0)
        out.push_back(compare(Compare::kMaskedEqual, one, one));
    if (out.empty()) throw BadProfile{bits.Mark(), "any_bit has no bit"};
    return out;
  }
  if (const YAML::Node list = node["not_in"]) {
    std::uint64_t listed = 0;
    for (const YAML::Node& item : list) {
      const std::uint64_t value = number(item);
      if (value >= kMaxListed) throw BadProfile{item.Mark(), "not_in takes values below 64"};
      listed |= std::uint64_t{1} << value;
    }
    if (listed == 0) throw BadProfile{list.Mark(), "not_in is empty"};
    std::uint64_t value = 0;
    for (; (listed >> value) != 0; ++value) {
      if ((listed >> value & 1U) == 0) out.push_back(compare(Compare::kMaskedEqual, value, 0xffffffff));
      if (value + 1 == kMaxListed) break;
    }
    // The kernel cuts such an argument to 32 bits; with any higher bit it is more than this too.
    out.push_back(compare(Compare::kGreaterEqual, value));
    return out;
  }
  constexpr std::pair<const char*, Compare> kPlain[] = {
      {"equal", Compare::kEqual},     {"not_equal", Compare::kNotEqual},
      {"less", Compare::kLess},       {"less_equal", Compare::kLessEqual},
      {"greater", Compare::kGreater}, {"greater_equal", Compare::kGreaterEqual}};
  for (const auto& [key, how] : kPlain)
    if (const YAML::Node value = node[key]) return {compare(how, number(value))};
  throw BadProfile{node.Mark(), "a mask needs a value, a value a mask"};
}

void add_rule(const YAML::Node& node, std::vector<SeccompRule>& rules) {
  allow_keys(node, {"action", "calls", "when"});
  SeccompRule rule;
  rule.action = action(node["action"]);
  if (!node["calls"] || !node["calls"].IsSequence())
    throw BadProfile{node.Mark(), "a rule has no list of calls"};
  for (const YAML::Node& call : node["calls"]) rule.names.push_back(call.as<std::string>());
  const YAML::Node when = node["when"];
  if (!when) {
    rules.push_back(std::move(rule));
  } else if (when.IsSequence()) {
    for (const YAML::Node& item : when) {
      const std::vector<SeccompArgument> alternatives = condition(item);
      if (alternatives.size() != 1)
        throw BadProfile{item.Mark(), "any_bit and not_in stand alone in their rule"};
      rule.arguments.push_back(alternatives[0]);
    }
    rules.push_back(std::move(rule));
  } else {
    for (const SeccompArgument& alternative : condition(when)) {
      rule.arguments = {alternative};
      rules.push_back(rule);
    }
  }
}

}  // namespace

std::string too_many_decisions() {
  return fmt::format("the profile names calls more than {} times, which no filter can hold", kMostDecisions);
}

int errno_by_name(std::string_view name) {
  constexpr int kLastErrno = 133;  // EHWPOISON
  for (int value = 1; value <= kLastErrno; ++value)
    if (const char* known = ::strerrorname_np(value); known != nullptr && name == known) return value;
  return 0;
}

Result<SeccompProfile> parse_yaml_profile(std::string_view text, std::string_view name) {
  try {
    const YAML::Node top = YAML::Load(std::string(text));
    allow_keys(top, {"version", "default", "rules"});
    if (!top["version"] || number(top["version"]) != 1)
      throw BadProfile{top.Mark(), "only 'version: 1' is known"};
    const SeccompAction default_action = action(top["default"]);
    std::vector<SeccompRule> rules;
    if (!top["rules"] || !top["rules"].IsSequence())
      throw BadProfile{top.Mark(), "there is no list of rules"};
    std::size_t decisions = 0;
    for (const YAML::Node& rule : top["rules"]) {
      const std::size_t before = rules.size();
      add_rule(rule, rules);
      for (std::size_t i = before; i < rules.size(); ++i) decisions += rules[i].names.size();
      if (decisions > kMostDecisions) throw BadProfile{rule.Mark(), too_many_decisions()};
    }
    return SeccompProfile(default_action, std::move(rules));
  } catch (const BadProfile& bad) {
    return fail(ErrorKind::kUsage,
                fmt::format("seccomp profile '{}', line {}: {}", name, bad.mark.line + 1, bad.what));
  } catch (const YAML::Exception& bad) {
    return fail(ErrorKind::kUsage,
                fmt::format("seccomp profile '{}', line {}: {}", name, bad.mark.line + 1, bad.msg));
  }
}

Result<SeccompProfile> SeccompProfile::load_default() {
  return parse_yaml_profile(kDefaultProfile, "default.yaml");
}

Result<SeccompProfile> SeccompProfile::parse(std::string_view text, std::string_view name,
                                             std::uint64_t capabilities) {
  if (text.size() > kMaxText)
    return fail(ErrorKind::kUsage, fmt::format("seccomp profile '{}' is larger than 1 MiB", name));
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{')
    return parse_docker_profile(text, name, capabilities);
  return parse_yaml_profile(text, name);
}

}  // namespace shale::runtime
