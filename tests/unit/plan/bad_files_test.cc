// SPDX-License-Identifier: Apache-2.0
// Dockerfiles as people write them when they are tired. Each is refused before any image is asked for, at the
// right place, in words that say what to do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/planner.h"

namespace shale::plan {
namespace {

using ::testing::HasSubstr;

struct BadFile {
  const char* name;
  std::string text;
  int line;
  const char* message;  // a part of it
  const char* hint;     // a part of some hint; "" = none is needed
};

std::string utf16(std::string_view text) {
  std::string out = "\xFF\xFE";
  for (const char c : text) out += {c, '\0'};
  return out;
}

const std::vector<BadFile>& bad_files() {
  static const std::vector<BadFile> kFiles = {
      {"TypoInInstruction", "FROM a\nRUM apk add git\n", 2, "unknown instruction: RUM",
       "did you mean 'RUN'?"},
      {"ColonBehindInstruction", "FROM: a\n", 1, "unknown instruction: FROM:", "did you mean 'FROM'?"},
      {"TypographicQuotes", "FROM a\nENV NAME=“my app”\n", 2,
       "can't find =", "“ (U+201C) is a typographic character"},
      {"NoBreakSpace", "FROM a\nRUN\u00A0ls\n", 2, "unknown instruction", "no-break space (U+00A0)"},
      {"ForgottenBackslashBehindAnd", "FROM a\nRUN apk update &&\n    apk add git\n", 3,
       "unknown instruction: apk", "line 2 looks unfinished: add '\\' at its end"},
      {"ForgottenBackslashBeforeAnd", "FROM a\nRUN apk update\n    && apk add git\n", 3,
       "unknown instruction: &&", "line 2 looks unfinished: add '\\' at its end"},
      {"ForgottenBackslashInAList", "FROM a\nRUN apk add \\\n    curl\n    git\n", 4,
       "unknown instruction: git", "if it belongs to line 3, that line needs a '\\' at its end"},
      {"MisspeltFlag", "FROM a AS b\nFROM a\nCOPY --form=b /x /y\n", 3, "unknown flag: --form",
       "did you mean '--from'?"},
      {"FlagWithABlank", "FROM a AS b\nFROM a\nCOPY --from b /x /y\n", 3, "missing a value on flag: --from",
       "write --from=VALUE"},
      {"LaterStage", "FROM scratch\nCOPY --from=b /x /y\nFROM scratch AS b\nCOPY --from=0 / /\n", 2,
       "needs to be defined before current stage", ""},
      {"VariableInFrom", "FROM scratch AS b\nFROM scratch\nCOPY --from=${S} /x /y\n", 3,
       "variable expansion is not supported for --from", ""},
      {"CopyWithOneArgument", "FROM a\nCOPY package.json\n", 2, "requires at least two arguments",
       "write 'COPY package.json .'"},
      {"HeredocWithoutEnd", "FROM a\nRUN <<EOF\necho hi\n", 2, "unterminated heredoc", "exactly 'EOF'"},
      {"HeredocEndIsIndentedByTabs", "FROM a\nCOPY <<EOF /x\n\thello\n\tEOF\nRUN ls\n", 2,
       "unterminated heredoc", "line 4 has tabs in front of 'EOF'"},
      {"HeredocEndIsIndentedByBlanks", "FROM a\nRUN <<EOF\n  ls\n  EOF\nRUN ls\n", 2, "unterminated heredoc",
       "line 4 has blanks beside 'EOF'"},
      {"ArgBehindItsUse", "FROM a:${VERSION}\nARG VERSION=3\n", 1, "invalid reference format",
       "VERSION is declared in line 2, behind this FROM"},
      {"CommentBehindFrom", "FROM a # the base\n", 1, "FROM requires either one or three",
       "a comment stands on a line of its own"},
      {"NameWithoutAs", "FROM a build\n", 1, "FROM requires either one or three", "'FROM image AS name'"},
      {"StageNameWithSlash", "FROM a AS My.App/1\n", 1, "invalid name for build stage",
       "a name begins with a letter"},
      {"EnvWithoutValue", "FROM a\nENV A\n", 2, "ENV must have two arguments", "write 'ENV A=value'"},
      {"RunBeforeFrom", "RUN ls\nFROM a\n", 1, "no build stage in current context",
       "only ARG may stand before"},
      {"UnclosedBrace", "FROM a\nENV A=${HOME\n", 2, "missing '}'", ""},
      {"UnclosedQuote", "FROM a\nLABEL a=\"b\n", 2, "unexpected end of statement while looking for matching",
       ""},
      {"MountKey", "FROM a\nRUN --mount=type=cache,taget=/c ls\n", 2, "unexpected key 'taget'",
       "did you mean 'target'?"},
      {"MountType", "FROM a\nRUN --mount=type=chache,target=/c ls\n", 2, "unsupported mount type \"chache\"",
       "did you mean 'cache'?"},
      {"MountWithABlank", "FROM a\nRUN --mount=type=cache, target=/c ls\n", 2, "", ""},
      {"ComposeFile", "services:\n  web:\n    image: nginx\n", 1,
       "unknown instruction: services:", "this looks like YAML: is it a Compose file?"},
      {"ShellScript", "#!/bin/sh\napt-get update\n", 2, "unknown instruction: apt-get", "it is a script"},
      {"MarkdownFence", "```dockerfile\nFROM a\n```\n", 1, "unknown instruction: ```dockerfile",
       "this is Markdown"},
      {"ConflictMarker", "FROM a\n<<<<<<< HEAD\nRUN a\n", 2, "unknown instruction: <<<<<<<",
       "conflict marker of git"},
      {"CrlfAndATypo", "FROM a\r\nLABEL a=b \\\r\n  c=d\r\nCOPPY a b\r\n", 4, "unknown instruction: COPPY",
       "did you mean 'COPY'?"},
      {"DurationWithoutUnit", "FROM a\nHEALTHCHECK --interval=30 CMD x\n", 2, "invalid duration \"30\"",
       "as in '30s'"},
      {"HealthcheckWithoutCmd", "FROM a\nHEALTHCHECK curl x\n", 2, "unknown type \"CURL\"",
       "write 'HEALTHCHECK CMD command'"},
      {"Signal", "FROM a\nSTOPSIGNAL SIGTREM\n", 2, "SIGTREM", ""},
      {"Port", "FROM a\nEXPOSE http\n", 2, "http", ""},
      {"SymbolicMode", "FROM a\nCOPY --chmod=u+rwz a /b\n", 2, "invalid chmod parameter",
       "a symbolic mode works too"},
      {"ShellAsText", "FROM a\nSHELL /bin/bash -c\n", 2, "requires the arguments to be in JSON form",
       "SHELL [\"/bin/bash\", \"-c\"]"},
      {"OnbuildOfFrom", "FROM a\nONBUILD FROM x\n", 2, "isn't allowed as an ONBUILD trigger", ""},
      {"Utf16", utf16("FROM a\nRUN b\n"), 0, "the file is UTF-16", "save it as UTF-8"},
  };
  return kFiles;
}

Error error_of(const std::string& text) {
  Result<dockerfile::ParsedFile> file = dockerfile::parse_dockerfile(text, "Dockerfile");
  if (!file) return file.error();
  const Result<std::unique_ptr<Planner>> planner = Planner::create(std::move(*file), {});
  return planner ? Error(ErrorKind::kInternal, "no error") : planner.error();
}

class BadFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, SayWhatIsWrongWhereAndWhatToDo) {
  const BadFile& bad = GetParam();
  const Error error = error_of(bad.text);
  const std::string shown = render(error, false);
  EXPECT_EQ(error.kind(), ErrorKind::kDockerfile) << shown;
  EXPECT_THAT(error.message(), HasSubstr(bad.message)) << shown;
  ASSERT_NE(error.span(), nullptr) << shown;
  EXPECT_EQ(error.span()->line, bad.line) << shown;
  if (bad.line > 0) {
    EXPECT_FALSE(error.excerpt().empty()) << shown;
  }
  EXPECT_THAT(fmt::format("{}", fmt::join(error.hints(), "\n")), HasSubstr(bad.hint)) << shown;
}

INSTANTIATE_TEST_SUITE_P(Kinds, BadFiles, testing::ValuesIn(bad_files()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BadFiles, AllErrorsOfAFileAreReportedTogether) {
  const Error error = error_of(
      "FROM scratch AS b\nRUN --mount=type=chache x\nFROM scratch\nCOPY --from=7 a b\nENV A=${B\nSTOPSIGNAL "
      "no\n");
  std::vector<int> lines = {error.span()->line};
  for (const Error& other : error.others()) lines.push_back(other.span()->line);
  EXPECT_THAT(lines, testing::UnorderedElementsAre(2, 4, 5, 6)) << render(error, false);
}

TEST(BadFiles, StagesThatAreLeftOutMayHoldValuesThatCannotBeRead) {
  EXPECT_EQ(error_of("FROM scratch AS b\nSTOPSIGNAL no\nFROM scratch\n").kind(), ErrorKind::kInternal);
}

}  // namespace
}  // namespace shale::plan
