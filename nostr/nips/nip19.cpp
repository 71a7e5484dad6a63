// NIP-19: bare keys and TLV lists in bech32, and the readers that accept what people paste.
#include "nostr/nips/nip19.h"

#include "nostr/base/bech32.h"

namespace nostr {

namespace {

constexpr std::size_t kMaxChars = 5'000;
constexpr std::size_t kMaxTlvValue = 255;
constexpr std::size_t kMaxRelays = 32;

enum class Tlv : std::uint8_t { kSpecial = 0, kRelay = 1, kAuthor = 2, kKind = 3 };

std::string encode_bare(std::string_view hrp, base::ByteView bytes) {
  return base::bech32_encode(hrp, bytes, base::Bech32Variant::kBech32);
}

void put(base::Bytes& out, Tlv type, base::ByteView value) {
  out.push_back(static_cast<std::uint8_t>(type));
  out.push_back(static_cast<std::uint8_t>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
}

void put_relays(base::Bytes& out, const std::vector<std::string>& relays) {
  for (const auto& url : relays)
    if (url.size() <= kMaxTlvValue) put(out, Tlv::kRelay, base::as_bytes(url));
}

void put_kind(base::Bytes& out, Kind kind) {
  const std::uint8_t bytes[4] = {0, 0, static_cast<std::uint8_t>(kind >> 8),
                                 static_cast<std::uint8_t>(kind & 0xff)};
  put(out, Tlv::kKind, bytes);
}

/// What the TLVs of one entity hold; the last of a repeated single value is not taken, the first
/// is.
struct Fields {
  std::optional<base::ByteView> special;
  std::vector<std::string> relays;
  std::optional<PublicKey> author;
  std::optional<Kind> kind;
};

base::Result<Kind> read_kind(base::ByteView value) {
  if (value.size() != 4)
    return base::fail(base::Errc::kInvalid, "kind in a bech32 entity is not 4 bytes");
  if (value[0] != 0 || value[1] != 0)
    return base::fail(base::Errc::kInvalid, "kind in a bech32 entity is over 65535");
  return static_cast<Kind>(value[2] << 8 | value[3]);
}

base::Result<Fields> read_fields(base::ByteView data) {
  Fields out;
  while (!data.empty()) {
    if (data.size() < 2 || data.size() < 2u + data[1])
      return base::fail(base::Errc::kInvalid, "a field of the bech32 entity is cut short");
    const auto type = data[0];
    const auto value = data.subspan(2, data[1]);
    data = data.subspan(2u + data[1]);
    if (type == static_cast<std::uint8_t>(Tlv::kSpecial)) {
      if (!out.special) out.special = value;
    } else if (type == static_cast<std::uint8_t>(Tlv::kRelay)) {
      if (out.relays.size() < kMaxRelays) out.relays.emplace_back(base::as_text(value));
    } else if (type == static_cast<std::uint8_t>(Tlv::kAuthor)) {
      TRY(const PublicKey author, PublicKey::from_bytes(value));
      if (!out.author) out.author = author;
    } else if (type == static_cast<std::uint8_t>(Tlv::kKind)) {
      TRY(const Kind kind, read_kind(value));
      if (!out.kind) out.kind = kind;
    }
  }
  return out;
}

std::unexpected<base::Error> missing(std::string_view hrp, std::string_view what) {
  return base::fail(base::Errc::kInvalid, std::string(hrp) + " holds no " + std::string(what));
}

base::Result<Entity> read_tlv_entity(const base::Bech32& decoded) {
  TRY(Fields fields, read_fields(decoded.data));
  const std::string& hrp = decoded.hrp;
  if (!fields.special) return missing(hrp, "main value");
  if (hrp == "nprofile") {
    TRY(const PublicKey key, PublicKey::from_bytes(*fields.special));
    return Entity(ProfilePointer{key, std::move(fields.relays)});
  }
  if (hrp == "nevent") {
    TRY(const EventId id, EventId::from_bytes(*fields.special));
    return Entity(EventPointer{id, std::move(fields.relays), fields.author, fields.kind});
  }
  if (hrp == "naddr") {
    if (!fields.author) return missing(hrp, "author");
    if (!fields.kind) return missing(hrp, "kind");
    return Entity(AddressPointer{
        Address{*fields.kind, *fields.author, std::string(base::as_text(*fields.special))},
        std::move(fields.relays)});
  }
  return Entity(RelayPointer{std::string(base::as_text(*fields.special))});
}

base::Result<Entity> read_secret(base::Bech32& decoded) {
  const auto wipe_after = [&](base::Result<Entity> out) {
    base::wipe(decoded.data);
    return out;
  };
  if (decoded.data.size() != 32)
    return wipe_after(base::fail(base::Errc::kInvalid, "nsec does not hold 32 bytes"));
  auto key = SecretKey::from_bytes(std::span<const std::uint8_t, 32>(decoded.data));
  if (!key) return wipe_after(std::unexpected(std::move(key).error()));
  return wipe_after(Entity(*std::move(key)));
}

std::string_view without_uri(std::string_view text) {
  if (text.starts_with("nostr:") || text.starts_with("NOSTR:")) text.remove_prefix(6);
  return text;
}

bool looks_like_hex(std::string_view text) {
  return text.size() == 64 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::string encode_npub(const PublicKey& key) {
  return encode_bare("npub", key.view());
}
std::string encode_nsec(const SecretKey& key) {
  return encode_bare("nsec", key.expose());
}
std::string encode_note(const EventId& id) {
  return encode_bare("note", id.view());
}

std::string encode_nprofile(const ProfilePointer& pointer) {
  base::Bytes data;
  put(data, Tlv::kSpecial, pointer.pubkey.view());
  put_relays(data, pointer.relays);
  return encode_bare("nprofile", data);
}

std::string encode_nevent(const EventPointer& pointer) {
  base::Bytes data;
  put(data, Tlv::kSpecial, pointer.id.view());
  put_relays(data, pointer.relays);
  if (pointer.author) put(data, Tlv::kAuthor, pointer.author->view());
  if (pointer.kind) put_kind(data, *pointer.kind);
  return encode_bare("nevent", data);
}

base::Result<std::string> encode_naddr(const AddressPointer& pointer) {
  if (pointer.address.d.size() > kMaxTlvValue)
    return base::fail(
        base::Errc::kInvalid,
        "d of an naddr is " + std::to_string(pointer.address.d.size()) + " bytes, limit is 255");
  base::Bytes data;
  put(data, Tlv::kSpecial, base::as_bytes(pointer.address.d));
  put_relays(data, pointer.relays);
  put(data, Tlv::kAuthor, pointer.address.pubkey.view());
  put_kind(data, pointer.address.kind);
  return encode_bare("naddr", data);
}

base::Result<std::string> encode_nrelay(const RelayPointer& pointer) {
  if (pointer.url.size() > kMaxTlvValue)
    return base::fail(base::Errc::kInvalid, "relay url is " + std::to_string(pointer.url.size()) +
                                                " bytes, limit is 255");
  base::Bytes data;
  put(data, Tlv::kSpecial, base::as_bytes(pointer.url));
  return encode_bare("nrelay", data);
}

base::Result<Entity> decode_entity(std::string_view text) {
  TRY(base::Bech32 decoded, base::bech32_decode(without_uri(text), kMaxChars));
  const std::string& hrp = decoded.hrp;
  if (decoded.variant != base::Bech32Variant::kBech32)
    return base::fail(base::Errc::kInvalid, hrp + " is written in bech32m, Nostr uses bech32");
  if (hrp == "nsec") return read_secret(decoded);
  if (hrp == "npub") {
    TRY(const PublicKey key, PublicKey::from_bytes(decoded.data));
    return Entity(key);
  }
  if (hrp == "note") {
    TRY(const EventId id, EventId::from_bytes(decoded.data));
    return Entity(id);
  }
  if (hrp == "nprofile" || hrp == "nevent" || hrp == "naddr" || hrp == "nrelay")
    return read_tlv_entity(decoded);
  return base::fail(base::Errc::kInvalid, "\"" + hrp + "\" is not a Nostr entity",
                    "expected npub, nsec, note, nprofile, nevent, naddr or nrelay");
}

base::Result<PublicKey> parse_public_key(std::string_view text) {
  if (looks_like_hex(text)) return PublicKey::from_hex(text);
  if (without_uri(text).starts_with("nsec1"))
    return base::fail(base::Errc::kInvalid, "a secret key was given where a public key is needed",
                      "give the npub; treat that nsec as leaked if others could see it");
  TRY(Entity entity, decode_entity(text));
  if (const auto* key = std::get_if<PublicKey>(&entity)) return *key;
  if (const auto* profile = std::get_if<ProfilePointer>(&entity)) return profile->pubkey;
  return base::fail(base::Errc::kInvalid, "the entity names no public key",
                    "give an npub, an nprofile or 64 hex characters");
}

base::Result<SecretKey> parse_secret_key(std::string_view text) {
  if (looks_like_hex(text)) return SecretKey::from_hex(text);
  auto entity = decode_entity(text);
  if (entity)
    if (auto* key = std::get_if<SecretKey>(&*entity)) return std::move(*key);
  return base::fail(base::Errc::kInvalid, "not a secret key", "give an nsec or 64 hex characters");
}

base::Result<EventId> parse_event_id(std::string_view text) {
  if (looks_like_hex(text)) return EventId::from_hex(text);
  TRY(Entity entity, decode_entity(text));
  if (const auto* id = std::get_if<EventId>(&entity)) return *id;
  if (const auto* pointer = std::get_if<EventPointer>(&entity)) return pointer->id;
  return base::fail(base::Errc::kInvalid, "the entity names no event",
                    "give a note, an nevent or 64 hex characters");
}

base::Result<Address> parse_address(std::string_view text) {
  if (!without_uri(text).starts_with("naddr1")) return Address::parse(text);
  TRY(Entity entity, decode_entity(text));
  if (auto* pointer = std::get_if<AddressPointer>(&entity)) return std::move(pointer->address);
  return base::fail(base::Errc::kInvalid, "the entity names no address");
}

std::string nostr_uri(std::string_view entity) {
  return "nostr:" + std::string(entity);
}

}  // namespace nostr
