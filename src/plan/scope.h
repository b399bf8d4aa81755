// SPDX-License-Identifier: Apache-2.0
// Scope: the variables that words of a Dockerfile see, and where ARG gets its values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/expand.h"
#include "image/platform.h"

namespace shale::plan {

// What all values of a Dockerfile may expand to, together. Real files stay far below a mebibyte; one whose
// values repeat each other reaches any size within a few lines.
inline constexpr std::size_t kMaxExpandedText = std::size_t{64} << 20;
// Says so, as an error of kind kDockerfile without a place.
Error too_much_text();

// An ordered set of variables. Setting one again keeps its place.
class Variables {
 public:
  void set(std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return index_.contains(std::string(name)); }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }
  // Of all names and values.
  [[nodiscard]] std::size_t bytes() const;
  // "K=V" each.
  [[nodiscard]] std::vector<std::string> strings() const;
  // Valid as long as this object.
  [[nodiscard]] dockerfile::Lookup lookup() const;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// What every build knows without being told: TARGETPLATFORM … BUILDVARIANT, TARGETSTAGE. `target_stage` is
// the --target as given, or "default".
Variables platform_arguments(const image::Platform& target, const image::Platform& build,
                             std::string_view target_stage);

// HTTP_PROXY and its like, in either case: passed to RUN without ARG, in no history and no key.
bool is_proxy_argument(std::string_view name);
// What RUN gets of them, as KEY=VALUE: programs look for either case, so one that is given alone sets both.
std::vector<std::string> proxy_environment(
    const std::vector<std::pair<std::string, std::string>>& build_args);

}  // namespace shale::plan
