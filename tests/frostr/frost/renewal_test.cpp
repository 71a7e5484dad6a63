// New shares of the same key: what still signs, what no longer does, and who is named.
#include "frostr/frost/renewal.h"

#include <gtest/gtest.h>

#include "frostr/frost/hash.h"
#include "frostr/frost/sign.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using vectors::must;
using vectors::text;
using vectors::Value;

std::vector<ShareIndex> ids(std::initializer_list<std::uint32_t> values) {
  std::vector<ShareIndex> out;
  for (const std::uint32_t value : values) out.push_back({value});
  return out;
}

// Whether these shares together make a signature of the group.
bool signs(const GroupPackage& group, std::vector<const SecretShare*> quorum, base::Rng& rng) {
  std::vector<NoncePair> pairs;
  std::vector<Signer> signers;
  for (const SecretShare* share : quorum) {
    pairs.push_back(NoncePair::generate(*share, rng));
    signers.push_back({share->idx, pairs.back().commitment()});
  }
  const auto message = rng.bytes<32>();
  const auto context =
      must(SigningContext::create(KeyContext(group.group_pk()), message, signers));
  std::vector<SigningContext::Partial> partials;
  for (std::size_t i = 0; i < quorum.size(); ++i)
    partials.push_back(
        {quorum[i]->idx, must(context.sign_partial(std::move(pairs[i]), *quorum[i]))});
  return aggregate(context, group, partials).has_value();
}

struct Renewed {
  GroupPackage group;
  std::vector<SecretShare> shares;
};

struct Dealings {
  std::vector<VssCommitment> commitments;
  std::vector<RenewalDealing> dealings;

  std::vector<SecretScalar> to(std::size_t receiver) const {
    std::vector<SecretScalar> out;
    for (const RenewalDealing& dealing : dealings) out.push_back(dealing.shares[receiver].clone());
    return out;
  }
};

Dealings deal_all(const RenewalPlan& plan, const Dealt& dealt, base::Rng& rng) {
  Dealings out;
  for (const ShareIndex dealer : plan.dealers()) {
    out.dealings.push_back(must(deal_renewal(plan, dealt.shares[dealer.value - 1], rng)));
    out.commitments.push_back(out.dealings.back().commitment);
  }
  return out;
}

Renewed renew(const RenewalPlan& plan, const Dealt& dealt, base::Rng& rng) {
  const Dealings all = deal_all(plan, dealt, rng);
  Renewed out{must(renewed_group(plan, all.commitments)), {}};
  for (std::size_t i = 0; i < plan.receivers().size(); ++i) {
    const ShareIndex receiver = plan.receivers()[i];
    const SecretShare* old = plan.is_refresh() ? &dealt.shares[receiver.value - 1] : nullptr;
    out.shares.push_back(must(renewed_share(plan, receiver, old, all.commitments, all.to(i))));
  }
  return out;
}

TEST(RenewalTest, after_a_refresh_old_shares_are_dead) {
  base::SeededRng rng(70);
  const Dealt dealt = must(deal(rng, 2, 3));
  const auto plan = must(RenewalPlan::refresh(dealt.group, ids({1, 2, 3})));
  const Renewed fresh = renew(plan, dealt, rng);
  EXPECT_EQ(fresh.group.group_pk(), dealt.group.group_pk());
  EXPECT_NE(fresh.group.id(), dealt.group.id());
  EXPECT_TRUE(signs(fresh.group, {&fresh.shares[0], &fresh.shares[2]}, rng));
  EXPECT_TRUE(signs(fresh.group, {&fresh.shares[1], &fresh.shares[2]}, rng));
  EXPECT_EQ(check_share(dealt.shares[0], fresh.group).error().code, Errc::kCrypto);
  EXPECT_FALSE(signs(fresh.group, {&dealt.shares[0], &fresh.shares[2]}, rng));
}

TEST(RenewalTest, one_dealer_refreshes_a_group) {
  base::SeededRng rng(71);
  const Dealt dealt = must(deal(rng, 3, 4));
  const Renewed fresh = renew(must(RenewalPlan::refresh(dealt.group, ids({4}))), dealt, rng);
  EXPECT_TRUE(signs(fresh.group, {&fresh.shares[0], &fresh.shares[1], &fresh.shares[3]}, rng));
}

TEST(RenewalTest, resharing_changes_threshold_and_roster) {
  base::SeededRng rng(72);
  const Dealt dealt = must(deal(rng, 2, 3));
  // 2 of 3 becomes 3 of 5 with two old indices and three new ones, by members 1 and 3 alone.
  const auto plan =
      must(RenewalPlan::reshare(dealt.group, ids({3, 1}), 3, ids({1, 2, 7, 8, 300})));
  const Renewed fresh = renew(plan, dealt, rng);
  EXPECT_EQ(fresh.group.group_pk(), dealt.group.group_pk());
  EXPECT_EQ(fresh.group.threshold(), 3U);
  EXPECT_TRUE(signs(fresh.group, {&fresh.shares[0], &fresh.shares[3], &fresh.shares[4]}, rng));
  EXPECT_FALSE(signs(fresh.group, {&fresh.shares[0], &fresh.shares[4]}, rng));
  EXPECT_FALSE(signs(fresh.group, {&dealt.shares[0], &dealt.shares[1]}, rng) &&
               check_share(dealt.shares[0], fresh.group).has_value());
}

