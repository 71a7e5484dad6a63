// Dealing, group packages and the checks between share and group.
#include "frostr/frost/shares.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;

static_assert(!std::is_copy_constructible_v<SecretShare>);

// The key behind a quorum of shares, put together as no program may: to compare.
Scalar recover(std::span<const SecretShare> quorum) {
  std::vector<ShareIndex> indices;
  for (const SecretShare& share : quorum) indices.push_back(share.idx);
  Scalar sum;
  for (const SecretShare& share : quorum)
    sum = sum + *lagrange(share.idx, indices) * *Scalar::from_bytes(share.secret.expose());
  return sum;
}

TEST(SharesTest, dealer_matches_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost()) {
    for (const auto& vector : file.at("groups")) {
      SCOPED_TRACE(vectors::text(vector, "name"));
      std::vector<SecretScalar> polynomial;
      for (const auto& coefficient : vector.at("polynomial")) {
        polynomial.push_back(
            vectors::must(SecretScalar::from_hex(coefficient.get<std::string>())));
        EXPECT_EQ(Point::base_times(polynomial.back())->hex(),
                  vector.at("vss_commits").at(polynomial.size() - 1).get<std::string>());
      }
      const auto expected = vectors::group(vector);
      auto dealt = deal_polynomial(
          polynomial, static_cast<std::uint32_t>(expected.members().size()));
      ASSERT_TRUE(dealt);
      EXPECT_EQ(dealt->group, expected);
      EXPECT_EQ(dealt->group.id().hex(), vectors::text(vector, "group_id"));
      for (const SecretShare& share : dealt->shares) {
        EXPECT_EQ(base::hex_encode(share.secret.expose()),
                  base::hex_encode(vectors::share(vector, share.idx).secret.expose()));
        EXPECT_TRUE(check_share(share, expected));
      }
      EXPECT_TRUE(expected.check_consistency());
      ++seen;
    }
  }
  EXPECT_GE(seen, 4U);
}

TEST(SharesTest, every_quorum_holds_the_dealt_key) {
  base::SeededRng rng(10);
  SecretScalar key = SecretScalar::generate(rng);
  const Scalar expected = *Scalar::from_bytes(key.expose());
  auto dealt = deal(rng, 3, 5, std::move(key));
  ASSERT_TRUE(dealt);
  EXPECT_TRUE(dealt->group.check_consistency());
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = a + 1; b < 5; ++b)
      for (std::size_t c = b + 1; c < 5; ++c) {
        std::vector<SecretShare> quorum;
        for (const std::size_t i : {c, a, b}) quorum.push_back(dealt->shares[i].clone());
        EXPECT_EQ(recover(quorum), expected);
      }
  EXPECT_NE(recover(std::span(dealt->shares).first(2)), expected);
}

TEST(SharesTest, a_threshold_of_shares_recombines_to_the_key_and_less_does_not) {
  base::SystemRng rng;
  const SecretScalar key = SecretScalar::generate(rng);
  const Dealt dealt = *deal(rng, 3, 5, key.clone());
  const auto pick = [&](std::initializer_list<std::size_t> places) {
    std::vector<SecretShare> out;
    for (const std::size_t place : places) out.push_back(dealt.shares[place].clone());
    return out;
  };
  for (const auto& places : {std::initializer_list<std::size_t>{0, 1, 2}, {4, 0, 2}, {0, 1, 2, 3, 4}, {1, 1, 3, 3, 4}}) {
    const auto whole = recombine(pick(places), dealt.group);
    ASSERT_TRUE(whole);
    EXPECT_TRUE(std::ranges::equal(whole->expose(), key.expose()));
  }
  EXPECT_EQ(recombine(pick({0, 1}), dealt.group).error().code, Errc::kInvalid);
  EXPECT_EQ(recombine(pick({2, 2, 2}), dealt.group).error().code, Errc::kInvalid);
  std::vector<SecretShare> foreign = pick({0, 1});
  foreign.push_back(std::move(deal(rng, 3, 5)->shares[2]));
  EXPECT_EQ(recombine(foreign, dealt.group).error().code, Errc::kCrypto);
}

TEST(SharesTest, dealer_refuses_thresholds_that_are_no_threshold) {
  base::SeededRng rng(11);
  EXPECT_FALSE(deal(rng, 0, 3));
  EXPECT_FALSE(deal(rng, 1, 3));
  EXPECT_FALSE(deal(rng, 4, 3));
  EXPECT_FALSE(deal(rng, 2, 257));
  EXPECT_TRUE(deal(rng, 2, 2));
  EXPECT_TRUE(deal(rng));
}

