// Everything at once: an agent that asks for everything hands tasks to two others in the background, answers after
// its operator's yes, and buys a skill on a yes that the operator signs. Whoever is killed when, the end is the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "node/home.h"
#include "storage/budgets.h"
#include "storage/sessions.h"
#include "storage/tasks.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/shop.h"
#include "tests/e2e/support/story.h"
#include "tests/orchestration/support/wallet_host.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

using base::Msat;
using base::json::Value;
using wallet_service::WalletHost;

constexpr std::int64_t kPrice = 250;  // sat
constexpr Msat kPurse{5'000'000};

Value entry(std::vector<std::string> with, std::vector<std::string> without, Value answer) {
  answer["if"] = with;
  answer["unless"] = without;
  answer["usage"] = {{"prompt_tokens", 100}, {"completion_tokens", 10}};
  return answer;
}
Value call(const char* tool, Value arguments) {
  return {{"calls", Value::array({{{"name", tool}, {"arguments", std::move(arguments)}}})}};
}
Value say(const char* text) { return {{"text", text}}; }

/// What the model says depends on what it has heard, so it says the same again to a node that comes back. Only who
/// may hand out tasks is offered the tool for it.
Value plan() {
  const std::string boss = "background_task";
  const auto hand_out = [](const char* agent, const char* task) {
    return call("background_task", {{"agent", agent}, {"description", task}, {"task", task}, {"outcome", "one sentence"}});
  };
  Value entries = Value::array();
  entries.push_back(entry({boss, "Done: reply"}, {}, say("Replied.")));
  entries.push_back(entry({boss, "It is in a.txt", "small risk"}, {}, call("reply", {{"content", "Found and judged."}})));
  entries.push_back(entry({boss, "is with oracle"}, {}, say("Both are on it.")));
  entries.push_back(entry({boss, "is with explore"}, {}, hand_out("oracle", "Judge the danger")));
  entries.push_back(entry({boss}, {}, hand_out("explore", "Find FAULT")));
  entries.push_back(entry({"Judge the danger"}, {boss}, say("small risk")));
  entries.push_back(entry({"Find FAULT", "a.txt"}, {boss}, say("It is in a.txt")));
  entries.push_back(entry({"Find FAULT"}, {boss}, call("grep", {{"pattern", "FAULT"}})));
  return {{"plan", std::move(entries)}, {"turns", Value::array()}};
}

class WholeStory : public ::testing::TestWithParam<Failpoint> {
 protected:
  WholeStory()
      : server_(must(model_server::ModelServer::listen(0, plan()))),
        world_({.config = fmt::format("\n[backends.scripted]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"m\"\n"
                                      "rate_in_msat_per_1k = 1000\nrate_out_msat_per_1k = 1000\n",
                                      server_->base_url())}),
        shop_(world_, "shop") {
    std::filesystem::create_directory(world_.root() / "work");
    std::ofstream(world_.root() / "work" / "a.txt") << "one\nFAULT here\n";
    write_config("read_root = \"\"", "read_root = \"" + (world_.root() / "work").string() + "\"");
    write_config("level = \"bounded\"", "level = \"supervised\"");
    write_config("thinks.\nmodel = ", "thinks.\nmodel = \"scripted\"  # ");
    host_ = WalletHost::start({.relays = world_.relay_urls(),
                               .nodes = {{"ours", kPurse}, {"shop", Msat{0}}},
                               .rules = {},
                               .fee = {},
                               .service = {}});
    shop_.write("echo", "Say hello.");
    shop_.publish("echo", "1.0.0");
    shop_.connect_wallet(host_->uri("shop"));
    shop_.offer("echo", kPrice);
    set_list(config(), "issuers", shop_.key().hex());
    set_list(config(), "capabilities", "nostr:read");
    set_list(config(), "pins", shop_.key().hex());
    set_list(world_.cosigner_home(World::kFirstCosigner) / "policy.toml", "issuers", shop_.key().hex());
    EXPECT_EQ(world_.command({"wallet", "connect", "--home", world_.node_home().string()}, host_->uri("ours") + "\n").code, 0);
    shop_.open();
    world_.owner().save_key((world_.root() / "owner.key").string());
  }
  std::filesystem::path config() const { return world_.node_home() / "config.toml"; }
  void write_config(const std::string& before, const std::string& after) {
    std::string text = must(node::read_file(config()));
    ASSERT_NE(text.find(before), std::string::npos) << before;
    text.replace(text.find(before), before.size(), after);
    must(node::write_file(config(), text));
  }
  Exit at_node(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    arguments.insert(arguments.end(), {"--home", world_.node_home().string()});
    return world_.command(std::move(arguments));
  }

