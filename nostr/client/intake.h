// The way of one connection's frames from the net thread through the verify threads to the app.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "nostr/client/verify_pool.h"
#include "nostr/net/ws_client.h"

namespace nostr {

/// How much of a stranger's traffic may wait, and how much of it may be bad.
struct IntakeLimits {
  /// Unverified. A socket that goes on beyond this although it is not read is cut: to drop frames
  /// would hide a loss behind the next EOSE.
  std::size_t max_pending_frames = 65'536;
  std::size_t max_pending_bytes = 32u << 20;
  std::size_t pause_bytes = 1u << 20;          ///< of backlog: the socket is not read beyond this
  std::size_t max_undrained = 2'048;           ///< checked, but not yet taken by the app thread
  /// Malformed, forged and unmatched frames before the connection counts as hostile; every hundred
  /// verified events forgive one.
  std::size_t max_bad_frames = 100;
  /// Events of REQs that were closed: those under way are no offence, an endless stream is.
  std::size_t max_late_frames = 100'000;
};

struct IntakeEvent { TargetPtr target; EventPtr event; std::size_t bytes = 0; };
/// Events a subscription had already: they count, but nobody sees them.
struct IntakeCopies { TargetPtr target; std::uint64_t count = 0; std::size_t bytes = 0; };
struct IntakeOpened {};
struct IntakeClosed { std::string reason; };
/// Events outnumber everything else, so nothing else may make an item large.
using IntakeItem =
    std::variant<IntakeEvent, IntakeCopies, RelayMessagePtr, IntakeOpened, IntakeClosed>;

struct IntakeCounts {
  std::uint64_t verified = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t late = 0;       ///< events of a REQ that was closed
  std::uint64_t malformed = 0;
  std::uint64_t forged = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t other_tags = 0; ///< asked for but for their tags
  std::uint64_t dropped = 0;    ///< never looked at: the backlog was full

  /// A hundred events that only their tags make wrong weigh as much as one that nobody asked for: relays
  /// that do not look at tags mean no harm, and yet may not send without end.
  std::uint64_t bad() const { return malformed + forged + unmatched + other_tags / 100; }
  IntakeCounts& operator+=(const IntakeCounts& other);
};

/// What the app thread gets at a time: items in the order of the wire.
struct IntakeBatch {
  std::vector<IntakeItem> items;
  IntakeCounts counts;   ///< since the last batch
  std::optional<std::chrono::microseconds> latency;  ///< a ping was answered meanwhile
  bool hostile = false;  ///< too much was bad: leave the relay; nothing further is looked at
};

/// The handler of one socket. Frames queue up in bounds, are checked in chunks by as many threads
/// as there are, and reach the sink in order. One object per connection attempt.
class Intake final : public WsClientHandler, public std::enable_shared_from_this<Intake> {
 public:
  using Sink = std::function<void(IntakeBatch)>;

  /// `loop` and `workers` are not touched after shut(). `sink` runs on the app thread.
  Intake(base::Loop& loop, base::Workers& workers, std::shared_ptr<VerifyPool> verifier,
         IntakeLimits limits, Sink sink);

  /// Which REQs are open from now on. Call before the REQ is sent. App thread.
  void set_table(SubTablePtr table);
  /// How to stop and resume the socket when the backlog grows and shrinks. App thread; called on
  /// any thread until shut().
  void attach(std::function<void(bool)> set_reading);
  /// Ends everything: no call of the sink comes after this. App thread.
  void shut();

  // Net thread.
  void on_open() override;
  void on_frame(Frame frame) override;
  void on_pong(std::chrono::microseconds round_trip) override;
  void on_closed(std::string reason) override;

 private:
  struct Chunk {
    std::size_t frames = 0;
    std::vector<IntakeItem> items;
    IntakeCounts counts;
  };

  void run_job();
  void overflow();
  void schedule();
  void finish(std::uint64_t number, Chunk chunk);
  void wake_app();
  void drain();

  base::Loop& loop_;
  base::Workers& workers_;
  const std::shared_ptr<VerifyPool> verifier_;
  const IntakeLimits limits_;
  Sink sink_;  ///< app thread only

  std::mutex mutex_;  ///< guards everything below
  SubTablePtr table_;
  std::deque<Frame> pending_;
  std::size_t pending_bytes_ = 0;
  std::size_t jobs_ = 0;       ///< submitted and not ended
  std::size_t starting_ = 0;   ///< of these, not begun
  std::size_t undrained_ = 0;  ///< frames taken by jobs and not yet taken by the app thread
  std::uint64_t next_chunk_ = 0;
  std::uint64_t next_out_ = 0;
  std::map<std::uint64_t, Chunk> finished_;  ///< waiting for an earlier chunk
  std::size_t finished_frames_ = 0;          ///< in outbox_
  IntakeBatch outbox_;
  IntakeCounts total_;
  std::optional<std::string> closed_;
  std::function<void(bool)> set_reading_;
  bool paused_ = false;
  bool posted_ = false;
  bool overflowed_ = false;
  bool shut_ = false;
};

}  // namespace nostr
