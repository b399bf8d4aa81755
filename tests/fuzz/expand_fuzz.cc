// SPDX-License-Identifier: Apache-2.0
// Any bytes as variables and a word: the first byte chooses the options, lines "K=V" up to an empty line are
// the variables, the rest is the word. Without an empty line all of it is the word.
#include <algorithm>

#include "dockerfile/expand.h"
#include "dockerfile/mount.h"
#include "dockerfile/values.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shale;
  using fuzz::check;
  if (size == 0) return 0;
  const fuzz::CpuLimit limit;
  const std::uint8_t choice = data[0];
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  std::vector<std::string> env;
  if (text.find("\n\n") != std::string_view::npos) {
    for (std::string_view line = fuzz::take_line(text); !line.empty(); line = fuzz::take_line(text))
      env.emplace_back(line);
  } else {
    env = {"A=a b*", "B=", "C=x/y\\z?*"};
  }
  const dockerfile::ExpandOptions options{
      .escape = (choice & 1U) != 0 ? '`' : '\\',
      .raw_quotes = (choice & 2U) != 0,
      .raw_escapes = (choice & 4U) != 0,
      .keep_unset = (choice & 8U) != 0,
      .ignore_quotes = (choice & 16U) != 0,
  };
  const auto lookup = dockerfile::lookup_in(env);
  const auto expansion = dockerfile::expand_word(text, lookup, options);
  if (!expansion) {
    check(!expansion.error().message().empty(), "errors have a text");
    return 0;
  }
  check(expansion->text.size() <= std::max(size, dockerfile::kMaxExpandedBytes),
        "no value grows beyond the limit");
  for (const std::string& name : expansion->used_names) check(lookup(name).has_value(), "used names are set");
  for (const std::string& name : expansion->unset_names) check(!lookup(name), "unset names are not set");
  // What the results are given to: the small languages inside of instructions.
  (void)dockerfile::parse_ports(expansion->words);
  (void)dockerfile::parse_duration(expansion->text);
  (void)dockerfile::parse_signal(expansion->text);
  (void)dockerfile::parse_size(expansion->text);
  (void)dockerfile::resolve_mount(expansion->text,
                                  [&](std::string_view value) { return dockerfile::expand(value, lookup); });
  return 0;
}
