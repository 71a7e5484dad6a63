// NIP-44 v2 against its public vectors, and what must be refused.
#include "nostr/nips/nip44.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "nostr/base/json.h"
#include "nostr/crypto/cipher.h"
#include "nostr/crypto/hash.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using base::json::Value;
using nostr::ConversationKey;

std::vector<Value> vector_files() {
  std::vector<Value> out;
  for (const char* path :
       {SOVEREIGN_TEST_DATA "/nip44/nip44.vectors.json", SOVEREIGN_VECTORS "/nip44.vectors.json"}) {
    std::ifstream in(path);
    if (!in) continue;
    std::stringstream text;
    text << in.rdbuf();
    auto value = base::json::parse(text.str(), {.max_bytes = 1 << 20, .max_depth = 32});
    EXPECT_TRUE(value) << path;
    if (value) out.push_back(value->at("v2"));
  }
  EXPECT_FALSE(out.empty());
  return out;
}

std::string text(const Value& object, const char* name) {
  return object.at(name).get<std::string>();
}

std::array<std::uint8_t, 32> bytes32(const std::string& hex) {
  std::array<std::uint8_t, 32> out{};
  EXPECT_TRUE(base::hex_decode_into(hex, out));
  return out;
}
ConversationKey conversation(const Value& row) {
  return ConversationKey(std::span<const std::uint8_t, 32>(bytes32(text(row, "conversation_key"))));
}
std::string hex(base::ByteView bytes) {
  return base::hex_encode(bytes);
}

TEST(Nip44Vectors, ConversationKeys) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("valid").at("get_conversation_key")) {
      const auto secret = nostr::SecretKey::from_hex(text(row, "sec1")).value();
      const auto peer = nostr::PublicKey::from_hex(text(row, "pub2")).value();
      const auto key = nostr::nip44_conversation_key(secret, peer);
      ASSERT_TRUE(key);
      EXPECT_EQ(hex(key->expose()), text(row, "conversation_key"));
    }
}

TEST(Nip44Vectors, RefusesBadKeys) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("invalid").at("get_conversation_key")) {
      const auto secret = nostr::SecretKey::from_hex(text(row, "sec1"));
      const auto peer = nostr::PublicKey::from_hex(text(row, "pub2")).value();
      EXPECT_FALSE(secret && nostr::nip44_conversation_key(*secret, peer)) << text(row, "note");
    }
}

TEST(Nip44Vectors, MessageKeys) {
  for (const auto& file : vector_files()) {
    const auto& group = file.at("valid").at("get_message_keys");
    const auto key = conversation(group);
    for (const auto& row : group.at("keys")) {
      const auto keys = nostr::nip44_message_keys(key, bytes32(text(row, "nonce")));
      EXPECT_EQ(hex(keys.chacha_key.expose()), text(row, "chacha_key"));
      EXPECT_EQ(hex(keys.chacha_nonce.expose()), text(row, "chacha_nonce"));
      EXPECT_EQ(hex(keys.hmac_key.expose()), text(row, "hmac_key"));
    }
  }
}

TEST(Nip44Vectors, PaddedLengths) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("valid").at("calc_padded_len"))
      EXPECT_EQ(nostr::nip44_padded_length(row.at(0).get<std::size_t>()),
                row.at(1).get<std::size_t>());
}

TEST(Nip44Vectors, EncryptsAndDecrypts) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("valid").at("encrypt_decrypt")) {
      const auto key = conversation(row);
      const auto sealed =
          nostr::nip44_encrypt_with_nonce(key, text(row, "plaintext"), bytes32(text(row, "nonce")));
      ASSERT_TRUE(sealed);
      EXPECT_EQ(*sealed, text(row, "payload"));
      EXPECT_EQ(nostr::nip44_decrypt(key, *sealed).value(), text(row, "plaintext"));
      const auto a = nostr::SecretKey::from_hex(text(row, "sec1")).value();
      const auto b = nostr::SecretKey::from_hex(text(row, "sec2")).value();
      const auto derived = nostr::nip44_conversation_key(b, a.public_key());
      EXPECT_EQ(hex(derived->expose()), text(row, "conversation_key"));
    }
}

