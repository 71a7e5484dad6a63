// Reject texts: prefix, colon, rest.
#include "frostr/reject.h"

namespace frostr {
namespace {

constexpr std::string_view kApproval = "approval-required:";
constexpr std::string_view kRefused = "refused:";
constexpr std::string_view kRetry = "retry:";

}  // namespace

std::string approval_required_text(const nostr::Sha256& digest) {
  return std::string(kApproval) + digest.hex();
}

std::string refused_text(std::string_view reason) { return std::string(kRefused).append(reason); }

std::string retry_text(std::string_view reason) { return std::string(kRetry).append(reason); }

Reject read_reject(std::string_view text) {
  if (text.starts_with(kApproval)) {
    if (const auto digest = nostr::Sha256::from_hex(text.substr(kApproval.size())))
      return {Reject::Kind::kApprovalRequired, *digest, "approval-required"};
    return {Reject::Kind::kRefused, {}, std::string(text)};
  }
  if (text.starts_with(kRetry))
    return {Reject::Kind::kRetry, {}, std::string(text.substr(kRetry.size()))};
  if (text.starts_with(kRefused)) text.remove_prefix(kRefused.size());
  return {Reject::Kind::kRefused, {}, std::string(text)};
}

}  // namespace frostr