TEST(RenewalTest, a_dealer_of_another_secret_is_named) {
  base::SeededRng rng(73);
  const Dealt dealt = must(deal(rng, 2, 3));
  const Dealt other = must(deal(rng, 2, 3));
  const auto zero = must(RenewalPlan::refresh(dealt.group, ids({1, 2, 3})));
  const auto move = must(RenewalPlan::reshare(dealt.group, ids({1, 2}), 2, ids({1, 2})));
  // Somebody who would slip a key of its own into the group: a refresh that is no sharing of zero.
  auto commitments = deal_all(zero, dealt, rng).commitments;
  auto terms = commitments[1].terms();
  terms[0] = MaybePoint(other.group.group_pk());
  commitments[1] = VssCommitment(terms);
  EXPECT_NE(renewed_group(zero, commitments).error().detail.find("member 2"), std::string::npos);
  // And a reshare of a share that is not its own.
  commitments = deal_all(move, dealt, rng).commitments;
  terms = commitments[0].terms();
  terms[0] = terms[0].negated();
  commitments[0] = VssCommitment(terms);
  EXPECT_NE(renewed_group(move, commitments).error().detail.find("member 1"), std::string::npos);
  // A longer polynomial would raise the threshold unseen.
  commitments = deal_all(zero, dealt, rng).commitments;
  terms = commitments[2].terms();
  terms.push_back(MaybePoint(other.group.group_pk()));
  commitments[2] = VssCommitment(terms);
  EXPECT_NE(renewed_group(zero, commitments).error().detail.find("member 3"), std::string::npos);
}

TEST(RenewalTest, a_dealer_of_a_wrong_share_is_named) {
  base::SeededRng rng(74);
  const Dealt dealt = must(deal(rng, 2, 3));
  const auto plan = must(RenewalPlan::refresh(dealt.group, ids({1, 2, 3})));
  const Dealings all = deal_all(plan, dealt, rng);
  auto shares = all.to(0);
  ASSERT_TRUE(shares[2].add(Scalar::from_u32(1)));
  const auto error =
      renewed_share(plan, {1}, &dealt.shares[0], all.commitments, shares).error();
  EXPECT_EQ(error.code, Errc::kCrypto);
  EXPECT_NE(error.detail.find("member 3"), std::string::npos) << error.detail;
}

TEST(RenewalTest, plans_that_cannot_work_are_refused) {
  base::SeededRng rng(75);
  const Dealt dealt = must(deal(rng, 2, 3));
  EXPECT_FALSE(RenewalPlan::refresh(dealt.group, {}));
  EXPECT_FALSE(RenewalPlan::refresh(dealt.group, ids({4})));
  EXPECT_FALSE(RenewalPlan::refresh(dealt.group, ids({1, 1})));
  EXPECT_FALSE(RenewalPlan::reshare(dealt.group, ids({1}), 2, ids({1, 2})));
  EXPECT_FALSE(RenewalPlan::reshare(dealt.group, ids({1, 2}), 1, ids({1, 2})));
  EXPECT_FALSE(RenewalPlan::reshare(dealt.group, ids({1, 2}), 3, ids({1, 2})));
  EXPECT_FALSE(RenewalPlan::reshare(dealt.group, ids({1, 2}), 2, ids({0, 2})));
  EXPECT_FALSE(RenewalPlan::reshare(dealt.group, ids({1, 2}), 2, ids({2, 2})));
  const auto plan = must(RenewalPlan::refresh(dealt.group, ids({1, 2})));
  EXPECT_EQ(deal_renewal(plan, dealt.shares[2], rng).error().code, Errc::kNotFound);
}

TEST(RepairTest, helpers_restore_a_lost_share_and_nothing_else) {
  base::SeededRng rng(76);
  const Dealt dealt = must(deal(rng, 3, 5));
  const auto helpers = ids({1, 4, 5});
  std::vector<std::vector<SecretScalar>> parts;
  for (const ShareIndex helper : helpers)
    parts.push_back(must(
        split_for_repair(dealt.group, dealt.shares[helper.value - 1], helpers, {2}, rng)));
  std::vector<SecretScalar> sums;
  for (std::size_t to = 0; to < helpers.size(); ++to) {
    std::vector<SecretScalar> received;
    for (const auto& from : parts) received.push_back(from[to].clone());
    sums.push_back(must(sum_of(received)));
  }
  const SecretShare back = must(repaired_share(dealt.group, {2}, sums));
  EXPECT_TRUE(std::ranges::equal(back.secret.expose(), dealt.shares[1].secret.expose()));
  ASSERT_TRUE(sums[1].add(Scalar::from_u32(1)));
  EXPECT_EQ(repaired_share(dealt.group, {2}, sums).error().code, Errc::kCrypto);
  EXPECT_FALSE(split_for_repair(dealt.group, dealt.shares[0], ids({1, 4}), {2}, rng));
  EXPECT_FALSE(split_for_repair(dealt.group, dealt.shares[0], ids({1, 2, 4}), {2}, rng));
}