TEST(Nip44Vectors, LongMessages) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("valid").at("encrypt_decrypt_long_msg")) {
      std::string plain;
      for (int i = row.at("repeat").get<int>(); i > 0; --i) plain += text(row, "pattern");
      EXPECT_EQ(nostr::sha256(plain).hex(), text(row, "plaintext_sha256"));
      const auto key = conversation(row);
      const auto sealed = nostr::nip44_encrypt_with_nonce(key, plain, bytes32(text(row, "nonce")));
      ASSERT_TRUE(sealed);
      EXPECT_EQ(nostr::sha256(*sealed).hex(), text(row, "payload_sha256"));
      EXPECT_EQ(nostr::nip44_decrypt(key, *sealed).value(), plain);
    }
}

TEST(Nip44Vectors, RefusesBadPayloads) {
  for (const auto& file : vector_files())
    for (const auto& row : file.at("invalid").at("decrypt"))
      EXPECT_FALSE(nostr::nip44_decrypt(conversation(row), text(row, "payload")))
          << text(row, "note");
}

TEST(Nip44Vectors, RefusesBadLengths) {
  base::SeededRng rng(1);
  const auto key = nostr::nip44_conversation_key(nips_test::key('1'), nips_test::pub('2')).value();
  for (const auto& file : vector_files())
    for (const auto& row : file.at("invalid").at("encrypt_msg_lengths")) {
      const auto length = row.get<std::size_t>();
      if (length > 10'000'000) continue;
      EXPECT_FALSE(nostr::nip44_encrypt(key, std::string(length, 'x'), rng)) << length;
    }
}

TEST(Nip44, RawFormIsTheDecodedPayload) {
  base::SeededRng rng(1);
  const auto key = nostr::nip44_conversation_key(nips_test::key('1'), nips_test::pub('2')).value();
  const auto raw = nostr::nip44_encrypt_bytes(key, "hello", rng).value();
  EXPECT_EQ(raw.size(), nostr::kNip44MinPayload);
  EXPECT_EQ(nostr::nip44_decrypt(key, base::base64_encode(raw)).value(), "hello");
  EXPECT_EQ(nostr::nip44_decrypt_bytes(key, raw).value(), "hello");
}

TEST(Nip44, AnyFlippedBitIsRefused) {
  base::SeededRng rng(1);
  const auto key = nostr::nip44_conversation_key(nips_test::key('1'), nips_test::pub('2')).value();
  const auto raw = nostr::nip44_encrypt_bytes(key, "hello", rng).value();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    auto bad = raw;
    bad[i] ^= 1;
    EXPECT_FALSE(nostr::nip44_decrypt_bytes(key, bad)) << i;
  }
}

TEST(Nip44, VersionsAreNamed) {
  const auto key = nostr::nip44_conversation_key(nips_test::key('1'), nips_test::pub('2')).value();
  EXPECT_EQ(nostr::nip44_decrypt(key, "#x").error().code, base::Errc::kUnsupported);
  EXPECT_EQ(nostr::nip44_decrypt_bytes(key, base::Bytes(99, 3)).error().code,
            base::Errc::kUnsupported);
  EXPECT_EQ(nostr::nip44_decrypt(key, "").error().code, base::Errc::kInvalid);
}

// ---- messages of 65536 bytes and more ----------------------------------------------------------

/// The fixed key and nonce under which nostr-tools 2.25.2 made the payloads below.
nostr::ConversationKey peer_key() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(0x11);
  return nostr::ConversationKey(bytes);
}
std::array<std::uint8_t, 32> peer_nonce() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(0x22);
  return bytes;
}

