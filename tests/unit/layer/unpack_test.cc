// SPDX-License-Identifier: Apache-2.0
// Unpacking through the helper: what layers mean, and what hostile ones must not do. The T numbers are the
// rows of the project's table of attacks.
#include <chrono>
#include <filesystem>

#include "layer/archive.h"
#include "layer/diff.h"
#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

class Unpack : public LayerTest {
 protected:
  Unpack() { make_canary(); }
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP() << "a layer's files belong to several users, which needs root or a user namespace";
  }
  // A layer that must not be accepted, leaving the canary alone and no manifest behind.
  void expect_refused(const TarBuilder& tar, std::string_view what) {
    const std::string before = canary_state();
    const std::string name = "refused" + std::to_string(count_++);
    const auto result = unpack(tar.finish(), name);
    EXPECT_FALSE(result) << what;
    EXPECT_FALSE(exists(name + "/manifest")) << what;
    EXPECT_EQ(canary_state(), before) << what;
  }

 private:
  int count_ = 0;
};

TEST_F(Unpack, MakesTheTreeItsTarDescribes) {
  TarBuilder tar;
  Entry owned = file("d/owned", "abc", 06755);
  owned.uid = 7;
  owned.gid = 8;
  owned.mtime_s = 1000;
  owned.xattrs = {{"user.k", "v"}};
  Entry dir = directory("d", 01700);
  dir.mtime_s = 2000;
  tar.add(dir)
      .add(owned, "abc")
      .add(hard_link("d/same", "d/owned"))
      .add(symlink("l", "d/owned"))
      .add(fifo("pipe"));
  const ArchiveResult result = must(unpack(tar.finish()));
  EXPECT_EQ(result.diff_id, Digest::of(tar.finish()));
  EXPECT_EQ(result.blob_digest, Digest::of(tar.finish()));
  const struct stat status = stat("layer/fs/d/owned");
  EXPECT_EQ(status.st_mode & 07777U, 06755U);
  EXPECT_EQ(status.st_uid, 7U);
  EXPECT_EQ(status.st_gid, 8U);
  EXPECT_EQ(status.st_nlink, 2U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1000);
  EXPECT_EQ(xattr("layer/fs/d/owned", "user.k"), "v");
  EXPECT_EQ(stat("layer/fs/d").st_mtim.tv_sec, 2000) << "set after its children were made";
  EXPECT_EQ(stat("layer/fs/d").st_mode & 07777U, 01700U);
  EXPECT_EQ(manifest().find("d/same")->hard_link_of, "d/owned");
  EXPECT_EQ(manifest().find("d/owned")->content, Digest::of("abc"));
  EXPECT_EQ(manifest().content_key(), result.content_key);
}

TEST_F(Unpack, DescribedAgainItIsTheSameLayer) {
  TarBuilder tar;
  tar.add(directory("d"))
      .file("d/f", "abc")
      .add(whiteout("d/gone"))
      .add(hard_link("d/z", "d/f"))
      .add(symlink("l", "/d"));
  tar.add(opaque("o")).raw(tar_opaque_marker("o"));
  must(unpack(tar.finish()));
  const SnapshotView below({manifest_of({directory("d"), file("d/gone"), directory("o"), file("o/x")})});
  const DiffResult again = must(describe_upper(open_dir("layer/fs").get(), below));
  EXPECT_EQ(again.manifest.content_key(), manifest().content_key());
  EXPECT_EQ(again.manifest, manifest()) << "times too";
}

TEST_F(Unpack, PacksToTheSameDiffIdWhateverTheCompression) {
  TarBuilder tar;
  const std::string half(4'500'000, 'q');
  tar.add(directory("d")).file("d/big", half + half).file("e", "");
  must(unpack(tar.finish()));
  std::string gzip_of_one_thread;
  for (const auto compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    for (const int threads : {1, 3}) {
      PackLayerSpec spec{.fs_path = path("layer/fs"),
                         .manifest_path = path("layer/manifest"),
                         .compression = compression,
                         .output_path = path("blob"),
                         .threads = threads};
      const ArchiveResult packed = must(pack_layer(spec));
      EXPECT_EQ(packed.diff_id, Digest::of(tar.finish()));
      EXPECT_EQ(packed.blob_digest, Digest::of(read("blob")));
      if (compression == Compression::kGzip && threads == 1) gzip_of_one_thread = read("blob");
      if (compression == Compression::kGzip) {
        EXPECT_EQ(read("blob"), gzip_of_one_thread);
      }
      const std::string name =
          "again" + std::to_string(static_cast<int>(compression)) + std::to_string(threads);
      const ArchiveResult again = must(unpack(read("blob"), name));
      EXPECT_EQ(again.diff_id, packed.diff_id);
      EXPECT_EQ(again.content_key, packed.content_key);
    }
  }
  std::string damaged = gzip_of_one_thread;
  damaged[damaged.size() - 6] ^= 1;
  EXPECT_FALSE(unpack(damaged, "damaged")) << "the gzip checksum counts";
  EXPECT_FALSE(unpack(gzip_of_one_thread.substr(0, gzip_of_one_thread.size() - 1), "cut"));
}

