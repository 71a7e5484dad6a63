// Kinds 39230 and 39231: the record of a session, one event a step (nip-sa 3.9, 3.10).
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

struct TrajectoryEnd {
  UnixTime ended_at;
  nostr::EventId first;     ///< id of the session's first head
  nostr::Sha256 hash;       ///< chain over all events
  std::string alg = "chain-v1";
  std::uint32_t count = 0;
  friend bool operator==(const TrajectoryEnd&, const TrajectoryEnd&) = default;
};

/// The session head; published once when it starts and once when it has ended.
struct TrajectorySession {
  std::string d;  ///< random_d("sess-", rng), 1..128 bytes
  std::string model;
  UnixTime started_at;
  std::optional<nostr::EventId> tick;
  std::optional<nostr::PublicKey> writer;  ///< default: the head's author
  std::vector<nostr::PublicKey> participants;
  bool is_public = true;  ///< whether everybody can read its steps; the head says so
  std::optional<TrajectoryEnd> end;
  friend bool operator==(const TrajectorySession&, const TrajectorySession&) = default;
};

Result<nostr::Draft> build_trajectory_session(const TrajectorySession& session, UnixTime at);
/// Tags win over the JSON some writers put into content. E_NUM when it ends before it starts.
Result<TrajectorySession> parse_trajectory_session(const nostr::Event& event);

/// Step types in the draft's vocabulary; others are kept as text.
namespace step_type {
inline constexpr std::string_view kUser = "user";
inline constexpr std::string_view kAgent = "agent";
inline constexpr std::string_view kTool = "tool";
inline constexpr std::string_view kToolStart = "tool_start";
inline constexpr std::string_view kDelegation = "delegation";
inline constexpr std::string_view kObservation = "observation";
inline constexpr std::string_view kThinking = "thinking";
inline constexpr std::string_view kPhase = "phase";
inline constexpr std::string_view kSessionEnd = "session_end";
}  // namespace step_type
/// Maps the names of an older writer (ToolUse, ToolResult, Message, Thinking) onto ours.
std::string_view read_step_type(std::string_view name);

struct TrajectoryStep {
  nostr::Address session;          ///< 39230:AGENT:d
  nostr::EventId first_head;       ///< `root`
  std::string relay;               ///< hint
  std::uint32_t seq = 1;           ///< 1..2^32-1, consecutive
  std::optional<nostr::EventId> previous;  ///< `reply`: event seq-1, absent for 1
  std::optional<nostr::EventId> tick;
  std::string action_type;
  std::string tool;
  std::optional<nostr::Sha256> input_hash;
  std::optional<nostr::Sha256> output_hash;
  std::optional<nostr::EventId> guardian_approval;
  std::optional<nostr::EventId> parent_session;  ///< the 39230 of whoever delegated it
  std::string type;                ///< of the body, e.g. step_type::kToolStart
  std::string content;             ///< JSON body, or NIP-44 of it
  friend bool operator==(const TrajectoryStep&, const TrajectoryStep&) = default;
};

/// Writes d = <session>:<seq>:<4 random bytes>, so that a rewritten step shows as a fork. `type`
/// is written as the `step` tag of older readers; the body stays the caller's.
Result<nostr::Draft> build_trajectory_step(const TrajectoryStep& step, UnixTime at, base::Rng& rng);
/// E_NUM for a bad seq, E_REF when root, `a` and `session` disagree. `type` comes from a plaintext
/// body, else from the `step` tag.
Result<TrajectoryStep> parse_trajectory_step(const nostr::Event& event);

/// The body of a step: {"type":…,"step":seq,"ts":…} plus `members`, compact. E_JSON if no object.
Result<std::string> encode_step_body(std::string_view type, std::uint32_t seq, UnixTime at, const Json& members);

}  // namespace nipsa
