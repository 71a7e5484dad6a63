// Names of error codes, context for errors, and the end of the road for broken invariants.
#include "nostr/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace base {

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kInvalid: return "invalid";
    case Errc::kNotFound: return "not-found";
    case Errc::kDenied: return "denied";
    case Errc::kApprovalRequired: return "approval-required";
    case Errc::kLimit: return "limit";
    case Errc::kConflict: return "conflict";
    case Errc::kTimeout: return "timeout";
    case Errc::kCancelled: return "cancelled";
    case Errc::kClosed: return "closed";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kPeer: return "peer";
    case Errc::kCrypto: return "crypto";
    case Errc::kIo: return "io";
    case Errc::kDatabase: return "database";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kInternal: return "internal";
  }
  return "internal";
}

Error in_context(std::string_view what, Error error) {
  error.detail.insert(0, ": ");
  error.detail.insert(0, what);
  return error;
}

void check_failed(const char* condition, const char* file, int line) {
  // stdio rather than the log: nothing may be trusted any more, not even its lock.
  std::fprintf(stderr, "bug: %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace base
