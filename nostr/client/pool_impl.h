// What the pool's own files share: its state, and small helpers of everything that waits for relays.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nostr/client/pool.h"
#include "nostr/client/relay_link.h"

namespace nostr {

using Steady = std::chrono::steady_clock;

/// Until `deadline`; never below zero.
inline std::chrono::milliseconds remaining(Steady::time_point deadline) {
  using std::chrono::milliseconds;
  return std::max(std::chrono::ceil<milliseconds>(deadline - Steady::now()), milliseconds{0});
}

/// In the order they were named first.
std::vector<std::string> unique_urls(const std::vector<std::string>& urls);
std::vector<std::string> normal_urls(const std::vector<std::string>& urls);

/// Runs `fn` however the coroutine that owns it ends.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> fn) : fn_(std::move(fn)) {}
  ~AtEnd() { fn_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  std::function<void()> fn_;
};

struct Pool::Impl final : LinkOwner, std::enable_shared_from_this<Pool::Impl> {
  /// A subscription or one fetch: what the handlers below deliver to.
  struct Sub {
    std::vector<std::string> urls;  ///< in normal form
    TargetPtr target;
    SubscriptionCallbacks callbacks;
    /// Set for a fetch: a relay will bring nothing more, because `failure` or (empty) after EOSE.
    std::function<void(const std::string& url, const std::string& failure, EoseHint hint)> on_done;
  };
  using SubPtr = std::shared_ptr<Sub>;

  Impl(base::Loop& l, NetThread& n, base::Workers& w, const base::Clock& c, base::Rng& r,
       PoolOptions o)
      : loop(l),
        net(n),
        workers(w),
        clock(c),
        rng(r),
        options(std::move(o)),
        verifier(std::make_shared<VerifyPool>(options.seen_capacity, options.limits)),
        documents(loop, clock),
        scope(loop) {}

  RelayLink& link(const std::string& url);
  SubKey add_sub(SubPtr sub);
  void remove_sub(SubKey key);
  void update_sub(SubKey key, Filters filters);
  /// Later, from the loop: callers hear nothing before they have their handle.
  void report_closed(SubKey key, std::string url, std::string message);
  TargetPtr make_target(SubKey key, Filters filters, std::shared_ptr<DeliveredIds> delivered) const;

  void on_arrivals(RelayLink& link, std::span<const Arrival> arrivals) override;
  void on_action(RelayLink& link, Action action) override;
  const AuthIdentity* identity_for(const std::string& url) override;
  void on_state(const RelayStatus& status) override {
    if (!stopped && status_callback) status_callback(status);
  }
  bool may_be_private(const std::string& url) const override {
    return !private_relays || private_relays->contains(url);
  }

  base::Loop& loop;
  NetThread& net;
  base::Workers& workers;
  const base::Clock& clock;
  base::Rng& rng;
  const PoolOptions options;
  std::optional<std::set<std::string>> private_relays;  ///< unset: any relay may be private
  const std::shared_ptr<VerifyPool> verifier;
  RelayDocuments documents;
  base::Scope scope;
  std::map<std::string, std::shared_ptr<RelayLink>> links;
  std::unordered_map<SubKey, SubPtr> subs;
  std::unordered_map<Ticket, std::function<void(PublishOutcome)>> publications;
  std::unordered_map<Ticket, std::function<void(base::Result<CountAnswer>)>> counts;
  std::unordered_map<Ticket, std::function<void(base::Result<std::string>)>> negotiations;
  std::map<std::string, AuthIdentity> identities;
  std::function<void(const RelayStatus&)> status_callback;
  std::uint64_t next_number = 1;
  bool stopped = false;
};

}  // namespace nostr
