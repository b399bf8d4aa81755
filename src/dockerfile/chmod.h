// SPDX-License-Identifier: Apache-2.0
// Chmod: the value of COPY --chmod, octal or symbolic.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

class Chmod {
 public:
  // "0644", "755", "u=rwX,go=rX", "+x", "g=u". The error has no place: the caller adds the instruction's.
  static Result<Chmod> parse(std::string_view text);

  // The permission bits (0–07777) of an entry that has `mode` now. `+x` without u, g, o means all of them: no
  // umask.
  [[nodiscard]] std::uint32_t apply(std::uint32_t mode, bool is_directory) const;
  // The bits of an octal value; nullopt for a symbolic one.
  [[nodiscard]] std::optional<std::uint32_t> octal() const { return octal_; }

 private:
  struct Clause {
    std::uint32_t who = 0;             // 4 = u, 2 = g, 1 = o
    char operation = '=';              // + - =
    std::uint32_t bits = 0;            // rwx as 7
    bool conditional_execute = false;  // X
    bool special = false;              // s
    bool sticky = false;               // t
    char copy_from = 0;                // u, g or o: takes that one's bits
  };
  std::optional<std::uint32_t> octal_;
  std::vector<Clause> clauses_;
};

}  // namespace shale::dockerfile
