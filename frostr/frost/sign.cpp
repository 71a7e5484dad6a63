// HOT PATH of a co-signer: context (one multiplication a signer) → partial signature; and of a
// coordinator: context → check of each partial → sum → BIP-340 check. Budget 0.5 ms a responder.
#include "frostr/frost/sign.h"

#include <algorithm>

#include "frostr/frost/hash.h"
#include "nostr/base/declassify.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

using Session = SigningContext;

void append(base::Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string named(ShareIndex idx) {
  return "member " + std::to_string(idx.value);
}

// HMAC under the share of fresh randomness: uniform when either the generator or the share is good.
SecretScalar hedged_nonce(const SecretShare& share, std::string_view label, base::Rng& rng) {
  while (true) {
    base::Secret<64> input;
    rng.fill(input.expose_mutable().first<32>());
    CHECK(label.size() <= 32);
    std::copy(label.begin(), label.end(), input.expose_mutable().begin() + 32);
    const base::Secret<32> candidate = nostr::hmac_sha256(share.secret.expose(), input.expose());
    if (auto nonce = SecretScalar::from_bytes(candidate.expose())) return *std::move(nonce);
  }
}

Result<NonceCommitment> commit(const SecretScalar& hiding, const SecretScalar& binding) {
  TRY(const Point d, Point::base_times(hiding));
  TRY(const Point e, Point::base_times(binding));
  return NonceCommitment{d, e};
}

Point bound_key(const Suite& suite, const Point& key) {
  return suite.even_key && !key.has_even_y() ? key.negated() : key;
}

// Key, message and commitment list, each hashed: what every binding factor depends on.
base::Bytes binding_prefix(const Suite& suite, const Point& key, ByteView message,
                           std::span<const Signer> signers) {
  base::Bytes list;
  list.reserve(signers.size() * 98);
  for (const Signer& signer : signers) {
    append(list, Scalar::from_u32(suite.wire_id(signer.idx.value)).view());
    append(list, signer.nonce.hiding.view());
    append(list, signer.nonce.binding.view());
  }
  base::Bytes prefix;
  append(prefix, bound_key(suite, key).view());
  append(prefix, suite.hash.h4(message).view());
  append(prefix, suite.hash.h5(list).view());
  return prefix;
}

// BIP-445 "GetSessionValues": the one coefficient of an aggregating suite.
Scalar nonce_coefficient(const Suite& suite, const Point& key, ByteView message,
                         std::span<const ShareIndex> sorted, const AggregateNonce& nonce) {
  base::Bytes input;
  for (const ShareIndex idx : sorted) append(input, be32(suite.wire_id(idx.value)));
  append(input, nonce.bytes());
  append(input, key.x_only().view());
  append(input, message);
  return Scalar::reduce(nostr::tagged_hash("BIP0445/noncecoef", input).view());
}

Scalar compute_challenge(const Suite& suite, const Point& nonce, const Point& key,
                         ByteView message) {
  base::Bytes input;
  switch (suite.challenge) {
    case Suite::Challenge::kBip340:
      append(input, nonce.x_only().view());
      append(input, key.x_only().view());
      append(input, message);
      return Scalar::reduce(nostr::tagged_hash("BIP0340/challenge", input).view());
    case Suite::Challenge::kRfc9591:
      append(input, nonce.view());
      append(input, key.view());
      append(input, message);
      return suite.hash.h2(input);
  }
  CHECK(false);
  return {};
}

Result<void> check_signers(std::span<const ShareIndex> sorted) {
  if (sorted.empty()) return fail(Errc::kInvalid, "signing session has no members");
  if (sorted.size() > kMaxGroupMembers)
    return fail(Errc::kInvalid, "signing session has " + std::to_string(sorted.size()) +
                                    " members, limit is " + std::to_string(kMaxGroupMembers));
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i].value == 0) return fail(Errc::kInvalid, "member index is zero");
    if (i > 0 && sorted[i] == sorted[i - 1])
      return fail(Errc::kInvalid, named(sorted[i]) + " is in the session twice");
  }
  return {};
}

// D + rho·E.
Result<Point> bind_nonce(const NonceCommitment& nonce, const Scalar& factor) {
  TRY(const Point bound, nonce.binding.times_vartime(factor));
  return Point::sum(std::array{nonce.hiding, bound});
}

