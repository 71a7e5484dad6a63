// The embedded relay: NIP-01, 09, 11, 40, 42, 45, 70 over nostr/net/ws_server. For development, tests, demos.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/clock.h"
#include "nostr/base/rng.h"
#include "nostr/base/loop.h"
#include "nostr/net/net_thread.h"
#include "nostr/net/ws_server.h"
#include "nostr/server/event_store.h"
#include "nostr/server/faults.h"
#include "nostr/server/session_rules.h"

namespace nostr {

struct RelayOptions {
  WsServerOptions server;
  std::string name = "sovereign relay";
  std::string description = "embedded relay for development and tests";
  SessionRules rules;
  std::string public_url;         ///< further name AUTH events may carry, e.g. behind a proxy
  std::vector<FaultRule> faults;  ///< to begin with
  std::uint64_t fault_seed = 1;   ///< the same seed and the same frames make the same faults
};

/// A relay that runs on the app loop; sockets live on the net thread.
class Relay {
 public:
  /// Binds at once. All references outlive the relay, and `loop` outlives `net`.
  static base::Result<std::unique_ptr<Relay>> start(base::Loop& loop, NetThread& net,
                                                    EventStore& store, const base::Clock& clock,
                                                    base::Rng& rng, RelayOptions options);
  ~Relay();
  std::uint16_t port() const;
  /// "ws://address:port".
  std::string url() const;

  // For tests of clients, at run time and on the app thread.

  /// The fault rules: add and remove them at will. They meet frames from then on.
  FaultEngine& faults();
  /// How many clients are connected.
  std::size_t connections() const;
  /// Resets every connection; clients may come back at once.
  void drop_connections();
  /// Resets every connection and listens again, at the same port, after `pause`.
  void restart(milliseconds pause);
  /// Sends every client a new AUTH challenge; none is authenticated any more.
  void rotate_challenges();

  struct Impl;

 private:
  explicit Relay(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nostr
