// An agent at work with a licensed skill: its model reads it, its tools are narrowed to what is granted, the text
// is on no disk, one use is one use through any death, and a licence that is taken back ends it in the middle.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "nipsa/tick.h"
#include "node/key_file.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/shop.h"
#include "tests/e2e/support/story.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::json::Value;

constexpr std::string_view kRecipe = "the recipe nobody else may read";

Value call(const std::string& tool, Value arguments) {
  return {{"calls", Value::array({{{"name", tool}, {"arguments", std::move(arguments)}}})}};
}
Value use_echo() { return call("use_skill", {{"name", "echo"}}); }
Value say(const std::string& text) { return {{"text", text}}; }

class AtWork : public ::testing::Test {
 protected:
  void begin(Value script) {
    server_ = must(model_server::ModelServer::listen(0, std::move(script)));
    world_ = std::make_unique<World>(WorldOptions{
        .config = fmt::format("\n[backends.scripted]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"test-model\"\n",
                              server_->base_url())});
    shop_ = std::make_unique<Shop>(*world_, "shop");
    shop_->write("echo", std::string(kRecipe));
    shop_->publish("echo", "1.0.0");
    const fs::path config = world_->node_home() / "config.toml";
    set_list(config, "issuers", shop_->key().hex());
    set_list(config, "capabilities", std::vector<std::string>{"nostr:read", "nostr:publish"});
    set_list(config, "pins", shop_->key().hex());
    set_list(world_->cosigner_home(World::kFirstCosigner) / "policy.toml", "issuers", shop_->key().hex());
    licence_ = shop_->ask({"license", "issue", (world_->root() / "shop-goods" / "echo").string(), "--agent",
                           world_->identity().hex(), "--to", world_->node_key().hex(), "--type", "metered", "--uses", "1"})
                   .at("licence")
                   .get<std::string>();
    world_->start_cosigner(World::kFirstCosigner);
    world_->start_cosigner(World::kSecondCosigner);
  }
  void start(Environment environment = {}) {
    environment["SOVEREIGN_AGENT_MODEL"] = "scripted";
    world_->start_node(std::move(environment));
  }
  nostr::Event result() {
    return world_->stranger().await({.authors = {world_->node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  }
  std::string question(std::size_t index) {
    const auto seen = server_->seen();
    return index < seen.size() ? seen[index].body : "";
  }
  static bool holds(const fs::path& dir, std::string_view text) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string all{std::istreambuf_iterator<char>(in), {}};
      if (all.find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::unique_ptr<model_server::ModelServer> server_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Shop> shop_;
  std::string licence_;
};

TEST_F(AtWork, TheModelReadsItAndMayDoNoMoreThanItIsGranted) {
  begin(Value::array({use_echo(), call("reply", {{"content", "said beyond what the skill may"}}),
                      call("search_events", {{"kinds", {1}}}), say("Done.")}));
  start();
  mention(*world_);
  result();
  EXPECT_EQ(question(0).find(kRecipe), std::string::npos) << "not before it was opened";
  for (const std::size_t turn : {1U, 2U, 3U}) EXPECT_NE(question(turn).find(kRecipe), std::string::npos) << turn;
  EXPECT_NE(question(2).find("may not use nostr:publish"), std::string::npos) << question(2);
  EXPECT_EQ(question(3).find("may not use nostr:read"), std::string::npos);
  EXPECT_TRUE(replies(*world_).empty());
  world_->stop_actors();
  EXPECT_FALSE(holds(world_->node_home(), kRecipe)) << "told to the model, kept nowhere";
}

TEST_F(AtWork, WhereTheMarketplaceIsSwitchedOffNoSkillIsOfferedOrOpened) {
  begin(Value::array({use_echo(), say("Done.")}));
  start({{"SOVEREIGN_INTEGRATIONS_MARKETPLACE", "false"}});
  mention(*world_);
  result();
  EXPECT_EQ(question(0).find("use_skill"), std::string::npos) << "a tool that is not there";
  EXPECT_EQ(question(1).find(kRecipe), std::string::npos);
  EXPECT_NE(question(1).find("There is no tool"), std::string::npos) << question(1);
}

TEST_F(AtWork, KilledWithASkillOpenItGoesOnWithTheSameUse) {
  NEEDS_FAILPOINTS();
  begin(Value::array({use_echo(), say("Done.")}));
  start(armed({"skill-in-use"}));
  mention(*world_);
  EXPECT_EQ(world_->node().wait().signal, SIGKILL);
  start();
  const auto parsed = must(nipsa::parse_tick_result(result()));
  EXPECT_EQ(parsed.status, nipsa::TickStatus::kSuccess) << parsed.detail;
  EXPECT_NE(question(1).find(kRecipe), std::string::npos) << "one use was bought, and it was one";
  const Exit again = world_->command({"skill", "load", "echo", "--home", world_->node_home().string()});
  EXPECT_EQ(again.code, 4) << "used up";
}

TEST_F(AtWork, TakenBackInTheMiddleItsWordsGoAndNothingMoreIsDone) {
  Value slow = call("search_events", {{"kinds", {1}}});
  slow["delay_ms"] = 4'000;
  begin(Value::array({use_echo(), std::move(slow), say("Done.")}));
  start();
  mention(*world_);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (server_->seen().size() < 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  shop_->ask({"license", "revoke", licence_, "-m", "refunded"});
  result();
  EXPECT_NE(question(1).find(kRecipe), std::string::npos);
  EXPECT_EQ(question(2).find(kRecipe), std::string::npos);
  EXPECT_NE(question(2).find("is not open any more"), std::string::npos);
  EXPECT_NE(question(2).find("E_REVOKED"), std::string::npos) << "the call was refused";
}

}  // namespace
}  // namespace e2e