TEST_F(Unpack, ImpliedDirectoriesLookLikeTheLowerOnes) {
  TarBuilder lower;
  Entry usr = directory("usr", 0711);
  usr.uid = 5;
  usr.mtime_s = 99;
  lower.add(usr);
  must(unpack(lower.finish(), "lower"));
  const ArchiveResult result = must(unpack(TarBuilder().file("usr/bin/x").finish(), "layer", {"lower"}));
  EXPECT_TRUE(result.depends_on_lower);
  EXPECT_EQ(manifest().find("usr")->mode, 0711U);
  EXPECT_EQ(manifest().find("usr")->uid, 5U);
  EXPECT_EQ(manifest().find("usr")->mtime_s, 99);
  EXPECT_EQ(manifest().find("usr/bin")->mode, 0755U);
  EXPECT_EQ(stat("layer/fs/usr").st_mode & 07777U, 0711U);
  EXPECT_FALSE(must(unpack(TarBuilder().add(directory("usr")).file("usr/x").finish(), "own", {"lower"}))
                   .depends_on_lower);
}

TEST_F(Unpack, OpaqueRootBecomesOneWhiteoutPerLowerName) {
  must(unpack(TarBuilder().add(directory("a")).file("b").file("c").finish(), "lower"));
  must(unpack(TarBuilder().file("c", "new").add(directory("a")).raw(tar_opaque_marker("")).finish(), "layer",
              {"lower"}));
  EXPECT_TRUE(manifest().find("b")->is_whiteout());
  EXPECT_TRUE(manifest().find("a")->opaque);
  EXPECT_TRUE(manifest().find("c")->is_file());
}

TEST_F(Unpack, ChecksDigestAndSizeOfTheBlob) {
  write("input.tar", TarBuilder().file("a").finish());
  const auto attempt = [&](auto&& change) {
    make_dir("checked/fs");
    must(sys::remove_tree(AT_FDCWD, path("checked")));
    make_dir("checked/fs");
    UnpackLayerSpec spec{.input_path = path("input.tar"),
                         .fs_path = path("checked/fs"),
                         .manifest_path = path("checked/manifest")};
    change(spec);
    return unpack_layer(spec);
  };
  const Digest right = Digest::of(read("input.tar"));
  EXPECT_TRUE(attempt([&](UnpackLayerSpec& s) {
    s.blob_digest = right;
    s.blob_bytes = read("input.tar").size();
    s.diff_id = right;
  }));
  for (const auto& result : {attempt([](UnpackLayerSpec& s) { s.blob_digest = Digest::of("x"); }),
                             attempt([](UnpackLayerSpec& s) { s.blob_bytes = 5; }),
                             attempt([](UnpackLayerSpec& s) { s.blob_bytes = 1'000'000; }),
                             attempt([](UnpackLayerSpec& s) { s.diff_id = Digest::of("x"); })}) {  // T32
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::kCorrupt);
    EXPECT_FALSE(exists("checked/manifest"));
  }
}

TEST_F(Unpack, T01_T02_NamesStayInside) {
  expect_refused(TarBuilder().file("../../canary/file", "owned"), "..");
  expect_refused(TarBuilder().file("a/../../canary/file", "owned"), "a/..");
  must(unpack(TarBuilder().file("/absolute", "x").finish()));
  EXPECT_EQ(read("layer/fs/absolute"), "x");
  must(unpack(TarBuilder()
                  .file("not-made/../kept", "y")
                  .add(hard_link("second", "d/../kept"))
                  .file("not-made/../.wh.gone", "")
                  .finish(),
              "cleaned"));
  EXPECT_EQ(read("cleaned/fs/kept"), "y");
  EXPECT_EQ(read("cleaned/fs/second"), "y");
  EXPECT_FALSE(exists("cleaned/fs/not-made"));
  expect_refused(TarBuilder().file("f", "x").add(hard_link("p", "d/../../f")), "d/../..");
}

