// Outbox: events that must reach their relays, with the state of each relay, across restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/events.h"

namespace storage {

/// What one relay has said.
enum class RelayState {
  kPending,   ///< not tried yet
  kAccepted,  ///< has it; final
  kRejected,  ///< will not have it; final
  kUnknown,   ///< sent, no answer: it may have it. Asked for the id before anything else
  kRetrying   ///< does not have it: away, or "not now"
};
/// A publication is done when `quorum` relays accepted, failed when that cannot be reached any more
/// (all others rejected, or the deadline passed), superseded when a newer draft for the same
/// replaceable address took its place before any relay had it.
enum class OutboxState { kOpen, kDone, kFailed, kSuperseded };
/// How an entry's event comes to its signature, and whether that may still change:
/// draft → signed → (stale at a relay) draft → … → kept.
enum class Signing {
  kGiven,   ///< came signed; its id is bound elsewhere and never changes
  kDraft,   ///< to be signed (again) before the next send
  kSigned,  ///< signed from the draft; no relay has confirmed it
  kKept     ///< signed, and a relay accepted it: this id stays
};

template <>
struct EnumText<RelayState> {
  static constexpr std::array<std::string_view, 5> kNames{"pending", "accepted", "rejected",
                                                          "unknown", "retrying"};
};
template <>
struct EnumText<OutboxState> {
  static constexpr std::array<std::string_view, 4> kNames{"open", "done", "failed", "superseded"};
};
template <>
struct EnumText<Signing> {
  static constexpr std::array<std::string_view, 4> kNames{"given", "draft", "signed", "kept"};
};

struct OutboxRelay {
  std::string url;
  RelayState state = RelayState::kPending;
  int attempts = 0;
  std::optional<UnixTime> next_try;  ///< unset: nothing more will be tried
  std::string reason;                ///< the relay's words, or ours while it has not answered
};

struct OutboxRow {
  std::int64_t id = 0;
  std::optional<EventId> event_id;  ///< unset until the draft is first signed
  std::string event_json;           ///< empty likewise
  std::string purpose;              ///< e.g. "reply", "approval-request", "receipt"
  int quorum = 1;
  OutboxState state = OutboxState::kOpen;
  Signing signing = Signing::kGiven;
  UnixTime created;
  UnixTime deadline;
  std::vector<OutboxRelay> relays;
};

/// One send that is due.
struct OutboxJob {
  std::int64_t id = 0;
  std::optional<EventId> event_id;
  std::string event_json;
  std::string relay;
  int attempts = 0;  ///< made before this one
  RelayState state = RelayState::kPending;
  Signing signing = Signing::kGiven;
  std::optional<PublicKey> signer;    ///< unset for kGiven
  std::optional<UnixTime> signed_at;  ///< likewise
  bool loose = false;  ///< no relay has, or may have, the present id
};

/// What is to be said, by whom.
struct OutboxDraft {
  PublicKey signer;
  nostr::Draft draft;  ///< its created_at is that of the signature, not kept
};

struct OutboxCounts {
  std::int64_t open = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t superseded = 0;
};

/// What others can make us queue is bounded: per purpose, so that a flood of one kind of message
/// leaves room for every other, and in all.
struct OutboxLimits {
  std::int64_t open_per_purpose = 5'000;
  std::int64_t open = 20'000;
  std::size_t relays_per_entry = 64;
};

/// Durable publication. App thread.
class Outbox {
 public:
  explicit Outbox(Db& db, OutboxLimits limits = {}) : db_(db), limits_(limits) {}

  /// Queues `event`, which stays exactly as it is, due at once; kFull. Queuing an event again adds
  /// only relays it did not have (and reopens a finished row if there are any) and returns the
  /// same id. Quorum is at least 1 and at most the number of relays. kInvalid without relays,
  /// kLimit when the outbox is full.
  Result<std::int64_t> add(const Event& event, const std::vector<std::string>& relays,
                           std::string_view purpose, int quorum, UnixTime now, UnixTime deadline);
  /// Queues a draft, signed when it is first sent. An entry for the same replaceable or addressable
  /// event of the same signer that no relay has accepted is superseded. Errors as above.
  Result<std::int64_t> add_draft(const OutboxDraft& draft, const std::vector<std::string>& relays,
                                 std::string_view purpose, int quorum, UnixTime now,
                                 UnixTime deadline);

  /// Sends due at `now`, for each relay not in `resting` the `per_relay` earliest.
  Result<std::vector<OutboxJob>> list_due(UnixTime now, std::size_t per_relay = 16,
                                          const std::set<std::string>& resting = {});
  /// The next moment something becomes due at a relay not in `resting`, if anything will.
  Result<std::optional<UnixTime>> next_due(const std::set<std::string>& resting = {});

  /// The draft of an entry whose event did not come signed.
  Result<std::optional<OutboxDraft>> draft_of(std::int64_t id);
  /// draft → signed: `event` is what will be sent. kConflict unless the entry is a draft of its
  /// author. An entry that comes out as an event another one has is superseded.
  Result<void> set_signed(std::int64_t id, const Event& event);
  /// signed → draft, so that it is signed again. False, and nothing changes, where a relay has or
  /// may have the present id, or the event came signed.
  Result<bool> unsign(std::int64_t id);
  /// No relay of this entry is tried before `until`: its signer is away.
  Result<void> delay(std::int64_t id, UnixTime until);

  /// Before sending `event`: counts an attempt, marks the relay unknown and sets when to look again
  /// if no answer comes. kConflict when the relay has answered, or the entry was signed again,
  /// meanwhile: then `event` must not leave.
  /// kFull where forgetting the try could lead to a second signature.
  Result<void> start_try(std::int64_t id, std::string_view relay, const EventId& event,
                         UnixTime next_try, Durability durability = Durability::kNormal);
  /// Records what became of a try; the entry's state afterwards. `next_try` counts for kUnknown and
  /// kRetrying. An accepted relay stays accepted, and its entry's id is kept from then on.
  Result<OutboxState> settle(std::int64_t id, std::string_view relay, RelayState state,
                             std::string_view reason, UnixTime next_try);
  /// Gives up what is past its deadline at `now`: open entries fail, relays are tried no more. The
  /// entries that failed.
  Result<std::vector<std::int64_t>> expire(UnixTime now);
  /// Forgets at most `limit` entries that are over and whose deadline is before `before`; how many.
  Result<std::int64_t> prune(UnixTime before, std::size_t limit = 200);

  Result<std::optional<OutboxRow>> get(std::int64_t id);
  Result<std::optional<OutboxRow>> find(const EventId& event);
  /// Rows in `state`, newest first.
  Result<std::vector<OutboxRow>> list(OutboxState state, std::size_t limit = 100);
  Result<OutboxCounts> counts();

 private:
  Result<void> check_room(const std::vector<std::string>& relays, std::string_view purpose);
  /// Adds those that are not there yet; how many.
  Result<std::int64_t> add_relays(std::int64_t id, const std::vector<std::string>& relays,
                                  UnixTime now, UnixTime deadline);
  Result<std::vector<std::string>> live_relays(const std::set<std::string>& resting);
  Result<std::optional<OutboxRow>> with_relays(std::optional<OutboxRow> row);
  Result<OutboxState> refresh_state(std::int64_t id);
  Result<void> close(std::int64_t id, OutboxState state);
  Db& db_;
  OutboxLimits limits_;
};

}  // namespace storage