Result<std::vector<Session::Member>> bind_members(const Suite& suite, const Point& key,
                                                  ByteView message, std::span<const Signer> signers,
                                                  std::span<const ShareIndex> indices) {
  const base::Bytes prefix = binding_prefix(suite, key, message, signers);
  std::vector<Session::Member> members;
  members.reserve(signers.size());
  for (const Signer& signer : signers) {
    base::Bytes input = prefix;
    append(input, Scalar::from_u32(suite.wire_id(signer.idx.value)).view());
    const Scalar factor = suite.hash.h1(input);
    TRY(const Scalar weight, lagrange(signer.idx, indices));
    TRY(const Point bound, bind_nonce(signer.nonce, factor));
    members.push_back({signer.idx, factor, weight, Session::BoundNonce{signer.nonce, bound}});
  }
  return members;
}

Result<Point> parse_half(ByteView bytes, std::size_t half) {
  return Point::from_bytes(bytes.subspan(33 * half, 33));
}

}  // namespace

// --- nonces and key ----------------------------------------------------------------------------

Result<NonceCommitment> NonceCommitment::from_bytes(ByteView bytes) {
  if (bytes.size() != 66) return fail(Errc::kInvalid, "a public nonce is 66 bytes");
  TRY(const Point hiding, parse_half(bytes, 0));
  TRY(const Point binding, parse_half(bytes, 1));
  return NonceCommitment{hiding, binding};
}

Result<AggregateNonce> AggregateNonce::from_bytes(ByteView bytes) {
  if (bytes.size() != 66) return fail(Errc::kInvalid, "an aggregate nonce is 66 bytes");
  TRY(const MaybePoint hiding, MaybePoint::from_bytes(bytes.first(33)));
  TRY(const MaybePoint binding, MaybePoint::from_bytes(bytes.subspan(33)));
  return AggregateNonce{hiding, binding};
}

AggregateNonce AggregateNonce::sum(std::span<const NonceCommitment> commitments) {
  std::vector<MaybePoint> hiding;
  std::vector<MaybePoint> binding;
  for (const NonceCommitment& commitment : commitments) {
    hiding.emplace_back(commitment.hiding);
    binding.emplace_back(commitment.binding);
  }
  return {MaybePoint::sum(hiding), MaybePoint::sum(binding)};
}

std::array<std::uint8_t, 66> AggregateNonce::bytes() const {
  std::array<std::uint8_t, 66> out{};
  std::ranges::copy(hiding.bytes(), out.begin());
  std::ranges::copy(binding.bytes(), out.begin() + 33);
  return out;
}

NoncePair NoncePair::generate(const SecretShare& share, base::Rng& rng) {
  SecretScalar hiding = hedged_nonce(share, "sovereign/frost/nonce/hiding/v1", rng);
  SecretScalar binding = hedged_nonce(share, "sovereign/frost/nonce/binding/v1", rng);
  auto commitment = commit(hiding, binding);
  CHECK(commitment.has_value());
  return NoncePair(std::move(hiding), std::move(binding), *commitment);
}

Result<NoncePair> NoncePair::from_scalars(SecretScalar hiding, SecretScalar binding) {
  TRY(const NonceCommitment commitment, commit(hiding, binding));
  return NoncePair(std::move(hiding), std::move(binding), commitment);
}

Result<KeyContext> KeyContext::tweaked(const Point& group_pk, std::span<const Tweak> tweaks) {
  KeyContext out(group_pk);
  for (const Tweak& tweak : tweaks) {
    if (tweak.mode == Tweak::Mode::kXOnly && !out.key_.has_even_y()) {
      out.key_ = out.key_.negated();
      out.negated_ = !out.negated_;
      out.tweak_sum_ = out.tweak_sum_.negated();
    }
    TRY(out.key_, out.key_.plus_base_vartime(tweak.value));
    out.tweak_sum_ = out.tweak_sum_ + tweak.value;
  }
  return out;
}

// --- session -----------------------------------------------------------------------------------

