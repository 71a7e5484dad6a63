// The RPC envelope of bifrost 2.0.2 peer messages: request, accept, reject.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/rng.h"

namespace frostr {

using base::Result;

inline constexpr std::size_t kMaxRpcBytes = 65'535;   ///< what NIP-44 can carry
inline constexpr std::size_t kMaxRpcIdChars = 128;
inline constexpr std::size_t kMaxRejectChars = 1'024;

struct RpcRequest {
  std::string id;
  std::string method;               ///< "ping", "echo", "sign", "ecdh", "onboard" or unknown
  std::vector<std::string> params;  ///< params[0] is the body as JSON text; at most 4
};
struct RpcAccept {
  std::string id;
  base::json::Value data;
};
struct RpcReject {
  std::string id;
  std::string reason;  ///< a stranger's text: escape before showing
};
using RpcMessage = std::variant<RpcRequest, RpcAccept, RpcReject>;

/// Strict in types and bounds, unknown members ignored. kInvalid names the member; kUnsupported
/// for the "event" type, which bifrost declares and never sends.
Result<RpcMessage> parse_rpc(std::string_view text);

/// kLimit when the text would not fit into one NIP-44 payload.
Result<std::string> to_text(const RpcRequest& request);
Result<std::string> to_text(const RpcAccept& accept);
std::string to_text(const RpcReject& reject);  ///< a long reason is cut

/// base64url of 32 random bytes, as the stock library writes ids.
std::string new_rpc_id(base::Rng& rng);

}  // namespace frostr
