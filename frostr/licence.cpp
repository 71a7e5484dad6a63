// Reading licences.
#include "frostr/licence.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "nipsa/licence.h"

namespace frostr {
namespace {

using base::UnixTime;

constexpr base::seconds kSkew{300};  // of an issuer's clock
constexpr std::array<std::string_view, 3> kTypes{"perpetual", "subscription", "metered"};

/// A time tag: nullopt when absent, the epoch when it cannot be read.
std::optional<UnixTime> time_tag(const nostr::Event& event, std::string_view name) {
  const auto text = nostr::tag_value(event.tags, name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return UnixTime{};
  return base::unix_time(value);
}

}  // namespace

std::string_view licence_state_name(LicenceState state) {
  switch (state) {
    case LicenceState::kNone:
      return "none";
    case LicenceState::kLive:
      return "live";
    case LicenceState::kExpired:
      return "expired";
    case LicenceState::kRevoked:
      return "revoked";
    case LicenceState::kExhausted:
      return "exhausted";
    case LicenceState::kRateLimited:
      return "rate-limited";
  }
  return "none";
}

LicenceState licence_state(const nostr::Event& licence, UnixTime now) {
  const auto status = nostr::tag_value(licence.tags, "status");
  if (status == "revoked") return LicenceState::kRevoked;
  if (status && *status != "active") return LicenceState::kExpired;
  const auto type = nostr::tag_value(licence.tags, "license_type");
  if (type && std::ranges::find(kTypes, *type) == kTypes.end()) return LicenceState::kExpired;
  for (const std::string_view name : {"expires_at", "expires"})
    if (const auto ends = time_tag(licence, name); ends && *ends <= now)
      return LicenceState::kExpired;
  if (const auto begins = time_tag(licence, "licensed_at"); begins && *begins > now + kSkew)
    return LicenceState::kExpired;
  return LicenceState::kLive;
}

LicenceState licence_state(const nostr::Event& licence, const std::optional<nostr::Event>& head,
                           bool deleted, UnixTime now) {
  if (deleted) return LicenceState::kRevoked;
  if (head && head->id != licence.id && nostr::replaces(*head, licence)) {
    const auto key = nostr::tag_value(licence.tags, "content_pubkey");
    if (nostr::tag_value(head->tags, "content_pubkey") != key) return LicenceState::kRevoked;
    return licence_state(*head, now);
  }
  return licence_state(licence, now);
}

LicenceState licence_meter(const nostr::Event& licence, const LicenceUse& use) {
  if (use.counted) return LicenceState::kLive;
  const auto read = nipsa::parse_licence(licence);
  if (!read) return LicenceState::kExpired;  // its limits cannot be read
  if (read->max_uses && use.all >= *read->max_uses) return LicenceState::kExhausted;
  if (read->max_per_day && use.today >= *read->max_per_day) return LicenceState::kRateLimited;
  return LicenceState::kLive;
}

bool licence_is_for(const nostr::Event& licence, const nostr::PublicKey& agent) {
  return licence.kind == kLicenceKind &&
         std::ranges::any_of(nostr::tag_values(licence.tags, "p"),
                             [&](std::string_view p) { return p == agent.hex(); });
}

bool names_content_key(const nostr::Event& licence, const nostr::PublicKey& key) {
  return nostr::tag_value(licence.tags, "content_pubkey") == key.hex();
}

}  // namespace frostr
