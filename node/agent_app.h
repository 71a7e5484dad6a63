// The agent node as a program: identity, relays, desk, voice, ticks and the control socket, wired.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "frostr/bifrost_node.h"
#include "frostr/threshold_signer.h"
#include "node/agent_source.h"
#include "node/config.h"
#include "node/control.h"
#include "node/dashboard/server.h"
#include "node/errand_watch.h"
#include "node/hourly_cap.h"
#include "node/identity.h"
#include "node/job_shop.h"
#include "node/key_proofs.h"
#include "node/minds.h"
#include "node/orders.h"
#include "node/public_goals.h"
#include "node/record_view.h"
#include "node/runtime.h"
#include "node/skill_buyer.h"
#include "node/skill_shelf.h"
#include "node/tick_runner.h"
#include "node/treasury.h"
#include "nostr/client/directory.h"
#include "nostr/client/feed.h"
#include "nostr/net/http_client.h"
#include "storage/actions.h"
#include "storage/cursors.h"
#include "storage/inbox.h"
#include "storage/kv.h"
#include "storage/relay_health.h"

namespace node {

/// A running node. Lives in main's frame. App thread.
class AgentApp {
 public:
  static base::Result<std::unique_ptr<AgentApp>> create(Runtime& runtime, const Home& home, Config config);
  ~AgentApp();

  /// Connects, announces what is not published yet, resumes what an earlier process left, listens.
  /// `tick_ended` is called after each tick.
  base::Task<base::Result<void>> start(std::function<void(const TickOutcome&)> tick_ended);
  /// For one errand: no mention, message or heartbeat wakes the agent. `watcher` sees what it does.
  base::Task<base::Result<std::string>> start_errand(std::string text, orchestration::Hook watcher,
                                                     std::function<void(const TickOutcome&)> tick_ended);
  base::Task<void> stop();

  nostr::PublicKey identity() const { return signer_->public_key(); }
  nostr::PublicKey node_key() const { return node_.public_key(); }

 private:
  static constexpr std::size_t kMaxOpenTicks = 100;  ///< strangers and errands wait at the door beyond

  enum class WokenBy { kAnybody, kErrand };
  AgentApp(Runtime& runtime, const Home& home, Config config, std::unique_ptr<storage::Db> db,
           nostr::SecretKey key, VoiceOptions options);
  base::Result<void> build(ThresholdIdentity identity);

  base::Task<base::Result<void>> connect(WokenBy whom);
  void announce_node();
  base::Task<void> announce_agent();
  base::Task<void> meet_cosigners();
  base::Task<base::Result<void>> announce_missing();
  std::vector<nostr::Draft> agent_announcements() const;

  base::Task<void> recall_answers();
  /// Whether the configuration lets this kind of trigger wake the agent.
  bool wants(std::string_view trigger) const;
  void listen();
  bool on_triggers(std::span<const nostr::Delivery> batch);
  base::Result<std::vector<storage::InboxRow>> ingest(std::span<const nostr::Delivery> batch);
  void handle(const storage::InboxRow& row);
  bool is_by_operator(const nostr::Event& event) const;
  bool is_delegation(const nostr::Event& event) const;
  base::Task<base::Result<base::json::Value>> control_delegation(std::string method,
                                                                 base::json::Value params);
  base::Result<void> plan_tick(const storage::InboxRow& row);
  base::Result<bool> is_for_the_desk(const nostr::Event& wrap);
  base::Task<void> beat();
  base::Task<void> watch_relays();
  base::Task<void> watch_agents();
  base::Result<void> reload_agents();
  base::Task<void> keep_house();
  void tell_operators(const std::string& text);

  base::Task<base::Result<base::json::Value>> control(std::string method, base::json::Value params);
  base::Task<base::Result<base::json::Value>> control_frost_sign(base::json::Value params);
  base::Task<base::Result<base::json::Value>> control_frost_ecdh(base::json::Value params);
  base::Result<base::json::Value> status();
  base::Result<std::string> metrics();
  OrderPlace order_place();
  base::Result<base::json::Value> tasks_view();
  base::Task<base::Result<base::json::Value>> control_task(std::string method, base::json::Value params);
  base::Result<base::json::Value> new_errand(const base::json::Value& params);
  base::Task<base::Result<base::json::Value>> errand_steps(base::json::Value params);
  StepReader step_reader() const;
  base::Result<void> start_dashboard();
  base::Result<base::json::Value> dashboard_now();
  base::json::Value cosigner_view() const;

  Runtime& runtime_;
  Home home_;
  Config config_;
  AgentSource agent_source_;
  std::string agents_error_;  ///< why what is written is not in force; empty when it is
  std::unique_ptr<storage::Db> db_;
  storage::Inbox inbox_;
  storage::EventDb events_;
  storage::Cursors cursors_;
  storage::RelayHealthRows health_;
  storage::Approvals approvals_;
  storage::Ticks ticks_;
  std::set<nostr::EventId> answered_;  ///< by a home before this one
  storage::Budgets budgets_;
  storage::Outbox outbox_;
  nostr::KeySigner node_;
  VoiceOptions options_;
  std::vector<nostr::PublicKey> delegators_;  ///< whose delegations are taken as work
  nostr::HttpClient http_;
  Publisher publisher_;
  nostr::RelayDirectory directory_;
  Treasury treasury_;
  std::unique_ptr<frostr::BifrostNode> bifrost_;
  std::unique_ptr<frostr::ThresholdSigner> signer_;
  std::unique_ptr<GroupVoice> voice_;
  std::unique_ptr<orchestration::Desk> desk_;
  std::unique_ptr<NodeOutside> outside_;
  std::unique_ptr<SkillShelf> shelf_;
  std::unique_ptr<SkillBuyer> buyer_;
  std::unique_ptr<PublicGoals> goals_;
  std::unique_ptr<Prover> prover_;
  std::unique_ptr<orchestration::JobCustomer> jobs_;
  Minds minds_;
  ErrandWatch errand_watch_;
  std::unique_ptr<TickRunner> runner_;
  std::unique_ptr<JobShop> job_shop_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<nostr::Feed> triggers_;
  RelayTimeline timeline_;
  std::unique_ptr<Dashboard> dashboard_;
  HourlyCap strangers_;       ///< their events that are looked at
  HourlyCap stranger_ticks_;  ///< the ticks they cause
  base::UnixTime queue_full_told_;  ///< when it was last said that the queue is full
  base::Scope scope_;
};

}  // namespace node
