// Reject texts: prefix, colon, rest.
#include "frostr/reject.h"

#include <charconv>

namespace frostr {
namespace {

constexpr std::string_view kApproval = "approval-required:";
constexpr std::string_view kLeaseHeld = "lease-held:";
constexpr std::string_view kRefused = "refused:";
constexpr std::string_view kRetry = "retry:";

}  // namespace

std::string approval_required_text(const nostr::Sha256& digest) {
  return std::string(kApproval) + digest.hex();
}

std::string lease_held_text(base::UnixTime until) {
  return std::string(kLeaseHeld) + std::to_string(base::to_unix(until));
}

std::string refused_text(std::string_view reason) { return std::string(kRefused).append(reason); }

std::string refusal_text(std::string_view reason, base::UnixTime lease_until) {
  return reason.starts_with("lease-held") ? lease_held_text(lease_until) : refused_text(reason);
}

std::string retry_text(std::string_view reason) { return std::string(kRetry).append(reason); }

Reject read_reject(std::string_view text) {
  if (text.starts_with(kApproval)) {
    if (const auto digest = nostr::Sha256::from_hex(text.substr(kApproval.size())))
      return {.kind = Reject::Kind::kApprovalRequired,
              .digest = *digest,
              .reason = "approval-required"};
    return {.reason = std::string(text)};
  }
  if (text.starts_with(kLeaseHeld)) {
    const std::string_view number = text.substr(kLeaseHeld.size());
    std::int64_t until = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), until);
    if (error == std::errc() && end == number.data() + number.size())
      return {.kind = Reject::Kind::kLeaseHeld,
              .until = base::unix_time(until),
              .reason = "lease-held"};
    return {.reason = std::string(text)};
  }
  if (text.starts_with(kRetry))
    return {.kind = Reject::Kind::kRetry, .reason = std::string(text.substr(kRetry.size()))};
  if (text.starts_with(kRefused)) text.remove_prefix(kRefused.size());
  return {.reason = std::string(text)};
}

}  // namespace frostr
