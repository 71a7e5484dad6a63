// Peer messages as Nostr events: kind 20000, one `p` tag, NIP-44 content. bifrost 2.0.2 speaks under
// the share keys and writes base64url without padding; our own mode (frostr/own_mode.h) speaks under
// transport keys and writes NIP-44 as it is specified.
#pragma once

#include <map>
#include <optional>
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

/// What can be said of a sealed message of a known author without hashing or decrypting; whatever is
/// opened, by whom ever, passes here first. kInvalid for the wrong kind or no `p` tag of ours,
/// kTimeout for created_at outside the window; without one, any time will do.
Result<void> check_envelope(const nostr::Event& event, const nostr::PublicKey& self, base::UnixTime now,
                            std::optional<base::seconds> window);
/// The text of a message of a known author whose id and signature were verified.
Result<std::string> open_sealed(const nostr::Event& event, const nostr::SecretKey& self, base::UnixTime now,
                                std::optional<base::seconds> window);

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

/// How content is written; both are read.
enum class ContentText { kBase64Url, kBase64 };

/// One end of the wire for many messages: our key, and the keys of the members it talks with.
/// Deriving the key shared with a member costs more than everything else of a message but its
/// signature, so it is kept; it opens nothing that our own key beside it does not. App thread.
class Transport {
 public:
  /// Under a share: the peers are the members of `group`.
  Transport(nostr::SecretKey self, const GroupPackage& group);
  /// Under a transport key: nobody is known before pin().
  Transport(nostr::SecretKey self, ShareIndex idx);

  /// `member` talks under `key` from now on, and under no other.
  void pin(ShareIndex member, const nostr::PublicKey& key);
  void unpin(ShareIndex member);
  /// The key `member` talks under, if it is known.
  std::optional<nostr::PublicKey> key_of(ShareIndex member) const;
  std::optional<ShareIndex> member_of(const nostr::PublicKey& key) const;
  bool knows(const nostr::PublicKey& key) const { return peers_.contains(key); }

  const nostr::PublicKey& public_key() const { return self_.public_key(); }
  /// What to subscribe to: kind 20000 by anybody known, mentioning us.
  nostr::Filter filter() const;
  /// kDenied for a recipient that is not known, kLimit as seal_message().
  Result<nostr::Event> seal(const nostr::PublicKey& recipient, std::string_view text, base::UnixTime now,
                            base::Rng& rng);
  /// For an event whose id and signature were verified, as those of the relay pool are.
  Result<OpenedMessage> open_verified(const nostr::Event& event, base::UnixTime now,
                                      base::seconds window = kTransportWindow);

 private:
  struct Peer {
    ShareIndex member;
    std::optional<nostr::ConversationKey> key;  ///< derived at the first message
  };
  Result<const nostr::ConversationKey*> key_with(const nostr::PublicKey& peer);

  nostr::SecretKey self_;
  ContentText text_;
  std::map<nostr::PublicKey, Peer> peers_;  ///< members only, so it is bounded
};

}  // namespace frostr
