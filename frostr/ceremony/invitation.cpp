// Invitations as JSON, and the rules they keep.
#include "frostr/ceremony/invitation.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "frostr/wire/credential.h"
#include "nostr/base/json.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip65.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::json::Value;
using Kind = Invitation::Kind;
using Party = Invitation::Party;

namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxParties = 64;
constexpr std::size_t kMaxRelays = 10;
constexpr std::size_t kMaxText = 65'536;
constexpr std::array<std::pair<Kind, std::string_view>, 4> kNames{{
    {Kind::kDkg, "dkg"},
    {Kind::kRefresh, "refresh"},
    {Kind::kReshare, "reshare"},
    {Kind::kRepair, "repair"},
}};

std::unexpected<base::Error> refuse(std::string why) {
  return fail(Errc::kInvalid, "the invitation cannot be used: " + std::move(why));
}

Value to_json(const Invitation& invitation) {
  Value parties = Value::array();
  for (const Party& party : invitation.parties) {
    Value one{{"host", party.host.hex()}};
    if (party.holds) one["holds"] = party.holds->value;
    if (party.receives) one["receives"] = party.receives->value;
    parties.push_back(std::move(one));
  }
  Value out{{"v", kVersion},
            {"ceremony", kind_name(invitation.kind)},
            {"nonce", invitation.nonce},
            {"relays", invitation.relays},
            {"threshold", invitation.threshold},
            {"parties", std::move(parties)}};
  if (invitation.group) out["group"] = encode_group(*invitation.group);
  return out;
}

Result<void> only_known(const Value& object, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.items())
    if (std::ranges::find(known, name) == known.end())
      return refuse(fmt::format("unknown member \"{}\"", base::escape_for_terminal(name)));
  return {};
}

Result<std::optional<ShareIndex>> index_of(const Value& party, std::string_view member) {
  if (!party.contains(member)) return std::nullopt;
  TRY(const std::int64_t value, base::json::get_int(party, member));
  if (value < 1 || value > std::int64_t{UINT32_MAX})
    return refuse("a share's number is out of range");
  return ShareIndex{static_cast<std::uint32_t>(value)};
}

Result<Party> party_of(const Value& value) {
  if (!value.is_object()) return refuse("a party is no object");
  TRY(only_known(value, {"host", "holds", "receives"}));
  Party out;
  TRY(const std::string host, base::json::get_string(value, "host"));
  TRY(out.host, nostr::PublicKey::from_hex(host));
  TRY(out.holds, index_of(value, "holds"));
  TRY(out.receives, index_of(value, "receives"));
  return out;
}

/// The numbers that `member` of the parties name, each once; kInvalid when one comes twice.
Result<std::set<ShareIndex>> numbers(const Invitation& invitation,
                                     std::optional<ShareIndex> Party::* member) {
  std::set<ShareIndex> out;
  for (const Party& party : invitation.parties)
    if (party.*member && !out.insert(*(party.*member)).second)
      return refuse(fmt::format("share {} is named twice", (party.*member)->value));
  return out;
}

Result<void> check_renewal(const Invitation& invitation, const std::set<ShareIndex>& holders,
                           const std::set<ShareIndex>& receivers) {
  if (!invitation.group) return refuse("it names no group");
  const GroupPackage& group = *invitation.group;
  for (const Party& party : invitation.parties)
    if (!party.holds && !party.receives) return refuse("a party neither holds nor receives a share");
  for (const ShareIndex idx : holders)
    if (group.find(idx) == nullptr)
      return refuse(fmt::format("the group has no share {}", idx.value));
  if (holders.size() < group.threshold())
    return refuse(fmt::format("{} holders of shares take part, {} must", holders.size(),
                              group.threshold()));
  if (invitation.kind != Kind::kReshare && invitation.threshold != group.threshold())
    return refuse("only a reshare changes the threshold");
  if (invitation.kind == Kind::kRefresh &&
      (holders.size() != group.members().size() || holders != receivers))
    return refuse("a refresh needs every member: who stays away would be left with a dead share");
  if (invitation.kind == Kind::kRepair &&
      (receivers.size() != 1 || holders.contains(*receivers.begin()) ||
       group.find(*receivers.begin()) == nullptr))
    return refuse("a repair is for one member of the group that has lost its share");
  if (invitation.kind == Kind::kReshare &&
      (invitation.threshold < 2 || invitation.threshold > receivers.size()))
    return refuse(fmt::format("a threshold of {} of {} is not possible", invitation.threshold,
                              receivers.size()));
  return {};
}

}  // namespace

nostr::Sha256 Invitation::id() const {
  // Texts, numbers and bounded lists always have a canonical form.
  return nostr::tagged_hash("sovereign/ceremony",
                            base::as_bytes(base::json::canonical(to_json(*this)).value()));
}

std::string Invitation::code() const {
  const std::string hex = id().hex();
  return fmt::format("{}-{}-{}", hex.substr(0, 4), hex.substr(4, 4), hex.substr(8, 4));
}

