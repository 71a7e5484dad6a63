// HOT PATH of a co-signer: context (one multiplication a signer) → partial signature; and of a
// coordinator: context → check of each partial → sum → BIP-340 check. Budget 0.5 ms a responder.
#include "frostr/frost/sign.h"

#include <algorithm>

#include "frostr/frost/hash.h"
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

// Key, message and commitment list, each hashed: what every binding factor depends on.
base::Bytes binding_prefix(const Point& key, ByteView message, std::span<const Signer> signers) {
  base::Bytes list;
  list.reserve(signers.size() * 98);
  for (const Signer& signer : signers) {
    append(list, Scalar::from_u32(signer.idx.value).view());
    append(list, signer.nonce.hiding.view());
    append(list, signer.nonce.binding.view());
  }
  base::Bytes prefix;
  append(prefix, key.view());
  append(prefix, frost_h4(message).view());
  append(prefix, frost_h5(list).view());
  return prefix;
}

Scalar compute_challenge(Suite suite, const Point& nonce, const Point& key, ByteView message) {
  base::Bytes input;
  switch (suite) {
    case Suite::kBip340:
      append(input, nonce.x_only().view());
      append(input, key.x_only().view());
      append(input, message);
      return Scalar::reduce(nostr::tagged_hash("BIP0340/challenge", input).view());
    case Suite::kRfc9591:
      append(input, nonce.view());
      append(input, key.view());
      append(input, message);
      return frost_h2(input);
  }
  CHECK(false);
  return {};
}

Result<void> check_signers(std::span<const Signer> sorted) {
  if (sorted.empty()) return fail(Errc::kInvalid, "signing session has no members");
  if (sorted.size() > kMaxGroupMembers)
    return fail(Errc::kInvalid, "signing session has " + std::to_string(sorted.size()) +
                                    " members, limit is " + std::to_string(kMaxGroupMembers));
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i].idx.value == 0) return fail(Errc::kInvalid, "member index is zero");
    if (i > 0 && sorted[i].idx == sorted[i - 1].idx)
      return fail(Errc::kInvalid, named(sorted[i].idx) + " is in the session twice");
  }
  return {};
}

Result<std::vector<Session::Member>> bind_members(const Point& key, ByteView message,
                                                  std::span<const Signer> signers) {
  std::vector<ShareIndex> indices;
  for (const Signer& signer : signers) indices.push_back(signer.idx);
  const base::Bytes prefix = binding_prefix(key, message, signers);

  std::vector<Session::Member> members;
  members.reserve(signers.size());
  for (const Signer& signer : signers) {
    base::Bytes input = prefix;
    append(input, Scalar::from_u32(signer.idx.value).view());
    const Scalar factor = frost_h1(input);
    TRY(const Scalar weight, lagrange(signer.idx, indices));
    TRY(const Point bound, signer.nonce.binding.times_vartime(factor));
    TRY(const Point nonce, Point::sum(std::array{signer.nonce.hiding, bound}));
    members.push_back({signer.idx, signer.nonce, factor, weight, nonce});
  }
  return members;
}

}  // namespace

// --- nonces and key ----------------------------------------------------------------------------

NoncePair NoncePair::generate(const SecretShare& share, base::Rng& rng) {
  SecretScalar hiding = hedged_nonce(share, "sovereign/frost/nonce/hiding/v1", rng);
  SecretScalar binding = hedged_nonce(share, "sovereign/frost/nonce/binding/v1", rng);
  auto commitment = commit(hiding, binding);
  CHECK(commitment.has_value());
  return NoncePair(std::move(hiding), std::move(binding), *commitment);
}

Result<NoncePair> NoncePair::for_test_vectors(SecretScalar hiding, SecretScalar binding) {
  TRY(const NonceCommitment commitment, commit(hiding, binding));
  return NoncePair(std::move(hiding), std::move(binding), commitment);
}

Result<KeyContext> KeyContext::tweaked(const Point& group_pk, std::span<const Scalar> tweaks) {
  KeyContext out(group_pk);
  for (const Scalar& tweak : tweaks) {
    if (!out.key_.has_even_y()) {
      out.key_ = out.key_.negated();
      out.negated_ = !out.negated_;
      out.tweak_sum_ = out.tweak_sum_.negated();
    }
    TRY(out.key_, out.key_.plus_base_vartime(tweak));
    out.tweak_sum_ = out.tweak_sum_ + tweak;
  }
  return out;
}

// --- session -----------------------------------------------------------------------------------

