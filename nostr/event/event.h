// The Nostr event: its parts, its canonical bytes, its id and the check of its signature (NIP-01).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/result.h"
#include "nostr/crypto/keys.h"
#include "nostr/event/kinds.h"

namespace nostr {

using base::UnixTime;

using EventId = base::FixedBytes<struct EventIdTag, 32>;

/// One tag: name first, values after. Never empty once parsed.
using Tag = std::vector<std::string>;
using Tags = std::vector<Tag>;

/// First tag called `name` that has a value, or nullptr.
const Tag* find_tag(const Tags& tags, std::string_view name);
/// Value (element 1) of the first tag called `name`, or nullopt. Valid as long as `tags` is.
std::optional<std::string_view> tag_value(const Tags& tags, std::string_view name);
/// Values of every tag called `name` that has one.
std::vector<std::string_view> tag_values(const Tags& tags, std::string_view name);

/// What an author wants to say, before it has a key, an id or a signature.
struct Draft {
  Kind kind = 0;
  UnixTime created_at;  ///< the zero time asks the signer to stamp now
  Tags tags;
  std::string content;
};

/// A draft with its author: everything the id commits to. NIP-59 calls it a rumor.
struct UnsignedEvent {
  PublicKey pubkey;
  UnixTime created_at;
  Kind kind = 0;
  Tags tags;
  std::string content;

  friend bool operator==(const UnsignedEvent&, const UnsignedEvent&) = default;
};

/// A signed event. Whether id and sig are right is what check() answers.
struct Event {
  EventId id;
  PublicKey pubkey;
  UnixTime created_at;
  Kind kind = 0;
  Tags tags;
  std::string content;
  Signature sig;

  friend bool operator==(const Event&, const Event&) = default;
};

/// The id-bearing part of `event`.
UnsignedEvent unsigned_part(const Event& event);
UnsignedEvent with_author(Draft draft, const PublicKey& author);

/// The exact bytes the id is the hash of: [0,pubkey,created_at,kind,tags,content]. NIP-01 names seven
/// escapes and is silent on the other control characters; they become \u00xx, because that is what
/// JSON.stringify writes and so what every client hashes. Invalid UTF-8 passes byte for byte.
std::string canonical_bytes(const UnsignedEvent& event);
/// Appends the canonical bytes of `event` to `out` without copying the event. HOT.
void append_canonical(const Event& event, std::string& out);

EventId compute_id(const UnsignedEvent& event);
EventId compute_id(const Event& event);

/// Recomputes the id and checks the signature: kCrypto says which of the two is wrong. HOT.
base::Result<void> check(const Event& event);

/// Signs locally. `draft.created_at` must already be set: this code holds no clock.
Event sign_event(Draft draft, const SecretKey& key, base::Rng& rng);
/// Puts a signature made elsewhere onto `event`; kCrypto when it does not verify.
base::Result<Event> attach_signature(UnsignedEvent event, const Signature& sig);

/// Address of a replaceable or addressable event: kind, author and `d` ("" when replaceable).
struct Address {
  Kind kind = 0;
  PublicKey pubkey;
  std::string d;

  /// "kind:pubkey:d", the value of an `a` tag.
  std::string str() const;
  /// Splits at the first two colons only; `d` may hold more. kInvalid otherwise.
  static base::Result<Address> parse(std::string_view text);
  friend auto operator<=>(const Address&, const Address&) = default;
};

/// The address of `event`, or nullopt for regular and ephemeral kinds.
std::optional<Address> address_of(const Event& event);

/// NIP-01's order for replaceable events: later created_at wins, then the lower id.
bool replaces(const Event& candidate, const Event& standing);

}  // namespace nostr
