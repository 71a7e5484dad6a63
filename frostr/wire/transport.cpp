// Building and opening the events peer messages travel in.
#include "frostr/wire/transport.h"

#include <algorithm>

#include "frostr/wire/envelope.h"
#include "nostr/base/result.h"
#include "nostr/nips/nip44.h"

namespace frostr {

using base::Errc;
using base::fail;

namespace {

// Base64 of the longest NIP-44 payload, with padding.
constexpr std::size_t kMaxContentChars = (nostr::kNip44MaxPayload + 2) / 3 * 4;
constexpr std::size_t kMinContentChars = 132;

bool mentions(const nostr::Event& event, const nostr::PublicKey& key) {
  const std::string hex = key.hex();
  return std::ranges::any_of(event.tags, [&](const nostr::Tag& tag) {
    return tag.size() >= 2 && tag[0] == "p" && tag[1] == hex;
  });
}

// Peers write base64url; the standard alphabet is read too, for those who follow NIP-44 to the
// letter.
Result<base::Bytes> decode_content(std::string_view content) {
  if (content.size() < kMinContentChars || content.size() > kMaxContentChars)
    return fail(Errc::kInvalid, "peer message content is " + std::to_string(content.size()) +
                                    " characters, expected " + std::to_string(kMinContentChars) +
                                    " to " + std::to_string(kMaxContentChars));
  if (auto bytes = base::base64url_decode(content)) return bytes;
  return base::base64_decode(content);
}

}  // namespace

nostr::Filter transport_filter(const GroupPackage& group, const nostr::PublicKey& self) {
  nostr::Filter out;
  for (const GroupMember& member : group.members()) out.authors.push_back(member.identity());
  out.kinds = {nostr::kinds::kBifrost};
  out.tags['p'] = {self.hex()};
  return out;
}

namespace {

Result<void> check_text(std::string_view text) {
  if (text.empty() || text.size() > kMaxRpcBytes)
    return fail(Errc::kLimit, "peer message is " + std::to_string(text.size()) +
                                  " bytes, limit is 1 to " + std::to_string(kMaxRpcBytes));
  return {};
}

Result<nostr::Event> seal_with(const nostr::ConversationKey& key, const nostr::SecretKey& sender,
                               const nostr::PublicKey& recipient, std::string_view text,
                               ContentText form, base::UnixTime now, base::Rng& rng) {
  TRY(const base::Bytes payload, nostr::nip44_encrypt_bytes(key, text, rng));
  nostr::Draft draft{.kind = nostr::kinds::kBifrost,
                     .created_at = now,
                     .tags = {{"p", recipient.hex()}},
                     .content = form == ContentText::kBase64 ? base::base64_encode(payload)
                                                             : base::base64url_encode(payload)};
  return nostr::sign_event(std::move(draft), sender, rng);
}

Result<std::string> unseal(const nostr::Event& event, const nostr::SecretKey& self) {
  TRY(const base::Bytes payload, decode_content(event.content));
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(self, event.pubkey));
  return nostr::nip44_decrypt_bytes(key, payload, kMaxRpcBytes);
}

}  // namespace

Result<void> check_envelope(const nostr::Event& event, const nostr::PublicKey& self,
                            base::UnixTime now, std::optional<base::seconds> window) {
  if (event.kind != nostr::kinds::kBifrost)
    return fail(Errc::kInvalid, "event is of kind " + std::to_string(event.kind) +
                                    ", peer messages are of kind 20000");
  if (!mentions(event, self)) return fail(Errc::kInvalid, "the event has no p tag for us");
  if (window && (event.created_at < now - *window || event.created_at > now + *window))
    return fail(Errc::kTimeout, "created_at is more than " + std::to_string(window->count()) +
                                    " s from now",
                "compare the clocks of the two machines");
  return {};
}

