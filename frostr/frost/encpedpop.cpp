// Pads from ECDH and hashing.
#include "frostr/frost/encpedpop.h"

#include "frostr/frost/hash.h"

namespace frostr {

namespace {

base::Bytes bound_to(std::size_t receiver, const PadContext& context) {
  const auto id = be32(static_cast<std::uint32_t>(receiver));
  base::Bytes out(id.begin(), id.end());
  out.insert(out.end(), context.binding.begin(), context.binding.end());
  return out;
}

Result<SecretScalar> self_pad(const SecretScalar& key, ByteView nonce, ByteView binding) {
  const auto bytes =
      secret_tagged_hash("BIP DKG/encaps_multi self_pad", {key.expose(), nonce, binding});
  return SecretScalar::from_bytes(bytes.expose());
}

// The sender's key comes first in the hash, whoever computes it.
Result<SecretScalar> ecdh_pad(const base::Secret<32>& shared, ByteView sender, ByteView receiver,
                              ByteView binding) {
  const auto bytes = secret_tagged_hash("BIP DKG/encpedpop ecdh",
                                        {shared.expose(), sender, receiver, binding});
  return SecretScalar::from_bytes(bytes.expose());
}

}  // namespace

DkgResult<std::vector<SecretScalar>> sender_pads(const SecretScalar& ephemeral,
                                                 const SecretScalar& own_key, std::size_t self,
                                                 const PadContext& context) {
  TRY(const Point nonce, Point::base_times(ephemeral));
  std::vector<SecretScalar> pads;
  for (std::size_t id = 0; id < context.keys.size(); ++id) {
    const base::Bytes binding = bound_to(id, context);
    if (id == self) {
      TRY(SecretScalar pad, self_pad(own_key, nonce.view(), binding));
      pads.push_back(std::move(pad));
      continue;
    }
    TRY(const auto shared, context.keys[id].ecdh(ephemeral));
    TRY(SecretScalar pad, ecdh_pad(shared, nonce.view(), context.keys[id].view(), binding));
    pads.push_back(std::move(pad));
  }
  return pads;
}

DkgResult<std::vector<SecretScalar>> receiver_pads(const SecretScalar& own_key, std::size_t self,
                                                   std::span<const base::Bytes> pubnonces,
                                                   const PadContext& context) {
  const base::Bytes binding = bound_to(self, context);
  std::vector<SecretScalar> pads;
  for (std::size_t id = 0; id < pubnonces.size(); ++id) {
    if (id == self) {
      TRY(SecretScalar pad, self_pad(own_key, pubnonces[id], binding));
      pads.push_back(std::move(pad));
      continue;
    }
    const auto nonce = Point::from_bytes(pubnonces[id]);
    if (!nonce)
      return std::unexpected(
          DkgFault(DkgFault::Kind::kParticipantOrCoordinator, "invalid public nonce", id));
    TRY(const auto shared, nonce->ecdh(own_key));
    TRY(SecretScalar pad, ecdh_pad(shared, pubnonces[id], context.keys[self].view(), binding));
    pads.push_back(std::move(pad));
  }
  return pads;
}

Result<Scalar> encrypt_share(const SecretScalar& share, const SecretScalar& pad) {
  SecretScalar sum = share.clone();
  TRY(sum.add(pad));
  return Scalar::from_bytes(sum.expose());
}

Result<SecretScalar> decrypt_share(const Scalar& ciphertext, std::span<const SecretScalar> pads) {
  SecretScalar out = pads.front().clone();
  for (const SecretScalar& pad : pads.subspan(1)) TRY(out.add(pad));
  TRY(out.negate());
  TRY(out.add(ciphertext));
  return out;
}

}  // namespace frostr
