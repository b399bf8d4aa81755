// SPDX-License-Identifier: Apache-2.0
#include "plan/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace shale::plan {

void Variables::set(std::string_view name, std::string_view value) {
  if (const auto found = index_.find(name); found != index_.end()) {
    items_[found->second].second = value;
    return;
  }
  index_.emplace(name, items_.size());
  items_.emplace_back(name, value);
}

std::optional<std::string_view> Variables::get(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  return items_[found->second].second;
}

Error too_much_text() {
  return Error(ErrorKind::kDockerfile,
               fmt::format("the values of this file expand to more than {} MiB", kMaxExpandedText >> 20))
      .hint("look for values that repeat each other, such as ENV A=$A$A");
}

std::size_t Variables::bytes() const {
  std::size_t sum = 0;
  for (const auto& [name, value] : items_) sum += name.size() + value.size();
  return sum;
}

std::vector<std::string> Variables::strings() const {
  std::vector<std::string> out;
  out.reserve(items_.size());
  for (const auto& [name, value] : items_) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

dockerfile::Lookup Variables::lookup() const {
  return [this](std::string_view name) { return get(name); };
}

Variables platform_arguments(const image::Platform& target, const image::Platform& build,
                             std::string_view target_stage) {
  Variables out;
  out.set("BUILDPLATFORM", build.to_string());
  out.set("BUILDOS", build.os);
  out.set("BUILDOSVERSION", build.os_version);
  out.set("BUILDARCH", build.architecture);
  out.set("BUILDVARIANT", build.variant);
  out.set("TARGETPLATFORM", target.to_string());
  out.set("TARGETOS", target.os);
  out.set("TARGETOSVERSION", target.os_version);
  out.set("TARGETARCH", target.architecture);
  out.set("TARGETVARIANT", target.variant);
  out.set("TARGETSTAGE", target_stage.empty() ? "default" : target_stage);
  return out;
}

bool is_proxy_argument(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames = {
      "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
      "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::vector<std::string> proxy_environment(
    const std::vector<std::pair<std::string, std::string>>& build_args) {
  std::vector<std::string> out;
  for (const auto& [name, value] : build_args) {
    if (!is_proxy_argument(name)) continue;
    out.push_back(fmt::format("{}={}", name, value));
    std::string other = name;
    for (char& c : other)
      c = static_cast<char>(std::islower(static_cast<unsigned char>(c)) != 0
                                ? std::toupper(static_cast<unsigned char>(c))
                                : std::tolower(static_cast<unsigned char>(c)));
    if (std::ranges::none_of(build_args, [&](const auto& given) { return given.first == other; }))
      out.push_back(fmt::format("{}={}", other, value));
  }
  return out;
}

}  // namespace shale::plan
