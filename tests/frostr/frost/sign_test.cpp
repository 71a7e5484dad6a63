// Signing down to every intermediate value, and what must not sign.
#include "frostr/frost/sign.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "frostr/frost/hash.h"
#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using vectors::must;
using vectors::text;
using vectors::Value;
using Partial = SigningContext::Partial;

// Using a nonce pair twice must not compile.
static_assert(!std::is_copy_constructible_v<NoncePair>);
static_assert(!std::is_copy_assignable_v<NoncePair>);
static_assert(!std::is_invocable_v<decltype(&SigningContext::sign_partial), const SigningContext&,
                                   NoncePair&, const SecretShare&>);
static_assert(std::is_invocable_v<decltype(&SigningContext::sign_partial), const SigningContext&,
                                  NoncePair&&, const SecretShare&>);

// A session of random nonces among `quorum` (positions in `dealt.shares`).
struct Round {
  std::vector<NoncePair> nonces;
  std::vector<Signer> signers;
};

Round start(const Dealt& dealt, const std::vector<std::size_t>& quorum, base::Rng& rng) {
  Round out;
  for (const std::size_t i : quorum) {
    out.nonces.push_back(NoncePair::generate(dealt.shares[i], rng));
    out.signers.push_back({dealt.shares[i].idx, out.nonces.back().commitment()});
  }
  return out;
}

std::vector<Partial> sign_all(const Dealt& dealt, const std::vector<std::size_t>& quorum,
                              const SigningContext& context, Round& round) {
  std::vector<Partial> out;
  for (std::size_t k = 0; k < quorum.size(); ++k) {
    const SecretShare& share = dealt.shares[quorum[k]];
    out.push_back({share.idx, must(context.sign_partial(std::move(round.nonces[k]), share))});
  }
  return out;
}

KeyContext key_of(const Value& session, const GroupPackage& group) {
  std::vector<Tweak> tweaks;
  for (const Value& tweak : session.at("tweaks"))
    tweaks.push_back({Scalar::reduce(*base::hex_decode(tweak.get<std::string>()))});
  return must(KeyContext::tweaked(group.group_pk(), tweaks));
}

void check_key(const Value& session, const KeyContext& key) {
  EXPECT_EQ(key.key().hex(), text(session, "tweaked_pk"));
  EXPECT_EQ(!key.key().has_even_y(), session.at("parity_is_odd").get<bool>());
  EXPECT_EQ(key.negated(), session.at("state_negated").get<bool>());
  EXPECT_EQ(key.tweak_sum().hex(), text(session, "tweak_acc"));
}

void check_context(const Value& session, const SigningContext& context) {
  EXPECT_EQ(context.group_nonce().hex(), text(session, "group_nonce"));
  EXPECT_EQ(context.challenge(), Scalar::reduce(*base::hex_decode(text(session, "challenge"))));
  for (const Value& item : session.at("binding_factors"))
    EXPECT_EQ(context.find(vectors::index(item))->binding_factor.hex(), text(item, "factor"));
  for (const Value& item : session.at("lagrange"))
    EXPECT_EQ(context.find(vectors::index(item))->lagrange.hex(), text(item, "lambda"));
}

void check_session(const Value& vector, const Value& session) {
  const GroupPackage group = vectors::group(vector);
  const KeyContext key = key_of(session, group);
  check_key(session, key);

  std::vector<Signer> signers;
  for (const Value& nonce : session.at("session").at("nonces"))
    signers.push_back({vectors::index(nonce),
                       {vectors::point(nonce, "hidden_pn"), vectors::point(nonce, "binder_pn")}});
  const auto hash = must(nostr::Sha256::from_hex(text(session, "sighash")));
  const auto context = must(SigningContext::create(key, hash.view(), signers));
  check_context(session, context);

  std::vector<Partial> partials;
  for (const Value& secret : session.at("secret_nonces")) {
    const SecretShare share = vectors::share(vector, vectors::index(secret));
    auto pair =
        must(NoncePair::from_scalars(must(SecretScalar::from_hex(text(secret, "hidden_sn"))),
                                         must(SecretScalar::from_hex(text(secret, "binder_sn")))));
    const Scalar z = must(context.sign_partial(std::move(pair), share));
    EXPECT_TRUE(context.verify_partial(share.idx, group.find(share.idx)->pubkey, z));
    partials.push_back({share.idx, z});
  }
  for (const Value& package : session.at("psig_packages")) {
    const auto it = std::ranges::find(partials, vectors::index(package), &Partial::idx);
    ASSERT_NE(it, partials.end());
    EXPECT_EQ(it->z.hex(), package.at("psigs").at(0).at(1).get<std::string>());
  }
  const auto signature = must(aggregate(context, group, partials));
  EXPECT_EQ(signature.hex(), text(session.at("final"), "signature"));
}