TEST_F(Unpack, WhatLeadsOutOfAnArchiveIsKeptInsideAndTold) {
  const std::string before = canary_state();
  write("input.tar", TarBuilder()
                         .file("../canary/file", "a")
                         .file("x/../../up", "b")
                         .add(hard_link("../link", "../up"))
                         .file("x/..", "not a directory")
                         .add(symlink(".", path("canary")))
                         .add(symlink("s", path("canary")))
                         .file("s/../below", "c")
                         .finish());
  make_dir("extracted");
  const ArchiveResult result = must(extract_archive({.input_path = path("input.tar"),
                                                     .fs_path = path("extracted"),
                                                     .manifest_path = path("m"),
                                                     .squash_owners = true}));
  EXPECT_EQ(read("extracted/canary/file"), "a");
  EXPECT_EQ(read("extracted/up"), "b");
  EXPECT_EQ(read("extracted/link"), "b");
  EXPECT_EQ(read("extracted/below"), "c");
  EXPECT_FALSE(exists("extracted/x"));
  EXPECT_EQ(canary_state(), before);
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("4 name(s) of the archive lead out of it"), std::string::npos)
      << result.warnings[0];
}

TEST_F(Unpack, T03_LinksOfTheLayerLeadNowhereOutside) {
  const std::string before = canary_state();
  for (const std::string& target :
       {path("canary"), std::string("../../canary"), std::string("../../../../..") + path("canary")}) {
    const std::string name = "t03" + std::to_string(target.size());
    (void)unpack(TarBuilder().add(symlink("l", target)).file("l/file", "owned").finish(),
                 name);  // contained or refused
  }
  (void)unpack(
      TarBuilder().add(symlink("a", path("canary"))).add(symlink("b", "a")).file("b/file", "owned").finish(),
      "chained");
  EXPECT_EQ(canary_state(), before);
  must(unpack(TarBuilder().add(directory("real")).add(symlink("l", "/real")).file("l/x", "in").finish(),
              "inside"));
  EXPECT_EQ(read("inside/fs/real/x"), "in");
}

TEST_F(Unpack, T04_LinksOfLowerLayersAreFollowedInTheImage) {
  must(unpack(TarBuilder().add(directory("etc", 0700)).add(symlink("l", "/etc")).finish(), "lower"));
  const ArchiveResult result = must(unpack(TarBuilder().file("l/x", "in").finish(), "layer", {"lower"}));
  EXPECT_EQ(read("layer/fs/etc/x"), "in");
  EXPECT_EQ(manifest().find("etc")->mode, 0700U);
  EXPECT_EQ(manifest().find("l"), nullptr);
  EXPECT_TRUE(result.depends_on_lower);
}

TEST_F(Unpack, T05_T06_TheRootIsNotReplaced) {
  for (const char* name : {".", "./", "/", "..", "a/.."})
    expect_refused(TarBuilder().add(symlink(name, path("canary"))), name);
  expect_refused(TarBuilder().add(hard_link("./", "x")), "link as root");
}

TEST_F(Unpack, T07_T08_T09_HardLinksOnlyWithinTheLayer) {
  expect_refused(TarBuilder().add(hard_link("p", "../../canary/file")), "relative");
  expect_refused(TarBuilder().add(hard_link("p", path("canary/file"))), "absolute");
  expect_refused(TarBuilder().add(symlink("d", path("canary"))).add(hard_link("p", "d/file")),
                 "through a link");
  expect_refused(TarBuilder().add(hard_link("p", "../refused-evil/x")), "sibling with the same prefix");
  const std::string before = canary_state();
  must(unpack(TarBuilder()
                  .add(symlink("s", path("canary/file")))
                  .add(hard_link("p", "s"))
                  .file("p", "new", 0600)
                  .finish()));
  (void)unpack(TarBuilder()
                   .add(symlink("s", path("canary")))
                   .add(hard_link("p", "s"))
                   .file("p/file", "owned")
                   .finish(),
               "below");  // a second name of a link is a link: contained or refused
  EXPECT_EQ(canary_state(), before);
  EXPECT_EQ(read("layer/fs/p"), "new");
  must(unpack(TarBuilder().file("a", "first").add(hard_link("b", "a")).file("b", "second").finish(),
              "replaced"));
  EXPECT_EQ(read("replaced/fs/a"), "first") << "a new file does not write through the old link";
}

