// BIP-445 against its own vectors: every valid value, every refusal.
#include "frostr/frost/bip445.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "tests/frostr/frost/vectors.h"

namespace frostr {
namespace {

using base::Errc;
using vectors::must;
using vectors::Value;
using Partial = SigningContext::Partial;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string hex(const Value& value) { return lower(value.get<std::string>()); }

base::Bytes bytes(const Value& value) { return *base::hex_decode(hex(value)); }

std::string commitment_hex(const NonceCommitment& nonce) {
  return nonce.hiding.hex() + nonce.binding.hex();
}

Value file(const std::string& name) {
  return vectors::published("bip445", "bip445-" + name + ".json");
}

// A test group and one of its cases: arrays in the group, indices into them in the case.
struct Case {
  const Value& group;
  const Value& test;

  const Value& pick(const char* array, const char* index) const {
    return group.at(array).at(test.at(index).get<std::size_t>());
  }

  std::vector<Value> pick_all(const char* array, const char* indices) const {
    std::vector<Value> out;
    for (const Value& i : test.at(indices)) out.push_back(group.at(array).at(i.get<std::size_t>()));
    return out;
  }

  ShareIndex my_index() const { return {test.at("my_id").get<std::uint32_t>() + 1}; }

  Result<Bip445Signers> signers() const {
    TRY(const Point key, Point::from_hex(hex(group.at("thresh_pk"))));
    Bip445Signers out{group.at("n").get<std::uint32_t>(), group.at("t").get<std::uint32_t>(), {},
                      key};
    const auto shares = pick_all("pubshares", "pubshare_indices");
    for (std::size_t i = 0; i < shares.size(); ++i) {
      TRY(const Point share, Point::from_hex(hex(shares[i])));
      out.members.push_back({{test.at("ids").at(i).get<std::uint32_t>() + 1}, share});
    }
    return out;
  }

  // Tweaks stand in the group (with indices) or in the case itself.
  Result<KeyContext> key() const {
    TRY(const Point group_pk, Point::from_hex(hex(group.at("thresh_pk"))));
    std::vector<Value> values;
    if (test.contains("tweak_indices")) values = pick_all("tweaks", "tweak_indices");
    if (test.contains("tweaks")) values.assign(test.at("tweaks").begin(), test.at("tweaks").end());
    std::vector<Tweak> tweaks;
    for (std::size_t i = 0; i < values.size(); ++i) {
      TRY(const Scalar value, Scalar::from_bytes(bytes(values[i])));
      tweaks.push_back({value, test.at("is_xonly").at(i).get<bool>() ? Tweak::Mode::kXOnly
                                                                     : Tweak::Mode::kPlain});
    }
    return KeyContext::tweaked(group_pk, tweaks);
  }

  Result<SecretShare> share() const {
    TRY(SecretScalar secret, SecretScalar::from_hex(hex(pick("secshares", "secshare_index"))));
    return SecretShare{my_index(), std::move(secret)};
  }

  Result<NoncePair> nonces() const {
    const std::string both = hex(pick("secnonces", "secnonce_index"));
    TRY(SecretScalar hiding, SecretScalar::from_hex(both.substr(0, 64)));
    TRY(SecretScalar binding, SecretScalar::from_hex(both.substr(64)));
    return NoncePair::from_scalars(std::move(hiding), std::move(binding));
  }

  Result<std::vector<NonceCommitment>> commitments() const {
    std::vector<NonceCommitment> out;
    for (const Value& value : pick_all("pubnonces", "pubnonce_indices")) {
      TRY(const NonceCommitment nonce, NonceCommitment::from_bytes(bytes(value)));
      out.push_back(nonce);
    }
    return out;
  }

  Result<SigningContext> session() const {
    TRY(const Bip445Signers who, signers());
    TRY(KeyContext with, key());
    TRY(const AggregateNonce nonce, AggregateNonce::from_bytes(bytes(test.at("aggnonce"))));
    return bip445_session(who, std::move(with), bytes(test.at("msg")), nonce);
  }

  Result<Scalar> sign() const {
    TRY(const SigningContext with, session());
    TRY(NoncePair pair, nonces());
    TRY(const SecretShare own, share());
    TRY(const Bip445Signers who, signers());
    return bip445_sign(with, who, std::move(pair), own);
  }

