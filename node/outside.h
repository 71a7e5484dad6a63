// NodeOutside: what a session's acts come down to — the group's voice, the node's own messages, and
// questions to the operator about what stays on this machine.
#pragma once

#include <functional>

#include "node/group_voice.h"
#include "node/treasury.h"
#include "orchestration/approvals/desk.h"
#include "orchestration/tools/outside.h"
#include "storage/approvals.h"
#include "storage/ticks.h"

namespace node {

/// App thread. References outlive it.
class NodeOutside final : public orchestration::Outside {
 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
    const nostr::KeySigner& node;
    GroupVoice& voice;
    orchestration::Desk& desk;
    Publisher& publisher;
    nostr::RelayDirectory& directory;
    Treasury& treasury;
  };
  NodeOutside(Deps deps, nostr::PublicKey agent, VoiceOptions options);

  base::Task<base::Result<std::vector<nostr::Event>>> search(nostr::Filter filter) override;
  base::Task<base::Result<orchestration::ActionResult>> act(orchestration::ActionRequest request) override;
  base::Task<base::Result<orchestration::ActionResult>> approve(orchestration::LocalAction action) override;

  /// Takes back what is still being asked for calls of `tick` whose names begin with `calls`: nobody waits for
  /// the answers any more. Each question is closed, and its request deleted (kind 5) for whoever else holds it.
  base::Result<void> stop_asking(const std::string& tick, std::string_view calls);
  /// The same for all that a tick asks for, and what it has only drafted goes nowhere. What is signed, or may
  /// have been paid, takes its course. Call when its sessions have stopped.
  base::Result<void> call_off(const std::string& tick);

  /// Who fulfils orders of licences: it needs this object itself, so it comes later.
  using Buyer = std::function<base::Task<base::Result<orchestration::ActionResult>>(orchestration::ActionRequest)>;
  void buy_through(Buyer buyer) { buyer_ = std::move(buyer); }
  /// Whether a wallet is connected.
  bool can_pay() { return deps_.treasury.cashier().has_value(); }
  /// The desk settled a question: whoever waits for it looks again.
  void question_changed() { changed_.notify(); }

 private:
  base::Task<base::Result<orchestration::ActionResult>> send_dm(orchestration::ActionRequest request);
  base::Task<base::Result<orchestration::ActionResult>> pay(orchestration::ActionRequest request);
  base::Result<base::json::Value> payment_terms(const orchestration::ActionRequest& request,
                                                const orchestration::Spender& who);
  base::Task<base::Result<orchestration::ActionResult>> ask(orchestration::LocalAction action);
  base::Result<orchestration::Ask> build_ask(const orchestration::LocalAction& action, const storage::ActionRow& row);
  base::Task<base::Result<storage::ActionRow>> await_answer(storage::ActionRow row);
  base::Result<std::optional<nostr::EventId>> claim_of(const std::string& slot);
  base::Result<std::optional<nostr::EventId>> claim_of(const orchestration::LocalAction& action);

  Deps deps_;
  nostr::PublicKey agent_;
  VoiceOptions options_;
  storage::Actions actions_;
  storage::Approvals approvals_;
  storage::EventDb events_;
  storage::Ticks ticks_;
  Buyer buyer_;
  base::Signal changed_;
};

}  // namespace node
