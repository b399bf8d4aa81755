// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "data.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Error error_of(std::string_view text) {
  auto file = parse_dockerfile(text, "Dockerfile");
  EXPECT_FALSE(file.has_value()) << text;
  return file ? Error(ErrorKind::kInternal, "no error") : file.error();
}

TEST(Parse, SplitsIntoGlobalArgsAndStages) {
  const auto file = parse_dockerfile(
      "ARG V=1\n# base the base image\nFROM a:$V AS Base\nRUN x\nFROM Base\nCOPY --from=base y z\n",
      "Dockerfile");
  ASSERT_TRUE(file.has_value()) << file.error().to_line();
  EXPECT_THAT(file->global_args, SizeIs(1));
  ASSERT_THAT(file->stages, SizeIs(2));
  EXPECT_EQ(file->stages[0].from.stage_name, "base");
  EXPECT_EQ(file->stages[0].description, "the base image");
  EXPECT_THAT(file->stages[0].instructions, SizeIs(1));
  EXPECT_EQ(file->stages[1].from.base, "Base");
  EXPECT_EQ(file->stages[1].instructions[0].span.line, 6);
  EXPECT_EQ(file->find_stage("BASE"), &file->stages[0]);
  EXPECT_EQ(file->find_stage("1"), &file->stages[1]);
  EXPECT_EQ(file->find_stage("2"), nullptr);
  EXPECT_EQ(file->find_stage(""), nullptr);
}

TEST(Parse, AllErrorsOfAFileAreReportedInOrder) {
  const Error error = error_of("FROM a\nRNU x\nCOPY --form=b c d\nENV e\nFROM f g\nRUN h\n");
  EXPECT_EQ(error.message(), "unknown instruction: RNU");
  EXPECT_THAT(error.hints(), ElementsAre("did you mean 'RUN'?"));
  EXPECT_EQ(error.kind(), ErrorKind::kDockerfile);
  ASSERT_THAT(error.others(), SizeIs(3));
  EXPECT_EQ(error.others()[0].message(), "unknown flag: --form");
  EXPECT_EQ(error.others()[1].message(), "ENV must have two arguments");
  EXPECT_EQ(error.others()[2].message(), "FROM requires either one or three arguments");
  for (const Error& other : error.others()) EXPECT_FALSE(other.excerpt().empty());
}

TEST(Parse, UnfinishedLineAboveIsNamed) {
  const Error error = error_of("FROM a\nRUN npm ci\n\n# build\n  && npm run build\n");
  EXPECT_EQ(error.message(), "unknown instruction: &&");
  EXPECT_EQ(error.span()->line, 5);
  EXPECT_EQ(error.span()->column, 3);
  EXPECT_THAT(error.hints(), ElementsAre("line 2 looks unfinished: add '\\' at its end"));
  EXPECT_THAT(error.excerpt(), HasSubstr("> 5 |   && npm run build\n    |   ^^"));
  for (const char* start : {"|| x", "| x", "; x", "&&x"}) {
    EXPECT_THAT(error_of(std::string("FROM a\nRUN b\n") + start + "\n").hints(),
                ElementsAre("line 2 looks unfinished: add '\\' at its end"))
        << start;
  }
}

TEST(Parse, FilesWithoutAStage) {
  EXPECT_EQ(error_of("").message(), "file with no instructions");
  EXPECT_EQ(error_of("# only\n").message(), "file with no instructions");
  EXPECT_EQ(error_of("# only\n").span()->line, 1);
  EXPECT_EQ(error_of("ARG A\n").message(), "dockerfile contains no stages to build");
  const Error early = error_of("RUN x\nRUN y\nFROM a\n");
  EXPECT_EQ(early.message(), "no build stage in current context");
  EXPECT_EQ(early.span()->line, 1);
  EXPECT_THAT(early.others(), SizeIs(0));
}

TEST(Parse, BrokenFromCausesNoSecondError) {
  EXPECT_THAT(error_of("FROM --bad=1 a\nRUN x\n").others(), SizeIs(0));
}

TEST(Parse, BrokenFileStillGivesWhatCouldBeRead) {
  const ParseOutcome outcome = parse_dockerfile_all("FROM a AS B\nMAINTAINER x\nBADCMD\n", "Dockerfile");
  ASSERT_TRUE(outcome.error.has_value());
  ASSERT_THAT(outcome.file.stages, SizeIs(1));
  EXPECT_THAT(outcome.file.stages[0].instructions, SizeIs(1));
}

TEST(Parse, ErrorsOfAnotherBuilderAreErrorsHere) {
  const auto table = parse_json(read_data(data_path("parse-errors.json")), "the table");
  ASSERT_TRUE(table.has_value());
  EXPECT_GT(table->size(), 20U);
  for (const Json& row : *table) {
    const std::string name = row["case"].get<std::string>();
    const auto file = parse_dockerfile(row["dockerfile"].get<std::string>(), "Dockerfile");
    if (file) {
      ADD_FAILURE() << name << " is no error";
      continue;
    }
    ASSERT_NE(file.error().span(), nullptr) << name;
    EXPECT_EQ(file.error().span()->line, row["line"].get<int>()) << name;
    // Suggestions are hints here, not part of the message; the rest of the words is the same.
    std::string message = row["message"].get<std::string>();
    message = message.substr(0, message.find(" (did you mean"));
    EXPECT_EQ(file.error().message(), message) << name;
  }
}

}  // namespace
}  // namespace shale::dockerfile