TEST_F(Unpack, T10_MetadataDoesNotGoThroughLinks) {
  const std::string before = canary_state();
  must(unpack(TarBuilder().add(symlink("s", path("canary"))).add(directory("s", 0777)).finish()));
  Entry link = symlink("t", path("canary/file"));
  link.uid = 1234;
  link.mtime_s = 5;
  link.xattrs = {{"user.k", "v"}};
  must(unpack(TarBuilder().add(link).finish(), "link"));
  EXPECT_EQ(canary_state(), before);
  EXPECT_EQ(xattr("canary/file", "user.k"), "(none)");
  EXPECT_EQ(stat("link/fs/t").st_uid, 1234U);
}

TEST_F(Unpack, T11_DeletionsOfNothingAreRefused) {
  for (const char* name : {".wh..", ".wh...", "etc/.wh..", "etc/.wh...", ".wh.", "a/.wh.b/c"}) {
    expect_refused(TarBuilder().file(name, ""), name);
  }
}

TEST_F(Unpack, T12_DeletionThroughALinkStaysInTheImage) {
  must(unpack(TarBuilder().add(symlink("e", path("canary"))).finish(), "lower"));
  const std::string before = canary_state();
  (void)unpack(TarBuilder().file("e/.wh.file", "").finish(), "layer", {"lower"});  // contained or refused
  EXPECT_EQ(canary_state(), before);
}

TEST_F(Unpack, T13_OpaqueMarkersMeanTheSameInAnyOrder) {
  const auto key = [&](const TarBuilder& tar, const std::string& name) {
    return must(unpack(tar.finish(), name)).content_key;
  };
  const std::string marker = tar_opaque_marker("d");
  const Digest first = key(TarBuilder().add(directory("d")).raw(marker).file("d/a"), "first");
  EXPECT_EQ(key(TarBuilder().add(directory("d")).file("d/a").raw(marker), "last"), first);
  EXPECT_EQ(key(TarBuilder().raw(marker).add(directory("d")).raw(marker).file("d/a"), "twice"), first);
  EXPECT_EQ(xattr("last/fs/d", "user.overlay.opaque"), "y");
  EXPECT_TRUE(exists("last/fs/d/a"));
  expect_refused(TarBuilder().file("d").raw(marker), "on a file");
  EXPECT_EQ(key(TarBuilder().add(directory("d")).file("d/a").add(whiteout("d")), "deleted and made"), first);
}

TEST_F(Unpack, T14_AufsBookkeepingIsIgnored) {
  const ArchiveResult result =
      must(unpack(TarBuilder().file(".wh..wh.plnk/1.2").file(".wh..wh.aufs", "").file("a").finish()));
  EXPECT_EQ(manifest().entries().size(), 1U);
  EXPECT_EQ(result.warnings.size(), 1U);
}

TEST_F(Unpack, T15_T17_DevicesAreKeptInTheManifestOnly) {
  const ArchiveResult result = must(unpack(TarBuilder()
                                               .add(directory("dev"))
                                               .add(device("dev/mem", 1, 1))
                                               .add(device("smuggled", 0, 0))
                                               .add(device("null", 1, 3))
                                               .finish()));
  EXPECT_EQ(result.warnings.size(), 1U) << "one for all of them";
  EXPECT_FALSE(exists("layer/fs/dev/mem"));
  EXPECT_FALSE(exists("layer/fs/smuggled"));
  EXPECT_EQ(manifest().find("dev/mem")->dev_minor, 1U);
  EXPECT_EQ(manifest().find("smuggled"), nullptr);
}

TEST_F(Unpack, T16_OverlayAttributesAreStripped) {
  TarBuilder tar;
  Entry dir = directory("d");
  dir.xattrs = {{"trusted.overlay.opaque", "y"},
                {"user.fine", "1"},
                {"user.overlay.opaque", "y"},
                {"user.overlay.redirect", "/../.."}};
  must(unpack(tar.add(dir).finish()));
  EXPECT_EQ(xattr("layer/fs/d", "user.overlay.opaque"), "(none)");
  EXPECT_EQ(xattr("layer/fs/d", "user.overlay.redirect"), "(none)");
  EXPECT_EQ(xattr("layer/fs/d", "user.fine"), "1");
  EXPECT_EQ(manifest().find("d")->xattrs, (std::vector<EntryXattr>{{"user.fine", "1"}}));
}