// Only the sums of a repair are in the ZF files: the parts are random and have no share behind them.
TEST(RepairTest, sums_as_the_zf_repair_vectors) {
  for (const char* name :
       {"zf-frost-secp256k1-repair-share.json", "zf-frost-secp256k1-tr-repair-share.json"}) {
    const Value file = vectors::published("zf", name);
    const auto sum = [](const Value& object, const std::string& prefix, int count) {
      std::vector<SecretScalar> parts;
      for (int i = 1; i <= count; ++i)
        parts.push_back(
            must(SecretScalar::from_hex(text(object, (prefix + std::to_string(i)).c_str()))));
      return base::hex_encode(must(sum_of(parts)).expose());
    };
    const Value& random = file.at("scalar_generation");
    const Value& sigma = file.at("sigma_generation");
    EXPECT_EQ(sum(random, "random_scalar_", 3), text(random, "random_scalar_sum"));
    EXPECT_EQ(sum(sigma, "sigma_", 4), text(sigma, "sigma_sum"));
  }
}

// The ZF key generation is the RFC's, not ChillDKG: polynomials, commitments, proofs of knowledge and
// sums are the same mathematics, the messages around them are not ours to speak.
void check_zf_dkg(const Value& inputs, const std::string& context, bool taproot) {
  std::vector<std::vector<SecretScalar>> polynomials;
  std::vector<MaybePoint> secrets;
  for (std::uint32_t i = 1; i <= 3; ++i) {
    const Value& one = inputs.at(std::to_string(i));
    std::vector<SecretScalar> terms;
    terms.push_back(must(SecretScalar::from_hex(text(one, "signing_key"))));
    terms.push_back(must(SecretScalar::from_hex(text(one, "coefficient"))));
    const VssCommitment commitment = must(VssCommitment::of(terms));
    for (std::size_t k = 0; k < 2; ++k)
      EXPECT_EQ(commitment.terms()[k].point()->hex(),
                one.at("vss_commitments").at(k).get<std::string>());
    secrets.push_back(commitment.secret());
    polynomials.push_back(std::move(terms));
  }
  Point key = *MaybePoint::sum(secrets).point();
  const bool negated = taproot && !key.has_even_y();
  Scalar tweak;
  if (taproot) {
    tweak = Scalar::reduce(nostr::tagged_hash("TapTweak", key.x_only().view()).view());
    key = must(KeyContext::tweaked(key, std::array{Tweak{tweak}})).key();
  }
  EXPECT_EQ(key.hex(), text(inputs, "verifying_key"));

  for (std::uint32_t i = 1; i <= 3; ++i) {
    const Value& one = inputs.at(std::to_string(i));
    std::vector<SecretScalar> received;
    for (std::uint32_t j = 1; j <= 3; ++j) {
      received.push_back(must(evaluate(polynomials[j - 1], {i})));
      if (j != i)
        EXPECT_EQ(base::hex_encode(received.back().expose()),
                  text(one.at("signing_shares"), std::to_string(j).c_str()));
    }
    SecretScalar share = must(sum_of(received));
    if (negated) ASSERT_TRUE(share.negate());
    if (taproot) ASSERT_TRUE(share.add(tweak));
    EXPECT_EQ(base::hex_encode(share.expose()), text(one, "signing_share"));
    EXPECT_EQ(must(Point::base_times(share)).hex(), text(one, "verifying_share"));
  }
  if (taproot) return;  // there the proof is a BIP-340 signature of another layout
  for (std::uint32_t i = 1; i <= 3; ++i) {
    // zG == R + H(i, phi_0, R) phi_0
    const auto proof = *base::hex_decode(text(inputs.at(std::to_string(i)), "proof_of_knowledge"));
    const Point r = must(Point::from_bytes(ByteView(proof).first(33)));
    const Scalar z = must(Scalar::from_bytes(ByteView(proof).subspan(33)));
    base::Bytes input;
    for (const ByteView part :
         {Scalar::from_u32(i).view(), secrets[i - 1].point()->view(), r.view()})
      input.insert(input.end(), part.begin(), part.end());
    const Scalar c = hash_to_field(input, context + "dkg");
    EXPECT_EQ(MaybePoint(must(Point::base_times(z))),
              MaybePoint(r) + secrets[i - 1].times_vartime(c));
  }
}

TEST(VssTest, polynomials_as_the_zf_dkg_vectors_whose_messages_are_not_chilldkg) {
  const Value plain = vectors::published("zf", "zf-frost-secp256k1-vectors_dkg.json");
  const Value taproot = vectors::published("zf", "zf-frost-secp256k1-tr-vectors_dkg.json");
  check_zf_dkg(plain.at("inputs"), "FROST-secp256k1-SHA256-v1", false);
  check_zf_dkg(taproot.at("inputs"), "FROST-secp256k1-SHA256-TR-v1", true);
}

}  // namespace
}  // namespace frostr
