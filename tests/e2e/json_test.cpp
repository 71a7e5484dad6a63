// What `--json` answers with is what node/cli/README.md says.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "nipsa/kinds.h"
#include "nostr/event/event_json.h"
#include "tests/e2e/support/buying.h"
#include "tests/e2e/support/must.h"

namespace e2e {
namespace {

using base::json::Value;

struct Shape {
  bool list = false;
  std::map<std::string, std::string> keys;  ///< key → type
};

/// The rows of the table, by the words of their first column.
std::map<std::string, Shape> read_table() {
  std::ifstream in(std::filesystem::path(SOVEREIGN_SOURCE) / "node/cli/README.md");
  std::map<std::string, Shape> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    const std::size_t middle = line.find(" | ", 2);
    std::string names = line.substr(2, middle - 2);
    std::istringstream words(line.substr(middle + 3, line.rfind(" |") - middle - 3));
    Shape shape;
    for (std::string word; words >> word;) {
      if (word == "list" && shape.keys.empty()) shape.list = true;
      else if (const std::size_t colon = word.find(':'); colon != std::string::npos)
        shape.keys[word.substr(0, colon)] = word.substr(colon + 1);
    }
    out[names] = shape;
  }
  return out;
}

std::string type_of(const Value& value) {
  return value.is_boolean() ? "bool" : value.is_number_integer() ? "int" : value.is_number() ? "number" : value.is_string() ? "text" : value.is_array() ? "list" : value.is_object() ? "object" : "null";
}

void expect_shape(const Shape& shape, const Value& answer, const std::string& what) {
  for (const auto& [key, wanted] : shape.keys) {
    const bool optional = wanted.ends_with('?');
    const std::string type = optional ? wanted.substr(0, wanted.size() - 1) : wanted;
    if (!answer.contains(key)) EXPECT_TRUE(optional) << what << " has no " << key;
    else if (const std::string is = type_of(answer.at(key)); !(optional && is == "null")) EXPECT_EQ(is, type) << what << ", " << key;
  }
  for (const auto& [key, value] : answer.items()) EXPECT_TRUE(shape.keys.contains(key)) << what << " answers with " << key << ", which the table does not have";
}

/// A world with a market in it, in which everything that is listed is there to be shown.
class Json : public Buying {
 protected:
  Json() : table_(read_table()), dir_(world_.root().string()) {}

  /// The first line of what the command answers, held against its row.
  void check(const std::string& row, std::vector<std::string> arguments, const std::string& input = "") {
    arguments.emplace_back("--json");
    expect_line(row, world_.command(arguments, input).out);
  }
  void expect_line(const std::string& row, const std::string& out) {
    ASSERT_TRUE(table_.contains(row)) << row;
    seen_.insert(row);
    const std::string line = out.substr(0, out.find('\n'));
    const auto answer = base::json::parse(line, {.max_bytes = 4u << 20, .max_depth = 64});
    ASSERT_TRUE(answer.has_value()) << row << ": " << line;
    const Shape& shape = table_.at(row);
    ASSERT_EQ(answer->is_array(), shape.list) << row;
    if (!shape.list) return expect_shape(shape, *answer, row);
    ASSERT_FALSE(answer->empty()) << row << " has nothing to show";
    for (const Value& one : *answer) expect_shape(shape, one, row);
  }
  std::string relay() const { return world_.relay_urls().front(); }

  void look_at_node_and_cosigner();
  void look_at_goals_and_delegations(const std::string& node, const std::string& key);
  void look_at_market();
  void look_at_jobs();
  void look_at_credit();

