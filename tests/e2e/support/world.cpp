// Homes and processes of a whole world; see world.h.
#include "tests/e2e/support/world.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "node/home.h"
#include "nostr/base/failpoint.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tests/e2e/support/must.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLastBreath{5};  // from the end of its output to the end of a process
constexpr std::size_t kLogTail = 6'000;  // characters of each log that a failure prints

fs::path make_root() {
  std::string name = (fs::temp_directory_path() / "sovereign-e2e.XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  return name;
}

/// Replaces the one occurrence of `from`: a file that has changed its shape must be noticed.
void edit(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = must(node::read_file(path));
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error(path.string() + " does not hold: " + from);
  text.replace(at, from.size(), to);
  must(node::write_file(path, text));
}

nostr::PublicKey key_at(const base::json::Value& object, std::string_view name) {
  return must(nostr::PublicKey::from_hex(must(base::json::get_string(object, name))));
}

}  // namespace

World::World(WorldOptions options) : root_(make_root()), market_(options.market) {
  if (!options.faults.empty()) {
    faults_ = root_ / "faults.toml";
    must(node::write_file(faults_, options.faults));
  }
  for (const std::string& url : options.beside) relays_.push_back({.address = "", .url = url, .program = nullptr});
  if (options.beside.empty()) {
    relays_.resize(static_cast<std::size_t>(options.relays));
    for (int i = 0; i < options.relays; ++i) start_relay(i);
  }
  owner_ = std::make_unique<Person>(relay_urls());
  stranger_ = std::make_unique<Person>(relay_urls());
  owner_->publish_inbox();
  deal_identity();
  init_node(options);
  init_cosigner(kFirstCosigner);
  init_cosigner(kSecondCosigner);
  trust_each_other();
}