  Result<Bip445Deterministic> sign_deterministic() const {
    TRY(const Bip445Signers who, signers());
    TRY(const SecretShare own, share());
    TRY(KeyContext with, key());
    std::optional<NonceCommitment> others;
    if (!test.at("aggothernonce").is_null()) {
      TRY(others, NonceCommitment::from_bytes(bytes(test.at("aggothernonce"))));
    }
    std::optional<base::Secret<32>> random;
    if (!test.at("rand").is_null())
      random.emplace(std::span<const std::uint8_t, 32>(bytes(test.at("rand")).data(), 32));
    return bip445_sign_deterministic(who, own, others, std::move(with), bytes(test.at("msg")),
                                     random ? &*random : nullptr);
  }

  // PartialSigVerify of what stands in `psig`.
  Result<void> verify() const {
    TRY(const std::vector<NonceCommitment> nonces, commitments());
    TRY(const Bip445Signers who, signers());
    TRY(KeyContext with, key());
    TRY(const SigningContext session,
        bip445_session(who, std::move(with), bytes(test.at("msg")), nonces));
    TRY(const Scalar partial, Scalar::from_bytes(bytes(test.at("psig"))));
    const auto& signer = who.members.at(test.at("signer_index").get<std::size_t>());
    return session.verify_partial(signer.idx, signer.pubshare, partial);
  }
};

// Runs `check` over the cases called `list` of every group; returns how many there were.
template <class Check>
std::size_t each(const Value& vectors, const char* list, Check check) {
  std::size_t seen = 0;
  for (const Value& group : vectors.at("test_groups")) {
    if (!group.contains(list)) continue;
    for (const Value& test : group.at(list)) {
      SCOPED_TRACE(group.at("tg_id").get<std::string>() + " " + test.at("comment").get<std::string>());
      check(Case{group, test});
      ++seen;
    }
  }
  return seen;
}

// The first cases of nonce generation and signing as facts, so that a checkout without the files
// proves the scheme as well.
TEST(Bip445Test, first_vectors_of_nonce_generation_and_signing) {
  const SecretShare share{{1},
                          must(SecretScalar::from_hex("53442fa9bd72eea0a42df6f2d2d76a2c"
                                                      "0d3a3dfa2be2f820f41ade976b8259fb"))};
  const Point pubshare = must(Point::base_times(share.secret));
  EXPECT_EQ(pubshare.hex(), "039ee3335af48dfe23702ab353f4af20d401f67a130df783cc8457323a860a2fb4");
  const auto key = must(nostr::PublicKey::from_hex(
      "d772a09f5f675783d275ed9f6aaedb2eccbc74171b37ac23ae3bbd9d7ae2cdaa"));
  const base::Secret<32> random(std::span<const std::uint8_t, 32>(base::Bytes(32, 0x0f).data(), 32));
  const base::Bytes message(32, 1);
  const base::Bytes extra(32, 8);
  const NoncePair pair = must(bip445_nonces({.random = random,
                                             .share = &share,
                                             .pubshare = pubshare,
                                             .key = key,
                                             .message = ByteView(message),
                                             .extra = extra}));
  EXPECT_EQ(commitment_hex(pair.commitment()),
            "038ebc31ef5c88c3e4470bda8765a8377697e1cb20a1d07d6b09c0146814ec5bdf"
            "0386d61a1ccfbec0a8aef01ffd83a6f9e0e90fdc20d093861a27ac4a10c931b0d3");

  const Point group_pk = must(Point::from_hex(
      "02d772a09f5f675783d275ed9f6aaedb2eccbc74171b37ac23ae3bbd9d7ae2cdaa"));
  const Point other = must(Point::from_hex(
      "0284dc4ab2cb78a621eb87fa1f14bce2b725afeaac981adcbaff5cc2d417d2a63a"));
  const Bip445Signers signers{3, 2, {{{1}, pubshare}, {{2}, other}}, group_pk};
  const auto aggregate = must(AggregateNonce::from_bytes(*base::hex_decode(
      "030f261bfe5df0ae3ec06bb7a1d6394a3af206968281f03b70d25fb84d49036ce2"
      "03be48277630579c72160430c819aabb1dfa20ff70749666080bb886b728476261")));
  const auto hash = *base::hex_decode(
      "f95466d086770e689964664219266fe5ed215c92ae20bab5c9d79addddf3c0cf");
  const auto session = must(bip445_session(signers, KeyContext(group_pk), hash, aggregate));
  auto nonces = must(NoncePair::from_scalars(
      must(SecretScalar::from_hex(
          "67afbe2b50f521569b9c1d943f8fe20620b8c25fa81e9788718af6ee87d5275c")),
      must(SecretScalar::from_hex(
          "9a485a634fe41558e4e108fbb52c5cf616c0cdf02bc0c10a99359ff6c1bd705c"))));
  EXPECT_EQ(must(bip445_sign(session, signers, std::move(nonces), share)).hex(),
            "2b69442f9bce21bb722831a2150fb9a6df6d0288d39e2e4f5687e92a3c4a7862");
}

TEST(Bip445Test, nonce_generation) {
  const auto vectors = file("nonce_gen");
  for (const Value& test : vectors.at("valid_tests")) {
    SCOPED_TRACE(test.at("comment").get<std::string>());
    const auto given = [&](const char* name) { return !test.at(name).is_null(); };
    const base::Secret<32> random(
        std::span<const std::uint8_t, 32>(bytes(test.at("rand_")).data(), 32));
    std::optional<SecretShare> share;
    if (given("secshare"))
      share = SecretShare{{1}, must(SecretScalar::from_hex(hex(test.at("secshare"))))};
    const base::Bytes message = given("msg") ? bytes(test.at("msg")) : base::Bytes{};
    const base::Bytes extra = given("extra_in") ? bytes(test.at("extra_in")) : base::Bytes{};
    Bip445NonceInput input{.random = random, .share = share ? &*share : nullptr};
    if (given("pubshare")) input.pubshare = must(Point::from_hex(hex(test.at("pubshare"))));
    if (given("thresh_pk"))
      input.key = must(nostr::PublicKey::from_hex(hex(test.at("thresh_pk"))));
    if (given("msg")) input.message = message;
    input.extra = extra;
    const NoncePair pair = must(bip445_nonces(input));
    EXPECT_EQ(commitment_hex(pair.commitment()), hex(test.at("expected").at(1)));
    // The secret half as well: k1·G and k2·G of the published scalars are what we committed to.
    const std::string secret = hex(test.at("expected").at(0));
    EXPECT_EQ(must(Point::base_times(must(SecretScalar::from_hex(secret.substr(0, 64))))),
              pair.commitment().hiding);
    EXPECT_EQ(must(Point::base_times(must(SecretScalar::from_hex(secret.substr(64))))),
              pair.commitment().binding);
  }
}

TEST(Bip445Test, nonce_aggregation) {
  const auto vectors = file("nonce_agg");
  const auto aggregate = [&](const Value& test) -> Result<AggregateNonce> {
    std::vector<NonceCommitment> nonces;
    for (const Value& i : test.at("pubnonce_indices")) {
      TRY(const NonceCommitment nonce,
          NonceCommitment::from_bytes(bytes(vectors.at("pubnonces").at(i.get<std::size_t>()))));
      nonces.push_back(nonce);
    }
    return AggregateNonce::sum(nonces);
  };
  for (const Value& test : vectors.at("valid_tests")) {
    const AggregateNonce sum = must(aggregate(test));
    EXPECT_EQ(base::hex_encode(sum.bytes()), hex(test.at("expected")));
    EXPECT_EQ(must(AggregateNonce::from_bytes(sum.bytes())), sum);
  }
  for (const Value& test : vectors.at("error_tests"))
    EXPECT_EQ(aggregate(test).error().code, Errc::kCrypto) << test.at("comment");
}

TEST(Bip445Test, signing_and_partial_verification) {
  const auto vectors = file("sign_verify");
  const std::size_t valid = each(vectors, "valid_tests", [](const Case& c) {
    const Scalar z = must(c.sign());
    EXPECT_EQ(z.hex(), hex(c.test.at("expected")));
    const auto who = must(c.signers());
    const auto session =
        must(bip445_session(who, must(c.key()), bytes(c.test.at("msg")), must(c.commitments())));
    EXPECT_EQ(session.challenge(), must(c.session()).challenge());
    const auto own =
        std::ranges::find(who.members, c.my_index(), &Bip445Signers::Member::idx);
    EXPECT_TRUE(session.verify_partial(own->idx, own->pubshare, z));
  });
  EXPECT_GE(valid, 20U);
  const std::size_t refused = each(vectors, "sign_error_tests",
                                   [](const Case& c) { EXPECT_FALSE(c.sign().has_value()); });
  EXPECT_GE(refused, 44U);
  // Out-of-range and wrong partials do not verify; broken nonces and shares are errors before that.
  const std::size_t wrong = each(vectors, "verify_fail_tests",
                                 [](const Case& c) { EXPECT_FALSE(c.verify().has_value()); });
  const std::size_t broken = each(vectors, "verify_error_tests", [](const Case& c) {
    EXPECT_TRUE(!c.signers() || !c.commitments());
    EXPECT_FALSE(c.verify().has_value());
  });
  EXPECT_EQ(wrong, 12U);
  EXPECT_EQ(broken, 8U);
}

// "Number of tweaks does not match the number of modes" cannot be said here: a Tweak has its mode.
TEST(Bip445Test, tweaks_except_a_count_of_modes_that_the_types_rule_out) {
  const auto vectors = file("tweak");
  EXPECT_GE(each(vectors, "valid_tests",
                 [](const Case& c) { EXPECT_EQ(must(c.sign()).hex(), hex(c.test.at("expected"))); }),
            28U);
  std::size_t refused = 0;
  each(vectors, "error_tests", [&](const Case& c) {
    if (c.test.at("is_xonly").size() != c.test.at("tweak_indices").size()) return;
    EXPECT_FALSE(c.key().has_value());
    EXPECT_FALSE(c.sign().has_value());
    ++refused;
  });
  EXPECT_EQ(refused, 12U);
}

TEST(Bip445Test, deterministic_signing) {
  const auto vectors = file("det_sign");
  EXPECT_GE(each(vectors, "valid_tests",
                 [](const Case& c) {
                   const auto signed_by = c.sign_deterministic();
                   ASSERT_TRUE(signed_by.has_value()) << signed_by.error().detail;
                   EXPECT_EQ(commitment_hex(signed_by->nonce), hex(c.test.at("expected").at(0)));
                   EXPECT_EQ(signed_by->partial.hex(), hex(c.test.at("expected").at(1)));
                 }),
            28U);
  EXPECT_GE(each(vectors, "error_tests",
                 [](const Case& c) { EXPECT_FALSE(c.sign_deterministic().has_value()); }),
            44U);
}

TEST(Bip445Test, signature_aggregation) {
  const auto vectors = file("sig_agg");
  const auto aggregated = [](const Case& c) -> Result<nostr::Signature> {
    TRY(const SigningContext session, c.session());
    TRY(const Bip445Signers who, c.signers());
    std::vector<Partial> partials;
    for (std::size_t i = 0; i < c.test.at("psigs").size(); ++i) {
      TRY(const Scalar z, Scalar::from_bytes(bytes(c.test.at("psigs").at(i))));
      partials.push_back({who.members.at(i).idx, z});
    }
    return assemble(session, partials);
  };
  EXPECT_GE(each(vectors, "valid_tests",
                 [&](const Case& c) {
                   const auto signature = must(aggregated(c));
                   EXPECT_EQ(signature.hex(), hex(c.test.at("expected")));
                   EXPECT_TRUE(nostr::verify_message(must(c.key()).key().x_only(),
                                                     bytes(c.test.at("msg")), signature));
                 }),
            12U);
  EXPECT_EQ(each(vectors, "error_tests",
                 [&](const Case& c) { EXPECT_FALSE(aggregated(c).has_value()); }),
            8U);
}

TEST(Bip445Test, shares_of_a_bifrost_group_sign_here_unchanged) {
  base::SeededRng rng(50);
  const Dealt dealt = must(deal(rng, 2, 3));
  const auto message = rng.bytes<32>();
  Bip445Signers signers{3, 2, {}, dealt.group.group_pk()};
  std::vector<NoncePair> pairs;
  std::vector<NonceCommitment> nonces;
  for (const std::size_t i : {0U, 2U}) {
    signers.members.push_back({dealt.shares[i].idx, dealt.group.members()[i].pubkey});
    const auto random = rng.secret<32>();
    pairs.push_back(must(bip445_nonces({.random = random, .share = &dealt.shares[i]})));
    nonces.push_back(pairs.back().commitment());
  }
  const KeyContext key(dealt.group.group_pk());
  const auto session = must(bip445_session(signers, key, message, AggregateNonce::sum(nonces)));
  std::vector<Partial> partials;
  partials.push_back({{1}, must(bip445_sign(session, signers, std::move(pairs[0]), dealt.shares[0]))});
  partials.push_back({{3}, must(bip445_sign(session, signers, std::move(pairs[1]), dealt.shares[2]))});
  const auto signature = must(assemble(session, partials));
  EXPECT_TRUE(nostr::verify_message(dealt.group.identity(), message, signature));
}

}  // namespace
}  // namespace frostr
