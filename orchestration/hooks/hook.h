// Hooks: named, ordered observers and gates around every tool call and model call.
//
// A hook is a value: a name, a priority and the points it cares about. Hooks do no waiting (but for those
// that are consulted): they run on the app thread between two awaits, read and write memory or SQLite, and
// return. Order at
// one point is descending priority, then order of registration.
// Before a call: mutate, consult, decide, reserve. After it: observe, then transform.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/task.h"
#include "orchestration/context_sections.h"
#include "orchestration/llm/backend.h"
#include "orchestration/permissions.h"
#include "orchestration/tools/outside.h"

namespace orchestration {

/// A tool call on its way. Mutators may change `tool` and `params`; then it is frozen.
struct ToolInvocation {
  std::string tick;
  std::string session;
  std::string agent;
  std::string call_id;
  std::string tool;
  base::json::Value params;
  base::UnixTime at;
  // Filled by the session when the call is frozen:
  Capability capability = Capability::kQuery;
  ActionClass action = ActionClass::kSearch;
  std::optional<nostr::Kind> sign_kind;
  std::string canonical;  ///< RFC 8785 form of `params`
  std::string subject;    ///< Tool::subject(): path, host or command line
};

struct ToolOutput {
  std::string content;                 ///< for the model; foreign text is already enveloped
  ToolOutcome outcome = ToolOutcome::kOk;
  std::size_t original_bytes = 0;      ///< before truncation
  std::optional<ActionResult> action;  ///< set when the tool acted on the outside
};

/// A decider's answer; `reason` is for the model and the operator.
struct Decision {
  enum class Verdict { kContinue, kAsk, kBlock };
  Verdict verdict = Verdict::kContinue;
  std::string reason;
  bool each_time = false;  ///< kAsk: no standing grant answers it
};

/// What all deciders together say: the strictest verdict and every reason given.
struct Ruling {
  Decision::Verdict verdict = Decision::Verdict::kContinue;
  std::vector<std::string> reasons;  ///< "hook: reason"
  bool each_time = false;            ///< one of those who ask takes no standing grant for an answer
  std::string text() const;          ///< the reasons joined by "; "
};

/// A hook's answer that takes time: its decision, and arguments instead of the model's.
struct Consultation {
  Decision decision;
  std::optional<base::json::Value> params;
};

/// kStalled: it ends with things of its own list undone; kEnded follows.
enum class SessionPhase { kStarted, kResumed, kStalled, kEnded };

struct SessionNotice {
  std::string session;
  std::string tick;
  std::string agent;
  SessionPhase phase = SessionPhase::kStarted;
  std::string detail;
  bool of_task = false;      ///< it works for another session
  bool by_stranger = false;  ///< words of somebody who is no operator woke it
};

/// A model call on its way; `call_key` names it for the ledger: "session:turn:attempt".
struct ModelCall {
  std::string session;
  std::string tick;
  std::string agent;
  std::string call_key;
  const Backend* backend = nullptr;
  const Request* request = nullptr;
};

/// What a model call came to.
struct Charge {
  Usage usage;           ///< zero: nothing was asked or answered
  bool unknown = false;  ///< nobody says: it counts as all that was reserved
};

/// One hook. Points left empty cost nothing.
struct Hook {
  std::string name;    ///< unique in its chain
  int priority = 0;    ///< 100+ security, 50–99 policy, 1–49 records, 0 default, below: afterwards
  bool guarded = false;  ///< may not be disabled

