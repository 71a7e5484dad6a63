// Fixed parties, times and signing for the NIP-SA tests.
#pragma once

#include <gtest/gtest.h>

#include "nipsa/reading.h"

namespace nipsa_test {

inline nostr::SecretKey key(char digit) {
  return nostr::SecretKey::from_hex(std::string(63, '0') + digit).value();
}
inline nostr::PublicKey pub(char digit) { return key(digit).public_key(); }
inline nostr::EventId id(char digit) { return nostr::EventId::from_hex(std::string(64, digit)).value(); }
inline nostr::Sha256 hash(char digit) { return nostr::Sha256::from_hex(std::string(64, digit)).value(); }
inline constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);

inline const nostr::SecretKey& agent() { static const auto k = key('1'); return k; }
inline const nostr::SecretKey& runner() { static const auto k = key('2'); return k; }
inline const nostr::SecretKey& guardian() { static const auto k = key('3'); return k; }
inline const nostr::SecretKey& stranger() { static const auto k = key('9'); return k; }

inline nostr::Event sign(const nostr::Draft& draft, const nostr::SecretKey& by) {
  base::SeededRng rng(7);
  return nostr::sign_event(draft, by, rng);
}
/// `event` with the tags called `name` replaced by `tags`, signed anew.
inline nostr::Event with(const nostr::Event& event, std::string_view name, const nostr::Tags& tags,
                         const nostr::SecretKey& by) {
  nostr::Draft draft{event.kind, event.created_at, {}, event.content};
  for (const auto& tag : event.tags)
    if (tag[0] != name) draft.tags.push_back(tag);
  draft.tags.insert(draft.tags.end(), tags.begin(), tags.end());
  return sign(draft, by);
}
inline nostr::Event with_content(const nostr::Event& event, std::string content, const nostr::SecretKey& by) {
  return sign({event.kind, event.created_at, event.tags, std::move(content)}, by);
}

/// The code a failed result carries, or "ok".
template <class T>
std::string outcome(const base::Result<T>& result) {
  if (result) return "ok";
  const auto code = nipsa::code_of(result.error());
  return code ? std::string(nipsa::code_name(*code)) : "untyped: " + result.error().detail;
}

}  // namespace nipsa_test
