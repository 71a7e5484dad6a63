// Outside: everything a session can reach beyond itself, as three questions that `node` answers.
//
// A session never holds a key, a socket or a relay. It hands over a draft and a reason; whoever
// implements this signs (or has the co-signers sign), asks the operator where policy says so,
// publishes through the outbox and answers with what became of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/base/money.h"
#include "nostr/base/task.h"
#include "nostr/event/event.h"
#include "nostr/event/filter.h"

namespace orchestration {

/// What kind of outward act a draft is: policies and reports speak in these words.
enum class ActionClass {
  kReply,
  kPost,
  kReact,
  kDm,
  kAskOperator,
  kReadFile,
  kSearch,
  kEditFile,    ///< below the workspace
  kRunCommand,  ///< in the sandbox
  kFetch,       ///< a page of the web
  kCallServer,  ///< a tool of an MCP server
  kKeepTodo,    ///< the session's own list
  kPay,         ///< money leaves the wallet
  kPurchase,    ///< a licence is bought
  kDelegate,    ///< another agent is given a task
};

/// "reply", "post", "react", "dm", "ask_operator", "read_file", "search", "edit_file", "run_command",
/// "fetch", "call_server", "keep_todo", "pay", "purchase", "delegate".
std::string_view action_class_name(ActionClass action);
base::Result<ActionClass> parse_action_class(std::string_view name);
/// Whether the act is signed by the group key, so that the co-signer, not the node, gates it.
bool is_group_signed(ActionClass action);
/// Whether Outside::act() asks the operator itself, in words of its own: then the session does not.
bool asks_itself(ActionClass action);
/// Whether the act has an effect outside the session: publishing, messages, payments, files, commands.
/// Asking the operator has none, and neither have looking and fetching.
bool is_external(ActionClass action);
/// Whether it changes this machine or a server and cannot be asked again how it ended: after a crash
/// it is never repeated.
bool is_local_effect(ActionClass action);

/// Identity of an act for ever: a second request under the same pair is the same act.
struct ActionKey {
  std::string tick;     ///< the slot of the tick that runs the session
  std::string call_id;  ///< unique within the session

  friend auto operator<=>(const ActionKey&, const ActionKey&) = default;
};

/// Money to be sent, once, to a lightning invoice, a lightning address or an lnurl.
struct PayOrder {
  std::string agent;        ///< on whose budget
  std::string destination;
  base::Msat amount;        ///< what an invoice must ask for exactly
  std::string comment;      ///< for the payee, "" for none
};

/// A licence to be bought, once: this version, of this seller, by this offer. The operator's word is for all
/// of it, and nothing else is bought by it.
struct PurchaseOrder {
  std::string agent;        ///< on whose budget
  std::string skill;        ///< address of the 33400
  std::string version;
  nostr::EventId manifest;
  nostr::PublicKey seller;
  nostr::EventId listing;   ///< the 30402 as it was signed: price and terms
  base::Msat price;
  bool again = false;       ///< though one is held
};

/// One outward act. The draft has no created_at: the implementer stamps and commits it (design 9.3).
struct ActionRequest {
  ActionKey key;
  ActionClass action = ActionClass::kReply;
  nostr::Draft draft;       ///< kDm: kind 14 with its `p`; kAskOperator: content = the question
  std::string reason;       ///< one line for a person: why the agent wants this
  std::optional<PayOrder> payment;  ///< kPay, which has no draft
  std::optional<PurchaseOrder> purchase = {};  ///< kPurchase, which has none either
  bool ask = false;         ///< the node's own rules demand the operator even if the co-signer's do not
};

/// A local action that needs the operator's yes before the session carries it out itself.
struct LocalAction {
  ActionKey key;             ///< of the question: its own, since act() may follow under the call's
  ActionClass action = ActionClass::kReadFile;
  base::json::Value params;  ///< exactly what would be done; part of the digest (design 9.3)
  base::Msat cost;
  std::string reason;
  /// The 39210 it belongs to, where the key's tick is none of the node's ticks.
  std::optional<nostr::EventId> claim = {};
};

/// What became of an act. Final: asked again, the implementer answers the same.
enum class ActionStatus {
  kPaid,           ///< kPay only: the money left, and the payee has it
  kUnknown,        ///< kPay only: it may have left; it is looked up and never sent again
  kBought,         ///< kPurchase only: the licence is here
  kPending,        ///< kPurchase only: it is under way and goes on by itself
  kPublished,      ///< signed and accepted by the quorum of relays (a DM: handed to its relays)
  kApproved,       ///< approve() only: the operator said yes
  kAnswered,       ///< kAskOperator only: `text` is the operator's answer
  kDenied,         ///< the operator said no
  kExpired,        ///< nobody answered in time
  kWithdrawn,      ///< taken back before it was decided
  kUndeliverable,  ///< the question reached no operator
  kRefused,        ///< a policy said no; `text` names it
  kFailed,         ///< something broke; `text` says what
};

/// "published", "approved", … as used in transcripts and reports.
std::string_view action_status_name(ActionStatus status);
base::Result<ActionStatus> parse_action_status(std::string_view name);

struct ActionResult {
  ActionStatus status = ActionStatus::kFailed;
  std::optional<nostr::EventId> event_id;  ///< of the published event (kDm: of the rumor)
  std::string text;                        ///< answer, reason or error; may hold a stranger's words
  std::optional<nostr::EventId> decision;  ///< the 39213 that admitted it, when there was one
};

/// Implemented by `node`. App thread. Every call survives a restart: the session repeats an
/// unfinished one with the same key, and the implementer carries on or answers what happened.
class Outside {
 public:
  virtual ~Outside() = default;
  /// Verified events on the agent's relays, newest first, at most `filter.limit`.
  virtual base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter filter) = 0;
  /// Does `request` once, however often it is asked; may wait many minutes for the operator. An
  /// error (not a result) means "not decided yet, nothing lost": the session stops and resumes later.
  virtual base::Task<base::Result<ActionResult>> act(ActionRequest request) = 0;
  /// Asks the operator about a local action: kApproved, kDenied, kExpired, kWithdrawn or
  /// kUndeliverable. Errors as for act().
  virtual base::Task<base::Result<ActionResult>> approve(LocalAction action) = 0;
};

}  // namespace orchestration