  std::function<void(ToolInvocation&)> mutate_tool;
  /// Asked after the mutators and before the call is frozen, one after the other; may wait. Nothing when
  /// the call is none of its business. An error blocks the call.
  std::function<std::optional<base::Task<base::Result<Consultation>>>(const ToolInvocation&)> consult_tool;
  std::function<Decision(const ToolInvocation&)> decide_tool;
  /// When the deciders ask and none insists: whether the operator has answered for calls like this one
  /// already. What it returns says by what, and the call goes on; the first to answer decides.
  std::function<std::optional<std::string>(const ToolInvocation&)> waive_tool;
  /// Only after every decider let the call pass; an error stops the call and rolls back the
  /// reservations made before it.
  std::function<base::Result<void>(const ToolInvocation&)> reserve_tool;
  std::function<void(const ToolInvocation&)> release_tool;
  std::function<void(const ToolInvocation&, const ToolOutput&)> observe_tool;  ///< sees it untransformed
  std::function<void(const ToolInvocation&, ToolOutput&)> transform_tool;

  std::function<Decision(const ModelCall&)> decide_model;
  std::function<base::Result<void>(const ModelCall&)> reserve_model;
  /// Follows every reserve_model that succeeded, with what was really used.
  std::function<base::Result<void>(const ModelCall&, const Charge&)> settle_model;
  std::function<void(const ModelCall&, const Reply&)> observe_model;

  std::function<void(const SessionNotice&)> on_session;
  /// What a session is told of its surroundings when it begins.
  std::function<std::vector<ContextSection>(const SessionNotice&)> context;
  /// What the model is told beside its instructions at each turn of `tick`, anew each time and in no
  /// transcript; "" for nothing.
  std::function<std::string(const std::string& tick)> aside;
  /// Asked when the model has stopped by itself, with all messages the session got so far: what to tell it so
  /// that it goes on, or nothing. The first to answer is heard.
  std::function<std::optional<std::string>(const std::string& session, const std::vector<std::string>& told)> before_finish;
  /// What a session that has ended leaves undone, in a few words for a person; "" for nothing.
  std::function<std::string(const std::string& session)> left_undone;
};

/// The hooks of one agent. Dispatch works on a snapshot, so a hook may add another while running.
///
/// A hook that throws fails alone: a gate (decide, reserve, settle) has then refused; any other is skipped, and
/// after kMostFaults times in a row left out, but for guarded ones, until the next start.
class HookChain {
 public:
  HookChain();
  ~HookChain();
  HookChain(HookChain&&) noexcept;
  HookChain& operator=(HookChain&&) noexcept;

  /// kConflict when the name is taken, kInvalid when it is empty.
  base::Result<void> add(Hook hook);
  /// kNotFound for an unknown name, kDenied for a guarded hook.
  base::Result<void> disable(std::string_view name);
  base::Result<void> enable(std::string_view name);
  /// Enabled hooks in order.
  std::vector<std::string> names() const;

  void mutate(ToolInvocation& call) const;
  /// Lets consulted hooks change `call` and collects what they decide.
  base::Task<Ruling> consult(ToolInvocation& call) const;
  /// Every decider is asked, whatever the others said; a standing grant may answer for the operator.
  Ruling decide(const ToolInvocation& call) const;
  base::Result<void> reserve(const ToolInvocation& call) const;
  /// Gives back what reserve() took, when the tool never started.
  void release(const ToolInvocation& call) const;
  /// Observers first, on the untouched output; then transformers.
  void after(const ToolInvocation& call, ToolOutput& output) const;

  Ruling decide(const ModelCall& call) const;
  base::Result<void> reserve(const ModelCall& call) const;
  base::Result<void> settle(const ModelCall& call, const Charge& charge) const;
  void after(const ModelCall& call, const Reply& reply) const;

  void notify(const SessionNotice& notice) const;
  std::vector<ContextSection> context(const SessionNotice& notice) const;
  std::string aside(const std::string& tick) const;
  std::optional<std::string> before_finish(const std::string& session, const std::vector<std::string>& told) const;
  std::string left_undone(const std::string& session) const;

 private:
  struct Table;
  struct Faults;
  void rebuild();
  std::vector<Hook> hooks_;
  std::vector<std::string> disabled_;
  std::shared_ptr<const Table> table_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace orchestration
