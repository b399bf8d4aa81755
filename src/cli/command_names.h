// SPDX-License-Identifier: Apache-2.0
// The names of commands: Shale's own, docker's other names for them, and docker's commands that are not here.
#pragma once

#include <span>
#include <string>

#include "cli/options.h"
#include "shale/error.h"

namespace shale::cli {

struct NamedCommand {
  const CommandSpec* command = nullptr;
  std::size_t words = 1;  // that make up its name
};

// The command that `words`, of which there is one at least, begin with: "images", "image ls", "buildx build".
// The error for another word names the nearest, or says why what docker calls so is not here and what to do
// instead.
Result<NamedCommand> name_command(std::span<const std::string> words);

}  // namespace shale::cli
