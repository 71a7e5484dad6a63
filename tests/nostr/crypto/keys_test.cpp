// BIP-340 signing and verification against the BIP's own vectors, keys at their bounds, and ECDH.
#include "nostr/crypto/keys.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace nostr {
namespace {

/// Hands out one given value: the vectors fix the auxiliary randomness.
class FixedRng final : public base::Rng {
 public:
  explicit FixedRng(base::Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override {
    CHECK(out.size() == bytes_.size());
    std::ranges::copy(bytes_, out.begin());
  }

 private:
  base::Bytes bytes_;
};

base::Bytes from_upper_hex(std::string hex) {
  for (char& c : hex)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return *base::hex_decode(hex);
}

struct Row {
  std::string index, secret, pubkey, aux, message, signature, result;
};

std::vector<Row> read_rows(const std::string& path) {
  std::ifstream file(path);
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    Row row;
    for (std::string* cell : {&row.index, &row.secret, &row.pubkey, &row.aux, &row.message,
                              &row.signature, &row.result})
      std::getline(cells, *cell, ',');
    rows.push_back(row);
  }
  return rows;
}

void check_row(const Row& row) {
  SCOPED_TRACE("row " + row.index);
  const PublicKey pubkey = *PublicKey::from_bytes(from_upper_hex(row.pubkey));
  const Signature signature = *Signature::from_bytes(from_upper_hex(row.signature));
  const base::Bytes message = from_upper_hex(row.message);
  EXPECT_EQ(verify_message(pubkey, message, signature), row.result == "TRUE");
  if (message.size() == 32) {
    EXPECT_EQ(verify(pubkey, *Sha256::from_bytes(message), signature), row.result == "TRUE");
  }
  if (row.secret.empty()) return;
  base::Secret<32> secret;
  std::ranges::copy(from_upper_hex(row.secret), secret.expose_mutable().begin());
  const auto key = SecretKey::from_bytes(secret.expose());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_key(), pubkey);
  if (message.size() != 32) return;  // Nostr signs hashes only
  FixedRng aux(from_upper_hex(row.aux));
  EXPECT_EQ(key->sign(*Sha256::from_bytes(message), aux), signature);
}

TEST(Bip340, holds_for_all_rows_of_the_bip) {
  const auto rows = read_rows(SOVEREIGN_TEST_DATA "/bip340/test-vectors.csv");
  ASSERT_EQ(rows.size(), 19U);
  for (const Row& row : rows) check_row(row);
}

TEST(Bip340, holds_for_an_outside_copy_of_the_rows) {
  const std::string path = SOVEREIGN_VECTORS "/bip340-test-vectors.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no vectors beside the project";
  for (const Row& row : read_rows(path)) check_row(row);
}

TEST(Bip340, notices_every_changed_byte) {
  base::SeededRng rng(5);
  const SecretKey key = SecretKey::generate(rng);
  const Sha256 message = sha256("message");
  const Signature good = key.sign(message, rng);
  ASSERT_TRUE(verify(key.public_key(), message, good));
  for (std::size_t i = 0; i < Signature::kSize; ++i) {
    Signature bad = good;
    bad.data()[i] ^= 1;
    EXPECT_FALSE(verify(key.public_key(), message, bad)) << i;
  }
  EXPECT_FALSE(verify(key.public_key(), sha256("massage"), good));
  EXPECT_NE(key.sign(message, rng), good) << "auxiliary randomness is fresh each time";
}

constexpr char kOrder[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
constexpr char kOrderLess1[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";

TEST(SecretKey, lies_from_one_to_the_order_less_one) {
  EXPECT_FALSE(SecretKey::from_hex(std::string(64, '0')));
  EXPECT_FALSE(SecretKey::from_hex(kOrder));
  EXPECT_FALSE(SecretKey::from_hex(std::string(64, 'f')));
  const auto last = SecretKey::from_hex(kOrderLess1);
  const auto one = SecretKey::from_hex(std::string(63, '0') + "1");
  ASSERT_TRUE(last);
  ASSERT_TRUE(one);
  EXPECT_EQ(last->public_key(), one->public_key()) << "k and -k share their x coordinate";
}

TEST(SecretKey, hex_is_lower_case_and_an_error_repeats_none_of_it) {
  for (const std::string& bad :
       {std::string(64, 'A'), std::string(62, 'a'), std::string(66, 'a'), std::string()}) {
    const auto refused = SecretKey::from_hex(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().detail, "secret key is not 64 lower-case hex characters");
  }
}

TEST(SecretKey, a_clone_signs_and_a_moved_from_key_is_wiped) {
  base::SeededRng rng(9);
  SecretKey key = SecretKey::generate(rng);
  const SecretKey copy = key.clone();
  const SecretKey moved = std::move(key);
  EXPECT_TRUE(base::constant_time_equal(copy.expose(), moved.expose()));
  EXPECT_TRUE(verify(copy.public_key(), sha256("x"), copy.sign(sha256("x"), rng)));
  EXPECT_TRUE(std::ranges::all_of(key.expose(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Ecdh, both_sides_agree_and_ignore_the_sign_of_the_key) {
  base::SeededRng rng(21);
  for (int round = 0; round < 8; ++round) {
    const SecretKey a = SecretKey::generate(rng);
    const SecretKey b = SecretKey::generate(rng);
    const auto ab = ecdh(a, b.public_key());
    const auto ba = ecdh(b, a.public_key());
    ASSERT_TRUE(ab);
    ASSERT_TRUE(ba);
    EXPECT_TRUE(base::constant_time_equal(ab->expose(), ba->expose()));
  }
}

TEST(Ecdh, with_the_generator_gives_the_public_key) {
  const auto one = SecretKey::from_hex(std::string(63, '0') + "1");
  base::SeededRng rng(22);
  const SecretKey key = SecretKey::generate(rng);
  EXPECT_TRUE(
      base::constant_time_equal(ecdh(key, one->public_key())->expose(), key.public_key().view()));
}

TEST(Curve, an_x_without_a_point_is_no_key) {
  // Row 5 of the BIP-340 vectors, and the field's size, which is no field element.
  for (const char* hex : {"eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34",
                          "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"}) {
    const PublicKey off = *PublicKey::from_hex(hex);
    EXPECT_FALSE(is_on_curve(off));
    base::SeededRng rng(1);
    EXPECT_EQ(ecdh(SecretKey::generate(rng), off).error().code, base::Errc::kCrypto);
    EXPECT_FALSE(verify(off, sha256("x"), Signature{}));
  }
  EXPECT_TRUE(is_on_curve(SecretKey::from_hex(std::string(63, '0') + "1")->public_key()));
}

}  // namespace
}  // namespace nostr
