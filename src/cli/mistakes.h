// SPDX-License-Identifier: Apache-2.0
// Mistakes: independent errors of one command line, reported together.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "shale/error.h"

namespace shale::cli {

class Mistakes {
 public:
  void add(Error error) {
    if (first_)
      first_->add_other(std::move(error));
    else
      first_ = std::move(error);
  }
  void add(std::string message, std::string hint) {
    add(Error(ErrorKind::kUsage, std::move(message)).hint(std::move(hint)));
  }
  // All of them as one; nothing if there was none.
  std::optional<Error> take() { return std::move(first_); }

 private:
  std::optional<Error> first_;
};

}  // namespace shale::cli
