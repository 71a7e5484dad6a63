// The reading rules P1–P9 and the writing rules W1 and W6.
#include "nipsa/reading.h"

#include <algorithm>

#include "nipsa/kinds.h"
#include "nostr/event/event_json.h"

namespace nipsa {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::chrono::seconds kMaxClockLead{600};

bool is_hex64(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::unexpected<base::Error> not_hex(std::string_view what) {
  return fail(Code::kHex, std::string(what) + " is not 64 lower-case hex characters");
}

bool is_control_kind(nostr::Kind kind) {
  return kind == kinds::kTickRequest || kind == kinds::kApprovalRequest ||
         kind == kinds::kApprovalDecision || kind == kinds::kAuthChallenge ||
         kind == kinds::kAuthResponse;
}

}  // namespace

Result<void> check_shape(const nostr::Event& event, nostr::Kind kind) {
  if (event.kind != kind)
    return fail(Code::kKind, "event has kind " + std::to_string(event.kind) + ", expected " +
                                 std::to_string(kind));
  if (event.tags.size() > kMaxTags)
    return fail(Code::kSize,
                "event has " + std::to_string(event.tags.size()) + " tags, limit is 200");
  const std::size_t bytes = nostr::to_json(event).size();
  if (bytes > kMaxEventBytes)
    return fail(Code::kSize, "event is " + std::to_string(bytes) + " bytes, limit is 65536");
  return {};
}

Result<void> check_event(const nostr::Event& event, nostr::Kind kind, UnixTime now) {
  TRY(check_shape(event, kind));
  const auto skew = is_control_kind(kind) ? kSkewFutureControl : kSkewFuture;
  if (event.created_at > now + skew)
    return fail(Code::kFuture,
                "created_at is more than " + std::to_string(skew.count()) + " s ahead");
  if (const auto ok = nostr::check(event); !ok) return fail(Code::kSig, ok.error().detail);
  return {};
}

Result<std::optional<std::string_view>> control_tag(const nostr::Tags& tags,
                                                    std::string_view name) {
  std::optional<std::string_view> out;
  for (const std::string_view value : nostr::tag_values(tags, name)) {
    if (out && *out != value) return fail(Code::kTagDup, std::string(name) + " is given twice");
    out = value;
  }
  return out;
}

Result<std::string_view> required_tag(const nostr::Tags& tags, std::string_view name) {
  TRY(const auto value, control_tag(tags, name));
  if (!value) return fail(Code::kTagMissing, name);
  return *value;
}

Result<std::uint64_t> parse_u64(std::string_view text, std::string_view what) {
  const bool digits = !text.empty() && text.size() <= 19 &&
                      text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || (text.size() > 1 && text[0] == '0'))
    return fail(Code::kNum, std::string(what) + " is not a plain decimal number");
  std::uint64_t value = 0;  // 19 digits always fit
  for (const char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

Result<std::uint64_t> parse_range(std::string_view text, std::uint64_t low, std::uint64_t high,
                                  std::string_view what) {
  TRY(const std::uint64_t value, parse_u64(text, what));
  if (value < low || value > high)
    return fail(Code::kNum, std::string(what) + " is " + std::to_string(value) + ", allowed are " +
                                std::to_string(low) + " to " + std::to_string(high));
  return value;
}

Result<Sat> parse_sats(std::string_view text, std::string_view what) {
  TRY(const auto value, parse_range(text, 0, static_cast<std::uint64_t>(kMaxSats), what));
  return Sat{static_cast<std::int64_t>(value)};
}

Result<UnixTime> parse_time(std::string_view text, std::string_view what) {
  TRY(const auto value, parse_range(text, 1, static_cast<std::uint64_t>(kMaxTime), what));
  return base::unix_time(static_cast<std::int64_t>(value));
}

Result<nostr::PublicKey> parse_key(std::string_view text, std::string_view what) {
  if (!is_hex64(text)) return not_hex(what);
  return nostr::PublicKey::from_hex(text);
}
Result<nostr::EventId> parse_id(std::string_view text, std::string_view what) {
  if (!is_hex64(text)) return not_hex(what);
  return nostr::EventId::from_hex(text);
}
Result<nostr::Sha256> parse_hash(std::string_view text, std::string_view what) {
  if (!is_hex64(text)) return not_hex(what);
  return nostr::Sha256::from_hex(text);
}

namespace {

/// A control tag read by `parse`, nullopt without one.
template <class T>
Result<std::optional<T>> optional_tag(const nostr::Tags& tags, std::string_view name,
                                      Result<T> (*parse)(std::string_view, std::string_view)) {
  TRY(const auto text, control_tag(tags, name));
  if (!text) return std::optional<T>();
  TRY(const T value, parse(*text, name));
  return std::optional<T>(value);
}

}  // namespace

Result<std::optional<nostr::PublicKey>> optional_key(const nostr::Tags& tags,
                                                     std::string_view name) {
  return optional_tag(tags, name, parse_key);
}
Result<std::optional<nostr::EventId>> optional_id(const nostr::Tags& tags, std::string_view name) {
  return optional_tag(tags, name, parse_id);
}
Result<std::optional<nostr::Sha256>> optional_hash(const nostr::Tags& tags, std::string_view name) {
  return optional_tag(tags, name, parse_hash);
}
Result<std::optional<UnixTime>> optional_time(const nostr::Tags& tags, std::string_view name) {
  return optional_tag(tags, name, parse_time);
}
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}
std::string text_tag(const nostr::Tags& tags, std::string_view name) {
  return std::string(nostr::tag_value(tags, name).value_or(""));
}

Result<nostr::Address> parse_coordinate(std::string_view text) {
  const auto first = text.find(':');
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return fail(Code::kRef, "a coordinate is kind:pubkey:d");
  const auto kind = parse_range(text.substr(0, first), 0, 65'535, "kind");
  const auto key = parse_key(text.substr(first + 1, second - first - 1), "pubkey");
  if (!kind || !key) return fail(Code::kRef, "a coordinate is kind:pubkey:d");
  return nostr::Address{static_cast<nostr::Kind>(*kind), *key,
                        std::string(text.substr(second + 1))};
}

Result<nostr::PublicKey> required_key(const nostr::Tags& tags, std::string_view name) {
  const auto value = nostr::tag_value(tags, name);
  if (!value) return fail(Code::kTagMissing, name);
  return parse_key(*value, name);
}

Result<nostr::EventId> required_id(const nostr::Tags& tags, std::string_view name) {
  const auto value = nostr::tag_value(tags, name);
  if (!value) return fail(Code::kTagMissing, name);
  return parse_id(*value, name);
}

Result<std::vector<nostr::PublicKey>> all_keys(const nostr::Tags& tags, std::string_view name) {
  std::vector<nostr::PublicKey> out;
  for (const auto value : nostr::tag_values(tags, name)) {
    TRY(const auto key, parse_key(value, name));
    if (std::ranges::find(out, key) == out.end()) out.push_back(key);
  }
  return out;
}

Result<Json> parse_json(std::string_view content) {
  auto value = base::json::parse(content, {.max_bytes = 65'536, .max_depth = 32});
  if (!value) return fail(Code::kJson, value.error().detail);
  return value;
}

Result<Json> parse_object(std::string_view content) {
  TRY(Json value, parse_json(content));
  if (!value.is_object()) return fail(Code::kJson, "content is not a JSON object");
  return value;
}

Result<void> require_d(const nostr::Tags& tags, std::string_view expected) {
  const auto d = nostr::tag_value(tags, "d");
  if (!d) return fail(Code::kTagMissing, "d");
  if (*d != expected) return fail(Code::kTagBad, "d is not " + std::string(expected));
  return {};
}

std::string random_d(std::string_view prefix, base::Rng& rng) {
  return std::string(prefix) + rng.hex(16);
}

Result<UnixTime> next_created_at(UnixTime now, std::optional<UnixTime> last) {
  const UnixTime next = last ? std::max(now, *last + std::chrono::seconds(1)) : now;
  if (next > now + kMaxClockLead)
    return fail(Code::kConflict,
                "the newest version of this address is dated over 600 s ahead of the clock");
  return next;
}

Result<nostr::Draft> checked(nostr::Draft draft, std::size_t leading_d) {
  if (draft.tags.empty() || draft.tags[0].size() < 2 || draft.tags[0][0] != "d")
    return fail(Code::kTagMissing, "d must be the first tag");
  if (draft.tags.size() > kMaxTags) return fail(Code::kSize, "over 200 tags");
  for (std::size_t i = 0; i < draft.tags.size(); ++i) {
    const nostr::Tag& tag = draft.tags[i];
    if (tag.empty() || tag[0].empty()) return fail(Code::kTagBad, "a tag without a name");
    if (tag[0].size() != 1 || tag.size() < 2) continue;
    if (tag[0] == "d" && i >= leading_d) return fail(Code::kTagDup, "d");
    const bool is_address = tag[0] == "d" || tag[0] == "a";
    if (tag[1].size() > (is_address ? kMaxD : kMaxTagValue))
      return fail(Code::kSize, tag[0] + " is " + std::to_string(tag[1].size()) + " bytes");
  }
  if (draft.tags[0][1].empty()) return fail(Code::kTagBad, "d is empty");
  return draft;
}

nostr::Tag number_tag(std::string_view name, std::int64_t value) {
  return {std::string(name), std::to_string(value)};
}
nostr::Tag time_tag(std::string_view name, UnixTime at) {
  return number_tag(name, base::to_unix(at));
}

}  // namespace nipsa