  const std::map<std::string, Shape> table_;
  std::set<std::string> seen_;
  const std::string dir_;
};

TEST_F(Json, EveryAnswerHasTheShapeThatIsWrittenDown) {
  set_level("autonomous");
  shop_.write("spare", "Say nothing.");
  shop_.offer("echo", kPrice, {"--type", "metered", "--uses", "2"});
  world_.start();
  look_at_node_and_cosigner();
  look_at_market();
  look_at_jobs();
  look_at_credit();
  const std::string node = world_.node_home().string();
  check("`task new --detach`, `task show` of a task of the operator's", {"task", "new", "--detach", "look around", "--home", node});
  check("`task list`", {"task", "list", "--home", node});
  for (const auto& [row, shape] : table_) EXPECT_TRUE(seen_.contains(row)) << row << " is in the table and nobody looked";
}

void Json::look_at_node_and_cosigner() {
  const std::string node = world_.node_home().string();
  const Asked asked = mention_and_await_question(world_);
  const std::string guard = world_.cosigner_home(asked.cosigner).string();
  const std::string key = dir_ + "/owner.key", agent = world_.identity().hex();
  world_.owner().save_key(key);

  check("`pending`", {"pending", "--home", guard});
  check("`approve`, `deny`", {"approve", asked.code, "--home", guard});
  await_receipt(world_, asked, "done");
  await_result(world_, asked.mention);
  check("`status` of a node", {"status", "--home", node});
  check("`status` of a co-signer", {"status", "--home", guard});
  check("`approval list`", {"approval", "list", "--home", guard});
  check("`approval show`", {"approval", "show", asked.code, "--home", guard});
  check("`doctor`", {"doctor", "--home", node});
  look_at_goals_and_delegations(node, key);
  check("`state show`", {"state", "show", "--home", node});
  check("`log`", {"log", "--home", node});
  check("`budget`", {"budget", "--home", node});
  check("`backend list`", {"backend", "list", "--home", node});
  check("`agent list`", {"agent", "list", "--home", node});
  check("`agent show`", {"agent", "show", "sisyphus", "--home", node});
  check("`issue add`", {"issue", "add", "a thing to do", "--home", node});
  check("`issue list`", {"issue", "list", "--home", node});
  check("`init`", {"init", "--home", dir_ + "/another", "--new", "--out", dir_ + "/others", "--relay", relay(), "--operator", agent});
  check("`frost deal`", {"frost", "deal", "--out", dir_ + "/dealt"});
  check("`frost status` of a node", {"frost", "status", "--home", node});
  check("`key new`, `key show`", {"key", "new", dir_ + "/new.key"});
  check("`key new`, `key show`", {"key", "show", dir_ + "/new.key"});
  check("`event`, `req`", {"event", "-c", "hello", "--key-file", key});
  check("`event`, `req`", {"req", relay(), "-k", "1"});
  check("`count`", {"count", relay(), "-k", "1"});
  check("`verify`", {"verify"}, nostr::to_json(asked.mention) + "\n");
  check("`encode`", {"encode", "npub", agent});
  check("`dm list`", {"dm", "list", "--key-file", key, "--relay", relay()});
  check("`trajectory list`", {"trajectory", "list", "--agent", agent, "--relay", relay()});
  const Value session = world_.ask({"trajectory", "list", "--agent", agent, "--relay", relay()});
  check("`trajectory verify`", {"trajectory", "verify", base::json::string_or(session, "session"), "--agent", agent, "--relay", relay()});
  check("`cosigner policy check`", {"cosigner", "policy", "check", "--home", guard});
  check("`cosigner audit list`", {"cosigner", "audit", "list", "--home", guard});
  check("`cosigner audit verify`", {"cosigner", "audit", "verify", "--home", guard});
  check("`cosigner groups`", {"cosigner", "groups", "--home", guard});
  check("`cosigner lease list`", {"cosigner", "lease", "list", "--home", guard});
  check("`config path`", {"config", "path", "--home", node});
  check("`config check`", {"config", "check", "--home", node});
  check("`signature list`", {"signature", "list"});
  check("`qr`", {"qr", "hello"});
  check("`pause`, `resume`", {"pause", "--home", node});
  check("`pause`, `resume`", {"resume", "--home", node});
  check("`metrics`", {"metrics", "--home", node});
  check("`version`", {"version"});
  const Exit wrong = world_.command({"approve", "0000-0000", "--home", guard, "--json"});
  EXPECT_NE(wrong.code, 0);
}

void Json::look_at_goals_and_delegations(const std::string& node, const std::string& key) {
  const std::string agent = world_.identity().hex(), scope = "nip90:" + std::string(64, 'a');
  world_.ask({"directive", "add", "d-001", "Answer.", "--home", node});
  check("`directive list`, `directive publish`", {"directive", "list", "--home", node});
  check("`directive list`, `directive publish`", {"directive", "publish", "d-001", "--home", node});
  const std::vector<std::string> giving{"delegation", "give", agent, "Do it.", "--scope", scope, "--key-file", key, "--relay", relay()};
  const std::string delegation = base::json::string_or(world_.ask(giving), "id");
  check("`delegation list`, `delegation show`", {"delegation", "list", "--to", agent, "--relay", relay()});
  check("`delegation list`, `delegation show`", {"delegation", "show", delegation, "--relay", relay()});
  check("`delegation give`, `delegation revoke`", giving);
  check("`delegation give`, `delegation revoke`", {"delegation", "revoke", delegation, "--key-file", key, "--relay", relay()});

  const nostr::PublicKey owner = world_.owner().pubkey();
  Program asking({"proof", "ask", owner.hex(), "--key-file", key, "--relay", relay(), "--for", "10m", "--json"},
                 {.environment = {}, .log = world_.root() / "asking.log", .binary = "", .input = ""});
  const auto challenge = world_.owner().await({.authors = {owner}, .kinds = {nipsa::kinds::kAuthChallenge}});
  check("`proof give`", {"proof", "give", challenge.id.hex(), "--key-file", key, "--relay", relay()});
  expect_line("`proof ask`", asking.wait().out);
}

void Json::look_at_market() {
  const std::string node = world_.node_home().string(), shop = shop_.home().string(), echo = shop_.address("echo");
  const std::string goods = dir_ + "/shop-goods";
  const auto at_shop = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--home", shop, "--relay", relay()});
    return arguments;
  };
  check("`skill publish`", at_shop({"skill", "publish", goods + "/spare", "--as", "1.0.0"}));
  check("`skill offer`", at_shop({"skill", "offer", goods + "/spare", "--price", "5"}));
  check("`skill list`", {"skill", "list", "--relay", relay(), "--home", node});
  check("`skill show`", {"skill", "show", echo, "--home", node});
  check("`skill quote`", {"skill", "quote", echo, "--home", node});
  {
    Program open(at_shop({"skill", "sell", "--json"}),
                 ProgramOptions{.environment = {}, .log = world_.root() / "shop.log", .binary = "", .input = ""});
    expect_line("`skill sell`", open.read_line("{").value_or(""));
    check("`skill buy`", {"skill", "buy", echo, "--home", node});
    open.terminate();
  }
  check("`skill purchases`", {"skill", "purchases", "--home", node});
  check("`skill orders`", {"skill", "orders", "--home", shop});
  check("`skill held`", {"skill", "held", "--home", node});
  check("`skill load`", {"skill", "load", "echo", "--home", node});
  check("`license issue`", at_shop({"license", "issue", goods + "/echo", "--agent", world_.identity().hex(), "--to",
                                    world_.node_key().hex(), "--type", "subscription", "--lasts", "30d"}));
  check("`license list`", {"license", "list", "--home", shop});
  const auto issued = json_lines(shop_.run({"license", "list"}).out);
  ASSERT_FALSE(issued.empty());
  const nostr::Event licence = world_.stranger().await(
      {.ids = {must(nostr::EventId::from_hex(issued.front().at("event").get<std::string>()))}});
  check("`license verify`", {"license", "verify", "--home", node}, nostr::to_json(licence));
  check("`license revoke`", at_shop({"license", "revoke", issued.front().at("licence").get<std::string>()}));
  check("`skill revoke`", at_shop({"skill", "revoke", "spare"}));
}