SigningContext::SigningContext(KeyContext key, base::Bytes message, std::vector<Member> members,
                               Point nonce, Scalar challenge, Suite suite)
    : key_(std::move(key)),
      message_(std::move(message)),
      members_(std::move(members)),
      group_nonce_(nonce),
      challenge_(challenge),
      suite_(suite) {}

Result<SigningContext> SigningContext::create(KeyContext key, ByteView message,
                                              std::vector<Signer> signers, Suite suite) {
  std::ranges::sort(signers, {}, &Signer::idx);
  TRY(check_signers(signers));
  TRY(std::vector<Member> members, bind_members(key.key(), message, signers));
  std::vector<Point> nonces;
  for (const Member& member : members) nonces.push_back(member.bound_nonce);
  TRY(const Point group_nonce, Point::sum(nonces));
  const Scalar challenge = compute_challenge(suite, group_nonce, key.key(), message);
  return SigningContext(std::move(key), base::Bytes(message.begin(), message.end()),
                        std::move(members), group_nonce, challenge, suite);
}

const SigningContext::Member* SigningContext::find(ShareIndex idx) const {
  const auto it = std::ranges::find(members_, idx, &Member::idx);
  return it != members_.end() ? &*it : nullptr;
}

// BIP-340 knows only even-Y keys and nonces; what is odd here is counted negatively.
bool SigningContext::flips_nonce() const {
  return suite_ == Suite::kBip340 && !group_nonce_.has_even_y();
}

bool SigningContext::flips_share() const {
  return suite_ == Suite::kBip340 && (key_.key().has_even_y() == key_.negated());
}

Result<Scalar> SigningContext::sign_partial(NoncePair&& nonces, const SecretShare& share) const {
  // Moved into a local first, so that the pair is gone on every path out of here.
  NoncePair pair = std::move(nonces);
  const Member* self = find(share.idx);
  if (self == nullptr) return fail(Errc::kNotFound, named(share.idx) + " is not in the session");
  if (!pair.hiding_.usable() || !pair.binding_.usable())
    return fail(Errc::kConflict, "the nonce pair was used before");
  if (pair.commitment_ != self->nonce)
    return fail(Errc::kConflict, "the session lists other nonces for " + named(share.idx));

  SecretScalar partial = std::move(pair.binding_);
  TRY(partial.multiply(self->binding_factor));
  TRY(partial.add(pair.hiding_));
  if (flips_nonce()) TRY(partial.negate());

  const Scalar weight = challenge_ * self->lagrange;
  SecretScalar keyed = share.secret.clone();
  TRY(keyed.multiply(flips_share() ? weight.negated() : weight));
  TRY(partial.add(keyed));
  return Scalar::from_bytes(partial.expose());
}

Result<void> SigningContext::verify_partial(ShareIndex idx, const Point& pubkey,
                                            const Scalar& partial) const {
  const Member* member = find(idx);
  if (member == nullptr) return fail(Errc::kNotFound, named(idx) + " is not in the session");
  const auto wrong = [&] {
    return fail(Errc::kCrypto, "the partial signature of " + named(idx) + " does not verify");
  };
  const Scalar weight = challenge_ * member->lagrange;
  const auto left = Point::base_times(partial);
  const auto keyed = pubkey.times_vartime(flips_share() ? weight.negated() : weight);
  if (!left || !keyed) return wrong();
  const Point nonce = flips_nonce() ? member->bound_nonce.negated() : member->bound_nonce;
  const auto right = Point::sum(std::array{nonce, *keyed});
  if (!right || *left != *right) return wrong();
  return {};
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
  const bool odd = suite_ == Suite::kBip340 && !key_.key().has_even_y();
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

Result<nostr::Signature> aggregate(const SigningContext& context, const GroupPackage& group,
                                   std::span<const SigningContext::Partial> partials) {
  TRY(const Scalar s, context.combine(partials));
  std::array<std::uint8_t, 64> bytes{};
  const nostr::PublicKey nonce = context.group_nonce().x_only();
  std::ranges::copy(nonce.view(), bytes.begin());
  std::ranges::copy(s.view(), bytes.begin() + 32);
  const nostr::Signature signature(bytes);
  if (nostr::verify_message(context.key().key().x_only(), context.message(), signature))
    return signature;

  std::string blame;
  for (const ShareIndex idx : find_culprits(context, group, partials))
    blame += (blame.empty() ? "" : ", ") + named(idx);
  return fail(Errc::kCrypto, blame.empty() ? std::string("the aggregated signature does not verify")
                                           : "wrong partial signature from " + blame);
}

}  // namespace frostr
