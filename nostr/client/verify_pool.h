// Turns frames of strangers into verified events: what the verify threads run.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "nostr/base/histogram.h"
#include "nostr/client/delivered.h"
#include "nostr/client/seen.h"
#include "nostr/event/filter.h"
#include "nostr/event/message.h"
#include "nostr/net/net_thread.h"

namespace nostr {

/// What one REQ asked for: an event of that REQ must match it. Shared with the verify threads.
struct Target {
  std::uint64_t subscription = 0;  ///< the pool's number for it
  Filters filters;
  std::shared_ptr<DeliveredIds> delivered;
  /// Of a REQ that serves several subscriptions: what each asked for; its own number is then 0.
  std::vector<std::shared_ptr<const Target>> parts = {};
};
using TargetPtr = std::shared_ptr<const Target>;

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// The REQs of one connection by subscription id on the wire. Immutable once shared.
struct SubTable {
  std::unordered_map<std::string, TargetPtr, StringHash, std::equal_to<>> live;
  std::vector<std::string> retired;  ///< closed lately: events still under way are no offence
};
using SubTablePtr = std::shared_ptr<const SubTable>;

/// What a frame turned out to be.
enum class Verdict {
  kEvent,      ///< verified, matches its REQ
  kDuplicate,  ///< known, and its subscription has had it
  kMessage,    ///< any other well-formed relay message
  kLate,       ///< belongs to a REQ that was closed
  kMalformed,  ///< not a relay message, or over a limit
  kForged,     ///< id or signature is wrong
  kUnmatched,  ///< nobody asked for it
  kOtherTags,  ///< asked for but for its tags, which some relays do not look at when an event is new
};

using RelayMessagePtr = std::unique_ptr<RelayMessage>;

struct Checked {
  Verdict verdict = Verdict::kMalformed;
  TargetPtr target;         ///< kEvent, kDuplicate
  EventPtr event;           ///< kEvent
  RelayMessagePtr message;  ///< kMessage
};

/// The checks, and what they share between connections: the seen-set and scratch memory. Any thread.
class VerifyPool {
 public:
  VerifyPool(std::size_t seen_capacity, EventLimits limits);
  ~VerifyPool();
  VerifyPool(const VerifyPool&) = delete;
  VerifyPool& operator=(const VerifyPool&) = delete;

  /// Checks `frames` against `table`; result i belongs to frame i. The caller may block for the
  /// time of one verification, when another thread holds a copy of the same event.
  std::vector<Checked> check(const std::vector<Frame>& frames, const SubTable& table);

  /// Signatures checked so far: tests hold that copies cost none.
  std::uint64_t verifications() const;
  /// How long each of them took.
  base::HistogramView verify_times() const { return times_.view(); }
  const SeenEvents& seen() const { return seen_; }

 private:
  struct Scratch;
  enum class Busy { kDefer, kWait };
  std::optional<Checked> check_one(const Frame& frame, const SubTable& table, Scratch& scratch,
                                   Busy busy);
  Checked check_unknown(const Frame& frame, const SubTable& table, Scratch& scratch);
  Checked check_known(const Frame& frame, const EventFramePeek& peek, const TargetPtr& target,
                      SeenEvents::Look look, Scratch& scratch);
  Checked check_claimed(const Frame& frame, const EventFramePeek& peek, const EventId& id,
                        const TargetPtr& target, Scratch& scratch);
  bool verify_event(const Event& event, Scratch& scratch);
  std::unique_ptr<Scratch> borrow();
  void give_back(std::unique_ptr<Scratch> scratch);

  const EventLimits limits_;
  SeenEvents seen_;
  std::atomic<std::uint64_t> verifications_ = 0;
  base::Histogram times_{std::chrono::microseconds(10)};
  std::mutex mutex_;  ///< guards idle_
  std::vector<std::unique_ptr<Scratch>> idle_;
};

}  // namespace nostr
