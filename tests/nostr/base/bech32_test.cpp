// bech32 against the valid and invalid strings of BIP-173 and BIP-350, and round trips.
#include "nostr/base/bech32.h"

#include <gtest/gtest.h>

#include "nostr/base/rng.h"

namespace base {
namespace {

struct Valid {
  const char* text;
  Bech32Variant variant;
  const char* hrp;
};

constexpr Valid kValid[] = {
    {"A12UEL5L", Bech32Variant::kBech32, "a"},
    {"a12uel5l", Bech32Variant::kBech32, "a"},
    {"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
     Bech32Variant::kBech32,
     "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio"},
    {"abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", Bech32Variant::kBech32, "abcdef"},
    {"split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", Bech32Variant::kBech32,
     "split"},
    {"split1checkupstagehandshakeupstreamerranterredcaperredlc445v", Bech32Variant::kBech32m,
     "split"},
    {"?1ezyfcl", Bech32Variant::kBech32, "?"},
    {"A1LQFN3A", Bech32Variant::kBech32m, "a"},
    {"a1lqfn3a", Bech32Variant::kBech32m, "a"},
    {"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
     Bech32Variant::kBech32m,
     "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber1"},
    {"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", Bech32Variant::kBech32m, "abcdef"},
    {"?1v759aa", Bech32Variant::kBech32m, "?"},
};

TEST(Bech32, decodes_the_valid_strings_of_both_bips) {
  for (const Valid& vector : kValid) {
    const auto decoded = bech32_decode(vector.text);
    ASSERT_TRUE(decoded) << vector.text << ": " << decoded.error().detail;
    EXPECT_EQ(decoded->hrp, vector.hrp);
    EXPECT_EQ(decoded->variant, vector.variant);
    std::string lower = vector.text;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    EXPECT_EQ(bech32_encode(decoded->hrp, decoded->data, decoded->variant), lower);
  }
}

TEST(Bech32, refuses_the_invalid_strings_of_both_bips) {
  const std::string long_hrp(84, 'a');
  const std::vector<std::string> invalid = {
      "\x20"
      "1nwldj5",
      "\x7f"
      "1axkwrx",
      "\x80"
      "1eym55h",  // characters outside printable ASCII
      "pzry9x0s0muk",
      "1pzry9x0s0muk",
      "10a06t8",
      "1qzzfhee",  // no prefix
      "x1b4n0q5v",
      "li1dgmt3",
      "de1lg7wt\xff",  // data characters, short checksum
      "A1G7SGD8",      // checksum over the upper-case prefix
      "\x20"
      "1xj0phk",
      "\x7f"
      "1g6xzxy",
      "\x80"
      "1vctc34",
      "qyrz8wqd2c9m",
      "1qyrz8wqd2c9m",
      "y1b0jsk6g",
      "lt1igcx5c0",
      "in1muywd",
      "mm1crxm3i",
      "au1s5cgom",
      "M1VUXWEZ",
      "16plkw9",
      "1p2gdwpf",
      "a12UEL5L",  // mixed case
      "",
      "1",
      "a",
      "a1",
  };
  for (const std::string& text : invalid) EXPECT_FALSE(bech32_decode(text)) << text;
}

TEST(Bech32, refuses_symbols_that_are_not_whole_bytes) {
  // All three have valid checksums; the last two spell 0xff with a padding bit set, or a symbol
  // over.
  EXPECT_EQ(bech32_decode("npub1lus0l2gd")->data, Bytes{0xff});
  EXPECT_EQ(bech32_decode("npub1ladetl4l").error().detail, "bech32 padding is not zero");
  EXPECT_EQ(bech32_decode("npub1luq67zsej").error().detail,
            "bech32 data holds a superfluous character");
}

TEST(Bech32, holds_its_length_limit) {
  const std::string text = bech32_encode("npub", Bytes(32, 7), Bech32Variant::kBech32);
  EXPECT_EQ(text.size(), 63U);
  EXPECT_TRUE(bech32_decode(text, 63));
  const auto refused = bech32_decode(text, 62);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "bech32 text is 63 characters, limit is 62");
}

TEST(Bech32, round_trips_and_notices_every_single_error) {
  SeededRng rng(11);
  for (std::size_t size = 0; size < 60; ++size) {
    Bytes data(size);
    rng.fill(data);
    const auto variant = size % 2 == 0 ? Bech32Variant::kBech32 : Bech32Variant::kBech32m;
    std::string text = bech32_encode("nevent", data, variant);
    const auto decoded = bech32_decode(text);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->data, data);
    EXPECT_EQ(decoded->variant, variant);
    char& victim = text[7 + rng.below(text.size() - 7)];
    victim = victim == 'q' ? 'p' : 'q';
    EXPECT_FALSE(bech32_decode(text));
  }
}

}  // namespace
}  // namespace base
