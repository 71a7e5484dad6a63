// NIP-59 over any Signer: opening and sealing when the key is not in this process.
#pragma once

#include "nostr/base/rng.h"
#include "nostr/nips/nip59.h"
#include "nostr/signer/signer.h"

namespace nostr {

/// unwrap() where `recipient` decrypts. `recipient` outlives the task.
base::Task<base::Result<Rumor>> unwrap_with(Signer& recipient, Event wrap);
/// wrap_rumor() where `sender` encrypts and signs the seal. `sender` and `rng` outlive the task.
base::Task<base::Result<Event>> wrap_with(Signer& sender, UnsignedEvent rumor, PublicKey to, UnixTime now,
                                          base::Rng& rng);

}  // namespace nostr
