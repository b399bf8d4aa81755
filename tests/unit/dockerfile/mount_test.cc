// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Mount> resolved(std::string_view text) {
  return resolve_mount(text, [](std::string_view value) -> Result<std::string> {
    return value == "$ID" ? std::string("expanded") : std::string(value);
  });
}

std::string message(std::string_view text) {
  const auto mount = resolved(text);
  return mount ? "no error" : mount.error().message();
}

TEST(Mount, DefaultsFollowTheType) {
  const Mount bind = resolved("target=/x,source=y").value();
  EXPECT_EQ(bind.type, MountType::kBind);
  EXPECT_TRUE(bind.read_only);
  const Mount cache = resolved("type=cache,dst=/c,id=$ID,sharing=LOCKED,uid=5,mode=0700").value();
  EXPECT_EQ(cache.type, MountType::kCache);
  EXPECT_FALSE(cache.read_only);
  EXPECT_EQ(cache.id, "expanded");
  EXPECT_EQ(cache.sharing, CacheSharing::kLocked);
  EXPECT_EQ(cache.uid, 5U);
  EXPECT_EQ(cache.mode, 0700U);
  EXPECT_FALSE(resolved("type=tmpfs,target=/t,size=1m").value().read_only);
  EXPECT_EQ(resolved("type=tmpfs,target=/t,size=1m").value().size_bytes, 1U << 20U);
  EXPECT_FALSE(resolved("type=bind,target=/x,rw").value().read_only);
  EXPECT_TRUE(resolved("type=bind,target=/x,rw=false").value().read_only);
  EXPECT_TRUE(resolved("type=secret,id=s,required").value().required);
  EXPECT_EQ(resolved("type=secret,id=s,env=TOKEN").value().env, "TOKEN");
}

TEST(Mount, ErrorsHaveBuildKitsWords) {
  EXPECT_EQ(message("type=bind,Z"), "invalid field 'Z' must be a key=value pair");
  EXPECT_EQ(message("typ=tmpfs"), "unexpected key 'typ' in 'typ=tmpfs'");
  EXPECT_EQ(message("type=tmp"), "unsupported mount type \"tmp\"");
  EXPECT_EQ(message("type=tmpfs,target=/x,uid=1"), "uid not allowed for \"tmpfs\" type mounts");
  EXPECT_EQ(message("type=secret"), "invalid secret mount. one of source, target required");
  EXPECT_EQ(message("type=bind,required"), "unexpected key 'required' for mount type 'bind'");
  EXPECT_EQ(message("type=cache,target=/x,sharing=some"), "unsupported sharing value \"some\"");
  EXPECT_EQ(message("type=bind,target=/x,sharing=shared"), "invalid cache sharing set for bind mount");
  EXPECT_EQ(message("type=cache,target=/x,mode=9"), "invalid value 9 for mode");
}

TEST(Mount, MisspeltWordsGetTheNearestOne) {
  EXPECT_THAT(resolved("typ=tmpfs").error().hints(), ElementsAre("did you mean 'type'?"));
  EXPECT_THAT(resolved("type=tmp").error().hints(), ElementsAre("did you mean 'tmpfs'?"));
}

TEST(Mount, FromTakesNoVariables) {
  EXPECT_EQ(mount_from("type=bind,from=base,target=/x").value(), "base");
  EXPECT_EQ(mount_from("type=cache,target=$x").value(), "");
  EXPECT_THAT(mount_from("from=$base").error().message(),
              HasSubstr("'from' doesn't support variable expansion"));
}

}  // namespace
}  // namespace shale::dockerfile
