// Kind 39201: the agent's memory between ticks, encrypted to itself (nip-sa 3.2, C7–C11).
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

inline constexpr int kStateVersion = 1;
inline constexpr std::size_t kStatePlaintextMax = 12'288;  ///< bytes, so that a group can still sign it

struct Goal {
  std::string id;
  std::string description;
  std::uint32_t priority = 100;
  std::int64_t created_at = 0;
  std::string status = "active";  ///< active, paused, completed, cancelled, or kept as written
  double progress = 0;            ///< 0..1
  Json extra = Json::object();    ///< members of others, kept on rewrite
  friend bool operator==(const Goal&, const Goal&) = default;
};

struct Memory {
  std::string id;
  std::string type;
  std::string content;
  std::int64_t timestamp = 0;
  Json extra = Json::object();
  friend bool operator==(const Memory&, const Memory&) = default;
};

/// Limits and what was spent of them, in sats. A limit of 0 means nothing may be spent.
struct StateBudget {
  std::int64_t daily_limit = 0;
  std::int64_t per_tick_limit = 0;
  std::int64_t reserved = 0;
  std::int64_t daily_spent = 0;
  std::int64_t tick_spent = 0;
  std::int64_t violations_today = 0;
  std::string current_date;  ///< UTC "YYYY-MM-DD"; recomputed, never trusted
  friend bool operator==(const StateBudget&, const StateBudget&) = default;
};

struct State {
  std::vector<Goal> goals;
  std::vector<Memory> memory;  ///< oldest first
  std::vector<std::string> pending_tasks;
  Json beliefs = Json::object();
  std::int64_t balance = 0;  ///< sats
  StateBudget budget;
  std::int64_t last_tick = 0;
  std::int64_t tick_count = 0;
  Json extra = Json::object();  ///< top-level members of others, kept on rewrite
  friend bool operator==(const State&, const State&) = default;
};

/// The plaintext every known reader accepts. E_SIZE over kStatePlaintextMax.
Result<std::string> encode_state(const State& state);
/// Liberal: missing members default, synonyms are merged (lower limit, higher spent). E_JSON when it
/// is no object or a number is no number, E_NUM out of range, E_VERSION for a newer schema_version.
Result<State> decode_state(std::string_view plaintext);
/// Oldest first, then by id: the order states are written in.
void sort_by_time(std::vector<Memory>& memory);
/// Drops the oldest memories until the state fits; E_SIZE when it does not even without any.
Result<State> pruned(State state);
/// Two descendants of one head: union of memories, goals, tasks, beliefs and members of others (`mine`
/// wins), larger tick_count, spent and reserved, smaller balance and limits.
State merge_states(const State& mine, const State& theirs);

/// The event around it.
struct StateHead {
  std::string content;  ///< NIP-44 of the agent to itself, or JSON if plaintext
  bool plaintext = false;
  std::optional<nostr::EventId> prev;
  int version = kStateVersion;
};

/// `content` = NIP-44 ciphertext. `prev` = the head this one replaces.
Result<nostr::Draft> build_state(std::string content, std::optional<nostr::EventId> prev, UnixTime at);
/// E_VERSION for a newer state_version: such a head must not be overwritten.
Result<StateHead> parse_state(const nostr::Event& event);

}  // namespace nipsa
