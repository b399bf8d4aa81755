// SPDX-License-Identifier: Apache-2.0
#include "shale/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/json.h"

namespace shale {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Error full_error() {
  Error error = Error::system(ENOENT, "open 'x'")
                    .at({.file = "Dockerfile", .line = 3, .column = 4, .end_line = 5, .length = 6})
                    .hint("first")
                    .hint("second")
                    .context("while doing this")
                    .with_excerpt("  3 | COPY x y");
  error.set_step_status(42);
  error.add_other(Error(ErrorKind::kDockerfile, "another \"one\"\n\x01").at({.file = "d", .line = 9}));
  return error;
}

TEST(Error, CopiesAreIndependent) {
  Error original = full_error();
  Error copy = original;
  copy.add_hint("third");
  copy.set_span({.file = "other"});
  EXPECT_THAT(original.hints(), ElementsAre("first", "second"));
  EXPECT_EQ(original.span()->file, "Dockerfile");
  original = copy;
  EXPECT_EQ(original.hints().size(), 3U);
  EXPECT_EQ(original.others().size(), 1U);
}

TEST(Error, KindsFollowFromErrno) {
  EXPECT_EQ(Error::system(ENOENT, "x").kind(), ErrorKind::kNotFound);
  EXPECT_EQ(Error::system(EACCES, "x").kind(), ErrorKind::kPermission);
  EXPECT_EQ(Error::system(EROFS, "x").kind(), ErrorKind::kPermission);
  EXPECT_EQ(Error::system(ENOSYS, "x").kind(), ErrorKind::kUnsupported);
  EXPECT_EQ(Error::system(ECONNREFUSED, "x").kind(), ErrorKind::kNetwork);
  EXPECT_EQ(Error::system(EBUSY, "x").kind(), ErrorKind::kBusy);
  EXPECT_EQ(Error::system(EAGAIN, "x").kind(), ErrorKind::kSystem)
      << "a limit is reached: nobody to wait for";
  EXPECT_EQ(Error::system(EIO, "x").kind(), ErrorKind::kSystem);
  const Error full = Error::system(ENOSPC, "write");
  EXPECT_EQ(full.kind(), ErrorKind::kNoSpace);
  EXPECT_EQ(full.hints().size(), 1U) << "a full disk comes with its remedy";
  EXPECT_EQ(full.to_line(), "write: No space left on device");
  EXPECT_EQ(Error::system(EMFILE, "open").hints().size(), 1U) << "and so does a limit";
}

void expect_same(const Error& a, const Error& b) {
  EXPECT_EQ(a.kind(), b.kind());
  EXPECT_EQ(a.message(), b.message());
  EXPECT_EQ(a.errno_value(), b.errno_value());
  EXPECT_EQ(a.step_status(), b.step_status());
  EXPECT_EQ(a.contexts(), b.contexts());
  EXPECT_EQ(a.hints(), b.hints());
  EXPECT_EQ(a.excerpt(), b.excerpt());
  ASSERT_EQ(a.span() == nullptr, b.span() == nullptr);
  if (a.span() != nullptr) {
    EXPECT_EQ(a.span()->file, b.span()->file);
    EXPECT_EQ(a.span()->line, b.span()->line);
    EXPECT_EQ(a.span()->column, b.span()->column);
    EXPECT_EQ(a.span()->end_line, b.span()->end_line);
    EXPECT_EQ(a.span()->length, b.span()->length);
  }
  ASSERT_EQ(a.others().size(), b.others().size());
  for (std::size_t i = 0; i < a.others().size(); ++i) expect_same(a.others()[i], b.others()[i]);
}

TEST(Error, EverythingCrossesAProcessBoundary) {
  expect_same(Error::deserialize(full_error().serialize()), full_error());
  expect_same(Error::deserialize(Error(ErrorKind::kInternal, "").serialize()),
              Error(ErrorKind::kInternal, ""));
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    const Error error(static_cast<ErrorKind>(kind), "x");
    expect_same(Error::deserialize(error.serialize()), error);
  }
  for (int value = 1; value <= EHWPOISON; ++value) {
    const Error error = Error::system(value, "x");
    expect_same(Error::deserialize(error.serialize()), error);
  }
}

