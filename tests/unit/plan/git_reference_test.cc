// SPDX-License-Identifier: Apache-2.0
#include "plan/git_reference.h"

#include <gtest/gtest.h>

#include <string>

#include "plan/remote_files.h"

namespace shale::plan {
namespace {

GitReference parsed(std::string_view text) {
  const Result<std::optional<GitReference>> out = parse_git_reference(text);
  EXPECT_TRUE(out.has_value()) << text;
  EXPECT_TRUE(out.has_value() && out->has_value()) << text;
  return out && *out ? **out : GitReference();
}

bool is_other(std::string_view text) {
  const Result<std::optional<GitReference>> out = parse_git_reference(text);
  return out.has_value() && !out->has_value();
}

TEST(GitReference, KnowsRepositoriesByTheirAddress) {
  EXPECT_EQ(parsed("https://host/a/b.git").remote, "https://host/a/b.git");
  EXPECT_EQ(parsed("http://host/b.git#x").remote, "http://host/b.git");
  EXPECT_EQ(parsed("git@github.com:a/b").remote, "git@github.com:a/b");
  EXPECT_EQ(parsed("ssh://u@host:22/b").remote, "ssh://u@host:22/b");
  EXPECT_EQ(parsed("git://host/b").remote, "git://host/b");
  EXPECT_EQ(parsed("github.com/a/b").remote, "https://github.com/a/b");
  EXPECT_TRUE(parsed("github.com/a/b").may_be_path);
  for (const char* text : {"https://host/b", "https://host/b.git/x", "dir", "./github.com/a/b", "a/b@c",
                           "/x:y", "ext::sh -c id", "file:///x.git", "host:path", "b.git", "", "-"})
    EXPECT_TRUE(is_other(text)) << text;
}

TEST(GitReference, ReadsFragments) {
  EXPECT_EQ(parsed("git://h/r#main").ref, "main");
  EXPECT_EQ(parsed("git://h/r#main:a/b").subdir, "a/b");
  EXPECT_EQ(parsed("git://h/r#:a/./b/").subdir, "a/b");
  EXPECT_EQ(parsed("git://h/r#:a/../../..").subdir, "");
  EXPECT_EQ(parsed("git://h/r#:../etc").subdir, "etc");
  EXPECT_TRUE(parsed("git://h/r#").ref.empty());
}

TEST(GitReference, ReadsQueries) {
  const GitReference out = parsed(
      "https://h/r.git?branch=b&subdir=a%2Fb&checksum=abc123&keep-git-dir&submodules=false&mtime=commit");
  EXPECT_EQ(out.remote, "https://h/r.git");
  EXPECT_EQ(out.ref, "refs/heads/b");
  EXPECT_EQ(out.subdir, "a/b");
  EXPECT_EQ(out.checksum, "abc123");
  EXPECT_EQ(out.keep_git_dir, true);
  EXPECT_FALSE(out.submodules);
  EXPECT_TRUE(out.commit_times);
  EXPECT_EQ(parsed("git://h/r?tag=v1").ref, "refs/tags/v1");
  EXPECT_EQ(parsed("git://h/r?ref=x#x").ref, "x");
  for (const char* query : {"ref=x#y", "tag=a&branch=b", "nothing=1", "ref=", "ref=a&ref=a", "mtime=now",
                            "submodules=perhaps", "commit=xyz", "subdir=%zz"})
    EXPECT_FALSE(parse_git_reference(std::string("git://h/r?") + query)) << query;
}

TEST(GitReference, RefusesWhatGitOrSshCouldTakeForOptions) {
  for (const char* text :
       {"git://h/r#--upload-pack=x", "git://h/r#a b", "git://h/r#a..b", "git://h/r#a^{x}", "git://h/r?ref=-x",
        "ssh://-oProxyCommand=x/r", "git@-h:r", "-u@h:r", "ssh:///r", "git://h/r?ref=a%0ab", "git://h /r"})
    EXPECT_FALSE(parse_git_reference(text)) << text;
}

TEST(GitReference, KeepsLoginsApart) {
  const GitReference out = parsed("https://user:p%40ss@host/r.git#x");
  EXPECT_EQ(out.remote, "https://host/r.git");
  EXPECT_EQ(out.login, "user:p@ss");
  EXPECT_EQ(without_login("ADD https://u:p@h/x http://t@h/y /z"),
            "ADD https://xxxxx:xxxxx@h/x http://xxxxx@h/y /z");
  EXPECT_EQ(without_login("https://h/a@b ssh://git@h/r"), "https://h/a@b ssh://git@h/r");
  EXPECT_EQ(without_login("ssh://u:p@h/r"), "ssh://xxxxx:xxxxx@h/r");
}

TEST(GitReference, ChecksCommits) {
  EXPECT_TRUE(is_commit_id(std::string(40, 'a')));
  EXPECT_TRUE(is_commit_id(std::string(64, '0')));
  EXPECT_FALSE(is_commit_id(std::string(41, 'a')));
  EXPECT_FALSE(is_commit_id(std::string(40, 'g')));
  GitReference reference;
  EXPECT_TRUE(set_checksum(reference, "abc"));
  EXPECT_TRUE(set_checksum(reference, "abc"));
  EXPECT_FALSE(set_checksum(reference, "abd"));
  EXPECT_FALSE(set_checksum(reference, "sha256:abc"));
}

TEST(RemoteFiles, NamesTheFileOfAnAddress) {
  EXPECT_EQ(name_of_url("https://h/a/b.txt?x=/y#z"), "b.txt");
  EXPECT_EQ(name_of_url("https://h/a/"), "a");
  EXPECT_EQ(name_of_url("https://h/a%20b"), "a b");
  for (const char* url :
       {"https://h", "https://h/", "https://h/..", "https://h/a/%2e%2e", "https://h/%zz", "https://h/a%00b"})
    EXPECT_EQ(name_of_url(url), "__unnamed__") << url;
  EXPECT_EQ(name_of_url("https://h/a%2Fb"), "b");
}

}  // namespace
}  // namespace shale::plan
