// SkillShelf: the skills this agent holds, and opening one — which takes the co-signers' consent each
// time. What comes out is in memory only.
#pragma once

#include "frostr/threshold_signer.h"
#include "node/publisher.h"
#include "node/runtime.h"
#include "node/skill_evidence.h"
#include "nipsa/delivery.h"
#include "nostr/net/http_client.h"
#include "nostr/signer/key_signer.h"
#include "orchestration/marketplace/package.h"
#include "orchestration/marketplace/skill_use.h"
#include "storage/events.h"
#include "storage/holdings.h"

namespace node {

/// A skill that is open. Wiped when it goes.
struct OpenSkill {
  orchestration::SkillPackage package;
  storage::HoldingRow holding;
  nostr::Event manifest;
  nipsa::TrustDecision trust;
  nipsa::Capabilities granted;  ///< of manifest, licence and operator

  OpenSkill() = default;
  OpenSkill(OpenSkill&&) = default;
  OpenSkill& operator=(OpenSkill&&) = default;
  ~OpenSkill();
};

/// App thread. References outlive it.
class SkillShelf final : public orchestration::SkillSource {
 public:
  struct Deps {
    Runtime& runtime;
    storage::Db& db;
    const nostr::KeySigner& node;
    frostr::ThresholdSigner& signer;
    Publisher& publisher;
    const std::vector<std::string>& relays;
    nostr::HttpClient& http;
  };
  SkillShelf(Deps deps, SkillRules rules);

  /// Follows what becomes of licences, so that an open skill ends with its own.
  void start();
  void stop() { licences_.reset(); }

  /// Opens `name` for an agent at work, and remembers it for reopen().
  base::Task<base::Result<orchestration::SkillInUse>> use(std::string name, std::string tick,
                                                          nostr::EventId claim) override;
  /// Opens again what `tick` worked with before this process; the co-signers count it as the same use.
  /// What does not open any more is put down as shut. kUnavailable: later.
  base::Task<base::Result<void>> reopen(orchestration::SkillBench& bench, std::string tick,
                                        nostr::EventId claim);

  /// Fetches licences and deliveries for this agent; how many are held after it.
  base::Task<base::Result<std::size_t>> refresh();
  /// Opens the skill called `name` (slug or address of its licence) for the tick of `claim`: licence →
  /// trust gate → shared secret with the licence's key → body → hash. `untrusted`: the operator lets
  /// one pass that nobody vouches for; what is blocked stays so.
  base::Task<base::Result<OpenSkill>> open(std::string name, nostr::EventId claim, bool untrusted);
  /// Whether a licence of this version is held that is good by what was heard of it; how much of it is used
  /// up the co-signers know.
  base::Result<bool> holds(const std::string& skill, const std::string& version);
  /// Whether all of the skill is here: fetches what its delivery refers to, where it does. kIo,
  /// kUnavailable, kTimeout: again later. E_HASH, E_SIZE: something else lies there.
  base::Task<base::Result<void>> complete(storage::HoldingRow holding);

  /// `skill load|held` through the control socket: params hold "verb".
  base::Task<base::Result<base::json::Value>> answer(base::json::Value params);

  /// A 39210 for what the operator wants done outside any tick.
  base::Task<base::Result<nostr::EventId>> claim_for_operator();
  const SkillRules& rules() const { return rules_; }

 private:
  base::Result<void> take_delivery(const nostr::Event& wrap);
  void keep(const nostr::Event& event);
  orchestration::SkillInUse in_use(const OpenSkill& skill);
  base::Result<void> still_good(const std::string& licence);
  base::Result<storage::HoldingRow> find(const std::string& name);
  base::Result<nostr::Event> licence_of(const storage::HoldingRow& holding);
  bool is_beside_a_relay(const std::string& url) const;
  base::Task<base::Result<base::Bytes>> fetch_blob(nipsa::Blob blob);
  base::Task<base::Result<base::json::Value>> load(base::json::Value params);
  base::Result<base::json::Value> held();

  Deps deps_;
  SkillRules rules_;
  storage::Holdings holdings_;
  storage::EventDb events_;
  std::unique_ptr<nostr::Subscription> licences_;
};

}  // namespace node
