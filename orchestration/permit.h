// Permit: allow, ask, deny — and which of two is stricter.
#pragma once

#include <string_view>

#include "nostr/base/result.h"

namespace orchestration {

enum class Permit { kAllow, kAsk, kDeny };
std::string_view permit_name(Permit permit);
/// "allow", "ask" or "deny"; kInvalid otherwise.
base::Result<Permit> parse_permit(std::string_view name);
/// deny > ask > allow.
Permit stricter(Permit a, Permit b);

}  // namespace orchestration
