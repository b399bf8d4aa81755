// SPDX-License-Identifier: Apache-2.0
// SeccompProfile: which system calls a sandbox may make, read from YAML or from docker's JSON, compiled to
// BPF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shale/error.h"

namespace shale::runtime {

// A condition on one argument of a call, on its 64 bits unless `mask` cuts them.
struct SeccompArgument {
  enum class Compare : std::uint8_t {
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kMaskedEqual
  };
  unsigned index = 0;  // 0–5
  Compare compare = Compare::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = ~std::uint64_t{0};  // kMaskedEqual: (argument & mask) == value
};

struct SeccompAction {
  enum class Kind : std::uint8_t { kAllow, kErrno, kKillProcess, kLog };
  Kind kind = Kind::kAllow;
  int errno_value = 0;  // kErrno
  bool operator==(const SeccompAction&) const = default;
};

// `action` for the calls named, when all arguments match. A refusal with arguments is stronger than any
// permission, whatever the order of the rules.
struct SeccompRule {
  std::vector<std::string> names;
  SeccompAction action;
  std::vector<SeccompArgument> arguments;
};

// BPF programs (arrays of struct sock_filter as bytes), all of which must be loaded, in this order.
struct SeccompFilters {
  std::vector<std::string> programs;
  // Calls of the profile that libseccomp has no number for, on this machine's or on its 32-bit architecture;
  // there they get the default action.
  std::vector<std::string> unresolved;
};

class SeccompProfile {
 public:
  SeccompProfile(SeccompAction default_action, std::vector<SeccompRule> rules)
      : default_action_(default_action), rules_(std::move(rules)) {}
  // The policy built into this program (runtime/seccomp/default.yaml).
  static Result<SeccompProfile> load_default();
  // YAML in the format that default.yaml explains, or docker's and podman's JSON. `name` is for messages.
  // `capabilities` decides docker's conditional rules ("includes": {"caps": …}).
  static Result<SeccompProfile> parse(std::string_view text, std::string_view name,
                                      std::uint64_t capabilities);

  // For this machine's architecture; on x86_64 for i386 as well, x32 is refused. Costs milliseconds: keep the
  // result for the build.
  [[nodiscard]] Result<SeccompFilters> compile() const;

  [[nodiscard]] const SeccompAction& default_action() const { return default_action_; }
  [[nodiscard]] const std::vector<SeccompRule>& rules() const { return rules_; }

 private:
  SeccompAction default_action_;
  std::vector<SeccompRule> rules_;
};

}  // namespace shale::runtime
