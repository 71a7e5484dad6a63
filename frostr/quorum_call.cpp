// One coroutine follows all sessions: look at what came, give up what is silent, start what is due,
// wait for news.
#include "frostr/quorum_call.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nostr/base/log.h"

namespace frostr {

using base::Errc;
using base::fail;
using base::Task;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr int kMaxStale = 3;  // retries with one member whose nonces turn out dead
constexpr milliseconds kLongestHedge{1'000};

bool contains(const std::vector<ShareIndex>& list, ShareIndex idx) {
  return std::ranges::find(list, idx) != list.end();
}

std::string member_text(ShareIndex idx) {
  return fmt::format("member {}", idx.value);
}

/// Why nothing is asked for: two processes with one share would otherwise act side by side.
Unavailable lease_held(ShareIndex member, base::UnixTime until) {
  return {fmt::format("lease-held: another process acts for this share at member {} until {}",
                      member.value, base::format_rfc3339(until))};
}

class QuorumCall {
 public:
  QuorumCall(BifrostNode& node, QuorumTask& task, QuorumOptions options)
      : node_(node),
        task_(task),
        options_(std::move(options)),
        needed_(node.group().threshold() - 1),
        deadline_(steady_clock::now() + options_.overall) {}

  Task<Result<QuorumOutcome>> run();

 private:
  /// One session under way.
  struct Round {
    std::unique_ptr<QuorumSession> session;
    std::vector<ShareIndex> peers;
    std::vector<BifrostNode::Pending> open;  ///< not answered yet
    steady_clock::time_point started;
    milliseconds hedge_after;
    bool is_hedge = false;

    milliseconds age() const {
      return std::chrono::duration_cast<milliseconds>(steady_clock::now() - started);
    }
  };
  using Verdict = std::optional<QuorumOutcome>;

  std::vector<ShareIndex> candidates() const;
  bool is_ready(ShareIndex idx) const;
  std::optional<std::vector<ShareIndex>> ready_quorum(const std::vector<ShareIndex>& avoid) const;
  bool may_become_ready(const std::vector<ShareIndex>& avoid);
  std::vector<ShareIndex> unanswered() const;
  void note_the_slow();
  Result<void> start(std::vector<ShareIndex> peers);

  Verdict collect();
  /// Takes the answers of one round. True when the round is over without a verdict.
  bool collect_from(Round& round, Verdict& verdict);
  bool take(Round& round, ShareIndex peer, Result<RpcReply> reply, Verdict& verdict);
  bool take_reject(Round& round, ShareIndex peer, const std::string& text, Verdict& verdict);
  /// True as well: the round is over.
  bool end_round(ShareIndex who, const std::string& why);
  /// The same for one that refused for want of knowledge: others are asked.
  bool lead_on(ShareIndex who, const std::string& why);
  void note_failure(ShareIndex who, const std::string& why);
  /// The same for one that may be asked again, a few times.
  bool end_stale(ShareIndex who, const std::string& why);
  void exclude(ShareIndex who) { excluded_.insert(who); }
  void give_up_silent();
  QuorumOutcome nobody_left() const;
  milliseconds until_due() const;

  BifrostNode& node_;
  QuorumTask& task_;
  const QuorumOptions options_;
  const std::size_t needed_;
  const steady_clock::time_point deadline_;
  std::vector<Round> rounds_;
  std::set<ShareIndex> excluded_;      ///< for the rest of this call
  std::set<ShareIndex> tried_;         ///< pinged on our behalf
  std::map<ShareIndex, int> stale_;
  Verdict held_back_;                  ///< what a hedge said against it
  std::optional<Refused> led_on_;      ///< the first refusal that led on to another member
  bool otherwise_failed_ = false;      ///< somebody failed for another reason, and may do better later
  std::string why_;
};

// --- who ---------------------------------------------------------------------------------------

std::vector<ShareIndex> QuorumCall::candidates() const {
  auto order = node_.peers().order(options_.first, node_.clock().now());
  std::erase_if(order, [&](ShareIndex idx) {
    return excluded_.contains(idx) || contains(options_.without, idx) ||
           !task_.suits(*node_.peers().find(idx));
  });
  return order;
}

bool QuorumCall::is_ready(ShareIndex idx) const {
  return node_.peers().online(idx, node_.clock().now()) &&
         (!task_.needs_nonce() || node_.nonces().available(idx) > 0);
}

/// The best members that can be asked at once; nullopt while there are too few, or while the member
/// we stay with may still come.
std::optional<std::vector<ShareIndex>> QuorumCall::ready_quorum(
    const std::vector<ShareIndex>& avoid) const {
  std::vector<ShareIndex> quorum;
  for (const ShareIndex idx : candidates()) {
    if (contains(avoid, idx)) continue;
    if (is_ready(idx)) quorum.push_back(idx);
    else if (idx == options_.first) return std::nullopt;
    if (quorum.size() == needed_) return quorum;
  }
  return std::nullopt;
}

/// Pings who is not ready, each once. False when nobody is left to wait for: who did not come is
/// excluded.
bool QuorumCall::may_become_ready(const std::vector<ShareIndex>& avoid) {
  bool waiting = false;
  for (const ShareIndex idx : candidates()) {
    if (contains(avoid, idx) || is_ready(idx)) continue;
    if (tried_.insert(idx).second) node_.want_ping(idx);
    if (node_.is_pinging(idx)) {
      waiting = true;
      continue;
    }
    const std::string& trouble = node_.peers().find(idx)->trouble;
    end_round(idx, trouble.empty() ? "cannot be reached" : trouble);
    exclude(idx);
  }
  return waiting;
}

/// Who kept a session waiting for which another had to step in is asked last from now on.
void QuorumCall::note_the_slow() {
  for (const Round& round : rounds_)
    for (const BifrostNode::Pending& call : round.open)
      if (call.age() >= round.hedge_after) node_.gave_up(call.peer());
}

std::vector<ShareIndex> QuorumCall::unanswered() const {
  std::vector<ShareIndex> out;
  for (const Round& round : rounds_)
    for (const BifrostNode::Pending& call : round.open) out.push_back(call.peer());
  return out;
}

// --- sessions ----------------------------------------------------------------------------------

Result<void> QuorumCall::start(std::vector<ShareIndex> peers) {
  Round round;
  TRY(round.session, task_.begin(peers));
  round.peers = peers;
  round.started = steady_clock::now();
  round.is_hedge = !rounds_.empty();
  milliseconds usual{0};
  for (const ShareIndex idx : peers) {
    usual = std::max(usual, node_.peers().find(idx)->round_trip);
    TRY(auto call, node_.begin_call(idx, task_.method(), round.session->params()));
    round.open.push_back(std::move(call));
  }
  round.hedge_after = std::clamp(4 * usual, options_.hedge_after,
                                 std::max(options_.hedge_after, kLongestHedge));
  rounds_.push_back(std::move(round));
  return {};
}

QuorumCall::Verdict QuorumCall::collect() {
  Verdict verdict;
  for (auto round = rounds_.begin(); round != rounds_.end() && !verdict;)
    round = collect_from(*round, verdict) ? rounds_.erase(round) : round + 1;
  // The first session is gone: now a hedge's word counts.
  const bool only_hedges = std::ranges::all_of(rounds_, &Round::is_hedge);
  if (!verdict && held_back_ && only_hedges) verdict = std::exchange(held_back_, std::nullopt);
  return verdict;
}

bool QuorumCall::collect_from(Round& round, Verdict& verdict) {
  for (std::size_t i = 0; i < round.open.size();) {
    auto ended = round.open[i].take();
    if (!ended) {
      ++i;
      continue;
    }
    const ShareIndex peer = round.open[i].peer();
    round.open.erase(round.open.begin() + static_cast<std::ptrdiff_t>(i));
    if (take(round, peer, *std::move(ended), verdict)) return true;
    if (verdict) return false;
  }
  return false;
}

bool QuorumCall::take(Round& round, ShareIndex peer, Result<RpcReply> reply, Verdict& verdict) {
  if (!reply) {
    if (reply.error().code == Errc::kConflict) return end_stale(peer, reply.error().detail);
    exclude(peer);
    return end_round(peer, reply.error().detail);
  }
  if (const auto* reject = std::get_if<RpcReject>(&*reply))
    return take_reject(round, peer, reject->reason, verdict);
  const auto done = round.session->on_answer(peer, std::get<RpcAccept>(*reply).data);
  if (!done) {
    node_.cosigner().report(peer, "quorum", "culprit", task_.method() + ": " + done.error().detail,
                            node_.clock().now());
    exclude(peer);
    return end_round(peer, done.error().detail);
  }
  if (*done) verdict = Delivered{std::move(round.session), round.peers};
  return false;
}

bool QuorumCall::take_reject(Round& round, ShareIndex peer, const std::string& text,
                             Verdict& verdict) {
  const Reject read = read_reject(text);
  Verdict word;
  switch (read.kind) {
    case Reject::Kind::kRetry:
      // Its nonces are not what we think; those that a ping brings now are.
      node_.nonces().drop_received(peer);
      return end_stale(peer, read.reason);
    case Reject::Kind::kLeaseHeld:
      // Also for a hedge: nobody else must be asked instead.
      node_.peers().on_lease_held(peer, read.until);
      verdict = lease_held(peer, read.until);
      return false;
    case Reject::Kind::kRefused:
      if (task_.leads_on(read.reason)) return lead_on(peer, read.reason);
      word = Refused{peer, read.reason};
      break;
    case Reject::Kind::kApprovalRequired:
      word = ApprovalRequired{read.digest, peer, node_.peers().find(peer)->notes.service};
      break;
  }
  if (!round.is_hedge) {
    verdict = std::move(word);
    return false;
  }
  if (!held_back_) held_back_ = std::move(word);
  exclude(peer);
  return end_round(peer, read.reason);
}

bool QuorumCall::lead_on(ShareIndex who, const std::string& why) {
  if (!led_on_) led_on_ = Refused{who, why};
  exclude(who);
  note_failure(who, why);
  return true;
}

bool QuorumCall::end_stale(ShareIndex who, const std::string& why) {
  tried_.erase(who);
  if (++stale_[who] >= kMaxStale) exclude(who);
  return end_round(who, why);
}

bool QuorumCall::end_round(ShareIndex who, const std::string& why) {
  otherwise_failed_ = true;
  note_failure(who, why);
  return true;
}

void QuorumCall::note_failure(ShareIndex who, const std::string& why) {
  LOG(kInfo, "frost", "attempt failed",
      {{"member", fmt::to_string(who.value)}, {"why", why}});
  // Bounded, because it is shown to a person: the first reasons say most.
  if (why_.size() < 1'000) why_ += (why_.empty() ? "" : "; ") + member_text(who) + ": " + why;
}

void QuorumCall::give_up_silent() {
  std::erase_if(rounds_, [&](const Round& round) {
    if (round.age() < options_.silence) return false;
    for (const BifrostNode::Pending& call : round.open) {
      node_.gave_up(call.peer());
      exclude(call.peer());
      end_round(call.peer(), fmt::format("did not answer {} within {} ms", task_.method(),
                                         options_.silence.count()));
    }
    return true;
  });
}

// --- the loop ----------------------------------------------------------------------------------

QuorumOutcome QuorumCall::nobody_left() const {
  // All that could be asked know too little: that is a no, and not a matter of time.
  if (led_on_ && !otherwise_failed_) return *led_on_;
  return Unavailable{why_.empty() ? std::string("too few co-signers are known that may be asked") : why_};
}

milliseconds QuorumCall::until_due() const {
  auto due = std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
  for (const Round& round : rounds_) {
    due = std::min(due, options_.silence - round.age());
    if (round.age() < round.hedge_after) due = std::min(due, round.hedge_after - round.age());
  }
  return std::max(due, milliseconds(1));
}

Task<Result<QuorumOutcome>> QuorumCall::run() {
  for (;;) {
    if (auto verdict = collect()) {
      if (std::holds_alternative<Delivered>(*verdict)) note_the_slow();
      co_return *std::move(verdict);
    }
    give_up_silent();
    if (steady_clock::now() >= deadline_) co_return nobody_left();
    if (rounds_.empty() && held_back_) continue;
    const bool is_first = rounds_.empty();
    const bool hedges = !options_.first && !options_.only_ready && !is_first &&
                        rounds_.back().age() >= rounds_.back().hedge_after;
    if (is_first || hedges) {
      const auto avoid = unanswered();
      if (auto quorum = ready_quorum(avoid)) {
        CO_TRY(start(*std::move(quorum)));
      } else if (options_.only_ready ? is_first : !may_become_ready(avoid) && is_first) {
        // Those that did not come may have been in the way of others that can.
        auto rest = ready_quorum(avoid);
        if (!rest) co_return nobody_left();
        CO_TRY(start(*std::move(rest)));
      }
    }
    co_await node_.wait_for_news(until_due());
  }
}

}  // namespace

Task<Result<QuorumOutcome>> ask_quorum(BifrostNode& node, QuorumTask& task, QuorumOptions options) {
  if (node.group().threshold() < 2)
    co_return fail(Errc::kUnsupported, "groups of threshold 1 are not served");
  if (const auto other = node.lease_elsewhere()) co_return lease_held(other->first, other->second);
  QuorumCall call(node, task, std::move(options));
  co_return co_await call.run();
}

}  // namespace frostr