Result<nostr::Event> seal_message(const nostr::SecretKey& sender, const nostr::PublicKey& recipient,
                                  std::string_view text, base::UnixTime now, base::Rng& rng) {
  TRY(check_text(text));
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(sender, recipient));
  return seal_with(key, sender, recipient, text, ContentText::kBase64Url, now, rng);
}

Result<std::string> open_sealed(const nostr::Event& event, const nostr::SecretKey& self,
                                base::UnixTime now, std::optional<base::seconds> window) {
  TRY(check_envelope(event, self.public_key(), now, window));
  return unseal(event, self);
}

Result<OpenedMessage> open_message(const nostr::Event& event, const nostr::SecretKey& self,
                                   const GroupPackage& group, base::UnixTime now,
                                   base::seconds window) {
  const GroupMember* member = group.find(event.pubkey);
  if (member == nullptr) return fail(Errc::kDenied, "the author is not a member of the group");
  TRY(check_envelope(event, self.public_key(), now, window));
  TRY(nostr::check(event));
  TRY(std::string text, unseal(event, self));
  return OpenedMessage{member->idx, event.pubkey, event.pubkey == self.public_key(), std::move(text)};
}

Transport::Transport(nostr::SecretKey self, const GroupPackage& group)
    : self_(std::move(self)), text_(ContentText::kBase64Url) {
  for (const GroupMember& member : group.members()) pin(member.idx, member.identity());
}

Transport::Transport(nostr::SecretKey self, ShareIndex idx)
    : self_(std::move(self)), text_(ContentText::kBase64) {
  pin(idx, public_key());
}

void Transport::pin(ShareIndex member, const nostr::PublicKey& key) {
  if (key_of(member) == key) return;
  unpin(member);
  peers_.insert_or_assign(key, Peer{member, std::nullopt});
}

void Transport::unpin(ShareIndex member) {
  std::erase_if(peers_, [&](const auto& entry) { return entry.second.member == member; });
}

std::optional<nostr::PublicKey> Transport::key_of(ShareIndex member) const {
  const auto it = std::ranges::find_if(
      peers_, [&](const auto& entry) { return entry.second.member == member; });
  return it == peers_.end() ? std::nullopt : std::optional(it->first);
}

std::optional<ShareIndex> Transport::member_of(const nostr::PublicKey& key) const {
  const auto it = peers_.find(key);
  return it == peers_.end() ? std::nullopt : std::optional(it->second.member);
}

nostr::Filter Transport::filter() const {
  nostr::Filter out;
  for (const auto& [key, peer] : peers_) out.authors.push_back(key);
  out.kinds = {nostr::kinds::kBifrost};
  out.tags['p'] = {public_key().hex()};
  return out;
}

Result<nostr::Event> Transport::seal(const nostr::PublicKey& recipient, std::string_view text,
                                     base::UnixTime now, base::Rng& rng) {
  TRY(check_text(text));
  TRY(const nostr::ConversationKey* key, key_with(recipient));
  return seal_with(*key, self_, recipient, text, text_, now, rng);
}

Result<OpenedMessage> Transport::open_verified(const nostr::Event& event, base::UnixTime now,
                                               base::seconds window) {
  const auto peer = peers_.find(event.pubkey);
  if (peer == peers_.end()) return fail(Errc::kDenied, "the author is no member we know");
  TRY(check_envelope(event, public_key(), now, window));
  TRY(const base::Bytes payload, decode_content(event.content));
  TRY(const nostr::ConversationKey* key, key_with(event.pubkey));
  TRY(std::string text, nostr::nip44_decrypt_bytes(*key, payload, kMaxRpcBytes));
  return OpenedMessage{peer->second.member, event.pubkey, event.pubkey == public_key(),
                       std::move(text)};
}

Result<const nostr::ConversationKey*> Transport::key_with(const nostr::PublicKey& peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return fail(Errc::kDenied, "the recipient is no member we know");
  if (!it->second.key) {
    TRY(it->second.key, nostr::nip44_conversation_key(self_, peer));
  }
  return &*it->second.key;
}

}  // namespace frostr
