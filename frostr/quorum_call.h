// Asking a quorum for one thing, and staying quick while members are slow, silent or wrong.
//
//   ready first   who is online (and has given us nonces) is asked; the rest is pinged first
//   all at once   every member of a session gets its request in the same moment
//   hedged        a member that keeps the session waiting longer than it usually takes is not waited
//                 for: a second session starts with others, and the first to be complete wins
//   named         a wrong answer ends its session and excludes who gave it, by name
//   final         a refusal or a question of the first session is the outcome; one of a hedge counts
//                 only once the first session has fallen silent. Silence leads on, and so does a
//                 refusal that the task calls a want of knowledge; it is the outcome once nobody is left
//
// With `first` set the member that was asked before is stayed with and nothing is hedged.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "frostr/bifrost_node.h"

namespace frostr {

/// The operator has to approve first; nothing was spent.
struct ApprovalRequired {
  nostr::Sha256 digest;
  ShareIndex member;                        ///< who wants to ask: name it in SignContext::member next time
  std::optional<nostr::PublicKey> service;  ///< its key, the first `p` of the 39212
};
struct Refused {
  ShareIndex member;
  std::string reason;  ///< a peer's text: escape before showing
};
struct Unavailable {
  std::string why;
};

/// One session with one quorum.
class QuorumSession {
 public:
  virtual ~QuorumSession() = default;
  /// The request, for every member alike.
  virtual const std::string& params() const = 0;
  /// True when the result is there. An error is the fault of `from` and ends the session.
  virtual Result<bool> on_answer(ShareIndex from, const base::json::Value& data) = 0;
};

/// What a quorum is asked for. Outlives the call.
class QuorumTask {
 public:
  virtual ~QuorumTask() = default;
  virtual std::string method() const = 0;
  /// Whether this member may take part, as far as it is known.
  virtual bool suits(const Peer& peer) const = 0;
  /// Whether a session costs a nonce of each member.
  virtual bool needs_nonce() const = 0;
  /// Whether a member that refuses in these words only lacks what another may have, so that the next
  /// one is asked. Any other refusal is final.
  virtual bool leads_on(std::string_view /*reason*/) const { return false; }
  virtual Result<std::unique_ptr<QuorumSession>> begin(const std::vector<ShareIndex>& peers) = 0;
};

struct QuorumOptions {
  std::chrono::milliseconds overall{30'000};
  std::chrono::milliseconds silence{2'500};      ///< then a session is given up
  std::chrono::milliseconds hedge_after{250};    ///< at least; four usual round trips if that is longer
  std::optional<ShareIndex> first;
  std::vector<ShareIndex> without;               ///< members that must not take part
  bool only_ready = false;                       ///< ping nobody, hedge nothing
};

/// A session that is complete, and with whom.
struct Delivered {
  std::unique_ptr<QuorumSession> session;
  std::vector<ShareIndex> peers;
};
using QuorumOutcome = std::variant<Delivered, ApprovalRequired, Refused, Unavailable>;

/// Never leaves a call behind. Errors are ours (a session that cannot be built); what peers do is in
/// the outcome.
base::Task<Result<QuorumOutcome>> ask_quorum(BifrostNode& node, QuorumTask& task,
                                             QuorumOptions options);

}  // namespace frostr
