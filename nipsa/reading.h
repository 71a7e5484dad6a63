// Reading and writing rules common to all NIP-SA kinds: tags, numbers, keys, sizes, unique `d`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nipsa/error.h"
#include "nostr/base/json.h"
#include "nostr/base/money.h"
#include "nostr/base/rng.h"
#include "nostr/event/event.h"
#include "nostr/nips/nip10.h"

namespace nipsa {

using base::Result;
using base::Sat;
using base::UnixTime;
using Json = base::json::Value;

inline constexpr std::chrono::seconds kSkewFuture{900};         ///< ordinary events
inline constexpr std::chrono::seconds kSkewFutureControl{300};  ///< 39210, 39212, 39213, 33410, 33411
inline constexpr std::chrono::seconds kSkewPast{120};
inline constexpr std::chrono::seconds kTickClaimTtl{600};
inline constexpr std::chrono::seconds kApprovalTtl{900};
inline constexpr std::chrono::seconds kApprovalTtlMax{86'400};
inline constexpr std::chrono::seconds kEphemeralTtl{3'600};     ///< expiration of 39210, 39211, 39243 (W5)
inline constexpr std::size_t kMaxEventBytes = 65'536;
inline constexpr std::size_t kMaxTags = 200;
inline constexpr std::size_t kMaxTagValue = 1'024;              ///< single-letter tags
inline constexpr std::size_t kMaxD = 255;                       ///< `d` and `a`
inline constexpr std::int64_t kMaxSats = 2'100'000'000'000'000;
inline constexpr std::int64_t kMaxTime = 253'402'300'799;

/// The checks every event of this floor passes before its tags are read: kind, JSON size, number of
/// tags, date not after now + the skew of its kind, id and signature.
Result<void> check_event(const nostr::Event& event, nostr::Kind kind, UnixTime now);
/// The part that needs no clock and no curve: kind, size, tags. Every parser starts with it.
Result<void> check_shape(const nostr::Event& event, nostr::Kind kind);

/// Value of a control tag: the first one, E_TAG_DUP when a second one says something else.
Result<std::optional<std::string_view>> control_tag(const nostr::Tags& tags, std::string_view name);
/// The same, E_TAG_MISSING when absent.
Result<std::string_view> required_tag(const nostr::Tags& tags, std::string_view name);

/// Decimal without sign, leading zeros or anything else, up to 2^63-1; E_NUM.
Result<std::uint64_t> parse_u64(std::string_view text, std::string_view what);
/// In [low, high]; E_NUM.
Result<std::uint64_t> parse_range(std::string_view text, std::uint64_t low, std::uint64_t high,
                                  std::string_view what);
Result<Sat> parse_sats(std::string_view text, std::string_view what);
/// 1..kMaxTime; E_NUM.
Result<UnixTime> parse_time(std::string_view text, std::string_view what);
/// 64 lower-case hex characters; E_HEX.
Result<nostr::PublicKey> parse_key(std::string_view text, std::string_view what);
Result<nostr::EventId> parse_id(std::string_view text, std::string_view what);
Result<nostr::Sha256> parse_hash(std::string_view text, std::string_view what);
/// An optional control tag that holds a key, an id, a hash or a time; E_TAG_DUP as control_tag().
Result<std::optional<nostr::PublicKey>> optional_key(const nostr::Tags& tags, std::string_view name);
Result<std::optional<nostr::EventId>> optional_id(const nostr::Tags& tags, std::string_view name);
Result<std::optional<nostr::Sha256>> optional_hash(const nostr::Tags& tags, std::string_view name);
Result<std::optional<UnixTime>> optional_time(const nostr::Tags& tags, std::string_view name);
/// Characters of UTF-8 text, which limits on what people read are counted in.
std::size_t characters(std::string_view text);
/// Value of the first tag of that name, "" without one.
std::string text_tag(const nostr::Tags& tags, std::string_view name);
/// E_REF unless `kind:pubkey:d` without leading zeros.
Result<nostr::Address> parse_coordinate(std::string_view text);

/// A required tag holding a key or an id.
Result<nostr::PublicKey> required_key(const nostr::Tags& tags, std::string_view name);
Result<nostr::EventId> required_id(const nostr::Tags& tags, std::string_view name);
/// Every well-formed key in tags called `name`; malformed ones are E_HEX.
Result<std::vector<nostr::PublicKey>> all_keys(const nostr::Tags& tags, std::string_view name);

/// A JSON object from content (≤ 64 KiB, depth ≤ 32, no duplicate keys); E_JSON.
Result<Json> parse_object(std::string_view content);
/// Any JSON value under the same limits; E_JSON.
Result<Json> parse_json(std::string_view content);
/// Whether an address is claimed by its `d`: E_TAG_MISSING without one, E_TAG_BAD when it differs.
Result<void> require_d(const nostr::Tags& tags, std::string_view expected);

/// `prefix` + 32 random lower-case hex characters.
std::string random_d(std::string_view prefix, base::Rng& rng);
/// created_at of the next version of an address: max(now, last + 1). E_CONFLICT when that runs more
/// than 600 s ahead of the clock (W6).
Result<UnixTime> next_created_at(UnixTime now, std::optional<UnixTime> last);

/// Checks what a strict writer promises (W1, relay limits): exactly one leading `d` of 1..255
/// bytes, at most 200 non-empty tags, single-letter values ≤ 1024 bytes. A version log has a second
/// `d`, by which the readers of the draft look for it (W4): `leading_d` is then 2.
Result<nostr::Draft> checked(nostr::Draft draft, std::size_t leading_d = 1);
/// Tag of an integer or a time.
nostr::Tag number_tag(std::string_view name, std::int64_t value);
nostr::Tag time_tag(std::string_view name, UnixTime at);

}  // namespace nipsa
