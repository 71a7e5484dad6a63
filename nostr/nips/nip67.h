// NIP-67: whether the EOSE of a relay says that it sent everything.
#pragma once

#include <string>
#include <string_view>

#include "nostr/base/result.h"

namespace nostr {

enum class Completeness {
  kUnknown,  ///< the relay does not say: ask on, from the oldest event that came
  kFinish,   ///< every stored match was sent: there is nothing to page to
  kMore,     ///< more stored matches are there
};

/// The hint in an EOSE frame, `["EOSE", id, ["finish"]]`. Unknown hints, another third element or
/// none are kUnknown, and so are both hints at once. kInvalid when `frame` is no EOSE, or over 4
/// KiB.
base::Result<Completeness> completeness_of(std::string_view frame);
/// The frame for a subscription; two elements when kUnknown.
std::string build_eose(std::string_view subscription, Completeness completeness);

}  // namespace nostr
