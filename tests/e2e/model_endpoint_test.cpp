// The main job with a model behind an HTTP endpoint: streamed tool calls, failures on the way, and
// models that talk nonsense or want something else than what was approved.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "nipsa/tick.h"
#include "node/home.h"
#include "storage/budgets.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

using base::json::Value;
using nostr::Event;

constexpr const char* kKey = "sk-test-6f0c1d9b2a7e4583";

Value reply_call(const std::string& content) {
  return {{"name", "reply"}, {"arguments", {{"content", content}}}};
}

Value turn(Value calls, std::int64_t prompt = 100, std::int64_t completion = 20) {
  return {{"calls", std::move(calls)},
          {"usage", {{"prompt_tokens", prompt}, {"completion_tokens", completion}}}};
}

Value last_words(const std::string& text, std::int64_t prompt = 200, std::int64_t completion = 10) {
  return {{"text", text},
          {"usage", {{"prompt_tokens", prompt}, {"completion_tokens", completion}}}};
}

/// A world whose agent thinks at a scripted endpoint.
struct ModelWorld {
  explicit ModelWorld(Value script)
      : server(must(model_server::ModelServer::listen(0, std::move(script)))),
        world({.playbook = "",
               .config = fmt::format("\n[backends.scripted]\nkind = \"openai\"\nbase_url = "
                                     "\"{}\"\nmodel = \"test-model\"\n"
                                     "api_key_file = \"api.key\"\nrate_in_msat_per_1k = "
                                     "1000\nrate_out_msat_per_1k = 2000\n",
                                     server->base_url())}) {
    must(node::write_file(world.node_home() / "api.key", std::string(kKey) + "\n", 0600));
    world.start_cosigner(World::kFirstCosigner);
    world.start_cosigner(World::kSecondCosigner);
    world.start_node({{"SOVEREIGN_AGENT_MODEL", "scripted"}});
  }
  /// The report on a mention that ends without any question.
  nipsa::TickResult result_of(const Event& event) {
    const Event result = await_result(world, event);
    expect_valid_trajectory(world, result);
    return must(nipsa::parse_tick_result(result));
  }

  std::unique_ptr<model_server::ModelServer> server;
  World world;
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ModelEndpoint, AgentsAreTakenAsTheyAreWrittenWhileTheNodeRuns) {
  ModelWorld story(Value::array({last_words("one", 10, 1), last_words("two", 10, 1), last_words("three", 10, 1)}));
  World& world = story.world;
  const std::string home = world.node_home().string();
  const auto thought_of = [&](const std::string& text) {
    story.result_of(mention(world, text));
    return story.server->seen().back().body;
  };
  EXPECT_FALSE(thought_of("first").contains("Answer in rhymes."));

  std::ofstream(world.node_home() / "config.toml", std::ios::app) << "\n[agents.sisyphus]\nprompt_append = \"Answer in rhymes.\"\n";
  EXPECT_EQ(world.command({"agent", "reload", "--home", home}).code, 0);
  EXPECT_TRUE(thought_of("second").contains("Answer in rhymes."));

  // A mistake changes nothing, and is told wherever somebody looks. The node noticed it by itself.
  std::filesystem::create_directories(world.node_home() / "agents");
  std::ofstream(world.node_home() / "agents" / "reviewer.toml") << "purpse = \"a typo\"\n";
  EXPECT_EQ(world.command({"agent", "reload", "--home", home}).code, 1);
  EXPECT_TRUE(world.command({"status", "--home", home}).out.contains("NOT taken"));
  EXPECT_TRUE(thought_of("third").contains("Answer in rhymes."));
  std::filesystem::remove(world.node_home() / "agents" / "reviewer.toml");
  while (world.command({"status", "--home", home}).out.contains("NOT taken")) continue;
}

