// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/glob.h"

#include <gtest/gtest.h>

namespace shale::dockerfile {
namespace {

enum class Outcome { kYes, kNo, kError };

Outcome outcome(std::string_view pattern, std::string_view name) {
  const auto result = glob_match(pattern, name);
  if (!result) return Outcome::kError;
  return *result ? Outcome::kYes : Outcome::kNo;
}

TEST(Glob, FollowsGoFilepathMatch) {
  const struct {
    std::string_view pattern;
    std::string_view name;
    Outcome expected;
  } cases[] = {
      {"abc", "abc", Outcome::kYes},
      {"*", "abc", Outcome::kYes},
      {"*c", "abc", Outcome::kYes},
      {"a*", "a", Outcome::kYes},
      {"a*", "ab/c", Outcome::kNo},
      {"a*/b", "abc/b", Outcome::kYes},
      {"a*/b", "a/c/b", Outcome::kNo},
      {"a*b*c*d*e*/f", "axbxcxdxe/f", Outcome::kYes},
      {"a*b*c*d*e*/f", "axbxcxdxexxx/f", Outcome::kYes},
      {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Outcome::kNo},
      {"a*b?c*x", "abxbbxdbxebxczzx", Outcome::kYes},
      {"a*b?c*x", "abxbbxdbxebxczzy", Outcome::kNo},
      {"ab[c]", "abc", Outcome::kYes},
      {"ab[b-d]", "abc", Outcome::kYes},
      {"ab[e-g]", "abc", Outcome::kNo},
      {"ab[^c]", "abc", Outcome::kNo},
      {"ab[^e-g]", "abc", Outcome::kYes},
      {"a\\*b", "a*b", Outcome::kYes},
      {"a\\*b", "ab", Outcome::kNo},
      {"a?b", "a☺b", Outcome::kYes},
      {"a[^a]b", "a☺b", Outcome::kYes},
      {"a???b", "a☺b", Outcome::kNo},
      {"[a-ζ]*", "α", Outcome::kYes},
      {"*[a-ζ]", "A", Outcome::kNo},
      {"a?b", "a/b", Outcome::kNo},
      {"a*b", "a/b", Outcome::kNo},
      {"[\\]a]", "]", Outcome::kYes},
      {"[\\-]", "-", Outcome::kYes},
      {"[x\\-]", "z", Outcome::kNo},
      {"[]a]", "]", Outcome::kError},
      {"[-]", "-", Outcome::kError},
      {"[x-]", "x", Outcome::kError},
      {"[-x]", "x", Outcome::kError},
      {"[a-b-c]", "a", Outcome::kError},
      {"[", "a", Outcome::kError},
      {"[^", "a", Outcome::kError},
      {"[^bc", "a", Outcome::kError},
      {"a[", "a", Outcome::kError},
      {"a[", "ab", Outcome::kError},
      {"a[", "x", Outcome::kError},
      {"a/b[", "x", Outcome::kError},
      {"\\", "a", Outcome::kError},
      {"*x", "xxx", Outcome::kYes},
      {"", "", Outcome::kYes},
      {"", "a", Outcome::kNo},
      {"a*", "", Outcome::kNo},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(static_cast<int>(outcome(one.pattern, one.name)), static_cast<int>(one.expected))
        << one.pattern << " against " << one.name;
  }
}

TEST(Glob, EscapedCharactersAreNoWildcards) {
  EXPECT_TRUE(has_wildcards("a*"));
  EXPECT_TRUE(has_wildcards("fil[e]"));
  EXPECT_TRUE(has_wildcards("a?"));
  EXPECT_FALSE(has_wildcards("plain/name"));
  EXPECT_FALSE(has_wildcards("a\\*b\\[c]"));
  EXPECT_EQ(remove_escapes("a\\*b\\\\"), "a*b\\");
}

TEST(Glob, EscapedPathStandsForItself) {
  const std::string path = "a*?/[b]\\c";
  EXPECT_FALSE(has_wildcards(escaped(path)));
  EXPECT_EQ(remove_escapes(escaped(path)), path);
}

}  // namespace
}  // namespace shale::dockerfile
