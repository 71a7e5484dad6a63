// The co-signer as a program: share, policy, desk and service key of one machine, wired together.
#pragma once

#include <memory>
#include <string>

#include "frostr/bifrost_node.h"
#include "node/approval_book.h"
#include "node/control.h"
#include "node/home.h"
#include "node/hourly_cap.h"
#include "node/identity.h"
#include "node/policy_source.h"
#include "node/publisher.h"
#include "node/runtime.h"
#include "nostr/client/feed.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/approvals/desk.h"
#include "storage/cursors.h"
#include "storage/db.h"
#include "storage/inbox.h"

namespace node {

struct CosignerSettings {
  Home home;
  std::string group_file;
  std::string share_file;
  std::string passphrase_file;
  std::vector<std::string> relays;   ///< where kind 20000 travels; empty = the policy's
  std::string policy_file;           ///< empty = the home's policy.toml
};

/// A running co-signer of one group. App thread.
class CosignerApp {
 public:
  /// `pool` is for this co-signer alone: to relays it is one client, with its service key. Both outlive it.
  static base::Result<std::unique_ptr<CosignerApp>> create(Runtime& runtime, nostr::Pool& pool,
                                                           const CosignerSettings& settings);
  ~CosignerApp();

  /// Connects, publishes who the service key is, opens the desk and starts answering.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();

  /// The x of the share: the member's name on the wire.
  nostr::PublicKey share_key() const;
  /// The group it signs for.
  nostr::PublicKey identity() const { return bifrost_->group().identity(); }
  /// The key that asks the operator.
  nostr::PublicKey service_key() const { return service_.public_key(); }

 private:
  CosignerApp(Runtime& runtime, nostr::Pool& pool, const CosignerSettings& settings,
              std::unique_ptr<storage::Db> db, ThresholdIdentity identity, nostr::SecretKey service, PolicySource source,
              LoadedPolicy loaded);

  void announce();
  void subscribe_questions();
  bool on_questions(std::span<const nostr::Delivery> batch);
  base::Task<void> open_question(nostr::Event request);
  base::Result<void> close_question(const nostr::Event& request, const base::Result<void>& opened);
  base::Result<orchestration::Ask> read_question(const nostr::Event& request);
  base::Task<void> follow_outcomes();
  void on_outcomes(std::span<const nostr::Delivery> batch);
  base::Result<void> take_outcome(const nostr::Event& event);
  std::vector<nostr::EventId> untold_events();

  base::Task<void> keep_watch();
  base::Result<bool> reload();
  void apply(LoadedPolicy loaded);
  base::Result<void> record_policy(std::string_view verdict, std::string_view reason,
                                   const nostr::Sha256& hash);
  base::Result<void> record_start();
  base::Result<void> anchor_audit(bool due_only);

  base::Task<base::Result<base::json::Value>> control(std::string method, base::json::Value params);
  base::Result<base::json::Value> status();
  base::Result<base::json::Value> control_policy(const std::string& method,
                                                 const base::json::Value& params);
  base::Result<base::json::Value> control_lease(const std::string& method,
                                                const base::json::Value& params);
  base::Task<base::Result<base::json::Value>> control_audit(std::string method,
                                                            base::json::Value params);

  Runtime& runtime_;
  nostr::Pool& pool_;
  Home home_;
  std::unique_ptr<storage::Db> db_;
  storage::Approvals approvals_;
  storage::Inbox inbox_;
  storage::EventDb events_;
  storage::Outbox outbox_;
  storage::Cursors cursors_;
  nostr::KeySigner service_;
  DeskBook book_;
  Publisher publisher_;
  std::vector<std::string> relays_;
  PolicySource policy_source_;
  nostr::Sha256 policy_hash_;          ///< of the file in force
  base::UnixTime policy_since_;
  std::string policy_error_;           ///< of the file that could not be taken, or ""
  HourlyCap questions_taken_;
  HourlyCap refusals_told_;
  std::unique_ptr<frostr::BifrostNode> bifrost_;
  std::unique_ptr<orchestration::Desk> desk_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<nostr::Feed> questions_;
  std::unique_ptr<nostr::Subscription> outcomes_;
  base::Signal outcome_wanted_;  ///< an approval was used up
  base::Scope scope_;
};

}  // namespace node
