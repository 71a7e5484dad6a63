// bifrost 2.0.2 messages as Nostr events: kind 20000, one `p` tag, NIP-44 content in base64url
// without padding.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "frostr/frost/shares.h"
#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "nostr/event/event.h"
#include "nostr/event/filter.h"
#include "nostr/nips/nip44.h"

namespace frostr {

/// How far an event's created_at may be from now, either way. Together with the caller's cache of
/// (author, rpc id) this is what stops replays.
inline constexpr base::seconds kTransportWindow{120};

/// The one filter a member subscribes with: kind 20000 by any member (we included, for echo),
/// mentioning us.
nostr::Filter transport_filter(const GroupPackage& group, const nostr::PublicKey& self);

/// Encrypts `text` from `sender` to `recipient` and signs the event. kLimit when the text is empty
/// or longer than NIP-44 carries.
Result<nostr::Event> seal_message(const nostr::SecretKey& sender, const nostr::PublicKey& recipient,
                                  std::string_view text, base::UnixTime now, base::Rng& rng);

/// A decrypted message and who sent it.
struct OpenedMessage {
  ShareIndex from;
  nostr::PublicKey author;
  bool from_self = false;  ///< only our own echo is worth handling
  std::string text;
};

/// Everything that is cheap to check is checked first, decryption comes last. kInvalid for the
/// wrong kind, missing `p` tag or bad encoding, kDenied for an author outside the group, kTimeout for
/// created_at outside the window, kCrypto for a wrong id, signature or MAC.
Result<OpenedMessage> open_message(const nostr::Event& event, const nostr::SecretKey& self,
                                   const GroupPackage& group, base::UnixTime now,
                                   base::seconds window = kTransportWindow);

/// One member's end of the wire: the two functions above for many messages. Deriving the key shared
/// with a member costs more than everything else of a message but its signature, so it is kept; it
/// opens nothing that the member's own key beside it does not. App thread.
class Transport {
 public:
  /// `group` outlives it.
  Transport(nostr::SecretKey self, const GroupPackage& group) : self_(std::move(self)), group_(group) {}

  const nostr::PublicKey& public_key() const { return self_.public_key(); }
  Result<nostr::Event> seal(const nostr::PublicKey& recipient, std::string_view text, base::UnixTime now,
                            base::Rng& rng);
  /// For an event whose id and signature were verified, as those of the relay pool are.
  Result<OpenedMessage> open_verified(const nostr::Event& event, base::UnixTime now,
                                      base::seconds window = kTransportWindow);

 private:
  Result<const nostr::ConversationKey*> key_with(const nostr::PublicKey& member);

  nostr::SecretKey self_;
  const GroupPackage& group_;
  std::map<nostr::PublicKey, nostr::ConversationKey> keys_;  ///< of members only, so it is bounded
};

}  // namespace frostr
