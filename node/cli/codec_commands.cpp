// encode, decode: NIP-19 names and what they hold.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

Result<std::string> encode_entity(const std::string& type, const std::string& value,
                                  const std::vector<std::string>& relays) {
  if (type == "npub" || type == "nprofile") {
    TRY(const nostr::PublicKey key, nostr::parse_public_key(value));
    return type == "npub" ? nostr::encode_npub(key) : nostr::encode_nprofile({key, relays});
  }
  if (type == "note" || type == "nevent") {
    TRY(const nostr::EventId id, nostr::parse_event_id(value));
    return type == "note" ? nostr::encode_note(id) : nostr::encode_nevent({id, relays, {}, {}});
  }
  if (type == "naddr") {
    TRY(nostr::Address address, nostr::parse_address(value));
    return nostr::encode_naddr({std::move(address), relays});
  }
  return fail(Errc::kInvalid, fmt::format("cannot encode \"{}\"", type),
              "one of npub, nprofile, note, nevent, naddr");
}

Value describe(const nostr::Address& address) {
  return {{"kind", address.kind}, {"pubkey", address.pubkey.hex()}, {"identifier", address.d}};
}

struct EntityToJson {
  Value operator()(const nostr::PublicKey& key) const {
    return {{"type", "npub"}, {"pubkey", key.hex()}};
  }
  Value operator()(const nostr::SecretKey& key) const {
    // The secret itself stays where it is: decoding says whose it is.
    return {{"type", "nsec"}, {"pubkey", key.public_key().hex()}};
  }
  Value operator()(const nostr::EventId& id) const { return {{"type", "note"}, {"id", id.hex()}}; }
  Value operator()(const nostr::ProfilePointer& p) const {
    return {{"type", "nprofile"}, {"pubkey", p.pubkey.hex()}, {"relays", p.relays}};
  }
  Value operator()(const nostr::EventPointer& p) const {
    Value out = {{"type", "nevent"}, {"id", p.id.hex()}, {"relays", p.relays}};
    if (p.author) out["author"] = p.author->hex();
    if (p.kind) out["kind"] = *p.kind;
    return out;
  }
  Value operator()(const nostr::AddressPointer& p) const {
    Value out = describe(p.address);
    out["type"] = "naddr";
    out["relays"] = p.relays;
    return out;
  }
  Value operator()(const nostr::RelayPointer& p) const {
    return {{"type", "nrelay"}, {"relay", p.url}};
  }
};

int decode(const Context& context, const std::string& text) {
  auto entity = nostr::decode_entity(text);
  if (entity) {
    print_json(std::visit(EntityToJson{}, *entity));
    return kOk;
  }
  if (auto key = nostr::PublicKey::from_hex(text)) {
    print_json({{"type", "hex"}, {"hex", text}, {"npub", nostr::encode_npub(*key)}});
    return kOk;
  }
  return report(context, entity.error());
}

}  // namespace

void add_codec_commands(CLI::App& app, Context& context, Action* chosen) {
  struct EncodeArguments {
    std::string type, value;
    std::vector<std::string> relays;
  };
  auto encoding = std::make_shared<EncodeArguments>();
  auto* encode = app.add_subcommand("encode", "Write a key, id or address as a NIP-19 name");
  encode->add_option("type", encoding->type, "npub, nprofile, note, nevent or naddr")->required();
  encode->add_option("value", encoding->value, "Hex, kind:pubkey:d, or another name")->required();
  encode->add_option("--relay", encoding->relays, "Relay hint (repeat)")->allow_extra_args(false);
  encode->callback([=, &context] {
    *chosen = [=, &context] {
      auto text = encode_entity(encoding->type, encoding->value, encoding->relays);
      if (!text) return report(context, text.error());
      print_line(*text);
      return static_cast<int>(kOk);
    };
  });

  auto text = std::make_shared<std::string>();
  auto* decoding =
      app.add_subcommand("decode", "Say what a NIP-19 name, nostr: URI or hex key holds");
  decoding->add_option("name", *text, "npub1…, nevent1…, nostr:…")->required();
  decoding->callback([=, &context] { *chosen = [=, &context] { return decode(context, *text); }; });
}

}  // namespace node::cli
