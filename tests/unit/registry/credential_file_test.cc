// SPDX-License-Identifier: Apache-2.0
#include "registry/credential_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "sys/files.h"

namespace shale::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Credential login_of(std::string user, std::string password) {
  Credential out;
  out.user = std::move(user);
  out.password = std::move(password);
  return out;
}

Json json_of(std::string_view text) { return *parse_json(text, "file"); }

TEST(LoginFile, ALoginReplacesItsOlderFormsAndNothingElse) {
  Json file = json_of(
      R"({"HttpHeaders":{"a":"b"},"auths":{"index.docker.io":{"auth":"x"},"r:5000/team":{"auth":"y"},"other":{}}})");
  ASSERT_TRUE(put_login(file, "docker.io", login_of("me", "p:w")));
  EXPECT_EQ(dump_json(file), R"({"HttpHeaders":{"a":"b"},"auths":{"r:5000/team":{"auth":"y"},"other":{},)"
                             R"("https://index.docker.io/v1/":{"auth":")" +
                                 base64_encode("me:p:w") + R"("}}})");
  EXPECT_EQ(lookup_credential(file, "docker.io", "a/b")->credential, login_of("me", "p:w"));
}

TEST(LoginFile, RemovingTakesEveryFormOfTheName) {
  Json file =
      json_of(R"({"auths":{"https://r:5000/v2/":{"auth":"x"},"r:5000":{},"r:5000/team":{"auth":"y"}}})");
  EXPECT_TRUE(remove_login(file, "r:5000"));
  EXPECT_EQ(dump_json(file), R"({"auths":{"r:5000/team":{"auth":"y"}}})");
  EXPECT_FALSE(remove_login(file, "r:5000"));
  Json none = Json::object();
  EXPECT_FALSE(remove_login(none, "r"));
}

class KeptLogin : public ::testing::Test {
 protected:
  KeptLogin() : temp_(*sys::TempDir::create("shale-login-test")) {
    for (const char* name : {"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"}) ::unsetenv(name);
    ::setenv("HOME", temp_.path().c_str(), 1);
    ::setenv("DOCKER_CONFIG", (temp_.path() + "/new").c_str(), 1);
    ::setenv("PATH", (temp_.path() + ":/usr/bin:/bin").c_str(), 1);
  }
  [[nodiscard]] std::string path(std::string_view name) const {
    return temp_.path() + "/" + std::string(name);
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    return sys::read_file(AT_FDCWD, path(name)).value_or("(none)");
  }
  void write(std::string_view name, std::string_view text, mode_t mode = 0644) {
    ASSERT_TRUE(sys::replace_file(AT_FDCWD, path(name), text, mode));
  }

  sys::TempDir temp_;
};

TEST_F(KeptLogin, IsInAFileOfItsUsersOwnAndFoundThere) {
  EXPECT_EQ(*keep_login("r:5000", login_of("me", "secret")), "in '" + path("new/config.json") + "'");
  const struct stat info = *sys::stat_at(AT_FDCWD, path("new/config.json"));
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(sys::stat_at(AT_FDCWD, path("new"))->st_mode & 0777, 0700U);
  EXPECT_EQ(*find_credential("r:5000", "a/b", [](const std::string&) {}), login_of("me", "secret"));
  EXPECT_THAT(files_with_login("r:5000"), ElementsAre(path("new/config.json")));
  EXPECT_EQ(**forget_login("r:5000"), "in '" + path("new/config.json") + "'");
  EXPECT_TRUE(find_credential("r:5000", "a/b", [](const std::string&) {})->empty());
  EXPECT_FALSE(forget_login("r:5000")->has_value());
}

TEST_F(KeptLogin, WithoutAPlaceForItTheVariableIsNamed) {
  write("file", "");
  ::setenv("DOCKER_CONFIG", path("file/below").c_str(), 1);
  const Result<std::string> kept = keep_login("r:5000", login_of("me", "secret"));
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().hints(), ElementsAre(HasSubstr("DOCKER_CONFIG")));
}

TEST_F(KeptLogin, ForgettingMakesNothing) {
  EXPECT_FALSE(forget_login("r:5000")->has_value());
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("new")));
}

TEST_F(KeptLogin, AFileThatIsALinkStaysOne) {
  write("dotfiles.json", "{\"psFormat\": \"x\"}");
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, path("new"), 0755));
  ASSERT_EQ(::symlink("../dotfiles.json", path("new/config.json").c_str()), 0);
  ASSERT_TRUE(keep_login("r", login_of("me", "secret")));
  EXPECT_EQ(sys::read_link(AT_FDCWD, path("new/config.json")).value_or("a file"), "../dotfiles.json");
  EXPECT_THAT(read("dotfiles.json"), HasSubstr("psFormat"));
  EXPECT_THAT(read("dotfiles.json"), HasSubstr("auths"));
}

TEST_F(KeptLogin, ADamagedFileIsLeftAsItIs) {
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, path("new"), 0755));
  for (const char* text : {"{\"auths\":", "[]", "{\"auths\":[]}"}) {
    write("new/config.json", text);
    EXPECT_FALSE(keep_login("r", login_of("me", "secret"))) << text;
    EXPECT_EQ(read("new/config.json"), text);
  }
}

TEST_F(KeptLogin, AHelperGetsWhatTheFileThenDoesNotHold) {
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, path("new"), 0755));
  write("new/config.json", R"({"credHelpers":{"r":"mine"}})");
  write("docker-credential-mine",
        "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncase $1 in\nstore) cat >kept ;;\n"
        "get) cat >asked; cat kept 2>/dev/null || { echo credentials not found; exit 1; } ;;\n"
        "erase) rm kept ;;\nesac\n",
        0755);
  EXPECT_EQ(*keep_login("r", login_of("me", "secret")), "by docker-credential-mine");
  EXPECT_EQ(read("kept"), R"({"ServerURL":"r","Username":"me","Secret":"secret"})");
  EXPECT_THAT(read("new/config.json"), ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(*find_credential("r", "a", [](const std::string&) {}), login_of("me", "secret"));
  EXPECT_EQ(**forget_login("r"), "by docker-credential-mine");
  EXPECT_EQ(read("kept"), "(none)");
  EXPECT_FALSE(forget_login("r")->has_value());
}

}  // namespace
}  // namespace shale::registry
