// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

SyntaxTree tree(std::string_view text) {
  SyntaxOutcome outcome = parse_syntax(text, "Dockerfile");
  for (const Error& error : outcome.errors) ADD_FAILURE() << error.to_line();
  return std::move(outcome.tree);
}

std::string first_error(std::string_view text) {
  const SyntaxOutcome outcome = parse_syntax(text, "Dockerfile");
  return outcome.errors.empty() ? "no error" : outcome.errors.front().message();
}

std::string without_blank_end(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

TEST(Syntax, TreesOfOtherParsersTestFiles) {
  NEEDS_CORPUS("parser/testfiles");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus_path("parser/testfiles"))) {
    const SyntaxOutcome outcome = parse_syntax(read_data(entry.path() / "Dockerfile"), "Dockerfile");
    EXPECT_THAT(outcome.errors, IsEmpty()) << entry.path();
    EXPECT_EQ(without_blank_end(dump(outcome.tree)), without_blank_end(read_data(entry.path() / "result")))
        << entry.path();
    ++files;
  }
  EXPECT_GT(files, 30);
}

TEST(Syntax, NegativeTestFilesAreErrors) {
  NEEDS_CORPUS("parser/testfiles-negative");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus_path("parser/testfiles-negative"))) {
    EXPECT_FALSE(parse_syntax(read_data(entry.path() / "Dockerfile"), "Dockerfile").errors.empty())
        << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4);
}

TEST(Syntax, LinesOfInstructions) {
  NEEDS_CORPUS("parser/testfile-line/Dockerfile");
  const SyntaxTree parsed = tree(read_data(corpus_path("parser/testfile-line/Dockerfile")));
  ASSERT_THAT(parsed.nodes, SizeIs(3));
  EXPECT_EQ(parsed.nodes[0].span.line, 5);
  EXPECT_EQ(parsed.nodes[0].span.end_line, 5);
  EXPECT_EQ(parsed.nodes[1].span.line, 11);
  EXPECT_EQ(parsed.nodes[1].span.end_line, 12);
  EXPECT_EQ(parsed.nodes[2].span.line, 17);
  EXPECT_EQ(parsed.nodes[2].span.end_line, 31);
  EXPECT_TRUE(parsed.nodes[2].after_empty_continuation);
  EXPECT_FALSE(parsed.nodes[1].after_empty_continuation);
}

TEST(Syntax, DirectivesStandAtTheTopOnly) {
  const SyntaxTree parsed =
      tree("#!/usr/bin/x\n# SYNTAX = docker/dockerfile:1 \n# escape=`\n#check=skip=all\nFROM a `\n  b\n");
  EXPECT_EQ(parsed.directives.syntax, "docker/dockerfile:1");
  EXPECT_EQ(parsed.directives.escape, '`');
  EXPECT_EQ(parsed.directives.check, "skip=all");
  EXPECT_EQ(parsed.directives.check_line, 4);
  EXPECT_THAT(parsed.nodes[0].arguments, ElementsAre("a", "b"));
  EXPECT_EQ(tree("\n# escape=`\nFROM a\n").directives.escape, '\\');
  EXPECT_EQ(tree("# other=1\n# escape=`\nFROM a\n").directives.escape, '\\');
  EXPECT_EQ(first_error("# escape=`\n# escape=`\nFROM a\n"), "only one escape parser directive can be used");
  EXPECT_EQ(first_error("# escape=x\nFROM a\n"), "invalid escape token 'x' does not match ` or \\");
}

TEST(Syntax, ContinuationKeepsLeadingBlanksAndSkipsComments) {
  EXPECT_THAT(tree("RUN a \\ \t\n# note\n   b\\\nc\n").nodes[0].arguments, ElementsAre("a    bc"));
  EXPECT_THAT(tree("RUN a \\\\\nRUN b").nodes, SizeIs(2));
  EXPECT_THAT(tree("\xEF\xBB\xBF"
                   "FROM a\r\nRUN b \\\r\n c\r\n")
                  .nodes[1]
                  .arguments,
              ElementsAre("b  c"));
}