TEST(Error, OneLineWhateverItHolds) {
  EXPECT_EQ(full_error().serialize().find('\n'), std::string::npos);
  EXPECT_EQ(Error(ErrorKind::kSystem, "bytes \xff\xfe\n").serialize().find('\n'), std::string::npos);
}

// A helper program that broke, or one of another version.
TEST(Error, ForeignRecordsBecomeErrorsToo) {
  EXPECT_EQ(Error::deserialize("").kind(), ErrorKind::kInternal);
  EXPECT_THAT(Error::deserialize("not json").message(), HasSubstr("helper process"));
  EXPECT_EQ(Error::deserialize("{}").kind(), ErrorKind::kInternal);
  EXPECT_EQ(Error::deserialize("[1,2]").kind(), ErrorKind::kInternal);
  EXPECT_EQ(Error::deserialize(R"({"kind":999,"message":"m"})").kind(), ErrorKind::kInternal);
  EXPECT_EQ(Error::deserialize(R"({"kind":-1,"message":"m"})").message(), "m");
  const Error odd = Error::deserialize(R"({"kind":1,"message":5,"hints":[1,"h"],"others":[3],"span":7})");
  EXPECT_EQ(odd.kind(), ErrorKind::kDockerfile);
  EXPECT_THAT(odd.hints(), ElementsAre("h"));
}

TEST(Error, ExitCodesAreThoseOfTheManual) {
  EXPECT_EQ(exit_code(Error(ErrorKind::kStepFailed, "")), 1);
  EXPECT_EQ(exit_code(Error(ErrorKind::kNoSpace, "")), 1);
  EXPECT_EQ(exit_code(Error(ErrorKind::kUsage, "")), 2);
  EXPECT_EQ(exit_code(Error(ErrorKind::kDockerfile, "")), 2);
  EXPECT_EQ(exit_code(Error(ErrorKind::kUnsupported, "")), 3);
  EXPECT_EQ(exit_code(Error(ErrorKind::kNetwork, "")), 4);
  EXPECT_EQ(exit_code(Error(ErrorKind::kRegistry, "")), 4);
  EXPECT_EQ(exit_code(Error(ErrorKind::kCorrupt, "")), 5);
  EXPECT_EQ(exit_code(Error(ErrorKind::kBusy, "")), 5);
  EXPECT_EQ(exit_code(Error(ErrorKind::kInternal, "")), 70);
  EXPECT_EQ(exit_code(Error(ErrorKind::kCancelled, "")), 130);
}

TEST(Error, TextNamesThePlaceThenTheHelp) {
  EXPECT_EQ(render(full_error(), false),
            "Dockerfile:3:4: error: open 'x': No such file or directory\n"
            "  3 | COPY x y\n"
            "  while doing this\n"
            "  hint: first\n"
            "  hint: second\n"
            "d:9: error: another \"one\"\n\x01\n");
  EXPECT_THAT(render(full_error(), true), HasSubstr("\033[1;31merror:\033[0m"));
  EXPECT_EQ(render(Error(ErrorKind::kDockerfile, "m").at({.file = "f"}), false), "f: error: m\n");
}

Result<int> number(bool good) {
  if (!good) return fail(ErrorKind::kUsage, "no number");
  return 5;
}
Result<int> twice(bool good) {
  ASSIGN_OR_RETURN(const int value, number(good));
  return 2 * value;
}
Status checked(bool good) {
  RETURN_IF_ERROR(number(good));
  return {};
}

TEST(Result, MacrosReturnTheError) {
  EXPECT_EQ(twice(true).value(), 10);
  EXPECT_EQ(twice(false).error().message(), "no number");
  EXPECT_TRUE(checked(true));
  EXPECT_EQ(checked(false).error().kind(), ErrorKind::kUsage);
}

}  // namespace
}  // namespace shale
