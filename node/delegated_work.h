// DelegatedWork: what a tick that a delegation (39260) caused may do. Source: nip-sa 3.11, 4.6.
//
// The delegation narrows the whole tick to the capabilities it names and ends it when it ends; it
// widens nothing: permissions, questions and budgets are what they always are. Money of its own an
// agent never spends on a delegation: the sum it names is what whoever gave it settles.
#pragma once

#include "node/delegations.h"
#include "orchestration/marketplace/skill_use.h"
#include "storage/events.h"

namespace node {

/// App thread. References outlive it.
class DelegatedWork {
 public:
  struct Deps {
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    orchestration::SkillBench& bench;
  };
  DelegatedWork(Deps deps, std::vector<std::string> relays, nostr::PublicKey agent);

  /// Narrows `tick` to `event`, once. Why nothing is done under it ("delegation-revoked", …), or
  /// "". kUnavailable: later.
  base::Task<base::Result<std::string>> begin(std::string tick, nostr::Event event);

 private:
  orchestration::SkillInUse narrowing(const nipsa::GivenDelegation& given);

  Deps deps_;
  std::vector<std::string> relays_;
  nostr::PublicKey agent_;
  storage::EventDb events_;
};

/// What `delegation` lets a tick use, of what agents of this program have at all: never money.
nipsa::Capabilities delegated_capabilities(const nipsa::Delegation& delegation);

}  // namespace node