TEST_F(Unpack, T18_NoFifoIsWaitedFor) {
  const auto start = std::chrono::steady_clock::now();
  must(unpack(
      TarBuilder().add(fifo("f")).file("f", "now a file").add(fifo("g")).add(hard_link("h", "g")).finish()));
  EXPECT_EQ(read("layer/fs/f"), "now a file");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(Unpack, T20_UnmappedIdsAreNamed) {
  std::string header = tar_header(file("big", ""));
  // Base 256, all ones: -1.
  for (std::size_t i = 108; i < 116; ++i) header[i] = '\xff';
  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? 0U : static_cast<unsigned char>(header[i]);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  const auto result = unpack(TarBuilder().raw(header).finish());
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("'/big'"), std::string::npos) << result.error().message();
  EXPECT_NE(result.error().message().find("mapped: "), std::string::npos);
}

TEST_F(Unpack, T23_EveryCutIsRefused) {
  const std::string whole = TarBuilder().add(directory("d")).file("d/f", std::string(700, 'x')).finish();
  for (std::size_t length = 0; length + 1024 <= whole.size(); length += 512)
    EXPECT_FALSE(unpack(whole.substr(0, length), "cut" + std::to_string(length))) << length;
  for (std::size_t length = 513; length < 1024; length += 37)
    EXPECT_FALSE(unpack(whole.substr(0, length), "byte" + std::to_string(length))) << length;
  EXPECT_FALSE(unpack(whole + "hidden behind the end", "trailing"));
  EXPECT_TRUE(unpack(whole + std::string(10240, '\0'), "padded"));
}

// A file that a user has is taken as docker takes it, but not in silence.
TEST_F(Unpack, OddEndsOfAnArchiveAreTold) {
  const std::string whole = TarBuilder().file("f", "x").finish();
  const std::vector<std::pair<std::string, std::string>> archives = {
      {whole.substr(0, 1024), "its end marker is missing"},
      {whole + "junk", "data behind its end marker"},
  };
  for (const auto& [bytes, warning] : archives) {
    write("input.tar", bytes);
    ExtractSpec spec{.input_path = path("input.tar"),
                     .fs_path = path("to"),
                     .manifest_path = path("m"),
                     .squash_owners = true};
    make_dir("to");
    EXPECT_FALSE(extract_archive(spec)) << warning;
    std::filesystem::remove_all(path("to"));
    make_dir("to");
    spec.any_end = true;
    const ArchiveResult result = must(extract_archive(spec));
    EXPECT_EQ(read("to/f"), "x");
    ASSERT_EQ(result.warnings.size(), 1U);
    EXPECT_NE(result.warnings[0].find(warning), std::string::npos) << result.warnings[0];
    std::filesystem::remove_all(path("to"));
  }
}

TEST_F(Unpack, T25_T26_BombsHitTheirLimits) {
  must(unpack(TarBuilder().file("zeros", std::string(64 << 20, '\0')).finish(), "bomb"));
  must(pack_layer(
      {.fs_path = path("bomb/fs"), .manifest_path = path("bomb/manifest"), .output_path = path("blob")}));
  const std::string blob = read("blob");
  const ArchiveLimits small{.max_ratio = 50, .ratio_free_bytes = 1 << 20};
  EXPECT_FALSE(unpack(blob, "ratio", {}, small));
  EXPECT_FALSE(unpack(blob, "bytes", {}, {.max_bytes = 1 << 20}));
  EXPECT_TRUE(unpack(blob, "allowed"));
  TarBuilder many;
  for (int i = 0; i < 11; ++i) many.file("same", "");
  EXPECT_FALSE(unpack(many.finish(), "entries", {}, {.max_entries = 10}));
}