TEST(Syntax, CommentsDirectlyAboveBelongToTheInstruction) {
  const SyntaxTree parsed = tree("# far\n\n# base the base\n# second\nFROM a\nRUN b\n");
  EXPECT_THAT(parsed.nodes[0].comments, ElementsAre("base the base", "second"));
  EXPECT_THAT(parsed.nodes[1].comments, IsEmpty());
}

TEST(Syntax, HeredocsOfALineFollowInOrder) {
  const SyntaxTree parsed = tree("RUN <<A 3<<-'B' cat\none\nA\n\ttwo\n\tB\nCMD x\n");
  ASSERT_THAT(parsed.nodes, SizeIs(2));
  const auto& heredocs = parsed.nodes[0].heredocs;
  ASSERT_THAT(heredocs, SizeIs(2));
  EXPECT_EQ(heredocs[0].name, "A");
  EXPECT_EQ(heredocs[0].content, "one\n");
  EXPECT_TRUE(heredocs[0].expand);
  EXPECT_EQ(heredocs[1].name, "B");
  EXPECT_EQ(heredocs[1].file_descriptor, 3);
  EXPECT_FALSE(heredocs[1].expand);
  EXPECT_EQ(heredocs[1].content, "\ttwo\n");
  EXPECT_EQ(heredocs[1].text(), "two\n");
  EXPECT_EQ(parsed.nodes[0].span.end_line, 5);
}

TEST(Syntax, HeredocsOnlyWhereTheyMayBe) {
  EXPECT_THAT(tree("ENV a=<<X\nRUN b\n").nodes, SizeIs(2));
  EXPECT_THAT(tree("RUN [\"a\", \"<<X\"]\nRUN b\n").nodes, SizeIs(2));
  EXPECT_THAT(tree("RUN a <<<x\nRUN b\n").nodes, SizeIs(2));
  EXPECT_THAT(tree("RUN echo $((1 << 2))\nRUN b\n").nodes, SizeIs(2));
  const SyntaxTree onbuild = tree("ONBUILD RUN <<X\nhi\nX\nRUN b\n");
  ASSERT_THAT(onbuild.nodes, SizeIs(2));
  EXPECT_EQ(onbuild.nodes[0].heredocs[0].content, "hi\n");
}

TEST(Syntax, UnterminatedHeredocDoesNotHideLaterErrors) {
  const SyntaxOutcome outcome = parse_syntax("FROM a\nRUN <<X\nENV b\n", "Dockerfile");
  ASSERT_THAT(outcome.errors, SizeIs(2));
  EXPECT_EQ(outcome.errors[0].message(), "unterminated heredoc");
  EXPECT_EQ(outcome.errors[0].span()->line, 2);
  EXPECT_EQ(outcome.errors[0].span()->column, 5);
  EXPECT_EQ(outcome.errors[1].message(), "ENV must have two arguments");
}

TEST(Syntax, JsonFormNeedsStrings) {
  EXPECT_TRUE(tree("CMD [ \"a\", \"b\\u0041\" ]").nodes[0].json);
  EXPECT_THAT(tree("CMD [ \"a\", \"b\\u0041\" ]").nodes[0].arguments, ElementsAre("a", "bA"));
  EXPECT_FALSE(tree("CMD ['a']").nodes[0].json);
  EXPECT_FALSE(tree("RUN [ -f x ] && y").nodes[0].json);
  EXPECT_EQ(first_error("CMD [1]"), "when using JSON array syntax, arrays must be comprised of strings only");
  EXPECT_EQ(first_error("CMD [\"a\", [\"b\"]]"),
            "when using JSON array syntax, arrays must be comprised of strings only");
  EXPECT_THAT(tree("CMD []").nodes[0].arguments, IsEmpty());
}

}  // namespace
}  // namespace shale::dockerfile
