// Threshold ECDH equals the ECDH of the whole key, for every quorum.
#include "frostr/frost/ecdh.h"

#include <gtest/gtest.h>

#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using vectors::must;
using vectors::text;

std::string hex(const nostr::SharedX& x) { return base::hex_encode(x.expose()); }

TEST(EcdhTest, matches_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups"))
      for (const auto& item : vector.at("ecdh")) {
        const auto members = vectors::indices(item.at("members"));
        const auto target = must(EcdhTarget::from_hex(text(item, "ecdh_pk")));
        EXPECT_EQ(target.hex(), text(item, "ecdh_pk"));
        std::vector<Point> key_shares;
        for (const auto& package : item.at("packages")) {
          const SecretShare share = vectors::share(vector, vectors::index(package));
          key_shares.push_back(must(ecdh_key_share(share, members, target)));
          EXPECT_EQ(key_shares.back().hex(), text(package.at("entries").at(0), "keyshare"));
        }
        EXPECT_EQ(hex(must(combine_ecdh(key_shares))), text(item, "secret").substr(2));
        ++seen;
      }
  EXPECT_GE(seen, 8U);
}

TEST(EcdhTest, every_quorum_agrees_with_the_whole_key) {
  base::SeededRng rng(40);
  for (int round = 0; round < 4; ++round) {
    SecretScalar key = SecretScalar::generate(rng);
    const auto whole = must(nostr::SecretKey::from_bytes(key.expose()));
    const Dealt dealt = must(deal(rng, 2, 3, std::move(key)));
    const auto peer = nostr::SecretKey::generate(rng);
    const auto target = must(EcdhTarget::from_key(peer.public_key()));
    const std::string expected = hex(must(nostr::ecdh(whole, peer.public_key())));
    EXPECT_EQ(expected, hex(must(nostr::ecdh(peer, dealt.group.identity()))));
    for (const auto& quorum : std::vector<std::vector<std::size_t>>{
             {0, 1}, {0, 2}, {1, 2}, {2, 1}, {0, 1, 2}}) {
      std::vector<ShareIndex> indices;
      for (const std::size_t i : quorum) indices.push_back(dealt.shares[i].idx);
      std::vector<Point> parts;
      for (const std::size_t i : quorum)
        parts.push_back(must(ecdh_key_share(dealt.shares[i], indices, target)));
      EXPECT_EQ(hex(must(combine_ecdh(parts))), expected);
    }
  }
}

TEST(EcdhTest, both_parities_of_a_target_share_one_x) {
  base::SeededRng rng(41);
  const Dealt dealt = must(deal(rng));
  const Point point = must(Point::base_times(SecretScalar::generate(rng)));
  const std::array quorum{ShareIndex{1}, ShareIndex{3}};
  const auto shared = [&](const std::string& written) {
    const auto target = must(EcdhTarget::from_hex(written));
    return hex(must(combine_ecdh(std::array{
        must(ecdh_key_share(dealt.shares[0], quorum, target)),
        must(ecdh_key_share(dealt.shares[2], quorum, target))})));
  };
  EXPECT_EQ(shared(point.hex()), shared(point.negated().hex()));
  EXPECT_EQ(shared(point.hex()), shared(point.x_only().hex()));
}

TEST(EcdhTest, a_second_quorum_shows_a_wrong_key_share) {
  base::SeededRng rng(43);
  const Dealt dealt = must(deal(rng));
  const auto target = must(EcdhTarget::from_key(nostr::SecretKey::generate(rng).public_key()));
  const auto shares = [&](std::size_t a, std::size_t b) {
    const std::array quorum{dealt.shares[a].idx, dealt.shares[b].idx};
    return std::array{must(ecdh_key_share(dealt.shares[a], quorum, target)),
                      must(ecdh_key_share(dealt.shares[b], quorum, target))};
  };
  auto one = shares(0, 1);
  const auto other = shares(0, 2);
  EXPECT_EQ(hex(must(cross_checked_ecdh(one, other))), hex(must(combine_ecdh(one))));
  one[1] = one[1].negated();
  EXPECT_EQ(cross_checked_ecdh(one, other).error().code, base::Errc::kCrypto);
}

TEST(EcdhTest, bad_targets_and_quorums_are_refused) {
  base::SeededRng rng(42);
  const Dealt dealt = must(deal(rng));
  EXPECT_FALSE(EcdhTarget::from_hex(std::string(63, '0') + "5"));
  EXPECT_FALSE(EcdhTarget::from_hex("02" + std::string(63, '0') + "5"));
  EXPECT_FALSE(EcdhTarget::from_hex(std::string(66, '0')));
  EXPECT_FALSE(EcdhTarget::from_hex(""));
  EXPECT_FALSE(EcdhTarget::from_hex(std::string(130, '0')));
  const auto target = must(EcdhTarget::from_key(dealt.group.identity()));
  EXPECT_FALSE(ecdh_key_share(dealt.shares[0], std::array{ShareIndex{2}, ShareIndex{3}}, target));
  EXPECT_FALSE(ecdh_key_share(dealt.shares[0], {}, target));
  EXPECT_FALSE(combine_ecdh({}));
  const Point p = dealt.group.group_pk();
  EXPECT_FALSE(combine_ecdh(std::array{p, p.negated()}));
}

}  // namespace
}  // namespace frostr
