// NIP-49 against its published key and against ncryptsec texts made by nostr-tools 2.25.2.
#include <gtest/gtest.h>

#include "nostr/base/bech32.h"
#include "nostr/nips/nip49.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using nostr::KeyHandling;

constexpr unsigned kQuick = 4;  // scrypt log_n of tests
constexpr std::string_view kPeerKey =
    "11b25a101667dd9208db93c0827c6bdad66729a5b521156a7e9d3b22b3ae8944";

std::string hex_of(const nostr::DecryptedKey& opened) {
  return base::hex_encode(opened.key.expose());
}

TEST(Nip49, PublishedKeyOpens) {
  const auto opened = nostr::nip49_decrypt(
      "ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm86"
      "2"
      "3nsl8xn9j4jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p",
      "nostr");
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(hex_of(*opened), "3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683");
}

TEST(Nip49, KeysOfNostrToolsOpen) {
  const struct {
    const char* text;
    const char* password;
    unsigned log_n;
    KeyHandling handling;
  } cases[] = {
      {"ncryptsec1qgzps6hw4zmn2p5hp96ppdr4nwswkzc58zy2lsqnhxvutwcdh0f5dh3l2cdkgjvamalsq4rz8d0g8zfnw"
       "rt"
       "93p0yf5lt5er2ca3czh7un7q4hyzxpqt8re9jhvf4a3evz38z4qqqm566p5ujlgu6ary6",
       "\u212B\u2126\u1E9B\u0323", 4, KeyHandling::kInsecure},  // made from another normal form
      {"ncryptsec1qgps6pux6gt58nxe0tdcz4sl5vsdh2sapvjd6qmqr8tl7elenhr92pl8u5fx42v85t4szzvjjrkpdwary"
       "5"
       "r7nal0uw5f2e45m3gren4g833ewedr8qa8r0wp2p8rjqc6yy4rpj7qhez0939jac2ftpga",
       "skjdaklrn\u00E7urb\u00E7 l", 3, KeyHandling::kSecure},
      {"ncryptsec1qgp9ajkqecdnfuqa3lwvptjflyankk62ulnvrc2czq45f0sxxyfrpa34kxg89vr7z55s9lkfldfvtzsvz"
       "wk"
       "tmcepzph79280tq8euap2cv6mglmgh5r8pfuffzlydl5xp9558jnwffy23kwwpc99yuj5",
       "", 2, KeyHandling::kUntracked},
  };
  for (const auto& c : cases) {
    const auto opened = nostr::nip49_decrypt(c.text, c.password);
    ASSERT_TRUE(opened) << c.log_n << ": " << opened.error().detail;
    EXPECT_EQ(hex_of(*opened), kPeerKey);
    EXPECT_EQ(opened->handling, c.handling);
    const auto header = nostr::read_ncryptsec_header(c.text);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->log_n, c.log_n);
    EXPECT_EQ(header->handling, c.handling);
  }
}

TEST(Nip49, WhatIsLockedOpensWithItsPasswordOnly) {
  base::SeededRng rng(1);
  const auto text =
      nostr::nip49_encrypt(key('7'), "correct horse", KeyHandling::kSecure, rng, kQuick);
  ASSERT_TRUE(text) << text.error().detail;
  EXPECT_EQ(text->size(), 162u);
  EXPECT_TRUE(nostr::is_ncryptsec(" " + *text + "\n"));
  const auto opened = nostr::nip49_decrypt(" " + *text + "\n", "correct horse");
  ASSERT_TRUE(opened);
  EXPECT_EQ(hex_of(*opened), base::hex_encode(key('7').expose()));
  EXPECT_EQ(opened->handling, KeyHandling::kSecure);
  EXPECT_EQ(nostr::nip49_decrypt(*text, "correct hors").error().code, Errc::kCrypto);
  EXPECT_EQ(nostr::nip49_decrypt(*text, "").error().code, Errc::kCrypto);
  const auto again =
      nostr::nip49_encrypt(key('7'), "correct horse", KeyHandling::kSecure, rng, kQuick);
  EXPECT_NE(*text, *again);
}

TEST(Nip49, TheHandlingByteIsAuthenticated) {
  base::SeededRng rng(1);
  const auto text =
      nostr::nip49_encrypt(key('7'), "x", KeyHandling::kInsecure, rng, kQuick).value();
  auto raw = base::bech32_decode(text).value();
  raw.data[42] = 1;
  const auto forged = base::bech32_encode("ncryptsec", raw.data, base::Bech32Variant::kBech32);
  EXPECT_EQ(nostr::nip49_decrypt(forged, "x").error().code, Errc::kCrypto);
}

TEST(Nip49, AStrangersTextIsBounded) {
  base::SeededRng rng(1);
  const auto text = nostr::nip49_encrypt(key('7'), "x", KeyHandling::kSecure, rng, kQuick).value();
  const auto raw = base::bech32_decode(text).value();
  const auto with = [&](std::size_t at, std::uint8_t value) {
    base::Bytes data = raw.data;
    data[at] = value;
    return base::bech32_encode("ncryptsec", data, base::Bech32Variant::kBech32);
  };
  EXPECT_EQ(nostr::nip49_decrypt(with(1, 21), "x").error().code, Errc::kLimit);
  EXPECT_EQ(nostr::nip49_decrypt(with(1, 255), "x").error().code, Errc::kLimit);
  EXPECT_EQ(nostr::nip49_decrypt(with(1, 0), "x").error().code, Errc::kLimit);
  EXPECT_EQ(nostr::nip49_decrypt(with(0, 1), "x").error().code, Errc::kUnsupported);
  EXPECT_EQ(nostr::nip49_decrypt(with(42, 3), "x").error().code, Errc::kInvalid);
  const base::ByteView bytes(raw.data);
  const auto other = [&](std::string_view hrp, base::ByteView data, base::Bech32Variant variant) {
    return nostr::nip49_decrypt(base::bech32_encode(hrp, data, variant), "x").error().code;
  };
  EXPECT_EQ(other("nsec", bytes, base::Bech32Variant::kBech32), Errc::kInvalid);
  EXPECT_EQ(other("ncryptsec", bytes, base::Bech32Variant::kBech32m), Errc::kInvalid);
  EXPECT_EQ(other("ncryptsec", bytes.first(90), base::Bech32Variant::kBech32), Errc::kInvalid);
  EXPECT_EQ(other("ncryptsec", {}, base::Bech32Variant::kBech32), Errc::kUnsupported);
  EXPECT_FALSE(nostr::nip49_decrypt("", "x"));
  EXPECT_FALSE(nostr::nip49_decrypt(std::string(100'000, 'q'), "x"));
}

TEST(Nip49, BadPasswordsAreNotWritten) {
  base::SeededRng rng(1);
  const auto fails = [&](std::string_view password, unsigned log_n) {
    return nostr::nip49_encrypt(key('7'), password, KeyHandling::kSecure, rng, log_n).error().code;
  };
  EXPECT_EQ(fails("", kQuick), Errc::kInvalid);
  EXPECT_EQ(fails("\xff\xfe", kQuick), Errc::kInvalid);
  EXPECT_EQ(fails("x", 0), Errc::kLimit);
  EXPECT_EQ(fails("x", 21), Errc::kLimit);
}

}  // namespace
