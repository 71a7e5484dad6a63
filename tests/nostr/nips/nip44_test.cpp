// NIP-44 v2 against its public vectors, and what must be refused.
#include "nostr/nips/nip44.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "nostr/base/json.h"
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

}  // namespace