void Json::look_at_jobs() {
  Person& worker = world_.stranger();
  Program ordering({"job", "order", "say hello", "--relay", relay(), "--json"},
                   {.environment = {}, .log = world_.root() / "ordering.log", .binary = "", .input = ""});
  const nostr::Event request = worker.await({.kinds = {5050}});
  worker.publish(worker.sign(6050, {{"e", request.id.hex()}, {"p", request.pubkey.hex()}}, "hello"));
  expect_line("`job order`", ordering.wait().out);
  worker.publish(worker.sign(nostr::kinds::kHandlerInfo, {{"d", "jobs"}, {"k", "5050"}, {"amount", "5000"}}, R"({"name":"shouter"})"));
  check("`job offers`", {"job", "offers", "--relay", relay()});
}

void Json::look_at_credit() {
  Person& issuer = world_.owner();
  const auto time = base::to_unix(issuer.now());
  const nostr::Event envelope = issuer.sign(
      39242,
      {{"d", "env-1"}, {"p", world_.identity().hex()}, {"issuer", issuer.pubkey().hex()}, {"scope", "nip90", std::string(64, 'f')},
       {"max", "3500"}, {"exp", std::to_string(time + 7200)}, {"status", "accepted"}, {"cancel_until", std::to_string(time + 3600)}},
      R"({"schema":1,"repayment":{"fee_bps":200}})");
  check("`credit status`", {"credit", "status"}, nostr::to_json(envelope) + "\n");
}

}  // namespace
}  // namespace e2e
