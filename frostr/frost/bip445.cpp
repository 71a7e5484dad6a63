// BIP-445's nonce derivations and checks around the common session.
#include "frostr/frost/bip445.h"

#include <algorithm>

#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

std::array<std::uint8_t, 8> be64(std::uint64_t value) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < 8; ++i) out[7 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

// Hides the share under a hash of the randomness, so that either of them keeps a nonce secret.
base::Secret<32> mix(const SecretShare& share, const base::Secret<32>& random) {
  base::Secret<32> out = secret_tagged_hash("BIP0445/aux", {random.expose()});
  for (std::size_t i = 0; i < 32; ++i) out.expose_mutable()[i] ^= share.secret.expose()[i];
  return out;
}

void put(base::Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// The two nonces that differ only in the last byte of what is hashed after `secret`.
Result<NoncePair> derive_pair(std::string_view tag, const base::Secret<32>& secret,
                              ByteView context) {
  const auto nonce = [&](std::uint8_t i) {
    return SecretScalar::from_bytes(
        secret_tagged_hash(tag, {secret.expose(), context, ByteView(&i, 1)}).expose());
  };
  TRY(SecretScalar hiding, nonce(0));
  TRY(SecretScalar binding, nonce(1));
  return NoncePair::from_scalars(std::move(hiding), std::move(binding));
}

std::vector<ShareIndex> indices_of(const Bip445Signers& signers) {
  std::vector<ShareIndex> out;
  for (const auto& member : signers.members) out.push_back(member.idx);
  return out;
}

}  // namespace

Result<void> check_signers(const Bip445Signers& signers) {
  if (signers.threshold < 1 || signers.threshold > signers.participants)
    return fail(Errc::kInvalid, "the threshold is not between 1 and the number of participants");
  if (signers.members.size() < signers.threshold || signers.members.size() > signers.participants)
    return fail(Errc::kInvalid, "the number of signers is not between threshold and participants");
  const std::vector<ShareIndex> indices = indices_of(signers);
  std::vector<MaybePoint> terms;
  for (const auto& member : signers.members) {
    if (member.idx.value < 1 || member.idx.value > signers.participants)
      return fail(Errc::kInvalid, "a signer's id is out of range");
    TRY(const Scalar weight, lagrange(member.idx, indices));
    terms.push_back(MaybePoint(member.pubshare).times_vartime(weight));
  }
  if (MaybePoint::sum(terms) != MaybePoint(signers.group_pk))
    return fail(Errc::kCrypto, "the public shares do not add up to the group key");
  return {};
}

Result<NoncePair> bip445_nonces(const Bip445NonceInput& input) {
  const base::Secret<32> secret =
      input.share != nullptr ? mix(*input.share, input.random) : input.random.clone();
  base::Bytes context;
  context.push_back(input.pubshare ? 33 : 0);
  if (input.pubshare) put(context, input.pubshare->view());
  context.push_back(input.key ? 32 : 0);
  if (input.key) put(context, input.key->view());
  context.push_back(input.message ? 1 : 0);
  if (input.message) {
    put(context, be64(input.message->size()));
    put(context, *input.message);
  }
  put(context, be32(static_cast<std::uint32_t>(input.extra.size())));
  put(context, input.extra);
  return derive_pair("BIP0445/nonce", secret, context);
}

Result<SigningContext> bip445_session(const Bip445Signers& signers, KeyContext key,
                                      ByteView message, const AggregateNonce& nonce) {
  TRY(check_signers(signers));
  return SigningContext::create_aggregated(std::move(key), message, indices_of(signers), nonce);
}

Result<SigningContext> bip445_session(const Bip445Signers& signers, KeyContext key,
                                      ByteView message, std::span<const NonceCommitment> nonces) {
  if (nonces.size() != signers.members.size())
    return fail(Errc::kInvalid, "there is not one nonce for each signer");
  TRY(check_signers(signers));
  std::vector<Signer> list;
  for (std::size_t i = 0; i < nonces.size(); ++i)
    list.push_back({signers.members[i].idx, nonces[i]});
  return SigningContext::create(std::move(key), message, std::move(list), kBip445);
}

Result<Scalar> bip445_sign(const SigningContext& session, const Bip445Signers& signers,
                           NoncePair&& nonces, const SecretShare& share) {
  NoncePair pair = std::move(nonces);
  const NonceCommitment commitment = pair.commitment();
  const auto listed = std::ranges::find(signers.members, share.idx, &Bip445Signers::Member::idx);
  if (listed == signers.members.end())
    return fail(Errc::kNotFound, "the signer is not in the session");
  TRY(const Point pubshare, Point::base_times(share.secret));
  if (pubshare != listed->pubshare)
    return fail(Errc::kCrypto, "the share is not the one the session lists");
  TRY(const Scalar partial, session.sign_partial(std::move(pair), share));
  TRY(session.verify_partial(share.idx, commitment, pubshare, partial));
  return partial;
}

Result<Bip445Deterministic> bip445_sign_deterministic(const Bip445Signers& signers,
                                                      const SecretShare& share,
                                                      const std::optional<NonceCommitment>& others,
                                                      KeyContext key, ByteView message,
                                                      const base::Secret<32>* random) {
  TRY(check_signers(signers));
  if (others.has_value() != (signers.members.size() > 1))
    return fail(Errc::kInvalid, "the other signers' nonces do not go with the number of signers");
  std::vector<ShareIndex> sorted = indices_of(signers);
  std::ranges::sort(sorted);

  base::Bytes context;
  put(context, be32(kBip445.wire_id(share.idx.value)));
  put(context, be32(static_cast<std::uint32_t>(sorted.size())));
  for (const ShareIndex idx : sorted) put(context, be32(kBip445.wire_id(idx.value)));
  if (others) {
    put(context, others->hiding.view());
    put(context, others->binding.view());
  }
  put(context, key.key().x_only().view());
  put(context, be64(message.size()));
  put(context, message);
  const base::Secret<32> secret =
      random != nullptr ? mix(share, *random) : base::Secret<32>(share.secret.expose());
  TRY(NoncePair pair, derive_pair("BIP0445/deterministic/nonce", secret, context));

  const NonceCommitment own = pair.commitment();
  std::vector<NonceCommitment> all{own};
  if (others) all.push_back(*others);
  TRY(const SigningContext session,
      SigningContext::create_aggregated(std::move(key), message, sorted, AggregateNonce::sum(all)));
  TRY(const Scalar partial, bip445_sign(session, signers, std::move(pair), share));
  return Bip445Deterministic{own, partial};
}

}  // namespace frostr
