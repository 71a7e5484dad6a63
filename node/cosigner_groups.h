// One process, one co-signer for each group its home serves: a marketplace that takes part in the
// keys of many agents.
//
// The first group's files lie in the home itself, so a home with one group is what it always was;
// those of every other group lie in `groups/NAME/` and are a whole home: share, policy, service
// key, control socket, and a database of their own. Nonces, leases, questions, policies and the
// audit chain are kept apart by that, not by a condition somebody could forget. To relays each
// group is a client of its own. What they share is a loop, threads and the program.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/cosigner_app.h"

namespace node {

/// A group that a home serves.
struct ServedGroup {
  Home home;
  nostr::PublicKey identity;
};

/// The home's own group, if it has one, then those beside it by name. kConflict when one stands
/// twice: two shares in one process would be no threshold. kIo, kInvalid for files that cannot be
/// read.
base::Result<std::vector<ServedGroup>> groups_of(const Home& home);
/// Whether there are several, without reading them.
bool serves_several(const Home& home);
/// The home of the group called `name`: an identity in any form, or the first 8 or more digits of
/// it. kNotFound, or kConflict when that means several.
base::Result<Home> home_of_group(const Home& home, const std::string& name);
/// The home in which `identity` is to be set up beside the groups that are there.
Home home_beside(const Home& home, const nostr::PublicKey& identity);

/// The co-signers of one process. Lives in main's frame; App thread.
class CosignerGroups {
 public:
  /// Opens every group of the home; where `first` names files of a group, that one alone. An error
  /// names its group, and then none is served.
  static base::Result<std::unique_ptr<CosignerGroups>> create(Runtime& runtime,
                                                              const CosignerSettings& first);

  /// Starts all of them at once.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();
  /// In the order of groups_of().
  std::vector<const CosignerApp*> all() const;

 private:
  struct Member {
    std::unique_ptr<nostr::Pool> pool;  ///< null: the runtime's
    std::unique_ptr<CosignerApp> app;
    std::optional<base::Result<void>> started;
  };
  explicit CosignerGroups(Runtime& runtime)
      : runtime_(runtime), changed_(runtime.loop), scope_(runtime.loop) {}
  base::Result<void> open(const CosignerSettings& settings);
  base::Task<void> start_one(std::size_t index);

  Runtime& runtime_;
  std::vector<Member> members_;
  base::Signal changed_;
  base::Scope scope_;
};

}  // namespace node