  /// The story, told to its end by people who wait as long as it takes.
  void play() {
    world_.revive();
    const Asked asked = mention_and_await_question(world_);
    EXPECT_NE(asked.message.text.find("| Found and judged."), std::string::npos) << asked.message.text;
    sign_yes(asked.code);
    EXPECT_EQ(await_reply(world_).content, "Found and judged.");
    const nostr::Event result = await_result(world_, asked.mention);
    EXPECT_EQ(tag(result, "status"), "success");
    expect_valid_trajectory(world_, result);

    std::string code;
    while (code.empty()) {
      // A wish that died before it was committed was none; the same one again is the same purchase.
      (void)at_node({"skill", "buy", shop_.address("echo"), "--timeout", "2s"});
      try {
        const Message question = world_.owner().await_message(
            [&](const Message& m) { return !code_in(m.text).empty() && code_in(m.text) != asked.code; }, std::chrono::seconds(10));
        code = code_in(question.text);
      } catch (const std::runtime_error&) {
        continue;  // whoever had died is back now
      }
    }
    sign_yes(code);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (purchases().empty() || purchases().at(0).contains("waits_for")) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "the purchase does not end";
      try {  // while somebody waits, the dead come back
        (void)world_.owner().await_message([](const Message&) { return false; }, std::chrono::seconds(1));
      } catch (const std::runtime_error&) {
        continue;
      }
    }
  }
  /// The operator's yes as an event they sign (39213), from a machine of their own.
  void sign_yes(const std::string& code) {
    std::vector<std::string> arguments{"approve", code, "--key-file", (world_.root() / "owner.key").string()};
    for (const std::string& url : world_.relay_urls()) arguments.insert(arguments.end(), {"--relay", url});
    EXPECT_EQ(world_.command(std::move(arguments)).code, 0);
  }
  std::vector<Value> purchases() { return json_lines(at_node({"skill", "purchases"}).out); }

  /// All that remains, in lines that do not depend on when and how often anybody died.
  std::string state() {
    std::string out;
    for (const nostr::Event& reply : replies(world_)) out += "reply " + reply.content + "\n";
    for (const Value& one : purchases())
      out += fmt::format("purchase {} {}\n", one.at("state").get<std::string>(), one.at("price_msat").dump());
    for (const Value& one : json_lines(at_node({"skill", "held"}).out)) out += "licence " + one.at("status").get<std::string>() + "\n";
    for (const Value& one : shop_.orders()) out += "order " + one.at("state").get<std::string>() + "\n";
    out += fmt::format("wallets {} {}\npayments {}\n", host_->balance("ours").value, host_->balance("shop").value, host_->payments());
    out += "pending " + std::to_string(must(base::json::parse(at_node({"pending"}).out)).size()) + "\n";
    world_.stop_actors();
    const auto db = world_.open_node_db();
    auto tasks = must(storage::Tasks(*db).history(10));
    std::ranges::sort(tasks, {}, &storage::TaskRow::agent);
    for (const storage::TaskRow& task : tasks)
      out += fmt::format("task {} {} {}{}\n", task.agent, storage::name_of(task.state), task.result, task.told ? ", told" : "");
    out += fmt::format("running {}, reserved {}\n", must(storage::Sessions(*db).list_running()).size(),
                       must(storage::Budgets(*db).list_open()).size());
    const auto spent = [&](const char* purpose) {
      return *must(db->one("SELECT coalesce(sum(settled), 0) FROM reservations WHERE state = 'settled' AND purpose = ?",
                           [](storage::Row& row) { return row.take<std::int64_t>(); }, std::string(purpose)));
    };
    const storage::BudgetTotals day = must(storage::Budgets(*db).totals({.key = "node", .limit = std::nullopt, .window = storage::Window::kDay}, world_.owner().now()));
    EXPECT_GT(spent("model-call"), 0) << "models were not free";
    EXPECT_EQ(day.spent.value, spent("model-call") + kPrice * 1000) << "every payment and every call is in the day's sum";
    return out;
  }

  std::unique_ptr<model_server::ModelServer> server_;
  World world_;
  Shop shop_;
  std::unique_ptr<WalletHost> host_;
};

constexpr const char* kEnd =
    "reply Found and judged.\n"
    "purchase done 250000\n"
    "licence active\n"
    "order done\n"
    "wallets 4750000 250000\n"
    "payments 1\n"
    "pending 0\n"
    "task explore completed It is in a.txt, told\n"
    "task oracle completed small risk, told\n"
    "running 0, reserved 0\n";

TEST_F(WholeStory, OfTasksAYesAndAPurchaseIsToldWithoutADeath) {
  world_.start_cosigner(World::kFirstCosigner);
  world_.start_cosigner(World::kSecondCosigner);
  world_.start_node();
  play();
  EXPECT_EQ(state(), kEnd);
}

TEST_P(WholeStory, EndsTheSameWhereverTheNodeIsKilled) {
  NEEDS_FAILPOINTS();
  world_.start_cosigner(World::kFirstCosigner);
  world_.start_cosigner(World::kSecondCosigner);
  world_.start_node();
  world_.await_announced();
  world_.node().terminate();
  world_.start_node(armed(GetParam()));
  play();
  EXPECT_EQ(world_.deaths(), 1) << "the node never came by " << GetParam().name;
  EXPECT_EQ(state(), kEnd);
}

INSTANTIATE_TEST_SUITE_P(AfterEachCommit, WholeStory,
                         testing::Values(Failpoint{"task-handed-out", 2}, Failpoint{"task-ended"}, Failpoint{"session_step", 6},
                                         Failpoint{"question-posted"}, Failpoint{"decision-taken"}, Failpoint{"signature-committed"},
                                         Failpoint{"purchase-wanted"}, Failpoint{"purchase-billed"}, Failpoint{"payment-settled"},
                                         Failpoint{"db-after-commit", 120}));

}  // namespace
}  // namespace e2e