World::~World() {
  node_.reset();
  cosigners_.clear();
  owner_.reset();
  stranger_.reset();
  relays_.clear();
#ifdef SOVEREIGN_FAILPOINTS
  base::set_clock_ahead({});
#endif
  if (testing::Test::HasFailure() || std::uncaught_exceptions() > 0) print_logs();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

fs::path World::cosigner_home(int cosigner) const {
  return is_guest(cosigner) ? guest_home_ : root_ / fmt::format("cosigner-{}", cosigner);
}

std::vector<std::string> World::relay_urls() const {
  std::vector<std::string> urls;
  for (const RelayProcess& relay : relays_) urls.push_back(relay.url);
  return urls;
}

// ---- homes -----------------------------------------------------------------------------------------

void World::deal_identity() {
  const auto dealt = ask({"frost", "deal", "-t", "2", "-n", "3", "--out", deal().string()});
  identity_ = key_at(dealt, "identity");
}

void World::init_node(const WorldOptions& options) {
  std::vector<std::string> arguments{"init", "--home", node_home().string(), "--group", (deal() / "group.txt").string(),
                                     "--share", (deal() / "share-1.txt").string(), "--name", "Scout",
                                     "--operator", owner_->pubkey().hex()};
  for (const std::string& url : relay_urls()) arguments.insert(arguments.end(), {"--relay", url});
  node_key_ = key_at(ask(std::move(arguments)), "node");
  const fs::path config = node_home() / "config.toml";
  edit(config, "approval_ttl = 900", fmt::format("approval_ttl = {}", options.approval_ttl.count()));
  if (!options.playbook.empty()) {
    must(node::write_file(node_home() / "playbook.toml", options.playbook));
    edit(config, "kind = \"playbook\"", "kind = \"playbook\"\nplaybook = \"playbook.toml\"");
  }
  must(node::write_file(config, must(node::read_file(config)) + options.config));
}

void World::init_cosigner(int cosigner) {
  const fs::path home = is_guest(cosigner) ? market_->cosigner_home(cosigner) : cosigner_home(cosigner);
  std::vector<std::string> arguments{"cosigner", "init", "--add", "--home", home.string(),
                                     "--group", (deal() / "group.txt").string(),
                                     "--share", (deal() / fmt::format("share-{}.txt", cosigner)).string(),
                                     "--operator", owner_->pubkey().hex(), "--runner", node_key_.hex()};
  for (const std::string& url : relay_urls()) arguments.insert(arguments.end(), {"--relay", url});
  const auto made = ask(std::move(arguments));
  services_[cosigner] = key_at(made, "service");
  shares_[cosigner] = key_at(made, "share");
  if (is_guest(cosigner)) guest_home_ = fs::path(made.at("policy").get<std::string>()).parent_path();
}

/// Either co-signer counts what the other has published as decided, so that it can take over.
void World::trust_each_other() {
  for (const auto [self, other] : {std::pair(kFirstCosigner, kSecondCosigner), std::pair(kSecondCosigner, kFirstCosigner)})
    edit(cosigner_home(self) / "policy.toml", "decisions_from = []",
         fmt::format("decisions_from = [\"{}\"]", services_.at(other).hex()));
}

// ---- programs --------------------------------------------------------------------------------------

std::unique_ptr<Program> World::launch(std::vector<std::string> arguments, const std::string& name, Environment environment) {
  if (std::getenv("SOVEREIGN_E2E_VERBOSE")) arguments.insert(arguments.begin(), "-v");  // NOLINT(concurrency-mt-unsafe)
#ifdef SOVEREIGN_FAILPOINTS
  environment.emplace("SOVEREIGN_CLOCK_AHEAD", std::to_string(base::clock_ahead().count()));
#endif
  return std::make_unique<Program>(std::move(arguments),
                                   ProgramOptions{.environment = std::move(environment), .log = root_ / (name + ".log"), .input = ""});
}

void World::start_relay(int index) {
  RelayProcess& relay = relays_.at(static_cast<std::size_t>(index));
  const std::string database = (root_ / fmt::format("relay-{}.db", index)).string();
  std::vector<std::string> arguments{"relay", "--listen", relay.address, "--db", database};
  if (!faults_.empty()) arguments.insert(arguments.end(), {"--faults", faults_.string()});
  relay.program = launch(std::move(arguments), fmt::format("relay-{}", index), {});
  const auto line = relay.program->read_line("listening ");
  if (!line) throw std::runtime_error("the relay did not start");
  relay.url = line->substr(std::string("listening ").size());
  relay.address = relay.url.substr(std::string("ws://").size());
}

void World::start_cosigner(int cosigner, Environment environment) {
  if (is_guest(cosigner)) return;
  cosigners_[cosigner].reset();
  cosigners_[cosigner] = launch({"cosigner", "--home", cosigner_home(cosigner).string()},
                                fmt::format("cosigner-{}", cosigner), std::move(environment));
  // One that is told to kill itself may do so before it says anything.
  if (!cosigners_[cosigner]->read_line("ready ") && cosigners_[cosigner]->running(kLastBreath))
    throw std::runtime_error("a co-signer did not get ready");
}

void World::start_node(Environment environment) {
  node_.reset();
  node_ = launch({"run", "--home", node_home().string()}, "agent", std::move(environment));
  if (!node_->read_line("running ") && node_->running(kLastBreath)) throw std::runtime_error("the node did not start");
}

void World::start() {
  start_cosigner(kFirstCosigner);
  start_cosigner(kSecondCosigner);
  start_node();
}

void World::revive() {
  const auto look_after = [this] {
    if (node_ && !node_->running()) {
      ++deaths_;
      start_node();
    }
    for (const auto& [index, cosigner] : cosigners_) {
      if (cosigner->running()) continue;
      ++deaths_;
      start_cosigner(index);
    }
  };
  owner_->while_waiting(look_after);
  stranger_->while_waiting(look_after);
}

void World::pass_time(std::chrono::seconds time) {
#ifdef SOVEREIGN_FAILPOINTS
  stop_actors();
  base::set_clock_ahead(base::clock_ahead() + time);
  for (std::size_t i = 0; i < relays_.size(); ++i) {
    relays_.at(i).program->terminate();
    start_relay(static_cast<int>(i));
  }
#else
  throw std::runtime_error(fmt::format("this build cannot let {} s pass", time.count()));
#endif
}

void World::await_announced() {
  for (const nostr::Kind kind : {nostr::kinds::kMetadata, nostr::kinds::kRelayList, nipsa::kinds::kProfile, nipsa::kinds::kSchedule})
    stranger_->await({.authors = {identity_}, .kinds = {kind}});
}

void World::stop_actors() {
  owner_->while_waiting({});
  stranger_->while_waiting({});
  if (node_) node_->terminate();
  for (const auto& [index, cosigner] : cosigners_) cosigner->terminate();
}

Exit World::command(std::vector<std::string> arguments, std::string input) {
  Environment environment;
#ifdef SOVEREIGN_FAILPOINTS
  environment.emplace("SOVEREIGN_CLOCK_AHEAD", std::to_string(base::clock_ahead().count()));
#endif
  return run_program(std::move(arguments), {.environment = std::move(environment), .log = root_ / "commands.log", .input = std::move(input)});
}

base::json::Value World::ask(std::vector<std::string> arguments) {
  const std::string name = arguments.front();
  arguments.insert(arguments.begin(), {"-q", "--json"});
  const Exit exit = command(std::move(arguments));
  if (exit.code != 0) throw std::runtime_error(fmt::format("`{}` ended with {}", name, exit.code));
  return must(base::json::parse(exit.out), name);
}

// ---- databases -------------------------------------------------------------------------------------

std::unique_ptr<storage::Db> World::open_node_db() const {
  return must(storage::open_database((node_home() / "sovereign.db").string()));
}

std::unique_ptr<storage::Db> World::open_cosigner_db(int cosigner) const {
  return must(storage::open_database((cosigner_home(cosigner) / "sovereign.db").string()));
}

void World::store_at_relay(int index, const std::vector<nostr::Event>& events) {
  const auto db = must(storage::open_database((root_ / fmt::format("relay-{}.db", index)).string()));
  storage::EventDb store(*db);
  for (const nostr::Event& event : events) must(store.insert(event, owner_->now()));
}

void World::print_logs() const {
  for (const fs::directory_entry& entry : fs::directory_iterator(root_)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path());
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.size() > kLogTail) text.erase(0, text.size() - kLogTail);
    std::cerr << "---- " << entry.path().filename().string() << "\n" << text << "\n";
  }
}

}  // namespace e2e
