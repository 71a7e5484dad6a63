// The bodies of bifrost 2.0.2 calls as values: ping, sign, ecdh, onboard. (echo's is a string.)
//
// Requests are JSON text inside params[0]; answers are JSON values in `data`. Parsers are strict in
// types, bound every list before any curve work, and ignore unknown members. Meaning (who may ask,
// whether gid, sid and nonces are right) is the session's job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frostr/frost/ecdh.h"
#include "frostr/frost/sign.h"
#include "nostr/base/json.h"
#include "nostr/event/event.h"

namespace frostr {

inline constexpr std::size_t kMaxWireNonces = 400;    ///< more do not fit into one message
inline constexpr std::size_t kMaxWireHashes = 100;    ///< bifrost's default max_sign_batch
inline constexpr std::size_t kMaxWireTweaks = 8;      ///< per hash
inline constexpr std::size_t kMaxEcdhEntries = 100;
inline constexpr std::size_t kMaxEcdhProofs = 4;
inline constexpr std::size_t kMaxContextChars = 256;  ///< `tick`, `purpose`

/// Names one issued nonce pair; means nothing beyond that.
using NonceCode = base::FixedBytes<struct NonceCodeTag, 32>;
/// Names one signing session (bifrost "sid").
using SessionId = base::FixedBytes<struct SessionIdTag, 32>;

/// A nonce commitment one member issued to another.
struct WireNonce {
  NonceCode code;
  NonceCommitment commitment;
  friend bool operator==(const WireNonce&, const WireNonce&) = default;
};

// --- ping ------------------------------------------------------------------------------------

/// What a member says about its stock of our nonces. Informative only.
struct PoolStatus {
  ShareIndex peer_idx;
  nostr::PublicKey peer_pk;
  std::uint32_t available = 0;
  bool needs_fill = false;
  bool critical = false;
};

struct PingRequest {
  bool legacy = false;  ///< "ping" or "" of old peers: no body
  std::vector<PoolStatus> pool_status;
  std::vector<WireNonce> nonces;
};

struct PingAnswer {
  bool send = true;  ///< the answerer may choose us
  bool recv = true;  ///< the answerer takes our requests
  std::vector<PoolStatus> pool_status;
  std::vector<WireNonce> nonces;
};

Result<PingRequest> parse_ping_request(std::string_view params0);
std::string to_params(const PingRequest& request);
/// Also accepts a bare policy object, the answer of old peers.
Result<PingAnswer> parse_ping_answer(const base::json::Value& data);
base::json::Value to_data(const PingAnswer& answer);

// --- sign ------------------------------------------------------------------------------------

struct HashEntry {
  nostr::Sha256 sighash;
  std::vector<Scalar> tweaks;  ///< x-only, applied in order
};

struct MemberNonce {
  ShareIndex idx;
  WireNonce nonce;
};

/// Our addition to a sign request: why the signature is wanted. Stock peers ignore it.
struct SignReason {
  std::string tick;                      ///< which run wants it; empty if none
  std::optional<nostr::Event> request;   ///< the published approval request (39212)
  std::optional<nostr::Event> decision;  ///< an approval (39213) that covers it
  bool ask = false;                      ///< the operator must be asked, even where the policy would sign
};

struct SignRequest {
  std::optional<base::Bytes> content;  ///< for type "event": JSON of the unsigned event
  std::vector<HashEntry> hashes;
  std::vector<ShareIndex> members;     ///< in the order received: sid is taken over it
  std::uint32_t stamp = 0;             ///< unix seconds
  std::string type;                    ///< at most 128 bytes
  GroupId gid;
  SessionId sid;
  std::vector<MemberNonce> nonces;     ///< at most kMaxGroupMembers
  std::optional<SignReason> reason;    ///< wire member `context`
};

/// The sid these fields should carry; `sid` and `nonces` play no part.
SessionId compute_session_id(const SignRequest& request);

Result<SignRequest> parse_sign_request(std::string_view params0);
std::string to_params(const SignRequest& request);

struct PartialEntry {
  nostr::Sha256 sighash;
  Scalar z;
};

struct SignAnswer {
  ShareIndex idx;
  Point pubkey;  ///< the member's share point
  SessionId sid;
  NonceCode nonce_code;
  std::vector<PartialEntry> psigs;
  std::vector<WireNonce> replenish;
};

Result<SignAnswer> parse_sign_answer(const base::json::Value& data);
base::json::Value to_data(const SignAnswer& answer);

// --- ecdh ------------------------------------------------------------------------------------

struct EcdhEntry {
  EcdhTarget target;
  std::optional<Point> key_share;  ///< absent ("" on the wire) in our requests
};

/// Our addition to an ecdh request.
struct EcdhReason {
  std::string purpose;             ///< "self" or "proven"
  std::string tick;
  std::vector<nostr::Event> proof;  ///< events signed by the target
};

/// Request and answer have one shape.
struct EcdhPackage {
  ShareIndex idx;
  std::vector<ShareIndex> members;
  std::vector<EcdhEntry> entries;
  std::optional<EcdhReason> reason;  ///< requests only
};

Result<EcdhPackage> parse_ecdh_request(std::string_view params0);
std::string to_params(const EcdhPackage& request);
Result<EcdhPackage> parse_ecdh_answer(const base::json::Value& data);
base::json::Value to_data(const EcdhPackage& answer);

// --- onboard ---------------------------------------------------------------------------------

struct OnboardRequest {
  ShareIndex idx;
  nostr::PublicKey share_pk;  ///< 64 and 66 hex are read; 66 hex is written, as stock handlers want
  std::optional<Point> share_point;  ///< known when 66 hex were given
};

struct OnboardAnswer {
  GroupPackage group;
  std::vector<WireNonce> nonces;
};

Result<OnboardRequest> parse_onboard_request(std::string_view params0);
/// `share` is the requester's own public share.
std::string onboard_params(ShareIndex idx, const Point& share);
Result<OnboardAnswer> parse_onboard_answer(const base::json::Value& data);
base::json::Value to_data(const OnboardAnswer& answer);

}  // namespace frostr
