// Signer: whoever can sign and decrypt as one Nostr identity — a local key, a threshold group, a bunker.
#pragma once

#include <string>

#include "nostr/base/task.h"
#include "nostr/event/event.h"

namespace nostr {

/// One identity. Callers neither know nor care where the key lives. App thread.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual PublicKey public_key() const = 0;
  /// Signs `draft` as public_key(). A zero created_at is stamped with now.
  /// Errors: kDenied (refused), kApprovalRequired (detail ends in the action digest, 64 hex),
  /// kUnavailable (no quorum), kTimeout.
  virtual base::Task<base::Result<Event>> sign(Draft draft) = 0;
  /// NIP-44 v2 to `peer`. Result: base64.
  virtual base::Task<base::Result<std::string>> nip44_encrypt(PublicKey peer, std::string plaintext) = 0;
  virtual base::Task<base::Result<std::string>> nip44_decrypt(PublicKey peer, std::string payload) = 0;
  /// NIP-04 to `peer`, for clients and messages older than NIP-17.
  virtual base::Task<base::Result<std::string>> nip04_encrypt(PublicKey peer, std::string plaintext) = 0;
  virtual base::Task<base::Result<std::string>> nip04_decrypt(PublicKey peer, std::string payload) = 0;
};

}  // namespace nostr
