// SPDX-License-Identifier: Apache-2.0
// Flags: the "--name=value" options of an instruction, against the table of those it takes.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

enum class FlagType : std::uint8_t {
  kBool,  // "--link", "--link=true"
  kText,  // "--from=x", once
  kList,  // "--mount=x", as often as wanted
};

struct FlagSpec {
  std::string_view name;  // without the dashes
  FlagType type = FlagType::kText;
};

// An error of the flag that starts with `word` (as written, for the caret).
struct FlagError {
  std::string message;
  std::string word;
  std::string suggestion;
  std::string hint = {};
};

class Flags {
 public:
  // Reads all of `written`; every problem goes to `errors`, the flag concerned is left out.
  static Flags parse(const std::vector<std::string>& written, std::span<const FlagSpec> specs,
                     std::vector<FlagError>& errors);

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  // "" when not given.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const { return text(name) == "true"; }
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace shale::dockerfile