SigningContext::SigningContext(KeyContext key, ByteView message, std::vector<Member> members,
                               const Point& nonce, const Suite& suite)
    : key_(std::move(key)),
      message_(message.begin(), message.end()),
      members_(std::move(members)),
      group_nonce_(nonce),
      challenge_(compute_challenge(suite, nonce, key_.key(), message)),
      suite_(suite) {}

Result<SigningContext> SigningContext::create(KeyContext key, ByteView message,
                                              std::vector<Signer> signers, const Suite& suite) {
  std::ranges::sort(signers, {}, &Signer::idx);
  std::vector<ShareIndex> indices;
  for (const Signer& signer : signers) indices.push_back(signer.idx);
  if (suite.binding == Suite::Binding::kAggregate) {
    std::vector<NonceCommitment> commitments;
    for (const Signer& signer : signers) commitments.push_back(signer.nonce);
    TRY(SigningContext out, create_aggregated(std::move(key), message, std::move(indices),
                                              AggregateNonce::sum(commitments), suite));
    for (std::size_t i = 0; i < signers.size(); ++i) {
      Member& member = out.members_[i];
      TRY(const Point bound, bind_nonce(signers[i].nonce, member.binding_factor));
      member.nonce = BoundNonce{signers[i].nonce, bound};
    }
    return out;
  }
  TRY(check_signers(indices));
  TRY(std::vector<Member> members, bind_members(suite, key.key(), message, signers, indices));
  std::vector<Point> nonces;
  for (const Member& member : members) nonces.push_back(member.nonce->point);
  TRY(const Point group_nonce, Point::sum(nonces));
  return SigningContext(std::move(key), message, std::move(members), group_nonce, suite);
}

Result<SigningContext> SigningContext::create_aggregated(KeyContext key, ByteView message,
                                                         std::vector<ShareIndex> signers,
                                                         const AggregateNonce& nonce,
                                                         const Suite& suite) {
  CHECK(suite.binding == Suite::Binding::kAggregate);
  std::ranges::sort(signers);
  TRY(check_signers(signers));
  const Scalar factor = nonce_coefficient(suite, key.key(), message, signers, nonce);
  std::vector<Member> members;
  for (const ShareIndex idx : signers) {
    TRY(const Scalar weight, lagrange(idx, signers));
    members.push_back({idx, factor, weight, std::nullopt});
  }
  // Who makes the nonces cancel out gains nothing from it: the generator stands in for infinity.
  const MaybePoint sum = nonce.hiding + nonce.binding.times_vartime(factor);
  TRY(const Point generator, Point::base_times(Scalar::from_u32(1)));
  return SigningContext(std::move(key), message, std::move(members), sum.point().value_or(generator),
                        suite);
}

const SigningContext::Member* SigningContext::find(ShareIndex idx) const {
  const auto it = std::ranges::find(members_, idx, &Member::idx);
  return it != members_.end() ? &*it : nullptr;
}

// BIP-340 knows only even-Y keys and nonces; what is odd here is counted negatively.
bool SigningContext::flips_nonce() const {
  return suite_.challenge == Suite::Challenge::kBip340 && !group_nonce_.has_even_y();
}

bool SigningContext::flips_share() const {
  return suite_.challenge == Suite::Challenge::kBip340 &&
         key_.key().has_even_y() == key_.negated();
}

Result<Scalar> SigningContext::sign_partial(NoncePair&& nonces, const SecretShare& share) const {
  // Moved into a local first, so that the pair is gone on every path out of here.
  NoncePair pair = std::move(nonces);
  const Member* self = find(share.idx);
  if (self == nullptr) return fail(Errc::kNotFound, named(share.idx) + " is not in the session");
  if (!pair.hiding_.usable() || !pair.binding_.usable())
    return fail(Errc::kConflict, "the nonce pair was used before");
  if (self->nonce && pair.commitment_ != self->nonce->commitment)
    return fail(Errc::kConflict, "the session lists other nonces for " + named(share.idx));

  SecretScalar partial = std::move(pair.binding_);
  TRY(partial.multiply(self->binding_factor));
  TRY(partial.add(pair.hiding_));
  if (flips_nonce()) TRY(partial.negate());

  const Scalar weight = challenge_ * self->lagrange;
  SecretScalar keyed = share.secret.clone();
  TRY(keyed.multiply(flips_share() ? weight.negated() : weight));
  TRY(partial.add(keyed));
  // A partial signature is public; the nonces in it have hidden the share.
  base::declassify(partial.expose().data(), partial.expose().size());
  return Scalar::from_bytes(partial.expose());
}

