// The bunker as a program: a key or a share, relays, a home for its clients, and the control socket.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "node/bunker.h"
#include "node/control.h"
#include "node/group_side.h"
#include "node/home.h"
#include "node/runtime.h"

namespace node {

struct BunkerSettings {
  Home home;
  std::optional<nostr::SecretKey> key;  ///< whose signer it is; none: the group of this node home
  BunkerOptions bunker;                 ///< without relays: those of the node home
};

/// The key clients of a home's bunker talk to, made at the first use.
base::Result<nostr::SecretKey> load_bunker_key(const Home& home, base::Rng& rng);

/// A running bunker. Lives in main's frame. App thread.
class BunkerApp {
 public:
  static base::Result<std::unique_ptr<BunkerApp>> create(Runtime& runtime, BunkerSettings settings);

  base::Task<base::Result<void>> start();
  base::Task<void> stop();

  Bunker& bunker() { return *bunker_; }
  nostr::PublicKey identity() const { return identity_->public_key(); }
  nostr::PublicKey signer_key() const { return voice_.public_key(); }

 private:
  BunkerApp(Runtime& runtime, Home home, std::unique_ptr<storage::Db> db, nostr::SecretKey voice);
  base::Task<base::Result<base::json::Value>> control(std::string method, base::json::Value params);
  base::Result<base::json::Value> status();

  Runtime& runtime_;
  const Home home_;
  std::unique_ptr<storage::Db> db_;
  storage::BunkerRows rows_;
  nostr::KeySigner voice_;
  std::unique_ptr<nostr::KeySigner> local_;
  std::unique_ptr<GroupSide> group_;
  nostr::Signer* identity_ = nullptr;
  std::vector<std::string> relays_;
  std::unique_ptr<Bunker> bunker_;
  std::unique_ptr<ControlServer> control_;
};

/// What a bunker answers on the control socket of its home: bunker-uri, bunker-list, bunker-rule,
/// bunker-revoke.
base::Result<base::json::Value> control_bunker(Bunker& bunker, storage::BunkerRows& rows,
                                               const std::string& method,
                                               const base::json::Value& params, base::UnixTime now);

}  // namespace node
