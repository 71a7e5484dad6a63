// Hex and base64 have one spelling per byte string; wiping leaves nothing behind.
#include "nostr/base/bytes.h"

#include <gtest/gtest.h>

#include "nostr/base/rng.h"

namespace base {
namespace {

std::string text_of(const Result<Bytes>& bytes) {
  return bytes ? std::string(as_text(*bytes)) : "error: " + bytes.error().detail;
}

TEST(Hex, round_trips_every_byte) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(hex_decode(hex_encode(all)), all);
  EXPECT_EQ(hex_encode(Bytes{0x00, 0x0f, 0xf0, 0xab}), "000ff0ab");
}

TEST(Hex, takes_lower_case_of_exact_length_only) {
  for (const char* bad : {"A0", "0", "0g", "g0", " 0", "0x", "00 ", "\xff\xff"})
    EXPECT_FALSE(hex_decode(bad)) << bad;
  Bytes two(2);
  EXPECT_TRUE(hex_decode_into("beef", two));
  EXPECT_FALSE(hex_decode_into("bee", two));
  EXPECT_FALSE(hex_decode_into("beeff0", two));
  EXPECT_TRUE(hex_decode("")->empty());
}

struct Base64Case {
  const char* plain;
  const char* encoded;
};

// RFC 4648 section 10.
constexpr Base64Case kRfc4648[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

TEST(Base64, matches_the_rfc) {
  for (const auto& [plain, encoded] : kRfc4648) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    EXPECT_EQ(text_of(base64_decode(encoded)), plain);
    std::string bare = encoded;
    while (bare.ends_with('=')) bare.pop_back();
    EXPECT_EQ(base64url_encode(as_bytes(plain)), bare);
    EXPECT_EQ(text_of(base64url_decode(bare)), plain);
  }
}

TEST(Base64, refuses_second_spellings) {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v=", "====", "Z===", "Zg==\n",
                          "Zm 9", "_-__", "Zg==Zg=="})
    EXPECT_FALSE(base64_decode(bad)) << bad;
  for (const char* bad : {"Zg==", "Zh", "Z", "+/++", "Zm9v\n"})
    EXPECT_FALSE(base64url_decode(bad)) << bad;
  EXPECT_EQ(base64_encode(Bytes{0xfb, 0xff}), "+/8=");
  EXPECT_EQ(base64url_encode(Bytes{0xfb, 0xff}), "-_8");
}

TEST(Base64, round_trips_random_bytes_of_every_length) {
  SeededRng rng(7);
  for (std::size_t size = 0; size < 100; ++size) {
    Bytes bytes(size);
    rng.fill(bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Bytes, compare_by_length_and_content) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_TRUE(constant_time_equal(Bytes{1, 2}, Bytes{1, 2}));
  EXPECT_FALSE(constant_time_equal(Bytes{1, 2}, Bytes{1, 3}));
  EXPECT_FALSE(constant_time_equal(Bytes{1, 2}, Bytes{1, 2, 3}));
}

TEST(Bytes, wipe_clears_the_whole_buffer) {
  Bytes bytes{1, 2, 3};
  wipe(bytes);
  EXPECT_EQ(bytes, (Bytes{0, 0, 0}));
  std::string text = "a secret that is longer than the small-string buffer";
  const char* buffer = text.data();
  const std::size_t size = text.size();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), buffer);  // not freed, so what was there can be looked at
  EXPECT_EQ(std::string_view(buffer, size), std::string(size, '\0'));
}

}  // namespace
}  // namespace base
