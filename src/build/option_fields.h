// SPDX-License-Identifier: Apache-2.0
// The small language that --output, --secret and --ssh share: one line of CSV with key=value fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::build {

// "--OPTION 'TEXT': WHY".
Error option_error(const char* option, std::string_view text, std::string_view why);

// RFC 4180: a field that starts with a quotation mark ends at the next single one; two stand for one. Never
// empty: an empty text is one empty field.
Result<std::vector<std::string>> split_csv(const char* option, std::string_view text);

struct OptionField {
  std::string key;  // lower case, without blanks around it
  std::string value;
};

// "key=value"; `text` is the whole option, for the error.
Result<OptionField> split_field(const char* option, std::string_view text, std::string_view field);

}  // namespace shale::build
