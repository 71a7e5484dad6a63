// Kinds 39210 and 39211: a runner claims a tick and reports on it (nip-sa 3.5, 3.6).
#pragma once

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

enum class TriggerName { kHeartbeat, kMention, kDm, kZap, kManual, kKind };
std::string_view trigger_name(TriggerName name);

/// Sats and how they are paid. Unknown rails are shown, never spent.
struct Budget {
  Sat amount;
  std::string rail = "lightning";  ///< lightning, cashu, fedimint, envelope, or unknown text
  std::string ref;                 ///< mint, federation or envelope id
  friend bool operator==(const Budget&, const Budget&) = default;
};
/// Whether `budget` names a rail we could spend on.
bool is_spendable(const Budget& budget);
nostr::Tag budget_tag(std::string_view name, const Budget& budget);
/// Reads ["budget", sats, rail?, ref?]; E_TAG_MISSING for an envelope without id.
Result<Budget> parse_budget(const nostr::Tag& tag);

struct TickRequest {
  std::string d;  ///< random_d("tick-", rng)
  nostr::PublicKey agent;
  TriggerName trigger = TriggerName::kManual;
  std::optional<nostr::EventRef> trigger_event;  ///< required for all but heartbeat and manual
  std::string slot;                              ///< see slot_of_…
  std::optional<std::uint32_t> max_steps;
  std::optional<Budget> budget;
  std::optional<Sat> approval_threshold;  ///< absent = local policy, never "no gate"
  std::optional<nostr::PublicKey> guardian;
  std::string credit;
  std::optional<UnixTime> expires;        ///< NIP-40
  friend bool operator==(const TickRequest&, const TickRequest&) = default;
};

/// Slots make claims of one occasion collide: the trigger event, the heartbeat's number, or chance.
std::string slot_of_event(const nostr::EventId& id);
std::string slot_of_heartbeat(UnixTime at, std::chrono::seconds heartbeat);
std::string slot_of_manual(base::Rng& rng);
bool is_manual_slot(std::string_view slot);

/// `runner` signs it. Without `expires` it expires kEphemeralTtl after `at`.
Result<nostr::Draft> build_tick_request(const TickRequest& request, const nostr::PublicKey& runner,
                                        UnixTime at);
/// E_SIGNER when a `runner` tag names another key than the author.
Result<TickRequest> parse_tick_request(const nostr::Event& event);

/// Of several claims of one slot the earliest wins, then the lowest id. nullptr for none.
const nostr::Event* winning_claim(const std::vector<nostr::Event>& claims);

enum class TickStatus { kSuccess, kPartial, kError, kSkipped };
std::string_view tick_status_name(TickStatus status);

struct TickResult {
  nostr::EventId request;
  nostr::PublicKey agent;
  TickStatus status = TickStatus::kSuccess;
  std::string detail;  ///< e.g. "approval-expired", "lost-claim", "crashed"
  std::uint32_t actions = 0;
  Sat cost;
  std::int64_t duration_ms = 1;
  std::vector<nostr::EventId> guardian_approved;
  bool guardian_auto = false;  ///< the runner's claim, not evidence
  std::vector<nostr::EventRef> receipts;
  std::vector<nostr::EventRef> results;
  std::optional<nostr::EventRef> trajectory;
  std::optional<nostr::Sha256> trajectory_hash;
  std::string trajectory_alg;  ///< "chain-v1"
  std::optional<std::uint32_t> trajectory_count;
  std::string content;  ///< NIP-44 RUNNER → AGENT, or plaintext JSON of older writers
};

Result<nostr::Draft> build_tick_result(const TickResult& result, const nostr::PublicKey& runner, UnixTime at);
Result<TickResult> parse_tick_result(const nostr::Event& event);
/// What a result must not contradict in its request: author, agent, id (E_REF, E_SIGNER), cost
/// within the budget (E_BUDGET), approval when above the threshold (E_AUTHZ).
Result<void> check_result(const nostr::Event& result_event, const TickResult& result,
                          const nostr::Event& request_event, const TickRequest& request);

/// The body of a result, before encryption.
struct TickReport {
  std::int64_t tokens_in = 0;
  std::int64_t tokens_out = 0;
  Sat cost;
  std::string cost_usd;  ///< decimal text, information only
  std::uint32_t goals_updated = 0;
  std::vector<Json> actions;  ///< objects with at least `type`
  std::string summary;
  std::string error;  ///< empty = null
};
std::string encode_report(const TickReport& report);
/// Liberal; E_JSON when it is no object.
Result<TickReport> decode_report(std::string_view plaintext);

}  // namespace nipsa
