// SPDX-License-Identifier: Apache-2.0
#include "build/option_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace shale::build {

Error option_error(const char* option, std::string_view text, std::string_view why) {
  return {ErrorKind::kUsage, fmt::format("--{} '{}': {}", option, text, why)};
}

Result<std::vector<std::string>> split_csv(const char* option, std::string_view text) {
  std::vector<std::string> fields;
  std::size_t i = 0;
  while (true) {
    std::string field;
    if (i < text.size() && text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) return fail(option_error(option, text, "a quotation mark is not closed"));
        if (text[i] != '"')
          field += text[i];
        else if (i + 1 < text.size() && text[i + 1] == '"')
          field += text[i++];
        else
          break;
      }
      ++i;
      if (i < text.size() && text[i] != ',')
        return fail(option_error(option, text, "text follows a closing quotation mark")
                        .hint("put the quotation marks around the whole field: \"dest=a,b\""));
    } else {
      const std::size_t end = std::min(text.find(',', i), text.size());
      field = text.substr(i, end - i);
      if (field.find('"') != std::string::npos)
        return fail(option_error(option, text, "a quotation mark stands inside a field")
                        .hint("put the quotation marks around the whole field: \"dest=a,b\""));
      i = end;
    }
    fields.push_back(std::move(field));
    if (i >= text.size()) return fields;
    ++i;
  }
}

Result<OptionField> split_field(const char* option, std::string_view text, std::string_view field) {
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos)
    return fail(option_error(option, text, fmt::format("'{}' is not of the form key=value", field)));
  std::string_view key = field.substr(0, equals);
  while (key.starts_with(' ')) key.remove_prefix(1);
  while (key.ends_with(' ')) key.remove_suffix(1);
  OptionField pair{std::string(key), std::string(field.substr(equals + 1))};
  for (char& c : pair.key)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return pair;
}

}  // namespace shale::build
