// World: everybody of the main job on one machine — relays, two co-signers, a node, an operator and
// a stranger, each program a process of its own with a home of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nostr/base/json.h"
#include "storage/db.h"
#include "tests/e2e/support/person.h"
#include "tests/e2e/support/program.h"

namespace e2e {

using Environment = std::map<std::string, std::string>;

class World;

struct WorldOptions {
  int relays = 1;                          ///< on loopback, each with a database file
  std::string faults;                      ///< TOML by which the relays misbehave; empty is not at all
  std::chrono::seconds approval_ttl{900};  ///< how long a question stays open; at least 10
  std::string playbook;                    ///< TOML; empty is the built-in one
  std::string config;                      ///< sections appended to config.toml
  std::vector<std::string> beside;         ///< relays of another world, instead of relays of its own
  World* market = nullptr;                 ///< its first co-signer's process serves this group as well; outlives it
};

/// Builds the homes; nothing but the relays runs before start(). When the test has failed, the end of
/// a world prints what every program logged.
class World {
 public:
  static constexpr int kFirstCosigner = 2;  ///< its share's index; the node holds share 1
  static constexpr int kSecondCosigner = 3;

  explicit World(WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- who is who
  nostr::PublicKey identity() const { return identity_; }
  nostr::PublicKey node_key() const { return node_key_; }
  nostr::PublicKey service(int cosigner) const { return services_.at(cosigner); }
  nostr::PublicKey share(int cosigner) const { return shares_.at(cosigner); }  ///< its name on the wire
  /// The operator's inbox is published; both co-signers obey them.
  Person& owner() { return *owner_; }
  Person& stranger() { return *stranger_; }

  // ---- files
  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path node_home() const { return root_ / "agent"; }
  std::filesystem::path cosigner_home(int cosigner) const;  ///< of this group, whoever's process serves it
  std::filesystem::path deal() const { return root_ / "deal"; }  ///< group.txt, share-1.txt …
  std::vector<std::string> relay_urls() const;

  // ---- programs; start waits for the line that says it is ready
  void start();  ///< both co-signers, then the node
  /// Nothing, where another world's process serves the group.
  void start_cosigner(int cosigner, Environment environment = {});
  void start_node(Environment environment = {});
  void start_relay(int index = 0);  ///< again, at the same address with the same database
  Program& node() { return *node_; }
  Program& cosigner(int cosigner) { return is_guest(cosigner) ? market_->cosigner(cosigner) : *cosigners_.at(cosigner); }
  Program& relay(int index = 0) { return *relays_.at(static_cast<std::size_t>(index)).program; }
  /// From now on, whoever is found dead while a person waits is started again, as often as it takes.
  void revive();
  int deaths() const { return deaths_; }  ///< that revive() has seen
  /// Waits until the node has introduced the agent (0, 10002, 39200, 39202).
  void await_announced();
  /// Stops everybody, lets `time` pass on every clock, this process's too, and starts the relays
  /// again. Needs a build with failpoints.
  void pass_time(std::chrono::seconds time);
  /// Stops whatever runs besides the relays, by SIGTERM.
  void stop_actors();

  /// Runs one command to its end; its log goes to the world's.
  Exit command(std::vector<std::string> arguments, std::string input = "");
  /// The same with --json, and its object.
  base::json::Value ask(std::vector<std::string> arguments);

  // ---- databases; the process they belong to must not run
  std::unique_ptr<storage::Db> open_node_db() const;
  std::unique_ptr<storage::Db> open_cosigner_db(int cosigner) const;
  /// Puts events into the database of a relay that is stopped: published while nobody was connected.
  void store_at_relay(int index, const std::vector<nostr::Event>& events);

 private:
  struct RelayProcess {
    std::string address = "127.0.0.1:0";
    std::string url;
    std::unique_ptr<Program> program;
  };

  bool is_guest(int cosigner) const { return market_ != nullptr && cosigner == kFirstCosigner; }
  void deal_identity();
  void init_cosigner(int cosigner);
  void trust_each_other();
  void init_node(const WorldOptions& options);
  std::unique_ptr<Program> launch(std::vector<std::string> arguments, const std::string& name, Environment environment);
  void print_logs() const;

  std::filesystem::path root_;
  std::filesystem::path faults_;  ///< the relays' fault file, or empty
  std::vector<RelayProcess> relays_;
  nostr::PublicKey identity_;
  nostr::PublicKey node_key_;
  std::map<int, nostr::PublicKey> services_;
  std::map<int, nostr::PublicKey> shares_;
  World* market_ = nullptr;
  std::filesystem::path guest_home_;  ///< in the market's home
  std::unique_ptr<Program> node_;
  std::map<int, std::unique_ptr<Program>> cosigners_;
  std::unique_ptr<Person> owner_;
  std::unique_ptr<Person> stranger_;
  int deaths_ = 0;
};

}  // namespace e2e