TEST(SignTest, reproduces_every_session_of_the_reference_library) {
  std::size_t seen = 0;
  for (const auto& file : vectors::bifrost())
    for (const auto& vector : file.at("groups"))
      for (const auto& session : vector.at("sessions")) {
        SCOPED_TRACE(text(vector, "name") + " sid " + text(session.at("session"), "sid"));
        check_session(vector, session);
        ++seen;
      }
  EXPECT_GE(seen, 10U);
}

void check_rfc(const Value& file, const Suite& suite) {
  const Value& inputs = file.at("inputs");
  const auto message = *base::hex_decode(text(inputs, "message"));
  const Point key = vectors::point(inputs, "verifying_key_key");
  const auto share_of = [&](std::uint32_t id) {
    for (const Value& item : inputs.at("participant_shares"))
      if (item.at("identifier").get<std::uint32_t>() == id)
        return SecretShare{{id}, must(SecretScalar::from_hex(text(item, "participant_share")))};
    std::abort();
  };
  std::vector<Signer> signers;
  for (const Value& out : file.at("round_one_outputs").at("outputs"))
    signers.push_back({{out.at("identifier").get<std::uint32_t>()},
                       {vectors::point(out, "hiding_nonce_commitment"),
                        vectors::point(out, "binding_nonce_commitment")}});
  const auto context =
      must(SigningContext::create(KeyContext(key), message, signers, suite));

  std::vector<Partial> partials;
  for (const Value& out : file.at("round_one_outputs").at("outputs")) {
    const SecretShare share = share_of(out.at("identifier").get<std::uint32_t>());
    const auto nonce = [&](const char* randomness) {
      auto input = *base::hex_decode(text(out, randomness));
      input.insert(input.end(), share.secret.expose().begin(), share.secret.expose().end());
      return suite.hash.h3(input).hex();
    };
    EXPECT_EQ(nonce("hiding_nonce_randomness"), text(out, "hiding_nonce"));
    EXPECT_EQ(nonce("binding_nonce_randomness"), text(out, "binding_nonce"));
    EXPECT_EQ(context.find(share.idx)->binding_factor.hex(), text(out, "binding_factor"));
    auto pair =
        must(NoncePair::from_scalars(must(SecretScalar::from_hex(text(out, "hiding_nonce"))),
                                         must(SecretScalar::from_hex(text(out, "binding_nonce")))));
    const Scalar z = must(context.sign_partial(std::move(pair), share));
    EXPECT_TRUE(context.verify_partial(share.idx, must(Point::base_times(share.secret)), z));
    partials.push_back({share.idx, z});
  }
  for (const Value& out : file.at("round_two_outputs").at("outputs"))
    EXPECT_EQ(std::ranges::find(partials, ShareIndex{out.at("identifier").get<std::uint32_t>()},
                                &Partial::idx)
                  ->z.hex(),
              text(out, "sig_share"));
  const std::string expected = text(file.at("final_output"), "sig");
  if (suite.challenge == Suite::Challenge::kRfc9591) {
    EXPECT_EQ(context.group_nonce().hex() + must(context.combine(partials)).hex(), expected);
  } else {
    const auto signature = must(assemble(context, partials));
    EXPECT_EQ(signature.hex(), expected);
    EXPECT_TRUE(nostr::verify_message(key.x_only(), message, signature));
  }
}