std::vector<nostr::PublicKey> Invitation::hosts() const {
  std::vector<nostr::PublicKey> out;
  for (const Party& party : parties) out.push_back(party.host);
  return out;
}

Result<std::size_t> Invitation::find(const nostr::PublicKey& host) const {
  const auto found = std::ranges::find(parties, host, &Party::host);
  if (found == parties.end())
    return fail(Errc::kNotFound, "this host key is not among those invited",
                "the inviter has to name its npub");
  return static_cast<std::size_t>(found - parties.begin());
}

Result<void> check(const Invitation& invitation) {
  if (!nostr::Sha256::from_hex(invitation.nonce)) return refuse("its nonce is not 32 bytes in hex");
  if (invitation.relays.empty() || invitation.relays.size() > kMaxRelays)
    return refuse(fmt::format("{} relays, 1 to {} are possible", invitation.relays.size(), kMaxRelays));
  for (const std::string& relay : invitation.relays)
    if (!nostr::is_relay_url(relay)) return refuse("a relay's address is none");
  if (invitation.parties.size() < 2 || invitation.parties.size() > kMaxParties)
    return refuse(fmt::format("{} parties, 2 to {} are possible", invitation.parties.size(), kMaxParties));
  std::set<nostr::PublicKey> hosts;
  for (const Party& party : invitation.parties)
    if (!hosts.insert(party.host).second || !nostr::is_on_curve(party.host))
      return refuse(fmt::format("host key {} is named twice or is no key", party.host.hex()));
  TRY(const auto holders, numbers(invitation, &Party::holds));
  TRY(const auto receivers, numbers(invitation, &Party::receives));
  if (invitation.kind != Kind::kDkg) return check_renewal(invitation, holders, receivers);
  if (invitation.group || !holders.empty()) return refuse("a new key has no group yet");
  for (std::size_t i = 0; i < invitation.parties.size(); ++i)
    if (invitation.parties[i].receives != ShareIndex{static_cast<std::uint32_t>(i + 1)})
      return refuse("the parties of a new key are its members in order");
  if (invitation.threshold < 2 || invitation.threshold > invitation.parties.size())
    return refuse(fmt::format("a threshold of {} of {} is not possible", invitation.threshold,
                              invitation.parties.size()));
  return {};
}

Result<Invitation> invite_to_dkg(const std::vector<nostr::PublicKey>& hosts, std::uint32_t threshold,
                                 std::vector<std::string> relays, base::Rng& rng) {
  Invitation out{.kind = Kind::kDkg,
                 .nonce = rng.hex(32),
                 .relays = std::move(relays),
                 .threshold = threshold,
                 .parties = {},
                 .group = std::nullopt};
  std::uint32_t idx = 0;
  for (const nostr::PublicKey& host : hosts)
    out.parties.push_back({host, std::nullopt, ShareIndex{++idx}});
  TRY(check(out));
  return out;
}

std::string_view kind_name(Kind kind) {
  return std::ranges::find(kNames, kind, &std::pair<Kind, std::string_view>::first)->second;
}

std::string to_text(const Invitation& invitation) { return base::json::dump(to_json(invitation)); }

Result<Invitation> parse_invitation(std::string_view text) {
  TRY(const Value object, base::json::parse(text, {.max_bytes = kMaxText, .max_depth = 4}));
  if (!object.is_object()) return refuse("it is no JSON object");
  TRY(only_known(object, {"v", "ceremony", "nonce", "relays", "threshold", "parties", "group"}));
  TRY(const std::int64_t version, base::json::get_int(object, "v"));
  if (version != kVersion) return refuse(fmt::format("it is of version {}", version));
  Invitation out;
  TRY(const std::string name, base::json::get_string(object, "ceremony"));
  const auto kind = std::ranges::find(kNames, name, &std::pair<Kind, std::string_view>::second);
  if (kind == kNames.end()) return refuse("its kind is unknown");
  out.kind = kind->first;
  TRY(out.nonce, base::json::get_string(object, "nonce"));
  TRY(const Value relays, base::json::get_array(object, "relays"));
  for (const Value& relay : relays) {
    if (!relay.is_string()) return refuse("a relay's address is none");
    out.relays.push_back(relay.get<std::string>());
  }
  TRY(const std::int64_t threshold, base::json::get_int(object, "threshold"));
  if (threshold < 1 || threshold > std::int64_t{kMaxGroupMembers})
    return refuse("its threshold is out of range");
  out.threshold = static_cast<std::uint32_t>(threshold);
  TRY(const Value parties, base::json::get_array(object, "parties"));
  if (parties.size() > kMaxParties) return refuse("it names too many parties");
  for (const Value& party : parties) {
    TRY(Party one, party_of(party));
    out.parties.push_back(one);
  }
  if (object.contains("group")) {
    TRY(const std::string group, base::json::get_string(object, "group"));
    TRY(GroupCredential credential, decode_group(group));
    out.group = std::move(credential.group);
  }
  TRY(check(out));
  return out;
}

}  // namespace frostr
