// What `--json` answers with is what node/cli/README.md says.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "nostr/event/event_json.h"
#include "tests/e2e/support/story.h"

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

TEST(Json, EveryAnswerHasTheShapeThatIsWrittenDown) {
  World world;
  world.start();
  const std::string node = world.node_home().string(), relay = world.relay_urls().front(), dir = world.root().string();
  const Asked asked = mention_and_await_question(world);
  const std::string guard = world.cosigner_home(asked.cosigner).string();
  const std::string key = dir + "/owner.key", agent = world.identity().hex();
  world.owner().save_key(key);

  const auto table = read_table();
  std::set<std::string> seen;
  const auto check = [&](const std::string& row, std::vector<std::string> arguments, const std::string& input = "") {
    ASSERT_TRUE(table.contains(row)) << row;
    seen.insert(row);
    arguments.emplace_back("--json");
    const Exit end = world.command(arguments, input);
    const std::string line = end.out.substr(0, end.out.find('\n'));
    const auto answer = base::json::parse(line, {.max_bytes = 4u << 20, .max_depth = 64});
    ASSERT_TRUE(answer.has_value()) << row << ": " << line;
    const Shape& shape = table.at(row);
    ASSERT_EQ(answer->is_array(), shape.list) << row;
    if (!shape.list) return expect_shape(shape, *answer, row);
    ASSERT_FALSE(answer->empty()) << row << " has nothing to show";
    for (const Value& one : *answer) expect_shape(shape, one, row);
  };

  check("`pending`", {"pending", "--home", guard});
  check("`approve`, `deny`", {"approve", asked.code, "--home", guard});
  await_receipt(world, asked, "done");
  await_result(world, asked.mention);
  check("`status` of a node", {"status", "--home", node});
  check("`status` of a co-signer", {"status", "--home", guard});
  check("`approval list`", {"approval", "list", "--home", guard});
  check("`approval show`", {"approval", "show", asked.code, "--home", guard});
  check("`doctor`", {"doctor", "--home", node});
  check("`log`", {"log", "--home", node});
  check("`budget`", {"budget", "--home", node});
  check("`backend list`", {"backend", "list", "--home", node});
  check("`agent list`", {"agent", "list", "--home", node});
  check("`agent show`", {"agent", "show", "sisyphus", "--home", node});
  check("`issue add`", {"issue", "add", "a thing to do", "--home", node});
  check("`issue list`", {"issue", "list", "--home", node});
  check("`init`", {"init", "--home", dir + "/another", "--new", "--out", dir + "/others", "--relay", relay, "--operator", agent});
  check("`frost deal`", {"frost", "deal", "--out", dir + "/dealt"});
  check("`frost status` of a node", {"frost", "status", "--home", node});
  check("`key new`, `key show`", {"key", "new", dir + "/new.key"});
  check("`key new`, `key show`", {"key", "show", dir + "/new.key"});
  check("`event`, `req`", {"event", "-c", "hello", "--key-file", key});
  check("`event`, `req`", {"req", relay, "-k", "1"});
  check("`count`", {"count", relay, "-k", "1"});
  check("`verify`", {"verify"}, nostr::to_json(asked.mention) + "\n");
  check("`encode`", {"encode", "npub", agent});
  check("`dm list`", {"dm", "list", "--key-file", key, "--relay", relay});
  check("`trajectory list`", {"trajectory", "list", "--agent", agent, "--relay", relay});
  const Value session = world.ask({"trajectory", "list", "--agent", agent, "--relay", relay});
  check("`trajectory verify`", {"trajectory", "verify", base::json::string_or(session, "session"), "--agent", agent, "--relay", relay});
  check("`cosigner policy check`", {"cosigner", "policy", "check", "--home", guard});
  check("`cosigner audit list`", {"cosigner", "audit", "list", "--home", guard});
  check("`cosigner audit verify`", {"cosigner", "audit", "verify", "--home", guard});
  check("`cosigner lease list`", {"cosigner", "lease", "list", "--home", guard});
  check("`config path`", {"config", "path", "--home", node});
  check("`config check`", {"config", "check", "--home", node});
  check("`signature list`", {"signature", "list"});
  check("`qr`", {"qr", "hello"});
  check("`pause`, `resume`", {"pause", "--home", node});
  check("`pause`, `resume`", {"resume", "--home", node});
  check("`metrics`", {"metrics", "--home", node});
  check("`version`", {"version"});
  for (const auto& [row, shape] : table) EXPECT_TRUE(seen.contains(row)) << row << " is in the table and nobody looked";

  const Exit wrong = world.command({"approve", "0000-0000", "--home", guard, "--json"});
  EXPECT_NE(wrong.code, 0);
}

}  // namespace
}  // namespace e2e
