// SPDX-License-Identifier: Apache-2.0
#include "shale/digest.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <unordered_set>

#include "base/sha256.h"

namespace shale {
namespace {

// FIPS 180-4 and NIST's examples.
struct Answer {
  std::string text;
  std::string hex;
};
const Answer kAnswers[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Sha256, KnownAnswers) {
  for (const Answer& answer : kAnswers) EXPECT_EQ(Digest::of(answer.text).hex(), answer.hex);
}

TEST(Sha256, PiecesGiveWhatTheWholeGives) {
  const std::string text(1000, 'x');
  for (const std::size_t step : {1U, 7U, 63U, 64U, 65U, 999U}) {
    Sha256 sha;
    for (std::size_t at = 0; at < text.size(); at += step)
      sha.update(std::string_view(text).substr(at, step));
    EXPECT_EQ(sha.finish(), Digest::of(text)) << step;
  }
}

TEST(Sha256, FinishStartsAnew) {
  Sha256 sha;
  sha.update("something else");
  (void)sha.finish();
  sha.update("abc");
  EXPECT_EQ(sha.finish().hex(), kAnswers[1].hex);
}

TEST(Sha256, ACopyGoesOnByItself) {
  Sha256 first;
  first.update("a");
  Sha256 second = first;
  first.update("X");
  second.update("bc");
  EXPECT_EQ(second.finish().hex(), kAnswers[1].hex);
  EXPECT_EQ(first.finish(), Digest::of("aX"));
}

TEST(Digest, TextAndBack) {
  const Digest digest = Digest::of("abc");
  EXPECT_EQ(digest.to_string(), "sha256:" + kAnswers[1].hex);
  EXPECT_EQ(digest.short_hex(), "ba7816bf8f01");
  EXPECT_EQ(Digest::parse(digest.to_string()).value(), digest);
  EXPECT_EQ(Digest::from_hex(digest.hex()).value(), digest);
}

TEST(Digest, AcceptsNothingElse) {
  const std::string hex = kAnswers[1].hex;
  std::string upper = hex;
  upper[0] = 'B';
  for (const std::string& text :
       {std::string(), hex, "sha256:" + upper, "sha256:" + hex + "0", "sha256:" + hex.substr(1),
        "sha256: " + hex.substr(1), "SHA256:" + hex, "sha512:" + hex + hex,
        std::string("sha256:../../etc/passwd"), "sha256:" + std::string(63, 'a') + "g",
        "sha256:" + std::string(63, 'a') + std::string(1, '\0')}) {
    const Result<Digest> parsed = Digest::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::kCorrupt);
  }
}

TEST(Digest, ErrorsShowNoControlCharacters) {
  const std::string message = Digest::parse("sha256:\033[2J" + std::string(500, 'x')).error().message();
  EXPECT_EQ(message.find('\033'), std::string::npos);
  EXPECT_LT(message.size(), 200U);
}

TEST(Digest, TheDefaultIsNone) {
  EXPECT_TRUE(Digest().empty());
  EXPECT_FALSE(Digest::of("").empty());
}

TEST(Digest, OrderAndHashFollowTheBytes) {
  const Digest low = Digest::from_hex(std::string(64, '0')).value();
  const Digest high = Digest::from_hex(std::string(64, 'f')).value();
  EXPECT_LT(low, high);
  EXPECT_EQ((std::unordered_set<Digest>{low, high, low}).size(), 2U);
  EXPECT_NE(std::hash<Digest>()(low), std::hash<Digest>()(high));
}

TEST(FieldHash, BordersBetweenFieldsCount) {
  const auto hash = [](std::initializer_list<std::string_view> fields) {
    FieldHash out("test");
    for (const std::string_view field : fields) out.add(field);
    return out.finish();
  };
  const std::set<Digest> all{hash({}),          hash({""}),        hash({"", ""}),    hash({"abc"}),
                             hash({"a", "bc"}), hash({"ab", "c"}), hash({"abc", ""}), hash({"", "abc"})};
  EXPECT_EQ(all.size(), 8U);
}

TEST(FieldHash, TheDomainCounts) {
  EXPECT_NE(FieldHash("one").add("x").finish(), FieldHash("two").add("x").finish());
}

// Cache keys of older versions must be found again: these bytes are a file format.
TEST(FieldHash, KnownAnswer) {
  std::string bytes;
  const auto number = [&](std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  };
  number(6);
  bytes += "domain";
  number(5);
  bytes += "field";
  number(0x0102030405060708);
  const Digest::Bytes inner = Digest::of("abc").bytes();
  bytes.append(inner.begin(), inner.end());
  EXPECT_EQ(
      FieldHash("domain").add("field").add(std::uint64_t{0x0102030405060708}).add(Digest::of("abc")).finish(),
      Digest::of(bytes));
}

}  // namespace
}  // namespace shale
