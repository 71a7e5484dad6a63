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
                               base::UnixTime now, base::Rng& rng) {
  TRY(const base::Bytes payload, nostr::nip44_encrypt_bytes(key, text, rng));
  nostr::Draft draft{.kind = nostr::kinds::kBifrost,
                     .created_at = now,
                     .tags = {{"p", recipient.hex()}},
                     .content = base::base64url_encode(payload)};
  return nostr::sign_event(std::move(draft), sender, rng);
}

/// What can be said of a message without hashing or decrypting: whose it is.
Result<const GroupMember*> check_envelope(const nostr::Event& event, const nostr::PublicKey& self,
                                          const GroupPackage& group, base::UnixTime now,
                                          base::seconds window) {
  if (event.kind != nostr::kinds::kBifrost)
    return fail(Errc::kInvalid, "event is of kind " + std::to_string(event.kind) +
                                    ", peer messages are of kind 20000");
  const GroupMember* member = group.find(event.pubkey);
  if (member == nullptr) return fail(Errc::kDenied, "the author is not a member of the group");
  if (!mentions(event, self)) return fail(Errc::kInvalid, "the event has no p tag for us");
  if (event.created_at < now - window || event.created_at > now + window)
    return fail(Errc::kTimeout, "created_at is more than " + std::to_string(window.count()) +
                                    " s from now",
                "compare the clocks of the two machines");
  return member;
}

Result<OpenedMessage> open_with(const nostr::ConversationKey& key, base::ByteView payload,
                                const nostr::Event& event, const GroupMember& member,
                                const nostr::PublicKey& self) {
  TRY(std::string text, nostr::nip44_decrypt_bytes(key, payload));
  return OpenedMessage{member.idx, event.pubkey, event.pubkey == self, std::move(text)};
}

}  // namespace

Result<nostr::Event> seal_message(const nostr::SecretKey& sender, const nostr::PublicKey& recipient,
                                  std::string_view text, base::UnixTime now, base::Rng& rng) {
  TRY(check_text(text));
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(sender, recipient));
  return seal_with(key, sender, recipient, text, now, rng);
}

Result<OpenedMessage> open_message(const nostr::Event& event, const nostr::SecretKey& self,
                                   const GroupPackage& group, base::UnixTime now,
                                   base::seconds window) {
  TRY(const GroupMember* member, check_envelope(event, self.public_key(), group, now, window));
  TRY(nostr::check(event));
  TRY(const base::Bytes payload, decode_content(event.content));
  TRY(const nostr::ConversationKey key, nostr::nip44_conversation_key(self, event.pubkey));
  return open_with(key, payload, event, *member, self.public_key());
}

Result<nostr::Event> Transport::seal(const nostr::PublicKey& recipient, std::string_view text,
                                     base::UnixTime now, base::Rng& rng) {
  TRY(check_text(text));
  TRY(const nostr::ConversationKey* key, key_with(recipient));
  return seal_with(*key, self_, recipient, text, now, rng);
}

Result<OpenedMessage> Transport::open_verified(const nostr::Event& event, base::UnixTime now,
                                               base::seconds window) {
  TRY(const GroupMember* member, check_envelope(event, public_key(), group_, now, window));
  TRY(const base::Bytes payload, decode_content(event.content));
  TRY(const nostr::ConversationKey* key, key_with(event.pubkey));
  return open_with(*key, payload, event, *member, public_key());
}

Result<const nostr::ConversationKey*> Transport::key_with(const nostr::PublicKey& member) {
  const auto known = keys_.find(member);
  if (known != keys_.end()) return &known->second;
  if (group_.find(member) == nullptr) return fail(Errc::kDenied, "the recipient is not a member of the group");
  TRY(nostr::ConversationKey key, nostr::nip44_conversation_key(self_, member));
  return &keys_.emplace(member, std::move(key)).first->second;
}

}  // namespace frostr
