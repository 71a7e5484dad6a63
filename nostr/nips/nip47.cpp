// NIP-47: the wallet's connection string, service description and events around messages.
#include "nostr/nips/nip47.h"

#include <algorithm>

#include "nostr/base/uri.h"
#include "nostr/event/tags.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using base::Errc;
using base::fail;

constexpr std::string_view kScheme = "nostr+walletconnect";
constexpr std::size_t kMaxUri = 8'192;
constexpr std::size_t kMaxRelays = 16;
constexpr std::size_t kMaxNames = 64;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (out.size() < kMaxNames) {
    const auto start = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(start);
    if (text.empty()) break;
    const auto end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

std::optional<WalletEncryption> encryption_named(std::string_view name) {
  for (const auto encryption : {WalletEncryption::kNip04, WalletEncryption::kNip44})
    if (wallet_encryption_name(encryption) == name) return encryption;
  return std::nullopt;
}

Tag encryption_tag(WalletEncryption encryption) {
  return {"encryption", std::string(wallet_encryption_name(encryption))};
}

}  // namespace

std::string build_wallet_uri(const WalletUri& uri) {
  std::string out = std::string(kScheme) + "://" + uri.wallet.hex();
  for (const auto& relay : uri.relays) base::append_query(out, "relay", relay);
  std::string secret = base::hex_encode(uri.secret.expose());
  base::append_query(out, "secret", secret);
  base::wipe(secret);
  if (!uri.lud16.empty()) base::append_query(out, "lud16", uri.lud16);
  return out;
}

base::Result<WalletUri> parse_wallet_uri(std::string_view text) {
  if (text.size() > kMaxUri)
    return fail(Errc::kInvalid, "wallet connection string is " + std::to_string(text.size()) +
                                    " bytes, limit is " + std::to_string(kMaxUri));
  TRY(const base::UriView uri, base::split_uri(text));
  if (uri.scheme != kScheme && uri.scheme != "nostrwalletconnect")
    return fail(Errc::kInvalid, "not a nostr+walletconnect:// text");
  const auto wallet = PublicKey::from_hex(uri.host);
  if (!wallet) return fail(Errc::kInvalid, "wallet connection string names no wallet key");
  TRY(base::Query query, base::parse_query(uri.query));
  std::vector<std::string> relays;
  for (const auto& [name, value] : query)
    if (name == "relay" && is_relay_url(value) && relays.size() < kMaxRelays)
      relays.push_back(value);
  auto secret = SecretKey::from_hex(base::query_value(query, "secret").value_or(""));
  std::string lud16(base::query_value(query, "lud16").value_or(""));
  for (auto& [name, value] : query) base::wipe(value);
  if (relays.empty()) return fail(Errc::kInvalid, "wallet connection string names no relay");
  if (!secret) return fail(Errc::kInvalid, "wallet connection string holds no secret key");
  return WalletUri{*wallet, std::move(relays), *std::move(secret), std::move(lud16)};
}

std::string_view wallet_encryption_name(WalletEncryption encryption) {
  switch (encryption) {
    case WalletEncryption::kNip04:
      return "nip04";
    case WalletEncryption::kNip44:
      return "nip44_v2";
  }
  return "nip04";
}

base::Result<WalletEncryption> wallet_encryption_of(const Event& request) {
  const auto name = tag_value(request.tags, "encryption");
  if (!name) return WalletEncryption::kNip04;
  if (const auto encryption = encryption_named(*name)) return *encryption;
  return fail(Errc::kUnsupported, "wallet request is encrypted in a way that is not known");
}

Draft build_wallet_service(const WalletService& service, UnixTime at) {
  std::vector<std::string> methods = service.methods;
  Draft draft{.kind = kinds::kWalletInfo, .created_at = at, .tags = {}, .content = {}};
  std::string encryptions;
  for (const auto encryption : service.encryptions)
    encryptions +=
        (encryptions.empty() ? "" : " ") + std::string(wallet_encryption_name(encryption));
  if (!encryptions.empty()) draft.tags.push_back({"encryption", encryptions});
  if (!service.notifications.empty()) {
    methods.emplace_back("notifications");
    draft.tags.push_back({"notifications", joined(service.notifications)});
  }
  draft.content = joined(methods);
  return draft;
}

base::Result<WalletService> parse_wallet_service(const Event& event) {
  if (event.kind != kinds::kWalletInfo)
    return wrong_kind(event, "a wallet service describes itself in 13194");
  WalletService out;
  out.methods = words(event.content);
  std::erase(out.methods, "notifications");
  out.notifications = words(tag_value(event.tags, "notifications").value_or(""));
  for (const auto& name : words(tag_value(event.tags, "encryption").value_or("nip04")))
    if (const auto encryption = encryption_named(name)) out.encryptions.push_back(*encryption);
  return out;
}

WalletEncryption preferred_encryption(const WalletService& service) {
  return std::ranges::find(service.encryptions, WalletEncryption::kNip44) ==
                 service.encryptions.end()
             ? WalletEncryption::kNip04
             : WalletEncryption::kNip44;
}

Draft build_wallet_request_event(const PublicKey& wallet, std::string encrypted,
                                 WalletEncryption encryption, UnixTime at,
                                 std::optional<UnixTime> expires) {
  Draft draft{.kind = kinds::kWalletRequest,
              .created_at = at,
              .tags = {{"p", wallet.hex()}, encryption_tag(encryption)},
              .content = std::move(encrypted)};
  if (expires) draft.tags.push_back(expiration_tag(*expires));
  return draft;
}

Draft build_wallet_response_event(const Event& request, std::string encrypted,
                                  std::string_view item, UnixTime at) {
  Draft draft{.kind = kinds::kWalletResponse,
              .created_at = at,
              .tags = {{"p", request.pubkey.hex()}, {"e", request.id.hex()}},
              .content = std::move(encrypted)};
  if (!item.empty()) draft.tags.push_back({"d", std::string(item)});
  return draft;
}

Draft build_wallet_notification_event(const PublicKey& client, std::string encrypted,
                                      WalletEncryption encryption, UnixTime at) {
  return {.kind = encryption == WalletEncryption::kNip44 ? kinds::kWalletNotification
                                                         : kinds::kWalletNotificationLegacy,
          .created_at = at,
          .tags = {{"p", client.hex()}},
          .content = std::move(encrypted)};
}

}  // namespace nostr
