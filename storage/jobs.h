// Jobs we were asked to do for money (NIP-90): each is taken once, paid once and answered once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/events.h"

namespace storage {

/// Legal moves:
///   taken    → invoiced paid done failed cancelled   (paid, done: nothing is asked in advance)
///   invoiced → paid failed cancelled
///   paid     → done failed cancelled
/// The rest is final.
enum class JobState { kTaken, kInvoiced, kPaid, kDone, kFailed, kCancelled };

template <>
struct EnumText<JobState> {
  static constexpr std::array<std::string_view, 6> kNames{"taken", "invoiced", "paid",
                                                          "done",  "failed",   "cancelled"};
};

bool may_move(JobState from, JobState to);

struct JobRow {
  Event event;  ///< the request
  JobState state = JobState::kTaken;
  Msat price;
  std::string invoice;
  std::optional<nostr::Sha256> payment_hash;
  std::optional<Event> result;  ///< signed, committed before it is published
  std::string detail;
  UnixTime created;
  UnixTime changed;
};

/// App thread. Changes are kFull.
class Jobs {
 public:
  explicit Jobs(Db& db) : db_(db) {}

  /// Opens a job; false when this request was taken before, whatever became of it.
  Result<bool> take(const JobRow& job);
  Result<void> set_invoiced(const EventId& request, std::string_view invoice,
                            const nostr::Sha256& payment_hash, UnixTime now);
  Result<void> set_paid(const EventId& request, UnixTime now);
  Result<void> set_done(const EventId& request, const Event& result, UnixTime now);
  /// → failed or cancelled.
  Result<void> end(const EventId& request, JobState to, std::string_view detail, UnixTime now);

  Result<std::optional<JobRow>> get(const EventId& request);
  /// Not final, oldest first: what a restart takes up again.
  Result<std::vector<JobRow>> list_open();
  /// Done at or after `since`: what a crash may have kept from the relays.
  Result<std::vector<JobRow>> done_since(UnixTime since);
  /// How many this customer has asked for at or after `since`.
  Result<std::int64_t> count_since(const PublicKey& customer, UnixTime since);
  /// Forgets what ended before `before`, which must be longer ago than a request may be old.
  Result<void> prune(UnixTime before);

 private:
  Result<void> move(const EventId& request, JobState to, UnixTime now);
  Db& db_;
};

}  // namespace storage
