// encode, decode: NIP-19 names, connection strings, invoices and other texts, and what they hold.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "nostr/nips/bolt11.h"
#include "nostr/nips/nip05.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip46.h"
#include "nostr/nips/nip47.h"
#include "nostr/nips/nip49.h"

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

// ---- texts that are no NIP-19 names. What is secret in them is named, never shown. --------------

Result<Value> describe_bunker(std::string_view text) {
  TRY(const nostr::BunkerUri uri, nostr::parse_bunker_uri(text));
  return Value{{"type", "bunker"},
               {"pubkey", uri.signer.hex()},
               {"relays", uri.relays},
               {"has_secret", !uri.secret.empty()}};
}

Result<Value> describe_nostrconnect(std::string_view text) {
  TRY(const nostr::NostrConnectUri uri, nostr::parse_nostrconnect_uri(text));
  return Value{{"type", "nostrconnect"},
               {"pubkey", uri.client.hex()},
               {"relays", uri.relays},
               {"has_secret", !uri.secret.empty()},
               {"permissions", nostr::build_permissions(uri.permissions)},
               {"name", uri.name},
               {"url", uri.url},
               {"image", uri.image}};
}

Result<Value> describe_wallet(std::string_view text) {
  TRY(const nostr::WalletUri uri, nostr::parse_wallet_uri(text));
  return Value{{"type", "nostr+walletconnect"},
               {"wallet", uri.wallet.hex()},
               {"pubkey", uri.secret.public_key().hex()},
               {"relays", uri.relays},
               {"lud16", uri.lud16}};
}

std::string_view handling_name(nostr::KeyHandling handling) {
  switch (handling) {
    case nostr::KeyHandling::kInsecure:
      return "insecure";
    case nostr::KeyHandling::kSecure:
      return "secure";
    case nostr::KeyHandling::kUntracked:
      return "untracked";
  }
  return "untracked";
}

Result<Value> describe_ncryptsec(std::string_view text) {
  TRY(const nostr::NcryptsecHeader header, nostr::read_ncryptsec_header(text));
  return Value{
      {"type", "ncryptsec"}, {"log_n", header.log_n}, {"handling", handling_name(header.handling)}};
}

Result<Value> describe_invoice(std::string_view text) {
  TRY(const nostr::Invoice invoice, nostr::parse_invoice(text));
  Value out{{"type", "bolt11"},
            {"network", invoice.network},
            {"payment_hash", invoice.payment_hash.hex()},
            {"payee", invoice.payee.hex()},
            {"description", invoice.description},
            {"created_at", base::to_unix(invoice.created_at)},
            {"expires_at", base::to_unix(nostr::expires_at(invoice))}};
  if (invoice.amount) out["amount_msat"] = invoice.amount->value;
  if (invoice.description_hash) out["description_hash"] = invoice.description_hash->hex();
  return out;
}

Result<Value> describe_identifier(std::string_view text) {
  TRY(const nostr::InternetIdentifier identifier, nostr::parse_identifier(text));
  return Value{{"type", "nip05"},
               {"identifier", nostr::display_identifier(identifier)},
               {"name", identifier.name},
               {"domain", identifier.domain},
               {"url", nostr::identifier_url(identifier)}};
}

Result<Value> describe_name(std::string_view text) {
  auto entity = nostr::decode_entity(text);
  if (entity) return std::visit(EntityToJson{}, *entity);
  if (auto key = nostr::PublicKey::from_hex(text))
    return Value{{"type", "hex"}, {"hex", std::string(text)}, {"npub", nostr::encode_npub(*key)}};
  return std::unexpected(std::move(entity).error());
}

Result<Value> describe_text(std::string_view text) {
  std::string start(text.substr(0, 24));
  for (char& c : start)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto begins = [&](std::string_view with) { return start.starts_with(with); };
  if (begins("bunker:")) return describe_bunker(text);
  if (begins("nostrconnect:")) return describe_nostrconnect(text);
  if (begins("nostr+walletconnect:") || begins("nostrwalletconnect:")) return describe_wallet(text);
  if (nostr::is_ncryptsec(text)) return describe_ncryptsec(text);
  if (begins("lightning:") || begins("lnbc") || begins("lntb")) return describe_invoice(text);
  if (text.contains('@')) return describe_identifier(text);
  return describe_name(text);
}

/// The text itself, or stdin for `-`: what holds a secret has no place on a command line.
Result<std::string> read_argument(const std::string& argument) {
  if (argument != "-") return argument;
  TRY(std::string text, read_input("-", 16'384));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

int decode(const Context& context, const std::string& argument) {
  auto text = read_argument(argument);
  if (!text) return report(context, text.error());
  auto described = describe_text(*text);
  base::wipe(*text);
  if (!described) return report(context, described.error());
  print_json(*described);
  return kOk;
}

}  // namespace

void add_codec_commands(CLI::App& app, Context& context, Action* chosen) {
  struct EncodeArguments {
    std::string type, value;
    std::vector<std::string> relays;
    bool uri = false;
  };
  auto encoding = std::make_shared<EncodeArguments>();
  auto* encode = app.add_subcommand("encode", "Write a key, id or address as a NIP-19 name");
  encode->add_option("type", encoding->type, "npub, nprofile, note, nevent or naddr")->required();
  encode->add_option("value", encoding->value, "Hex, kind:pubkey:d, or another name")->required();
  encode->add_option("--relay", encoding->relays, "Relay hint (repeat)")->allow_extra_args(false);
  encode->add_flag("--uri", encoding->uri, "Write a nostr: URI (NIP-21)");
  encode->callback([=, &context] {
    *chosen = [=, &context] {
      auto text = encode_entity(encoding->type, encoding->value, encoding->relays);
      if (!text) return report(context, text.error());
      const std::string name = encoding->uri ? nostr::nostr_uri(*text) : *text;
      if (context.json)
        print_json({{"name", name}});
      else
        print_line(name);
      return static_cast<int>(kOk);
    };
  });

  auto text = std::make_shared<std::string>();
  auto* decoding = app.add_subcommand(
      "decode",
      "Say what a Nostr name, connection string, invoice or address holds, secrets aside");
  decoding
      ->add_option("text", *text,
                   "npub1…, nostr:…, hex key, name@domain, bunker://…, nostrconnect://…, "
                   "nostr+walletconnect://…, ncryptsec1…, lnbc…; - reads it from stdin")
      ->required();
  decoding->footer(
      "Examples:\n  sovereign decode "
      "nostr:npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9\n"
      "  sovereign decode - < wallet.txt\n"
      "  sovereign encode npub $NPUB | sovereign decode -");
  decoding->callback([=, &context] { *chosen = [=, &context] { return decode(context, *text); }; });
}

}  // namespace node::cli
