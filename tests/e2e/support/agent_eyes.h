// AgentEyes: what only the agent can open, seen by a test that holds its whole key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nipsa/state_parts.h"
#include "tests/e2e/support/world.h"

namespace e2e {

/// Puts the key together from two shares, as no program may.
class AgentEyes {
 public:
  explicit AgentEyes(World& world);

  /// The state that stands on the stranger's relays, with its parts.
  base::Result<nipsa::State> state();
  std::vector<nostr::Event> parts();
  /// Publishes a head as if an earlier life of the agent had; over another it is a second newer.
  nostr::Event publish(const std::string& plaintext, std::optional<nostr::Event> over = {});

  /// Publishes what `draft` says under the agent's key.
  nostr::Event sign_and_publish(nostr::Draft draft);

 private:
  World& world_;
  nostr::SecretKey key_;
};

}  // namespace e2e
