// NIP-59 step by step, each key operation through the Signer.
#include "nostr/signer/gift_wrap.h"

#include "nostr/event/event_json.h"

namespace nostr {

base::Task<base::Result<Rumor>> unwrap_with(Signer& recipient, Event wrap) {
  CO_TRY(check_wrap(wrap));
  CO_TRY(std::string seal_json, co_await recipient.nip44_decrypt(wrap.pubkey, wrap.content));
  CO_TRY(Event seal, parse_seal(seal_json));
  CO_TRY(std::string rumor_json, co_await recipient.nip44_decrypt(seal.pubkey, seal.content));
  co_return parse_rumor(rumor_json, seal.pubkey);
}

base::Task<base::Result<Event>> wrap_with(Signer& sender, UnsignedEvent rumor, PublicKey to,
                                          UnixTime now, base::Rng& rng) {
  if (rumor.pubkey != sender.public_key())
    co_return base::fail(base::Errc::kInvalid, "the rumor's author is not the key that seals it");
  CO_TRY(std::string content, co_await sender.nip44_encrypt(to, to_json(rumor)));
  Draft draft = build_seal(std::move(content), now, rng);
  CO_TRY(Event seal, co_await sender.sign(std::move(draft)));
  co_return wrap_seal(seal, to, now, rng);
}

}  // namespace nostr
