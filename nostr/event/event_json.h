// JSON ↔ Event, strict where a relay is strict: exact types, no missing members, bounded sizes.
#pragma once

#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

/// What a stranger may make us hold.
struct EventLimits {
  std::size_t max_bytes = 262'144;
  std::size_t max_tags = 5'000;
  std::size_t max_tag_elements = 500;
};

/// The latest `created_at` taken: 9999-12-31T23:59:59Z, the last second RFC 3339 can write.
inline constexpr std::int64_t kMaxCreatedAt = 253'402'300'799;

/// Readable bytes the parser wants behind its text. The string_view functions copy to have them; the
/// …_in_place ones use a string's spare capacity and copy only when that is smaller.
inline constexpr std::size_t kJsonPadding = 64;

/// Parses one event object. Only shape and bounds are checked; call check() for the signature.
/// kInvalid names the offending member: one that is missing, of another type, given twice, out of
/// range (kind 0..65535, created_at 0..kMaxCreatedAt), upper-case or wrongly sized hex, an empty
/// tag, or a string with an unpaired surrogate (no id could be computed). Unknown members are
/// ignored, and their insides not looked at. Any thread.
base::Result<Event> parse_event(std::string_view json, const EventLimits& limits = {});
/// Parses what has no signature: a rumor, or a template that names its author. An id or sig that is
/// there is ignored like an unknown member, because senders write wrong or empty ones; compute_id()
/// tells the true id.
base::Result<UnsignedEvent> parse_unsigned_event(std::string_view json, const EventLimits& limits = {});

/// Compact JSON in the member order of NIP-01.
std::string to_json(const Event& event);
void append_json(const Event& event, std::string& out);
/// Compact JSON with `id` but no `sig`: the form a rumor has inside a seal.
std::string to_json(const UnsignedEvent& event);
/// Appends `text` as a JSON string literal with NIP-01's escapes.
void append_json_string(std::string_view text, std::string& out);

}  // namespace nostr
