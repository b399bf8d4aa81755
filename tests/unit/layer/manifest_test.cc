// SPDX-License-Identifier: Apache-2.0
#include "layer/manifest.h"

#include <random>

#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

std::vector<Entry> all_kinds() {
  std::vector<Entry> entries = {directory("", 0700),  directory("a"),     file("a/b", "hello", 04755),
                                file("a-b"),          symlink("l", "/x"), whiteout("gone"),
                                device("null", 1, 3), fifo("pipe"),       opaque("o"),
                                hard_link("z", "a/b")};
  entries[2].mtime_s = -5;
  entries[2].mtime_ns = 999'999'999;
  entries[2].uid = 0xfffffffe;
  entries[2].xattrs = {{"security.capability", std::string("\1\0\0\2", 4)}, {"user.k", ""}};
  entries[9].xattrs = entries[2].xattrs;
  return entries;
}

TEST(LayerManifest, SurvivesARoundTrip) {
  const LayerManifest manifest = must(LayerManifest::build(all_kinds()));
  const std::string bytes = manifest.serialize();
  const LayerManifest again = must(LayerManifest::parse(bytes, "m"));
  EXPECT_EQ(again, manifest);
  EXPECT_EQ(again.serialize(), bytes);
  EXPECT_EQ(again.content_key(), manifest.content_key());
}

TEST(LayerManifest, PutsADirectoryDirectlyBeforeItsChildren) {
  const LayerManifest manifest = must(LayerManifest::build(all_kinds()));
  std::vector<std::string> paths;
  for (const Entry& entry : manifest.entries()) paths.push_back(entry.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"", "a", "a/b", "a-b", "gone", "l", "null", "o", "pipe", "z"}));
  EXPECT_EQ(manifest.subtree_end(0), 10U);
  EXPECT_EQ(manifest.subtree_end(1), 3U);
}

TEST(LayerManifest, FindsEveryEntryAndNothingElse) {
  const LayerManifest manifest = must(LayerManifest::build(all_kinds()));
  for (const Entry& entry : manifest.entries()) EXPECT_EQ(manifest.find(entry.path), &entry);
  for (const char* path : {"b", "a/", "a/c", "A", "zz"}) EXPECT_EQ(manifest.find(path), nullptr) << path;
}

TEST(LayerManifest, CountsTheBytesOfAHardLinkGroupOnce) {
  EXPECT_EQ(
      must(LayerManifest::build({file("a", "12345"), hard_link("b", "a"), file("c", "1")})).total_bytes(),
      6U);
}

TEST(LayerManifest, RefusesBrokenStructure) {
  EXPECT_FALSE(LayerManifest::build({file("a/b")})) << "no parent";
  EXPECT_FALSE(LayerManifest::build({file("a"), file("a/b")})) << "parent is a file";
  EXPECT_FALSE(LayerManifest::build({file("a"), file("a")})) << "twice";
  EXPECT_FALSE(LayerManifest::build({file("../x")}));
  EXPECT_FALSE(LayerManifest::build({file("/x")}));
  EXPECT_FALSE(LayerManifest::build({file("")})) << "the root is a file";
  EXPECT_FALSE(LayerManifest::build({file(std::string(256, 'n'))}));
  EXPECT_FALSE(LayerManifest::build({hard_link("b", "a")})) << "link to nothing";
  EXPECT_FALSE(LayerManifest::build({file("b"), hard_link("a", "b")})) << "link forwards";
  EXPECT_FALSE(LayerManifest::build({directory("a"), hard_link("b", "a")})) << "link to a directory";
}

TEST(LayerManifest, ContentKeyIgnoresTimesAndNothingElse) {
  const std::vector<Entry> base = all_kinds();
  const Digest key = must(LayerManifest::build(base)).content_key();
  const auto changed = [&](auto&& change) {
    std::vector<Entry> entries = base;
    change(entries[2]);
    return must(LayerManifest::build(std::move(entries))).content_key() != key;
  };
  EXPECT_FALSE(changed([](Entry& e) { e.mtime_s = 7; }));
  EXPECT_FALSE(changed([](Entry& e) { e.mtime_ns = 7; }));
  EXPECT_TRUE(changed([](Entry& e) { e.mode = 0755; }));
  EXPECT_TRUE(changed([](Entry& e) { e.uid = 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.gid = 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.size = 1; }));
  EXPECT_TRUE(changed([](Entry& e) { e.content = Digest::of("other"); }));
  EXPECT_TRUE(changed([](Entry& e) { e.xattrs[1].value = "v"; }));
  EXPECT_TRUE(changed([](Entry& e) { e.xattrs.pop_back(); }));
  std::vector<Entry> unlinked = base;
  unlinked[9].hard_link_of.clear();
  EXPECT_NE(must(LayerManifest::build(unlinked)).content_key(), key);
  std::vector<Entry> see_through = base;
  see_through[8].opaque = false;
  EXPECT_NE(must(LayerManifest::build(see_through)).content_key(), key);
}

TEST(LayerManifest, RefusesEveryTruncation) {
  const std::string bytes = must(LayerManifest::build(all_kinds())).serialize();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto parsed = LayerManifest::parse(bytes.substr(0, length), "m");
    ASSERT_FALSE(parsed) << length;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::kCorrupt);
  }
  EXPECT_FALSE(LayerManifest::parse(bytes + '\0', "m")) << "bytes behind the end";
}

TEST(LayerManifest, TakesAnyBytesWithoutHarm) {
  const std::string bytes = must(LayerManifest::build(all_kinds())).serialize();
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string mutated = bytes;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < changes; ++i)
      mutated[8 + random() % (mutated.size() - 8)] = static_cast<char>(random());
    // Either refused, or a manifest whose invariants hold, so that it can be built again.
    if (const auto parsed = LayerManifest::parse(mutated, "m")) {
      EXPECT_TRUE(LayerManifest::build(parsed->entries()));
    }
  }
}

TEST(LayerManifest, DoesNotReserveWhatACountOnlyClaims) {
  std::string bytes("shaleml\x01", 8);
  bytes += "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
  EXPECT_FALSE(LayerManifest::parse(bytes, "m"));
}

TEST(LayerManifest, SaysWhenItIsOfAnotherVersion) {
  const auto parsed = LayerManifest::parse(std::string("shaleml\x02\0", 9), "m");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message().find("another version"), std::string::npos);
}

TEST(PlainPath, IsRelativeNamesOnly) {
  for (const char* good : {"", "a", "a/b", "...", ".a/..b", "a b\n"})
    EXPECT_TRUE(is_plain_path(good)) << good;
  for (const char* bad : {"/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a/.."})
    EXPECT_FALSE(is_plain_path(bad)) << bad;
  EXPECT_FALSE(is_plain_path(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace shale::layer