TEST(ModelEndpoint, ATickClaimsItsBudgetAndReportsWhatItSpentRoundedUp) {
  ModelWorld story(Value::array({last_words("one", 101, 10), last_words("two", 10'000, 1)}));
  World& world = story.world;
  std::set<std::string> names;
  for (const auto& [text, sats] : {std::pair{"first", 1}, std::pair{"second", 11}}) {
    const Event event = await_result(world, mention(world, text));
    names.insert(tag(event, "d"));
    const nipsa::TickResult result = must(nipsa::parse_tick_result(event));
    EXPECT_EQ(result.cost.value, sats) << "101 + 20 msat, and 10 000 + 2";
    const auto claims = world.owner().fetch({.ids = {result.request}});
    ASSERT_EQ(claims.size(), 1u);
    const nipsa::TickRequest claim = must(nipsa::parse_tick_request(claims[0]));
    ASSERT_TRUE(claim.budget.has_value());
    EXPECT_EQ(claim.budget->amount.value, 1'000) << "as the configuration says";
  }
  EXPECT_EQ(names.size(), 2u) << "no result takes another's place at a relay";
}

TEST(ModelEndpoint, FailuresOnTheWayAreSurvivedAndTheReplyIsOne) {
  ModelWorld story(Value::array({
      {{"status", 429},
       {"headers", {{"Retry-After", "1"}}},
       {"body", {{"error", {{"message", "slow down"}}}}}},
      {{"calls", Value::array({reply_call("never heard in full")})},
       {"fragment", 3},
       {"truncate", "reset"}},
      {{"calls", Value::array({reply_call("never heard either")})}, {"truncate", "clean"}},
      {{"calls", Value::array({reply_call("Hello from a model.")})},
       {"fragment", 5},
       {"write", 7},
       {"comments", true},
       {"crlf", true},
       {"usage", {{"prompt_tokens", 1'000}, {"completion_tokens", 500}}}},
      last_words("All done.", 2'000, 500),
  }));
  World& world = story.world;
  const Asked asked = mention_and_await_question(world);
  EXPECT_NE(asked.message.text.find("| Hello from a model."), std::string::npos)
      << asked.message.text;

  // The key is in no argument of the process and in no file but its own.
  const std::string argv = bytes_of(fmt::format("/proc/{}/cmdline", world.node().pid()));
  EXPECT_NE(argv.find("run"), std::string::npos);
  EXPECT_EQ(argv.find(kKey), std::string::npos);

  world.owner().send(asked.asker, "yes " + asked.code);
  EXPECT_EQ(await_reply(world).content, "Hello from a model.");
  expect_told_once(world, asked.mention);

  const auto seen = story.server->seen();
  ASSERT_EQ(seen.size(), 5u);
  for (const model_server::Seen& request : seen) {
    EXPECT_EQ(request.path, "/v1/chat/completions");
    EXPECT_EQ(request.authorization, std::string("Bearer ") + kKey);
  }
  EXPECT_NE(seen.back().body.find("\"tool_call_id\""), std::string::npos);
  EXPECT_NE(seen.front().body.find("<untrusted source"), std::string::npos);

  world.stop_actors();
  {
    const auto db = world.open_node_db();
    storage::Budgets budgets(*db);
    EXPECT_TRUE(must(budgets.list_open()).empty());
    const auto day = must(budgets.totals(
        {.key = "node", .limit = base::Msat{10'000'000}, .window = storage::Window::kDay}, world.owner().now()));
    EXPECT_EQ(day.reserved.value, 0);
    // 1000 + 1000 for the two whole answers and 2000 + 1000 at the rates above, more for the cut
    // ones, which are estimated.
    EXPECT_GE(day.spent.value, 1'000 + 1'000 + 2'000 + 1'000);
    EXPECT_LT(day.spent.value, 30'000);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.root())) {
    if (!entry.is_regular_file() || entry.path().filename() == "api.key") continue;
    EXPECT_EQ(bytes_of(entry.path()).find(kKey), std::string::npos) << entry.path();
  }
}

TEST(ModelEndpoint, CallsThatCannotBeUnderstoodEndTheTick) {
  // A name of arbitrary text, cut in the middle of a character where it is recorded.
  std::string odd = "x";
  for (int i = 0; i < 60; ++i) odd += "\xc3\xa9";
  Value script = Value::array();
  script.push_back(turn({{{"name", "launch_rockets"}, {"arguments", {{"content", "no"}}}}}));
  script.push_back(turn({{{"name", odd}, {"arguments", "not json"}}}));
  script.push_back(turn({{{"name", "reply"}, {"arguments", "{\"content\": "}}}));
  script.push_back(turn({{{"name", "reply"}, {"arguments", {{"content", 7}, {"loud", true}}}}}));
  for (int i = 0; i < 12; ++i)
    script.push_back(turn({{{"name", "reply"}, {"arguments", {{"words", i}}}}}));
  ModelWorld story(std::move(script));
  const nipsa::TickResult result = story.result_of(mention(story.world));
  EXPECT_EQ(result.status, nipsa::TickStatus::kPartial);
  EXPECT_EQ(result.detail, "invalid-calls");
  EXPECT_TRUE(replies(story.world).empty());
  // Nobody was asked anything; that it went wrong is said.
  const auto told = story.world.owner().messages();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].text.find("did not come out well: invalid-calls"), std::string::npos) << told[0].text;
}

TEST(ModelEndpoint, ALoopEndsTheTick) {
  Value script = Value::array();
  for (int i = 0; i < 30; ++i)
    script.push_back(
        turn({{{"name", "search_events"}, {"arguments", {{"kinds", {1}}, {"limit", 3}}}}}));
  ModelWorld story(std::move(script));
  const nipsa::TickResult result = story.result_of(mention(story.world));
  EXPECT_EQ(result.status, nipsa::TickStatus::kPartial);
  EXPECT_EQ(result.detail, "loop");
  EXPECT_LT(story.server->seen().size(), 12u);
}

TEST(ModelEndpoint, ABrokenEndpointEndsTheTickAndTheNextOneIsServed) {
  Value script = Value::array();
  for (int i = 0; i < 4; ++i)
    script.push_back(
        {{"status", 400}, {"body", {{"error", {{"message", "no\nsuch \x1b[31m model"}}}}}});
  script.push_back(
      {{"text", std::string(300'000, 'w')},
       {"usage", {{"prompt_tokens", std::int64_t{1} << 62}, {"completion_tokens", -5}}}});
  ModelWorld story(std::move(script));
  for (const char* text : {"one", "two", "three", "four"}) {
    const nipsa::TickResult refused = story.result_of(mention(story.world, text));
    EXPECT_EQ(refused.status, nipsa::TickStatus::kError);
    EXPECT_EQ(refused.detail, "model-denied");
  }
  const nipsa::TickResult endless = story.result_of(mention(story.world, "five"));
  EXPECT_EQ(endless.status, nipsa::TickStatus::kSuccess) << endless.detail;
  // That answer claimed to cost more than a day's budget: the next call is not made.
  const nipsa::TickResult broke = story.result_of(mention(story.world, "six"));
  EXPECT_EQ(broke.detail, "budget-exhausted");
  EXPECT_EQ(story.server->seen().size(), 5u);
  EXPECT_TRUE(story.world.node().running());
}

TEST(ModelEndpoint, SomethingElseThanWhatWasApprovedIsAskedForByItself) {
  ModelWorld story(Value::array({
      turn(Value::array({reply_call("The approved words.")})),
      turn(Value::array({reply_call("Other words, slipped in."),
                         {{"name", "post"}, {"arguments", {{"content", "The approved words."}}}}})),
      last_words("I tried."),
  }));
  World& world = story.world;
  const Asked first = mention_and_await_question(world);
  world.owner().send(first.asker, "yes " + first.code);
  std::set<std::string> codes{first.code};
  for (const std::string text : {"| Other words, slipped in.", "| The approved words."}) {
    const Message question = world.owner().await_message([&](const Message& m) {
      return !code_in(m.text).empty() && !codes.contains(code_in(m.text));
    });
    EXPECT_NE(question.text.find(text), std::string::npos) << question.text;
    codes.insert(code_in(question.text));
    // The code of the first approval opens nothing any more.
    world.owner().send(question.from, "yes " + first.code);
    EXPECT_EQ(replies(world).size(), 1u);
    world.owner().send(question.from, "no " + code_in(question.text));
  }
  const nipsa::TickResult result = story.result_of(first.mention);
  EXPECT_EQ(result.status, nipsa::TickStatus::kPartial);
  EXPECT_EQ(result.detail, "approval-denied");
  const auto said = replies(world);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said.front().content, "The approved words.");
}

TEST(ModelEndpoint, ABackendThatFailsMakesWayForTheNextOnItsRoute) {
  // The first always fails; the second speaks another dialect, and its model may have any name.
  auto broken = must(model_server::ModelServer::listen(0, Value::array()));
  auto ollama = must(model_server::ModelServer::listen(
      0, {{"models", {"llama3.2:3b"}},
          {"context", 32'768},
          {"turns", {turn(Value::array({reply_call("Hello from the second.")}), 0), last_words("All done.", 0)}}}));
  World world({.playbook = "",
               .config = fmt::format("\n[backends.a]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"paid\"\n"
                                     "rate_out_msat_per_1k = 1000\n"
                                     "[backends.b]\nkind = \"ollama\"\nbase_url = \"{}\"\nmodel = \"auto\"\n"
                                     "context_tokens = 16384\n[routes]\n\"*\" = [\"a\", \"b\"]\n",
                                     broken->base_url(), ollama->root_url())});
  world.start_cosigner(World::kFirstCosigner);
  world.start_cosigner(World::kSecondCosigner);
  world.start_node({{"SOVEREIGN_AGENT_MODEL", "a"}});
  const Asked asked = mention_and_await_question(world);
  EXPECT_NE(asked.message.text.find("| Hello from the second."), std::string::npos) << asked.message.text;
  world.owner().send(asked.asker, "yes " + asked.code);
  EXPECT_EQ(await_reply(world).content, "Hello from the second.");
  await_result(world, asked.mention);
  EXPECT_EQ(broken->seen().size(), 2u);  // once a turn
  EXPECT_EQ(ollama->seen().size(), 2u);

  const auto home = world.node_home().string();
  const auto listed = world.command({"backend", "list", "--home", home, "--json"});
  ASSERT_EQ(listed.code, 0);
  std::istringstream lines(listed.out);
  std::vector<Value> backends;
  for (std::string line; std::getline(lines, line);) backends.push_back(must(base::json::parse(line)));
  ASSERT_GE(backends.size(), 2u);
  EXPECT_EQ(backends[0]["id"], "a");
  EXPECT_EQ(backends[0]["place"], 1);
  EXPECT_EQ(backends[0]["failures"], 2);
  EXPECT_EQ(backends[0]["day_spent_msat"], 0);
  EXPECT_EQ(backends[1]["failures"], 0);
  // Probes cost nothing and ask nothing; a server that is not there fails only its own line.
  EXPECT_EQ(world.command({"backend", "test", "--home", home, "a", "b", "--json"}).code, 5)
      << "the first serves no model called paid";
  ollama.reset();
  EXPECT_EQ(world.command({"backend", "test", "b", "--home", home}).code, 1);
  EXPECT_EQ(world.command({"backend", "test", "nobody", "--home", home}).code, 1);
}

TEST(ModelEndpoint, InitNamesTheEndpointAndNeverTheKey) {
  World world;
  const auto home = (world.root() / "fresh").string();
  const std::vector<std::string> init{"init",
                                      "--home",
                                      home,
                                      "--group",
                                      (world.deal() / "group.txt").string(),
                                      "--share",
                                      (world.deal() / "share-1.txt").string(),
                                      "--relay",
                                      world.relay_urls().front(),
                                      "--operator",
                                      world.owner().pubkey().hex(),
                                      "--base-url",
                                      "http://127.0.0.1:9/v1",
                                      "--model",
                                      "some-model",
                                      "--api-key-env",
                                      "MY_KEY"};
  EXPECT_EQ(world.command(init).code, 0);
  const std::string config = bytes_of(world.root() / "fresh/config.toml");
  EXPECT_NE(config.find("base_url = \"http://127.0.0.1:9/v1\""), std::string::npos) << config;
  EXPECT_NE(config.find("api_key_env = \"MY_KEY\""), std::string::npos);
  EXPECT_EQ(world.command({"config", "check", "--home", home}).code, 0);
  // Without the variable the node says what is missing and does not start.
  EXPECT_EQ(world.command({"run", "--home", home}).code, 1);
  EXPECT_NE(bytes_of(world.root() / "commands.log").find("environment variable MY_KEY is not set"),
            std::string::npos);
}

}  // namespace
}  // namespace e2e