void check_whole_file(const std::string& name, const Suite& suite) {
  check_rfc(vectors::published("zf", name), suite);
}

TEST(SignTest, reproduces_the_rfc_9591_vector) {
  for (const auto& file : vectors::load_both("rfc9591.json", "rfc9591-frost-secp256k1.json"))
    check_rfc(file, kRfc9591);
}

TEST(SignTest, identifiers_above_one_byte_sign_as_in_zf_frost) {
  check_whole_file("zf-frost-secp256k1-vectors-big-identifier.json", kRfc9591);
}

TEST(SignTest, reproduces_the_zf_taproot_suite_of_bifrost_rs) {
  check_whole_file("zf-frost-secp256k1-tr.json", kZfTaproot);
  check_whole_file("zf-frost-secp256k1-tr-vectors-big-identifier.json", kZfTaproot);
}

TEST(SignTest, partials_of_one_suite_are_nothing_in_another) {
  base::SeededRng rng(23);
  const Dealt dealt = must(deal(rng));
  const auto message = rng.bytes<32>();
  const auto sign = [&](const Suite& mine, const Suite& theirs) {
    Round session = start(dealt, {0, 1}, rng);
    const KeyContext key(dealt.group.group_pk());
    const auto own = must(SigningContext::create(key, message, session.signers, mine));
    const auto other = must(SigningContext::create(key, message, session.signers, theirs));
    const SecretShare& share = dealt.shares[0];
    const Scalar z = must(own.sign_partial(std::move(session.nonces[0]), share));
    const Point pubkey = must(Point::base_times(share.secret));
    return own.verify_partial(share.idx, pubkey, z).has_value() &&
           !other.verify_partial(share.idx, pubkey, z).has_value();
  };
  const std::array suites{kBifrost, kRfc9591, kBip445, kZfTaproot};
  for (std::size_t a = 0; a < suites.size(); ++a)
    for (std::size_t b = 0; b < suites.size(); ++b)
      if (a != b) EXPECT_TRUE(sign(suites[a], suites[b])) << a << b;
}

TEST(SignTest, all_quorums_of_a_2_of_3_sign) {
  base::SeededRng rng(20);
  for (int round = 0; round < 6; ++round) {  // keys and nonces of both parities
    const Dealt dealt = must(deal(rng));
    const auto message = rng.bytes<32>();
    for (const auto& quorum :
         std::vector<std::vector<std::size_t>>{{0, 1}, {0, 2}, {1, 2}, {2, 0}, {0, 1, 2}}) {
      Round session = start(dealt, quorum, rng);
      const auto context = must(
          SigningContext::create(KeyContext(dealt.group.group_pk()), message, session.signers));
      const auto signature =
          must(aggregate(context, dealt.group, sign_all(dealt, quorum, context, session)));
      EXPECT_TRUE(nostr::verify_message(dealt.group.identity(), message, signature));
    }
  }
}

TEST(SignTest, random_t_of_n_with_random_tweaks_signs) {
  base::SeededRng rng(21);
  for (int round = 0; round < 12; ++round) {
    const auto n = static_cast<std::uint32_t>(2 + rng.below(6));
    const auto t = static_cast<std::uint32_t>(2 + rng.below(n - 1));
    const Dealt dealt = must(deal(rng, t, n));
    std::vector<std::size_t> quorum(n);
    for (std::size_t i = 0; i < n; ++i) quorum[i] = i;
    for (std::size_t i = n - 1; i > 0; --i) std::swap(quorum[i], quorum[rng.below(i + 1)]);
    quorum.resize(t + rng.below(n - t + 1));
    std::vector<Tweak> tweaks;
    for (std::uint64_t k = rng.below(4); k > 0; --k)
      tweaks.push_back({Scalar::reduce(rng.bytes<32>()),
                        rng.below(2) == 0 ? Tweak::Mode::kXOnly : Tweak::Mode::kPlain});

    Round session = start(dealt, quorum, rng);
    const auto key = must(KeyContext::tweaked(dealt.group.group_pk(), tweaks));
    const auto message = rng.bytes<32>();
    const auto context = must(SigningContext::create(key, message, session.signers));
    const auto signature =
        must(aggregate(context, dealt.group, sign_all(dealt, quorum, context, session)));
    EXPECT_TRUE(nostr::verify_message(key.key().x_only(), message, signature)) << t << " of " << n;
  }
}

