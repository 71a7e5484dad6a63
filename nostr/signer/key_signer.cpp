// A Signer that answers at once, because the key is here.
#include "nostr/signer/key_signer.h"

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip44.h"

namespace nostr {

KeySigner::KeySigner(SecretKey key, const base::Clock& clock, base::Rng& rng)
    : key_(std::move(key)), public_key_(key_.public_key()), clock_(clock), rng_(rng) {}

base::Task<base::Result<Event>> KeySigner::sign(Draft draft) {
  if (draft.created_at == UnixTime{}) draft.created_at = clock_.now();
  co_return sign_event(std::move(draft), key_, rng_);
}

base::Task<base::Result<std::string>> KeySigner::nip44_encrypt(PublicKey peer,
                                                               std::string plaintext) {
  CO_TRY(const ConversationKey key, nip44_conversation_key(key_, peer));
  co_return nostr::nip44_encrypt(key, plaintext, rng_);
}

base::Task<base::Result<std::string>> KeySigner::nip44_decrypt(PublicKey peer,
                                                               std::string payload) {
  CO_TRY(const ConversationKey key, nip44_conversation_key(key_, peer));
  co_return nostr::nip44_decrypt(key, payload);
}

base::Task<base::Result<std::string>> KeySigner::nip04_encrypt(PublicKey peer,
                                                               std::string plaintext) {
  CO_TRY(const SharedX shared, ecdh(key_, peer));
  co_return nostr::nip04_encrypt(shared, plaintext, rng_);
}

base::Task<base::Result<std::string>> KeySigner::nip04_decrypt(PublicKey peer,
                                                               std::string payload) {
  CO_TRY(const SharedX shared, ecdh(key_, peer));
  co_return nostr::nip04_decrypt(shared, payload);
}

}  // namespace nostr
