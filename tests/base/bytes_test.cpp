#include "base/bytes.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/random.hpp"

namespace meshflow {
namespace {

TEST(Bytes, HexRoundTripsAndReadsBothCases) {
  EXPECT_EQ(to_hex(std::string("\x00\xab\xff", 3)), "00abff");
  EXPECT_EQ(from_hex("00ABff"), std::string("\x00\xab\xff", 3));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Bytes, Base64FollowsTheVectorsOfRfc4648) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_EQ(from_base64("Zm8"), "fo");
  EXPECT_FALSE(from_base64("Z"));
  EXPECT_FALSE(from_base64("Zm=8"));
}

TEST(Bytes, InvalidUtf8BecomesOneReplacementPerMaximalPiece) {
  // The example of Unicode 15, section 3.9, table 3-8.
  std::uint64_t replaced = 0;
  EXPECT_EQ(sanitize_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", &replaced),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(replaced, 8u);
  EXPECT_EQ(sanitize_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_TRUE(is_valid_utf8("grün 🙂"));
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));  // a surrogate
}

TEST(Bytes, Utf8IsJudgedAlikeAtEveryPositionOfEveryLength) {
  for (std::size_t size = 2; size < 40; ++size) {
    const std::string ascii(size, 'a');
    EXPECT_TRUE(is_valid_utf8(ascii));
    for (std::size_t at = 0; at < size; ++at) {
      std::string text = ascii;
      text[at] = '\xFF';
      EXPECT_FALSE(is_valid_utf8(text)) << size << ", " << at;
      text[at] = '\xC3';  // the first half of ü
      EXPECT_FALSE(is_valid_utf8(text)) << size << ", " << at;
      if (at + 1 < size) text[at + 1] = '\xBC';
      EXPECT_EQ(is_valid_utf8(text), at + 1 < size) << size << ", " << at;
    }
  }
}

TEST(Bytes, AUtf8PrefixNeverCutsACharacter) {
  EXPECT_EQ(utf8_prefix("aü", 2), "a");
  EXPECT_EQ(utf8_prefix("aü", 3), "aü");
  EXPECT_EQ(utf8_prefix("🙂", 3), "");
}

TEST(Bytes, Sha256FollowsTheVectorOfFips180) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Random, DoesNotRepeat) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(seen.insert(random_u64()).second);
}

TEST(Environment, EmptyMeansUnsetAndOnlyTrueIsTrue) {
  const Environment environment({{"A", ""}, {"B", "TrUe"}, {"C", "1"}});
  EXPECT_FALSE(environment.get("A"));
  EXPECT_TRUE(environment.is_true("B"));
  EXPECT_FALSE(environment.is_true("C"));
  EXPECT_FALSE(environment.is_true("D"));
}

TEST(Error, TextSaysWhereAndWhatWouldBeRight) {
  const Error error{ErrorCode::invalid_input, "unknown node \"b\"", SourcePosition{"flow.yaml", 3, 7},
                    "did you mean a?"};
  EXPECT_EQ(error.text(), "flow.yaml:3:7: unknown node \"b\" (did you mean a?)");
}

}  // namespace
}  // namespace meshflow
