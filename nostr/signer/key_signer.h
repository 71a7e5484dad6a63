// KeySigner: a Signer over an ordinary key held in this process.
#pragma once

#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "nostr/signer/signer.h"

namespace nostr {

/// A Signer over an ordinary key held in this process.
class KeySigner final : public Signer {
 public:
  /// `clock` and `rng` outlive the signer.
  KeySigner(SecretKey key, const base::Clock& clock, base::Rng& rng);
  PublicKey public_key() const override { return public_key_; }
  base::Task<base::Result<Event>> sign(Draft draft) override;
  base::Task<base::Result<std::string>> nip44_encrypt(PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip44_decrypt(PublicKey peer, std::string payload) override;
  base::Task<base::Result<std::string>> nip04_encrypt(PublicKey peer, std::string plaintext) override;
  base::Task<base::Result<std::string>> nip04_decrypt(PublicKey peer, std::string payload) override;

  /// The key itself, for protocols that need it in place (NIP-59 wraps, NIP-42).
  const SecretKey& key() const { return key_; }

 private:
  SecretKey key_;
  PublicKey public_key_;
  const base::Clock& clock_;
  base::Rng& rng_;
};

}  // namespace nostr
