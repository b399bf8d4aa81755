// SPDX-License-Identifier: Apache-2.0
// The texts of history rows ("created_by"), in the form BuildKit writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/instructions.h"
#include "image/config.h"
#include "plan/plan.h"
#include "plan/scope.h"

namespace shale::plan {

// ["a" "b"], each quoted as Go's %q does.
std::string quoted_list(const std::vector<std::string>& words);

// "RUN |1 A=b /bin/sh -c make # buildkit": with the declared ARGs that have a value.
std::string run_history(const std::vector<std::string>& args,
                        const std::vector<std::pair<std::string, std::optional<std::string>>>& arguments,
                        const Variables& environment);

// "COPY --chown=1 a b x # buildkit": the words as they are written, expanded.
std::string copy_history(const dockerfile::Copy& copy, const CopyOp& op,
                         const std::vector<std::string>& sources, std::string_view destination);

std::string healthcheck_text(const image::Healthcheck& check);

// A RUN command line that is exactly one heredoc word ("<<EOF").
bool is_only_heredoc(std::string_view command);

}  // namespace shale::plan
