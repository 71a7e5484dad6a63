// NIP-17: the kind 14 rumor and the kind 10050 list.
#include "nostr/nips/nip17.h"

#include <algorithm>

#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::ranges::find(list, value) != list.end();
}

constexpr std::size_t kMaxDmRelays = 16;
constexpr std::size_t kMaxRecipients = 100;
}  // namespace

UnsignedEvent build_private_message(const PrivateMessage& message) {
  UnsignedEvent rumor{.pubkey = message.from,
                      .created_at = message.at,
                      .kind = kinds::kPrivateMessage,
                      .tags = {},
                      .content = message.text};
  for (const PublicKey& to : message.to) rumor.tags.push_back({"p", to.hex()});
  for (const EventRef& ref : message.refs)
    rumor.tags.push_back({"e", ref.id.hex(), ref.relay, "reply"});
  if (!message.subject.empty()) rumor.tags.push_back({"subject", message.subject});
  return rumor;
}

base::Result<PrivateMessage> parse_private_message(const UnsignedEvent& rumor) {
  if (rumor.kind != kinds::kPrivateMessage)
    return base::fail(base::Errc::kInvalid, "rumor has kind " + std::to_string(rumor.kind) +
                                                ", a private message has 14");
  PrivateMessage out{.from = rumor.pubkey,
                     .to = {},
                     .subject = std::string(tag_value(rumor.tags, "subject").value_or("")),
                     .refs = {},
                     .text = rumor.content,
                     .at = rumor.created_at};
  for (const Tag& tag : rumor.tags) {
    if (tag.size() < 2) continue;
    if (tag[0] == "e") {
      if (auto ref = parse_event_ref(tag, 4)) out.refs.push_back(*std::move(ref));
    } else if (tag[0] == "p" && out.to.size() < kMaxRecipients) {
      if (const auto key = PublicKey::from_hex(tag[1])) out.to.push_back(*key);
    }
  }
  return out;
}

Draft build_dm_relays(const std::vector<std::string>& relays, UnixTime at) {
  Draft draft{.kind = kinds::kDmRelays, .created_at = at, .tags = {}, .content = ""};
  for (const auto& url : relays) draft.tags.push_back({"relay", url});
  return draft;
}

base::Result<std::vector<std::string>> parse_dm_relays(const Event& event) {
  if (event.kind != kinds::kDmRelays)
    return base::fail(base::Errc::kInvalid, "event has kind " + std::to_string(event.kind) +
                                                ", a DM relay list has 10050");
  std::vector<std::string> relays;
  for (const auto value : tag_values(event.tags, "relay")) {
    if (!is_relay_url(value) || relays.size() == kMaxDmRelays) continue;
    auto url = normalize_relay_url(value);
    if (!contains(relays, url)) relays.push_back(std::move(url));
  }
  return relays;
}

}  // namespace nostr
