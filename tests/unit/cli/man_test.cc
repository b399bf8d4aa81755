// SPDX-License-Identifier: Apache-2.0
// The man pages and the option table say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/options.h"
#include "shale/error.h"

namespace shale::cli {
namespace {

std::string page_text(const std::string& page) {
  std::ifstream file(std::string(SHALE_MAN_DIR) + "/" + page + ".md");
  EXPECT_TRUE(file.good()) << page << " is missing";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The lines of the section "## TITLE".
std::string section(const std::string& page, const std::string& title) {
  std::istringstream lines(page);
  std::string out;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ") || line.starts_with("## "))
      inside = line == "## " + title;
    else if (inside)
      out += line + '\n';
  }
  return out;
}

// The options that have an entry of their own: lines such as "**-t**, **--tag** *NAME*".
std::set<std::string> documented(const std::string& text) {
  std::istringstream lines(text);
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("**-")) continue;
    for (std::size_t at = line.find("**-"); at != std::string::npos; at = line.find("**-", at + 1)) {
      const std::size_t end = line.find("**", at + 2);
      if (end != std::string::npos) names.insert(line.substr(at + 2, end - at - 2));
    }
  }
  return names;
}

std::set<std::string> declared(std::span<const OptionSpec> options) {
  std::set<std::string> names;
  for (const OptionSpec& option : options) {
    names.insert(std::string("--") + option.name);
    if (option.letter != 0) names.insert(std::string("-") + option.letter);
  }
  return names;
}

TEST(ManPages, EveryOptionHasAnEntryAndEveryEntryAnOption) {
  for (const CommandSpec& command : commands()) {
    if (command.options.empty()) continue;
    std::string title = command.name;
    for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const std::string text = section(page_text(command.page), title + " OPTIONS");
    EXPECT_EQ(documented(text), declared(command.options)) << command.page << ": " << title;
  }
  EXPECT_EQ(documented(section(page_text("shale.1"), "GLOBAL OPTIONS")), declared(global_options()));
}

TEST(ManPages, EveryCommandIsNamed) {
  const std::string overview = page_text("shale.1");
  for (const CommandSpec& command : commands())
    EXPECT_THAT(overview, testing::HasSubstr(std::string("**shale ") + command.name + "**")) << command.name;
}

TEST(ManPages, ExitCodesAreAllListed) {
  const std::string text = section(page_text("shale.1"), "EXIT STATUS");
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    const int code = exit_code(Error(static_cast<ErrorKind>(kind), "x"));
    EXPECT_THAT(text, testing::HasSubstr("**" + std::to_string(code) + "**")) << "kind " << kind;
  }
}

}  // namespace
}  // namespace shale::cli