// What is kept of entries until the end is bounded, whatever it is that they have much of.
TEST_F(Unpack, T26_MetadataIsBounded) {
  const ArchiveLimits small{.max_metadata_bytes = 256 << 10};
  const auto refused = [&](const TarBuilder& tar, const std::string& name) {
    const auto result = unpack(tar.finish(), name, {}, small);
    ASSERT_FALSE(result) << name;
    EXPECT_NE(result.error().message().find("names and attributes of the archive's entries take more"),
              std::string::npos)
        << result.error().message();
    EXPECT_TRUE(unpack(tar.finish(), name + "-allowed")) << name;
  };
  TarBuilder names;
  TarBuilder links;
  TarBuilder attributes;
  TarBuilder directories;
  TarBuilder nothing;
  TarBuilder deletions;
  const std::string long_name(200, 'n');
  for (int i = 0; i < 300; ++i) {
    names.file(long_name + "/" + long_name + "/" + long_name + "/" + std::to_string(i), "");
    links.add(symlink("l" + std::to_string(i), std::string(1000, 't')));
    Entry marked = file("f" + std::to_string(i), "");
    marked.xattrs = {{"user.a", std::string(1000, 'a')}};
    attributes.add(marked);
    directories.file(std::to_string(i) + "/" + long_name + "/" + long_name + "/f", "");
  }
  for (int i = 0; i < 2000; ++i) {
    nothing.file("f" + std::to_string(i), "");
    deletions.file(".wh.f" + std::to_string(i), "");
  }
  refused(names, "names");
  refused(links, "links");
  refused(attributes, "attributes");
  refused(directories, "directories");
  refused(nothing, "nothing");
  refused(deletions, "deletions");
}

TEST_F(Unpack, T28_HostileNamesAreStoredByteForByte) {
  TarBuilder tar;
  std::vector<std::string> names = {"new\nline",
                                    "\x1b[31mred",
                                    "inv\377\376alid",
                                    "-rf",
                                    " leading",
                                    "Case",
                                    "case",
                                    std::string("\xe2\x80\xae") + "rtl",
                                    std::string(120, 'l') + "\xff"};
  for (const std::string& name : names) tar.file(name, name);
  must(unpack(tar.finish()));
  for (const std::string& name : names) EXPECT_EQ(read("layer/fs/" + name), name);
}

TEST_F(Unpack, T29_TheLastOfRepeatedEntriesWins) {
  const std::string before = canary_state();
  const std::vector<Entry> kinds = {file("n", ""), directory("n"),          symlink("n", path("canary")),
                                    fifo("n"),     hard_link("n", "other"), device("n", 1, 3)};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    for (std::size_t j = 0; j < kinds.size(); ++j) {
      const std::string name = "flip" + std::to_string(i) + std::to_string(j);
      const auto result = unpack(TarBuilder().file("other", "o").add(kinds[i]).add(kinds[j]).finish(), name);
      ASSERT_TRUE(result) << name << render(result.error(), false);
      EXPECT_EQ(manifest(name).find("n")->type, kinds[j].type) << name;
    }
  }
  EXPECT_EQ(canary_state(), before);
}

// A name of a few bytes that leads through a chain of long links, each as long as a path may be.
TEST_F(Unpack, T34_ShortNamesCannotMakeLongWork) {
  constexpr int kDepth = 1000;
  constexpr int kLinks = 250;
  std::string bottom;
  for (int i = 0; i < kDepth; ++i) bottom += "a/";
  TarBuilder tar;
  for (int i = 0; i < kLinks; ++i) {
    const std::string next = i + 1 < kLinks ? bottom + "link" + std::to_string(i + 1) : "end";
    tar.add(symlink(bottom + "link" + std::to_string(i), "/" + next));
  }
  tar.add(directory("end")).add(symlink("start", "/" + bottom + "link0"));
  for (int i = 0; i < 8; ++i) tar.file("start/" + std::to_string(i), "");
  const auto result = unpack(tar.finish());
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("lead through too many links"), std::string::npos)
      << result.error().message();
}

TEST_F(Unpack, T34_ManyNamesThroughAnOrdinaryLinkAreNoAttack) {
  TarBuilder tar;
  tar.add(directory("usr")).add(directory("usr/bin")).add(symlink("bin", "usr/bin"));
  for (int i = 0; i < 2000; ++i) tar.file("bin/" + std::to_string(i), "");
  EXPECT_EQ(must(unpack(tar.finish())).entries, 2003U);
}

TEST_F(Unpack, T35_TooLongNamesAreRefused) {
  expect_refused(TarBuilder().file(std::string(256, 'n')), "component");
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "d/";
  expect_refused(TarBuilder().file(deep + "f"), "path");
}