Result<void> SigningContext::check_partial(const Member& member, const Point& bound_nonce,
                                           const Point& pubkey, const Scalar& partial) const {
  const auto wrong = [&] {
    return fail(Errc::kCrypto, "the partial signature of " + named(member.idx) + " does not verify");
  };
  const Scalar weight = challenge_ * member.lagrange;
  const auto left = Point::base_times(partial);
  const auto keyed = pubkey.times_vartime(flips_share() ? weight.negated() : weight);
  if (!left || !keyed) return wrong();
  const auto right =
      Point::sum(std::array{flips_nonce() ? bound_nonce.negated() : bound_nonce, *keyed});
  if (!right || *left != *right) return wrong();
  return {};
}

Result<void> SigningContext::verify_partial(ShareIndex idx, const Point& pubkey,
                                            const Scalar& partial) const {
  const Member* member = find(idx);
  if (member == nullptr || !member->nonce)
    return fail(Errc::kNotFound, named(idx) + " is not in the session");
  return check_partial(*member, member->nonce->point, pubkey, partial);
}

Result<void> SigningContext::verify_partial(ShareIndex idx, const NonceCommitment& nonce,
                                            const Point& pubkey, const Scalar& partial) const {
  const Member* member = find(idx);
  if (member == nullptr) return fail(Errc::kNotFound, named(idx) + " is not in the session");
  TRY(const Point bound, bind_nonce(nonce, member->binding_factor));
  return check_partial(*member, bound, pubkey, partial);
}

Result<Scalar> SigningContext::combine(std::span<const Partial> partials) const {
  if (partials.size() != members_.size())
    return fail(Errc::kInvalid, "got " + std::to_string(partials.size()) +
                                    " partial signatures of " + std::to_string(members_.size()));
  Scalar sum;
  for (const Member& member : members_) {
    const auto it = std::ranges::find(partials, member.idx, &Partial::idx);
    if (it == partials.end())
      return fail(Errc::kInvalid, "the partial signature of " + named(member.idx) + " is missing");
    sum = sum + it->z;
  }
  const Scalar tweak = challenge_ * key_.tweak_sum();
  const bool odd = suite_.challenge == Suite::Challenge::kBip340 && !key_.key().has_even_y();
  return odd ? sum - tweak : sum + tweak;
}

// --- aggregation -------------------------------------------------------------------------------

std::vector<ShareIndex> find_culprits(const SigningContext& context, const GroupPackage& group,
                                      std::span<const SigningContext::Partial> partials) {
  std::vector<ShareIndex> out;
  for (const auto& partial : partials) {
    const GroupMember* member = group.find(partial.idx);
    if (member == nullptr || !context.verify_partial(partial.idx, member->pubkey, partial.z))
      out.push_back(partial.idx);
  }
  return out;
}

Result<nostr::Signature> assemble(const SigningContext& context,
                                  std::span<const SigningContext::Partial> partials) {
  TRY(const Scalar s, context.combine(partials));
  std::array<std::uint8_t, 64> bytes{};
  const nostr::PublicKey nonce = context.group_nonce().x_only();
  std::ranges::copy(nonce.view(), bytes.begin());
  std::ranges::copy(s.view(), bytes.begin() + 32);
  return nostr::Signature(bytes);
}

Result<nostr::Signature> aggregate(const SigningContext& context, const GroupPackage& group,
                                   std::span<const SigningContext::Partial> partials) {
  TRY(const nostr::Signature signature, assemble(context, partials));
  if (nostr::verify_message(context.key().key().x_only(), context.message(), signature))
    return signature;

  std::string blame;
  for (const ShareIndex idx : find_culprits(context, group, partials))
    blame += (blame.empty() ? "" : ", ") + named(idx);
  return fail(Errc::kCrypto, blame.empty() ? std::string("the aggregated signature does not verify")
                                           : "wrong partial signature from " + blame);
}

}  // namespace frostr
