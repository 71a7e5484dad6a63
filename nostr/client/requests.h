// The subscriptions of one relay: which REQs are open for them, under which names, since when.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nostr/client/action.h"
#include "nostr/client/auth_exchange.h"
#include "nostr/client/connection_options.h"
#include "nostr/client/relay_limits.h"
#include "nostr/client/verify_pool.h"

namespace nostr {

/// What one REQ may still bring. Both bounds come from a number of events: kMeanBytes is more than
/// ordinary ones have, so only a stream of huge ones meets the second first.
struct Allowance {
  static constexpr std::uint64_t kMeanBytes = 2'048;
  static Allowance of(std::uint64_t events) { return {events, events * kMeanBytes}; }

  std::uint64_t events = 0;
  std::uint64_t bytes = 0;  ///< of their frames

  /// Takes that much away; false when there is not so much.
  bool take(std::uint64_t count, std::uint64_t size) {
    if (events < count || bytes < size) return false;
    events -= count;
    bytes -= size;
    return true;
  }
};

/// A run of events of one REQ, as they come in.
struct EventRun {
  bool stored = false;             ///< EOSE has not come yet
  Allowance* allowance = nullptr;  ///< null: not counted
};

/// Desired subscriptions in, REQ and CLOSE frames out. Pure.
///
/// A relay that serves fewer REQs than there are subscriptions gets several of them merged into
/// one REQ: that keeps all of them live, where taking turns would lose what passes meanwhile.
/// Only what cannot be merged either (filters and bytes have limits too) takes turns.
class Requests {
 public:
  Requests(ConnectionOptions options, AuthExchange& auth, std::vector<Action>& actions);

  // The wishes.
  void want(SubKey sub, TargetPtr target, MonoTime now);
  void drop(SubKey sub, MonoTime now);

  // The connection.
  void opened(MonoTime now);
  void closed(const std::string& reason, bool was_open);
  void give_up(const std::string& reason);
  void tick(MonoTime now);
  /// When tick() has something to do; MonoTime::max() if never.
  MonoTime next_due() const;
  /// Narrows what is sent at a time.
  void set_limits(const RelayLimitation& document, MonoTime now);

  // What the relay says. True when the message was for one of these.
  bool on_eose(const from_relay::Eose& eose, MonoTime now);
  bool on_closed(const from_relay::Closed& closed, MonoTime now);
  void on_notice(const std::string& text, MonoTime now);
  /// Sends again what waited for AUTH; after the `first` success of an eager connection also what
  /// was asked before, since the relay may have hidden something.
  void auth_succeeded(bool first, MonoTime now);
  void auth_failed(const std::string& message, bool passing, MonoTime now);
  /// Events of `target` arrive: whether they are stored ones, and how many are tolerated.
  EventRun begin_run(const TargetPtr& target, MonoTime now);

  // What others read.
  /// A name no frame of this connection has borne.
  std::string fresh_wire();
  /// Events under `wire` are no offence from now on, and nobody's.
  void retire(std::string wire);
  void fill_table(SubTable& table) const;
  bool take_changed() { return std::exchange(changed_, false); }
  bool changed() const { return changed_; }
  bool before_eose(SubKey sub) const;
  bool awaits_auth() const;
  bool empty() const { return subs_.empty(); }
  std::size_t size() const { return subs_.size(); }
  /// REQs on the wire that have shown that the relay answers.
  bool any_served() const;
  /// Subscriptions that are not served now, because the relay serves too few at a time.
  std::size_t waiting() const;
  const RelayLimits& limits() const { return limits_; }

 private:
  using ReqKey = std::uint64_t;
  enum class Phase {
    kIdle,       ///< not sent on this connection
    kOpen,       ///< REQ sent
    kAwaitAuth,  ///< refused until we authenticate
    kClosed,     ///< ended by the relay
    kWaiting,    ///< for a place among the open ones
  };
  struct Sub {
    TargetPtr target;
    bool eose = false;
    ReqKey req = 0;  ///< the one that serves it, where it is one
  };
  struct Req {
    std::vector<TargetPtr> parts;  ///< one per subscription served
    TargetPtr target;              ///< the only part, or all of them
    Phase phase = Phase::kIdle;
    std::string wire;
    bool eose = false;
    bool crowded_out = false;      ///< refused for want of a place; to be merged into another
    bool alone = false;            ///< never merged: somebody in its company was refused
    std::uint32_t epoch = 0;       ///< successful AUTHs when the REQ was sent
    std::string old_wire;          ///< of the filters before, until the relay serves the new ones
    TargetPtr old_target;
    std::uint32_t refusals = 0;
    std::optional<MonoTime> retry_at;
    MonoTime asked_at;
    MonoTime heard_at;             ///< of an event, or the REQ itself
    std::string notice;            ///< came while this had no answer
    Allowance allowance;
    MonoTime refilled_at;
  };
  using ReqMap = std::map<ReqKey, Req>;

  void place(const TargetPtr& target, MonoTime now);
  void place_part(TargetPtr part, bool alone, MonoTime now);
  Req* find_host(const TargetPtr& part);
  void remove_parts(SubKey sub);
  void re_place(ReqMap::iterator it, MonoTime now);
  void separate(ReqMap::iterator it, MonoTime now);
  void merge_crowded(MonoTime now);
  void fill_free_places(MonoTime now);
  void take_turns(MonoTime now);
  TargetPtr joint_target(const Req& req) const;

  void send(std::string frame) { actions_.emplace_back(act::Send{std::move(frame)}); }
  void send_req(Req& req, MonoTime now);
  void ask_anew(Req& req, TargetPtr target, MonoTime now);
  void close_wire(std::string& wire);
  void withdraw(Req& req);
  void finish_replacement(Req& req);
  void end(Req& req, const std::string& message, bool passing, MonoTime now);
  void on_stalled(Req& req, MonoTime now);
  void tell_closed(const Req& req, const std::string& message, bool for_good);
  void retry_later(Req& req, MonoTime now);
  MonoTime eose_deadline(const Req& req) const;
  bool is_served(SubKey sub) const;
  std::size_t open_wires() const;
  std::size_t places_taken() const;
  Allowance stored_allowance(const Filters& filters) const;
  void refill(Req& req, MonoTime now) const;
  bool learn(const std::string& message, ReqMap::iterator it, MonoTime now);
  void refused(ReqMap::iterator it, const std::string& message, MonoTime now);
  ReqMap::iterator find(const std::string& wire);
  ReqMap::iterator find(const TargetPtr& target);
  ReqMap::iterator newest_unanswered();

  const ConnectionOptions options_;
  AuthExchange& auth_;
  std::vector<Action>& actions_;
  RelayLimits limits_;
  RelayLimits documented_;             ///< what of limits_ the relay published
  MonoTime learned_at_;                ///< the rest expires
  bool open_ = false;
  std::map<SubKey, Sub> subs_;
  ReqMap reqs_;
  std::vector<std::string> retired_;
  std::uint64_t next_req_ = 1;
  std::uint64_t next_wire_ = 1;
  std::optional<MonoTime> merge_at_;   ///< when crowded_out ones are merged
  MonoTime paused_until_;              ///< no new REQ before: the relay asked to slow down
  MonoTime turn_began_;
  bool changed_ = false;
};

}  // namespace nostr
