// NIP-59: sealing, wrapping, and the checks that make an opened rumor its author's.
#include "nostr/nips/nip59.h"

#include "nostr/base/json.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"

namespace nostr {

namespace {

/// A date within kWrapBackdate before `now`, so that traffic analysis learns little from it.
UnixTime backdated(UnixTime now, base::Rng& rng) {
  const auto span = static_cast<std::uint64_t>(kWrapBackdate.count()) + 1;
  return now - std::chrono::seconds(static_cast<std::int64_t>(rng.below(span)));
}

base::Result<std::string> encrypt_for(const SecretKey& from, const PublicKey& to,
                                      const std::string& text, base::Rng& rng) {
  TRY(const ConversationKey key, nip44_conversation_key(from, to));
  return nip44_encrypt(key, text, rng);
}

base::Result<std::string> decrypt_from(const SecretKey& self, const PublicKey& from,
                                       const std::string& payload) {
  TRY(const ConversationKey key, nip44_conversation_key(self, from));
  return nip44_decrypt(key, payload);
}

}  // namespace

Draft build_seal(std::string encrypted_rumor, UnixTime now, base::Rng& rng) {
  return {.kind = kinds::kSeal,
          .created_at = backdated(now, rng),
          .tags = {},
          .content = std::move(encrypted_rumor)};
}

base::Result<Event> wrap_seal(const Event& seal, const PublicKey& to, UnixTime now,
                              base::Rng& rng) {
  const SecretKey one_time = SecretKey::generate(rng);
  TRY(std::string content, encrypt_for(one_time, to, to_json(seal), rng));
  Draft draft{.kind = kinds::kGiftWrap,
              .created_at = backdated(now, rng),
              .tags = {{"p", to.hex()}},
              .content = std::move(content)};
  return sign_event(std::move(draft), one_time, rng);
}

base::Result<Event> wrap_rumor(const UnsignedEvent& rumor, const SecretKey& sender,
                               const PublicKey& to, UnixTime now, base::Rng& rng) {
  if (rumor.pubkey != sender.public_key())
    return base::fail(base::Errc::kInvalid, "the rumor's author is not the key that seals it");
  TRY(std::string content, encrypt_for(sender, to, to_json(rumor), rng));
  const Event seal = sign_event(build_seal(std::move(content), now, rng), sender, rng);
  return wrap_seal(seal, to, now, rng);
}

base::Result<void> check_wrap(const Event& wrap) {
  if (wrap.kind != kinds::kGiftWrap)
    return base::fail(base::Errc::kInvalid,
                      "event has kind " + std::to_string(wrap.kind) + ", a gift wrap has 1059");
  if (auto ok = check(wrap); !ok)
    return std::unexpected(base::in_context("gift wrap", std::move(ok).error()));
  return {};
}

base::Result<Event> parse_seal(std::string_view json) {
  auto seal = parse_event(json);
  if (!seal) return std::unexpected(base::in_context("seal", std::move(seal).error()));
  if (seal->kind != kinds::kSeal)
    return base::fail(base::Errc::kInvalid,
                      "the wrap holds a kind " + std::to_string(seal->kind) + ", a seal has 13");
  if (auto ok = check(*seal); !ok)
    return std::unexpected(base::in_context("seal", std::move(ok).error()));
  return seal;
}

base::Result<Rumor> parse_rumor(std::string_view json, const PublicKey& seal_author) {
  // Senders are seen to write a wrong or empty id and sig; neither vouches for anything here.
  TRY(auto object, base::json::parse(json));
  if (!object.is_object()) return base::fail(base::Errc::kInvalid, "rumor: not a JSON object");
  object.erase("id");
  object.erase("sig");
  auto rumor = parse_unsigned_event(base::json::dump(object));
  if (!rumor) return std::unexpected(base::in_context("rumor", std::move(rumor).error()));
  if (rumor->pubkey != seal_author)
    return base::fail(base::Errc::kCrypto,
                      "the rumor names another author than the seal that holds it");
  const EventId id = compute_id(*rumor);
  return Rumor{*std::move(rumor), id, seal_author};
}

base::Result<Event> open_wrap(const Event& wrap, const SecretKey& self) {
  TRY(check_wrap(wrap));
  TRY(const std::string seal_json, decrypt_from(self, wrap.pubkey, wrap.content));
  return parse_seal(seal_json);
}

base::Result<Rumor> unwrap(const Event& wrap, const SecretKey& self) {
  TRY(const Event seal, open_wrap(wrap, self));
  TRY(const std::string rumor_json, decrypt_from(self, seal.pubkey, seal.content));
  return parse_rumor(rumor_json, seal.pubkey);
}

}  // namespace nostr
