// SHA-256, HMAC and HKDF against the values of FIPS 180, RFC 4231 and RFC 5869.
#include "nostr/crypto/hash.h"

#include <gtest/gtest.h>

#include "nostr/base/json.h"

namespace nostr {
namespace {

std::string hex(const base::Secret<32>& secret) {
  return base::hex_encode(secret.expose());
}
base::Bytes bytes(std::string_view text) {
  return *base::hex_decode(text);
}

TEST(Sha256, gives_the_published_digests) {
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, streams_to_the_same_digest_and_starts_afresh) {
  Sha256Hasher hasher;
  for (int round = 0; round < 2; ++round) {
    hasher.update("a").update(sha256("").view().first(0)).update("bc");
    EXPECT_EQ(hasher.finish(), sha256("abc"));
  }
  // Two hashers and the one-shot call do not disturb one another.
  Sha256Hasher other;
  hasher.update("ab");
  other.update("x");
  (void)sha256("between");
  EXPECT_EQ(hasher.update("c").finish(), sha256("abc"));
  EXPECT_EQ(other.finish(), sha256("x"));
}

TEST(TaggedHash, is_the_hash_of_two_tag_hashes_and_the_data) {
  std::string preimage;
  for (int i = 0; i < 2; ++i) preimage += base::as_text(sha256("BIP0340/challenge").view());
  EXPECT_EQ(tagged_hash("BIP0340/challenge", base::as_bytes("data")), sha256(preimage + "data"));
}

TEST(Hmac, matches_rfc_4231) {
  EXPECT_EQ(hex(hmac_sha256(bytes("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                            base::as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(
      hex(hmac_sha256(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?"))),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // A key longer than a block is hashed first.
  EXPECT_EQ(
      hex(hmac_sha256(base::Bytes(131, 0xaa),
                      base::as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hkdf, matches_rfc_5869) {
  const auto key = hkdf_extract(bytes("000102030405060708090a0b0c"), base::Bytes(22, 0x0b));
  EXPECT_EQ(hex(key), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  base::Bytes out(42);
  hkdf_expand(key.expose(), bytes("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(base::hex_encode(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Hkdf, expands_to_its_last_byte) {
  base::Bytes out(255 * 32);
  hkdf_expand(base::Bytes(32, 1), {}, out);
  base::Bytes shorter(33);
  hkdf_expand(base::Bytes(32, 1), {}, shorter);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), out.begin()));
}

TEST(ActionDigest, is_the_hash_of_the_canonical_document) {
  const auto action = base::json::parse(R"({"sats":7500, "kind":1, "action":"publish"})");
  const std::string canonical = *base::json::canonical(*action);
  EXPECT_EQ(canonical, R"({"action":"publish","kind":1,"sats":7500})");
  EXPECT_EQ(sha256(canonical).hex(),
            "c25e1e337b87f8e45415118c1bc11867265a1b8429435b068ef00bccd7399307");
}

}  // namespace
}  // namespace nostr
