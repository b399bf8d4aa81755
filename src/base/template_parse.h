// SPDX-License-Identifier: Apache-2.0
// The tree of a template (see shale/template.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace shale {

struct TemplatePipeline;

// What a function is applied to, or stands alone.
struct TemplateOperand {
  enum class Kind : std::uint8_t { kField, kVariable, kLiteral, kFunction, kGroup };
  Kind kind = Kind::kLiteral;
  std::string name;                 // of the variable or the function
  std::vector<std::string> fields;  // behind "." or a variable, outermost first
  Json literal;
  std::vector<TemplatePipeline> group;  // one, in parentheses
};

// "index .A 0": a value, or a function and its arguments.
using TemplateCommand = std::vector<TemplateOperand>;

// Commands with "|" between them: each takes what the one before gives as its last argument.
struct TemplatePipeline {
  std::vector<std::string> variables;  // "$k, $v :=" of a range
  std::vector<TemplateCommand> commands;
};

struct TemplateNode {
  enum class Kind : std::uint8_t { kText, kValue, kIf, kWith, kRange };
  Kind kind = Kind::kText;
  std::string text;
  TemplatePipeline pipeline;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;
};

Result<std::vector<TemplateNode>> parse_template(std::string_view pattern);

}  // namespace shale