TEST_F(Unpack, T36_TimesOutsideTheRangeBecomeZero) {
  Entry early = file("early", "");
  early.mtime_s = -1;
  Entry late = file("late", "");
  late.mtime_s = std::int64_t{1} << 40;
  must(unpack(TarBuilder().add(early).add(late).finish()));
  EXPECT_EQ(stat("layer/fs/early").st_mtim.tv_sec, 0);
  EXPECT_EQ(stat("layer/fs/late").st_mtim.tv_sec, 0);
}

TEST_F(Unpack, ExtractTakesMarkersForNames) {
  write("input.tar", TarBuilder().file(".wh.name", "plain").file("d/f", "x").finish());
  ASSERT_EQ(std::system(("xz -k " + path("input.tar") + " && bzip2 -k " + path("input.tar")).c_str()), 0);
  for (const char* suffix : {"", ".xz", ".bz2"}) {
    const std::string name = std::string("extracted") + suffix;
    make_dir(name);
    const ArchiveResult result = must(extract_archive({.input_path = path("input.tar") + suffix,
                                                       .fs_path = path(name),
                                                       .manifest_path = path(name + ".manifest"),
                                                       .squash_owners = true}));
    EXPECT_EQ(read(name + "/.wh.name"), "plain");
    EXPECT_FALSE(result.depends_on_lower);
    EXPECT_EQ(result.diff_id, Digest::of(read("input.tar")));
    EXPECT_TRUE(must(is_archive(must(sys::open_at(AT_FDCWD, path("input.tar") + suffix, O_RDONLY)).get())));
  }
  EXPECT_FALSE(unpack(read("input.tar.xz"), "xz as a layer"));
}

TEST_F(Unpack, ExtractTellsWhichDirectoriesAreOnlyImplied) {
  Entry own;
  own.path = "own";
  own.type = EntryType::kDirectory;
  own.mode = 0700;
  write("input.tar",
        TarBuilder().file("a/b/f", "x").add(own).file("own/f", "x").file("late/f", "x").finish());
  make_dir("extracted");
  const ArchiveResult result = must(extract_archive({.input_path = path("input.tar"),
                                                     .fs_path = path("extracted"),
                                                     .manifest_path = path("m"),
                                                     .squash_owners = true}));
  const LayerManifest made = must(LayerManifest::load(AT_FDCWD, path("m")));
  std::vector<std::string> implied;
  for (const std::size_t index : result.implied) implied.push_back(made.entries().at(index).path);
  EXPECT_EQ(implied, (std::vector<std::string>{"a", "a/b", "late"}));
}

// Archives of packages often have no entries for directories.
TEST_F(Unpack, AnyNumberOfDirectoriesMayBeImplied) {
  constexpr int kChains = 200;
  constexpr int kDepth = 15;
  TarBuilder tar;
  for (int chain = 0; chain < kChains; ++chain) {
    std::string name = std::to_string(1000 + chain);
    for (int i = 1; i < kDepth; ++i) name += "/" + std::string(250, 'd');
    tar.file(name + "/f", "x");
  }
  write("input.tar", tar.finish());
  make_dir("extracted");
  const ArchiveResult result = must(extract_archive({.input_path = path("input.tar"),
                                                     .fs_path = path("extracted"),
                                                     .manifest_path = path("m"),
                                                     .squash_owners = true}));
  EXPECT_EQ(result.implied.size(), std::size_t{kChains} * kDepth);
}

TEST_F(Unpack, IsArchiveGoesByContent) {
  const auto judged = [&](std::string_view name) {
    return must(is_archive(must(sys::open_at(AT_FDCWD, path(name), O_RDONLY)).get()));
  };
  write("text", std::string(2000, 't'));
  write("empty", "");
  write("fake.gz", "\x1f\x8b nothing of the sort");
  write("zeros", std::string(4096, '\0'));
  write("tar", TarBuilder().file("a").finish());
  ASSERT_EQ(std::system(("gzip -k " + path("text") + " " + path("tar")).c_str()), 0);
  for (const char* name : {"text", "empty", "fake.gz", "zeros", "text.gz"})
    EXPECT_FALSE(judged(name)) << name;
  for (const char* name : {"tar", "tar.gz"}) EXPECT_TRUE(judged(name)) << name;
}

}  // namespace
}  // namespace shale::layer