TEST(SharesTest, a_share_of_another_member_or_group_is_named) {
  base::SeededRng rng(12);
  const auto ours = *deal(rng);
  const auto theirs = *deal(rng);
  EXPECT_EQ(check_share(theirs.shares[0], ours.group).error().code, Errc::kCrypto);
  const SecretShare moved{ShareIndex{2}, ours.shares[0].secret.clone()};
  EXPECT_EQ(check_share(moved, ours.group).error().code, Errc::kCrypto);
  const SecretShare unknown{ShareIndex{9}, ours.shares[0].secret.clone()};
  EXPECT_EQ(check_share(unknown, ours.group).error().code, Errc::kNotFound);
}

TEST(SharesTest, a_share_with_flipped_sign_is_not_the_share) {
  base::SeededRng rng(13);
  const auto dealt = *deal(rng);
  SecretShare share = dealt.shares[0].clone();
  ASSERT_TRUE(share.secret.negate());
  EXPECT_FALSE(check_share(share, dealt.group));
}

TEST(GroupPackageTest, broken_rules_are_refused) {
  base::SeededRng rng(14);
  const auto group = deal(rng)->group;
  const auto members = group.members();
  const auto with = [&](auto change) {
    auto copy = members;
    change(copy);
    return GroupPackage::create(group.group_pk(), 2, std::move(copy));
  };
  EXPECT_TRUE(with([](auto&) {}));
  EXPECT_FALSE(with([](auto& m) { m[0].idx = ShareIndex{0}; }));
  EXPECT_FALSE(with([](auto& m) { m[0].idx = m[1].idx; }));
  EXPECT_FALSE(with([](auto& m) { m[0].pubkey = m[1].pubkey; }));
  EXPECT_FALSE(with([](auto& m) { m[0].pubkey = m[1].pubkey.negated(); }));
  EXPECT_FALSE(with([](auto& m) { m.erase(m.begin() + 1, m.end()); }));
  EXPECT_FALSE(GroupPackage::create(group.group_pk(), 1, members));
  EXPECT_FALSE(GroupPackage::create(group.group_pk(), 4, members));
}

TEST(GroupPackageTest, order_of_members_does_not_matter) {
  base::SeededRng rng(15);
  const auto group = deal(rng)->group;
  std::vector<GroupMember> reversed(group.members().rbegin(), group.members().rend());
  EXPECT_EQ(*GroupPackage::create(group.group_pk(), 2, reversed), group);
}

TEST(GroupPackageTest, a_foreign_point_among_the_members_is_found) {
  base::SeededRng rng(16);
  const auto group = deal(rng, 2, 4)->group;
  const Point foreign = *Point::base_times(SecretScalar::generate(rng));
  for (std::size_t i = 0; i < 4; ++i) {
    auto members = group.members();
    members[i].pubkey = foreign;
    const auto changed = *GroupPackage::create(group.group_pk(), 2, members);
    EXPECT_EQ(changed.check_consistency().error().code, Errc::kCrypto) << i;
  }
  const auto wrong_key = *GroupPackage::create(group.group_pk().negated(), 2, group.members());
  EXPECT_FALSE(wrong_key.check_consistency());
}

TEST(GroupPackageTest, members_are_found_by_index_and_identity) {
  base::SeededRng rng(17);
  const auto group = deal(rng)->group;
  for (const GroupMember& member : group.members()) {
    EXPECT_EQ(group.find(member.idx), &member);
    EXPECT_EQ(group.find(member.identity()), &member);
  }
  EXPECT_EQ(group.find(ShareIndex{4}), nullptr);
  EXPECT_EQ(group.find(group.identity()), nullptr);
}

TEST(LagrangeTest, quorums_that_are_no_sets_are_refused) {
  const ShareIndex one{1}, two{2}, zero{0};
  EXPECT_EQ(lagrange(one, std::array{one, two})->hex(), Scalar::from_u32(2).hex());
  EXPECT_FALSE(lagrange(one, std::array{two}));
  EXPECT_FALSE(lagrange(one, std::array{one, one, two}));
  EXPECT_FALSE(lagrange(one, std::array{one, two, two}));
  EXPECT_FALSE(lagrange(one, std::array{one, zero}));
  EXPECT_FALSE(lagrange(zero, std::array{one, zero}));
  EXPECT_FALSE(lagrange(one, {}));
  EXPECT_FALSE(lagrange(one, std::vector<ShareIndex>(300, one)));
}

}  // namespace
}  // namespace frostr
