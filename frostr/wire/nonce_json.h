// Nonce commitments in JSON: the piece that ping, sign and onboard bodies share.
#pragma once

#include <string_view>
#include <vector>

#include "frostr/wire/messages.h"

namespace frostr {

/// One `{code, hidden_pn, binder_pn}`; both points must be on the curve.
Result<WireNonce> parse_nonce(const base::json::Value& item);
/// The list called `key`, empty when absent; kLimit above kMaxWireNonces.
Result<std::vector<WireNonce>> parse_nonces(const base::json::Value& parent, std::string_view key);

base::json::Value nonce_to_json(const WireNonce& nonce);
base::json::Value nonces_to_json(const std::vector<WireNonce>& nonces);

}  // namespace frostr
