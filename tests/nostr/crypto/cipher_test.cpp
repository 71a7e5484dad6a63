// ChaCha20 against RFC 8439, AES-256-CBC against NIST SP 800-38A, GCM against its specification; padding and
// tags are checked.
#include "nostr/crypto/cipher.h"

#include <gtest/gtest.h>

#include "nostr/base/rng.h"

namespace nostr {
namespace {

base::Bytes bytes(std::string_view text) {
  return *base::hex_decode(text);
}

TEST(ChaCha20, gives_the_key_stream_of_the_rfc) {
  base::Bytes zeros(64);
  chacha20_xor(base::Bytes(32), base::Bytes(12), zeros);  // RFC 8439 A.1, vector 1
  EXPECT_EQ(base::hex_encode(zeros),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
  base::Bytes last(64);
  chacha20_xor(base::Bytes(32), bytes("000000000000000000000002"), last);  // vector 5
  EXPECT_EQ(base::hex_encode(last).substr(0, 32), "c2c64d378cd536374ae204b9ef933fcd");
}

TEST(ChaCha20, undoes_itself_at_any_length) {
  base::SeededRng rng(1);
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 1000U}) {
    base::Bytes data(size);
    rng.fill(data);
    const base::Bytes plain = data;
    chacha20_xor(base::Bytes(32, 7), base::Bytes(12, 9), data);
    EXPECT_EQ(data == plain, size == 0);
    chacha20_xor(base::Bytes(32, 7), base::Bytes(12, 9), data);
    EXPECT_EQ(data, plain);
  }
}

TEST(Aes256Cbc, gives_the_blocks_of_the_standard) {
  const auto key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  const auto iv = bytes("000102030405060708090a0b0c0d0e0f");
  const auto sealed = aes256_cbc_encrypt(key, iv, bytes("6bc1bee22e409f96e93d7e117393172a"));
  EXPECT_EQ(base::hex_encode(sealed).substr(0, 32), "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
  EXPECT_EQ(sealed.size(), 32U);
}

TEST(Aes256Cbc, round_trips_and_refuses_broken_padding) {
  const base::Bytes key(32, 3);
  const base::Bytes iv(16, 4);
  for (std::size_t size = 0; size < 40; ++size) {
    const base::Bytes plain(size, 0x61);
    const base::Bytes sealed = aes256_cbc_encrypt(key, iv, plain);
    EXPECT_EQ(sealed.size(), size / 16 * 16 + 16);
    EXPECT_EQ(aes256_cbc_decrypt(key, iv, sealed), plain);
  }
  const base::Bytes sealed = aes256_cbc_encrypt(key, iv, base::Bytes(16, 0x61));
  EXPECT_FALSE(aes256_cbc_decrypt(key, iv, {}));
  EXPECT_FALSE(aes256_cbc_decrypt(key, iv, base::ByteView(sealed).first(15)));
  EXPECT_EQ(aes256_cbc_decrypt(key, iv, base::ByteView(sealed).first(16)).error().code,
            base::Errc::kCrypto);
}

TEST(Aes256Gcm, gives_the_tag_of_the_specification_and_refuses_another) {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14.
  const base::Bytes key(32);
  const base::Bytes iv(12);
  const base::Bytes zeros(16);
  base::Bytes sealed = aes256_gcm_encrypt(key, iv, zeros);
  EXPECT_EQ(base::hex_encode(sealed), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  EXPECT_EQ(*aes256_gcm_decrypt(key, iv, sealed), zeros);
  sealed.back() ^= 1;
  EXPECT_FALSE(aes256_gcm_decrypt(key, iv, sealed));
}

}  // namespace
}  // namespace nostr
