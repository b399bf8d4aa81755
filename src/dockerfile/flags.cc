// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/flags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "dockerfile/runes.h"
#include "dockerfile/syntax.h"

namespace shale::dockerfile {

namespace {

FlagError unknown_flag(std::string_view name, std::span<const FlagSpec> specs) {
  std::vector<std::string> known;
  for (const FlagSpec& spec : specs) known.emplace_back(spec.name);
  FlagError error{fmt::format("unknown flag: --{}", name), fmt::format("--{}", name), suggest(name, known)};
  if (!error.suggestion.empty()) error.suggestion.insert(0, "--");
  return error;
}

}  // namespace

Flags Flags::parse(const std::vector<std::string>& written, std::span<const FlagSpec> specs,
                   std::vector<FlagError>& errors) {
  Flags result;
  for (const std::string& flag : written) {
    if (errors.size() >= kMaxReportedErrors) break;
    const std::string_view body = std::string_view(flag).substr(2);
    const std::size_t equals = body.find('=');
    const std::string_view name = body.substr(0, equals);
    const bool has_value = equals != std::string_view::npos;
    std::string value(has_value ? body.substr(equals + 1) : std::string_view{});
    const auto spec = std::ranges::find(specs, name, &FlagSpec::name);
    const auto add_error = [&](std::string message) {
      errors.push_back({std::move(message), fmt::format("--{}", name), {}});
    };
    if (spec == specs.end()) {
      errors.push_back(unknown_flag(name, specs));
      continue;
    }
    if (spec->type != FlagType::kList && result.has(name)) {
      add_error(fmt::format("duplicate flag specified: --{}", name));
      continue;
    }
    if (spec->type == FlagType::kBool) {
      if (!has_value) value = "true";
      const std::string lower = to_lower(value);
      if (lower != "true" && lower != "false") {
        add_error(value.empty() ? fmt::format("missing a value on flag: --{}", name)
                                : fmt::format("expecting boolean value for flag --{}, not: {}", name, value));
        continue;
      }
      value = lower;
    } else if (!has_value) {
      add_error(fmt::format("missing a value on flag: --{}", name));
      errors.back().hint = fmt::format("write --{}=VALUE, with '=' and without blanks", name);
      continue;
    }
    result.values_[std::string(name)].push_back(std::move(value));
  }
  return result;
}

std::string Flags::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> Flags::list(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace shale::dockerfile