class TwoOfThree : public ::testing::Test {
 protected:
  TwoOfThree() : dealt(must(deal(rng))), round(start(dealt, {0, 1}, rng)) {}

  SigningContext context() {
    return must(SigningContext::create(KeyContext(dealt.group.group_pk()), message, round.signers));
  }

  base::SeededRng rng{22};
  Dealt dealt;
  Round round;
  std::array<std::uint8_t, 32> message = rng.bytes<32>();
};

TEST_F(TwoOfThree, a_spent_nonce_pair_refuses) {
  const auto ctx = context();
  NoncePair pair = std::move(round.nonces[0]);
  ASSERT_TRUE(ctx.sign_partial(std::move(pair), dealt.shares[0]));
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the point
  EXPECT_EQ(ctx.sign_partial(std::move(pair), dealt.shares[0]).error().code, Errc::kConflict);
}

TEST_F(TwoOfThree, a_refused_attempt_spends_the_pair_too) {
  const auto ctx = context();
  NoncePair pair = std::move(round.nonces[0]);
  EXPECT_EQ(ctx.sign_partial(std::move(pair), dealt.shares[2]).error().code, Errc::kNotFound);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the point
  EXPECT_EQ(ctx.sign_partial(std::move(pair), dealt.shares[0]).error().code, Errc::kConflict);
}

TEST_F(TwoOfThree, nonces_the_session_does_not_list_are_refused) {
  const auto ctx = context();
  EXPECT_EQ(
      ctx.sign_partial(NoncePair::generate(dealt.shares[0], rng), dealt.shares[0]).error().code,
      Errc::kConflict);
  EXPECT_EQ(ctx.sign_partial(std::move(round.nonces[1]), dealt.shares[0]).error().code,
            Errc::kConflict);
}

TEST_F(TwoOfThree, the_culprit_is_named) {
  const auto ctx = context();
  auto partials = sign_all(dealt, {0, 1}, ctx, round);
  partials[1].z = partials[1].z + Scalar::from_u32(1);
  const auto error = aggregate(ctx, dealt.group, partials).error();
  EXPECT_EQ(error.code, Errc::kCrypto);
  EXPECT_NE(error.detail.find("member 2"), std::string::npos) << error.detail;
  EXPECT_EQ(error.detail.find("member 1"), std::string::npos) << error.detail;
  EXPECT_EQ(find_culprits(ctx, dealt.group, partials), std::vector{ShareIndex{2}});
}

TEST_F(TwoOfThree, wrong_partials_do_not_verify) {
  const auto ctx = context();
  const auto partials = sign_all(dealt, {0, 1}, ctx, round);
  const Point own = dealt.group.find(ShareIndex{1})->pubkey;
  const Point other = dealt.group.find(ShareIndex{2})->pubkey;
  EXPECT_TRUE(ctx.verify_partial({1}, own, partials[0].z));
  // The negative has the same x: a check of x alone would let it pass.
  EXPECT_FALSE(ctx.verify_partial({1}, own, partials[0].z.negated()));
  EXPECT_FALSE(ctx.verify_partial({1}, own, Scalar{}));
  EXPECT_FALSE(ctx.verify_partial({1}, own, partials[1].z));
  EXPECT_FALSE(ctx.verify_partial({1}, other, partials[0].z));
  EXPECT_FALSE(ctx.verify_partial({1}, own.negated(), partials[0].z));
  EXPECT_FALSE(ctx.verify_partial({2}, own, partials[0].z));
  EXPECT_EQ(ctx.verify_partial({3}, own, partials[0].z).error().code, Errc::kNotFound);
}

