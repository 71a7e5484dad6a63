// NIP-19 and NIP-21: bech32 names for keys and events, and `nostr:` URIs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nostr/event/event.h"

namespace nostr {

struct ProfilePointer {
  PublicKey pubkey;
  std::vector<std::string> relays;
  friend bool operator==(const ProfilePointer&, const ProfilePointer&) = default;
};
struct EventPointer {
  EventId id;
  std::vector<std::string> relays;
  std::optional<PublicKey> author;
  std::optional<Kind> kind;
  friend bool operator==(const EventPointer&, const EventPointer&) = default;
};
struct AddressPointer {
  Address address;
  std::vector<std::string> relays;
  friend bool operator==(const AddressPointer&, const AddressPointer&) = default;
};
struct RelayPointer {
  std::string url;
  friend bool operator==(const RelayPointer&, const RelayPointer&) = default;
};

/// npub, nsec, note, nprofile, nevent, naddr, nrelay in this order. Move-only: it may hold a secret.
using Entity =
    std::variant<PublicKey, SecretKey, EventId, ProfilePointer, EventPointer, AddressPointer, RelayPointer>;

std::string encode_npub(const PublicKey& key);
std::string encode_nsec(const SecretKey& key);  ///< the result is secret: the caller wipes it
std::string encode_note(const EventId& id);
/// Relay hints over 255 bytes are left out: a TLV cannot carry them.
std::string encode_nprofile(const ProfilePointer& pointer);
std::string encode_nevent(const EventPointer& pointer);
/// kInvalid when `d` is over 255 bytes.
base::Result<std::string> encode_naddr(const AddressPointer& pointer);
base::Result<std::string> encode_nrelay(const RelayPointer& pointer);

/// Decodes any entity, with or without `nostr:`. Unknown TLV types are skipped; wrong lengths,
/// missing required TLVs, bech32m and unknown prefixes are kInvalid.
base::Result<Entity> decode_entity(std::string_view text);

/// npub, nprofile or 64 hex characters. An nsec is refused with a hint, never echoed.
base::Result<PublicKey> parse_public_key(std::string_view text);
/// nsec or 64 hex characters.
base::Result<SecretKey> parse_secret_key(std::string_view text);
/// note, nevent or 64 hex characters.
base::Result<EventId> parse_event_id(std::string_view text);
/// naddr or `kind:pubkey:d`.
base::Result<Address> parse_address(std::string_view text);

/// `nostr:` + entity (NIP-21).
std::string nostr_uri(std::string_view entity);

}  // namespace nostr