TEST(Nip44Long, PayloadsAreThoseOfNostrTools) {
  const struct {
    std::size_t length;
    std::size_t characters;
    const char* sha256;
  } cases[] = {
      {65'535, 87'472, "c59b736000309f650f4f2829d6023801ad0ae3435d87a9d1be9b15cdfe6af1f2"},
      {65'536, 87'476, "51cce275f97bbe04628cbb235cd8510c6f588bd6257d4584497d6c6dfd9bd415"},
      {65'537, 109'324, "b876309015c49d21f1adab849e043cee56f5afe480929a5b8ddd53222242f2ab"},
      {100'000, 153'012, "82662e3152f354a722cc6155726186c2e2da4f5674ed7dd5f1390fa496236caf"},
      {300'000, 437'004, "f401fd849f801f383058f8f0801d092c3b53875b839c82013cb3301ffbd29715"},
  };
  for (const auto& c : cases) {
    const std::string plain(c.length, 'x');
    const auto sealed =
        nostr::nip44_encrypt_with_nonce(peer_key(), plain, peer_nonce(), nostr::Nip44Form::kLong);
    ASSERT_TRUE(sealed) << sealed.error().detail;
    EXPECT_EQ(sealed->size(), c.characters);
    EXPECT_EQ(nostr::sha256(*sealed).hex(), c.sha256) << c.length;
    EXPECT_EQ(nostr::nip44_decrypt(peer_key(), *sealed).value(), plain);
  }
}

TEST(Nip44Long, IsWrittenOnlyOnRequestAndReadWithinBounds) {
  base::SeededRng rng(1);
  const std::string plain(65'536, 'x');
  EXPECT_EQ(nostr::nip44_encrypt(peer_key(), plain, rng).error().code, base::Errc::kInvalid);
  const auto sealed = nostr::nip44_encrypt(peer_key(), plain, rng, nostr::Nip44Form::kLong).value();
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), sealed, 65'535).error().code, base::Errc::kInvalid);
  EXPECT_TRUE(nostr::nip44_decrypt(peer_key(), sealed, 65'536));
  const std::string most(nostr::kNip44MaxLong, 'x');
  const auto largest = nostr::nip44_encrypt(peer_key(), most, rng, nostr::Nip44Form::kLong).value();
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), largest)->size(), most.size());
  EXPECT_FALSE(nostr::nip44_encrypt(peer_key(), most + "x", rng, nostr::Nip44Form::kLong));
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), std::string(3'000'000, 'A')).error().code,
            base::Errc::kInvalid);
}

/// A payload around a padded plaintext that nip44_encrypt would not write.
std::string seal_padded(base::Bytes padded) {
  const auto nonce = peer_nonce();
  const auto keys = nostr::nip44_message_keys(peer_key(), nonce);
  nostr::chacha20_xor(keys.chacha_key.expose(), keys.chacha_nonce.expose(), padded);
  base::Bytes authenticated(nonce.begin(), nonce.end());
  authenticated.insert(authenticated.end(), padded.begin(), padded.end());
  const auto mac = nostr::hmac_sha256(keys.hmac_key.expose(), authenticated);
  base::Bytes payload{2};
  payload.insert(payload.end(), authenticated.begin(), authenticated.end());
  payload.insert(payload.end(), mac.expose().begin(), mac.expose().end());
  return base::base64_encode(payload);
}

TEST(Nip44Long, APrefixHasOneSpellingPerLength) {
  // 10 bytes behind the long prefix, as the classic form would write them behind the short one.
  base::Bytes padded(6 + 32, 'x');
  const std::uint8_t short_length[] = {0, 0, 0, 0, 0, 10};
  std::copy(std::begin(short_length), std::end(short_length), padded.begin());
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), seal_padded(padded)).error().code,
            base::Errc::kCrypto);
  // A length of 65536 with no such text behind it, and one of 4 GiB.
  padded[2] = 0, padded[3] = 1, padded[4] = 0, padded[5] = 0;
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), seal_padded(padded)).error().code,
            base::Errc::kCrypto);
  padded[2] = 255, padded[3] = 255, padded[4] = 255, padded[5] = 255;
  EXPECT_FALSE(nostr::nip44_decrypt(peer_key(), seal_padded(padded)));
  padded.assign(2 + 32, 0);
  EXPECT_EQ(nostr::nip44_decrypt(peer_key(), seal_padded(padded)).error().code,
            base::Errc::kCrypto);
}

}  // namespace