TEST_F(TwoOfThree, a_wrong_share_makes_a_wrong_partial) {
  const auto ctx = context();
  const SecretShare wrong{ShareIndex{1}, dealt.shares[2].secret.clone()};
  const Scalar z = must(ctx.sign_partial(std::move(round.nonces[0]), wrong));
  EXPECT_EQ(ctx.verify_partial({1}, dealt.group.find(ShareIndex{1})->pubkey, z).error().code,
            Errc::kCrypto);
}

TEST_F(TwoOfThree, a_changed_commitment_changes_every_binding_factor) {
  const auto before = context();
  round.signers[1].nonce.hiding = round.signers[1].nonce.hiding.negated();
  const auto after = context();
  EXPECT_NE(before.find({1})->binding_factor, after.find({1})->binding_factor);
  EXPECT_NE(before.group_nonce(), after.group_nonce());
}

TEST_F(TwoOfThree, each_member_contributes_exactly_once) {
  const auto ctx = context();
  auto partials = sign_all(dealt, {0, 1}, ctx, round);
  EXPECT_EQ(ctx.combine(std::span(partials).first(1)).error().code, Errc::kInvalid);
  EXPECT_FALSE(ctx.combine(std::array{partials[0], partials[0]}));
  EXPECT_FALSE(ctx.combine(std::array{partials[0], partials[1], partials[1]}));
  EXPECT_FALSE(ctx.combine({}));
}

TEST_F(TwoOfThree, sessions_that_are_no_sets_are_refused) {
  const auto create = [&](std::vector<Signer> signers) {
    return SigningContext::create(KeyContext(dealt.group.group_pk()), message, std::move(signers));
  };
  const Signer a = round.signers[0];
  const Signer b = round.signers[1];
  EXPECT_TRUE(create({b, a}));
  EXPECT_FALSE(create({}));
  EXPECT_FALSE(create({a, a}));
  EXPECT_FALSE(create({a, {ShareIndex{0}, b.nonce}}));
  std::vector<Signer> many;
  for (std::uint32_t i = 1; i <= 257; ++i) many.push_back({ShareIndex{i}, a.nonce});
  EXPECT_FALSE(create(many));
}

TEST_F(TwoOfThree, fewer_than_the_threshold_give_no_signature) {
  Round alone = start(dealt, {0}, rng);
  const auto ctx =
      must(SigningContext::create(KeyContext(dealt.group.group_pk()), message, alone.signers));
  EXPECT_EQ(aggregate(ctx, dealt.group, sign_all(dealt, {0}, ctx, alone)).error().code,
            Errc::kCrypto);
}

TEST(NoncePairTest, pairs_differ_even_when_the_generator_repeats_for_two_shares) {
  base::SeededRng rng(30);
  const Dealt dealt = must(deal(rng));
  base::SeededRng stuck_a(7);
  base::SeededRng stuck_b(7);
  const auto a = NoncePair::generate(dealt.shares[0], stuck_a);
  const auto b = NoncePair::generate(dealt.shares[1], stuck_b);
  EXPECT_NE(a.commitment().hiding, b.commitment().hiding);
  EXPECT_NE(a.commitment().hiding, a.commitment().binding);
  EXPECT_NE(NoncePair::generate(dealt.shares[0], rng).commitment(),
            NoncePair::generate(dealt.shares[0], rng).commitment());
}

TEST(KeyContextTest, a_tweak_to_infinity_is_an_error) {
  base::SeededRng rng(31);
  const SecretScalar key = SecretScalar::generate(rng);
  Point group = must(Point::base_times(key));
  Scalar tweak = must(Scalar::from_bytes(key.expose())).negated();
  if (!group.has_even_y()) tweak = tweak.negated();
  EXPECT_EQ(KeyContext::tweaked(group, std::array{Tweak{tweak}}).error().code, Errc::kCrypto);
}

}  // namespace
}  // namespace frostr
