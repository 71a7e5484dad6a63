// StateSaver: what a tick makes of the state, said to the world once — the parts first, then the
// head that names them.
#pragma once

#include <functional>
#include <string>

#include "node/group_voice.h"
#include "node/state_keeper.h"
#include "storage/actions.h"

namespace node {

/// App thread. References outlive it.
class StateSaver {
 public:
  struct Deps {
    StateKeeper& keeper;
    GroupVoice& voice;
    storage::Db& db;
    const base::Clock& clock;
  };
  explicit StateSaver(Deps deps);

  /// What the tick adds; applied to the newest state, and once more to another one that came in
  /// between.
  using Change = std::function<base::Result<void>(nipsa::State&)>;
  /// Opens the state for the tick `slot` under `claim`, changes and publishes it, or carries on
  /// where an earlier process stopped. Why it will never be saved, or "". kUnavailable: call again.
  base::Task<base::Result<std::string>> save(std::string slot, nostr::EventId claim, Change change);

 private:
  base::Task<base::Result<std::string>> attempt(std::string slot, nostr::EventId claim,
                                                Change change, std::string name,
                                                StateKeeper::Overflow overflow);
  base::Task<base::Result<StateKeeper::Sealed>> next(nostr::EventId claim, Change change,
                                                     StateKeeper::Overflow overflow);
  base::Result<void> propose(const std::string& slot, nostr::EventId claim, const std::string& name,
                             StateKeeper::Sealed& sealed);
  base::Task<base::Result<std::string>> say(std::string slot, nostr::EventId claim,
                                            std::string call_id);
  base::Result<void> give_up(const std::string& slot, const std::string& name,
                             const std::string& why);

  Deps deps_;
  storage::Actions actions_;
  StateBook book_;
};

}  // namespace node
