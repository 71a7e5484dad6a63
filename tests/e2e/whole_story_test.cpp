// Everything at once: an agent that asks for everything hands tasks to two others in the
// background, buys a skill on a yes that its operator signs, and answers on another. Whoever is
// killed when, the end is the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "node/home.h"
#include "storage/budgets.h"
#include "storage/sessions.h"
#include "storage/tasks.h"
#include "tests/e2e/support/buying.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

using base::json::Value;

Value entry(std::vector<std::string> with, std::vector<std::string> without, Value answer) {
  answer["if"] = with;
  answer["unless"] = without;
  answer["usage"] = {{"prompt_tokens", 100}, {"completion_tokens", 10}};
  return answer;
}
Value call(const char* tool, Value arguments) {
  return {{"calls", Value::array({{{"name", tool}, {"arguments", std::move(arguments)}}})}};
}
Value say(const char* text) {
  return {{"text", text}};
}

/// What the model says depends on what it has heard, so it says the same again to a node that comes
/// back. Only who may hand out tasks is offered the tool for it.
Value plan(const std::string& skill, const std::string& seller) {
  const std::string boss = "background_task";
  const auto hand_out = [](const char* agent, const char* task) {
    return call(
        "background_task",
        {{"agent", agent}, {"description", task}, {"task", task}, {"outcome", "one sentence"}});
  };
  const Value wish = {{"skill", skill},
                      {"seller", seller},
                      {"version", "1.0.0"},
                      {"price_sats", kPrice},
                      {"reason", "to judge well"}};
  Value entries = Value::array();
  entries.push_back(entry({boss, "Done: reply"}, {}, say("Replied.")));
  entries.push_back(
      entry({boss, "Done: it is bought"}, {}, call("reply", {{"content", "Found and judged."}})));
  entries.push_back(entry({boss, "It is in a.txt", "small risk"}, {}, call("skill_buy", wish)));
  entries.push_back(entry({boss, "is with oracle"}, {}, say("Both are on it.")));
  entries.push_back(entry({boss, "is with explore"}, {}, hand_out("oracle", "Judge the danger")));
  entries.push_back(entry({boss}, {}, hand_out("explore", "Find FAULT")));
  entries.push_back(entry({"Judge the danger"}, {boss}, say("small risk")));
  entries.push_back(entry({"Find FAULT", "a.txt"}, {boss}, say("It is in a.txt")));
  entries.push_back(entry({"Find FAULT"}, {boss}, call("grep", {{"pattern", "FAULT"}})));
  return {{"plan", std::move(entries)}, {"turns", Value::array()}};
}

class WholeStory : public Buying {
 protected:
  WholeStory()
      : server_(must(
            model_server::ModelServer::listen(0, plan(shop_.address("echo"), shop_.key().hex())))) {
    std::filesystem::create_directory(world_.root() / "work");
    std::ofstream(world_.root() / "work" / "a.txt") << "one\nFAULT here\n";
    set_level("supervised");
    write_config("read_root = \"\"", "read_root = \"" + (world_.root() / "work").string() + "\"");
    write_config("thinks.\nmodel = ", "thinks.\nmodel = \"scripted\"  # ");
    std::ofstream(world_.node_home() / "config.toml", std::ios::app) << fmt::format(
        "\n[backends.scripted]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"m\"\n"
        "rate_in_msat_per_1k = 1000\nrate_out_msat_per_1k = 1000\n",
        server_->base_url());
    world_.owner().save_key((world_.root() / "owner.key").string());
    shop_.offer("echo", kPrice);
    shop_.open();
    world_.start_cosigner(World::kFirstCosigner);
    world_.start_cosigner(World::kSecondCosigner);
  }
  void write_config(const std::string& before, const std::string& after) {
    const auto config = world_.node_home() / "config.toml";
    std::string text = must(node::read_file(config));
    ASSERT_NE(text.find(before), std::string::npos) << before;
    text.replace(text.find(before), before.size(), after);
    must(node::write_file(config, text));
  }

  /// The story, told to its end by people who wait as long as it takes.
  void play() {
    world_.revive();
    const nostr::Event mention = e2e::mention(world_);
    // The node asks about money, a co-signer about words.
    const Message price = world_.owner().await_message(
        [&](const Message& m) { return m.from == world_.node_key() && !code_in(m.text).empty(); });
    EXPECT_EQ(host_->payments(), 0) << "not before the answer";
    sign_yes(code_in(price.text));
    const Message words = world_.owner().await_message(
        [&](const Message& m) { return m.from != world_.node_key() && !code_in(m.text).empty(); });
    EXPECT_NE(words.text.find("| Found and judged."), std::string::npos) << words.text;
    sign_yes(code_in(words.text));
    EXPECT_EQ(await_reply(world_).content, "Found and judged.");
    const nostr::Event result = await_result(world_, mention);
    EXPECT_EQ(tag(result, "status"), "success") << tag(result, "detail");
    expect_valid_trajectory(world_, result);
  }
  /// The operator's yes as an event they sign (39213), from a machine of their own.
  void sign_yes(const std::string& code) {
    std::vector<std::string> arguments{"approve", code, "--key-file",
                                       (world_.root() / "owner.key").string()};
    for (const std::string& url : world_.relay_urls())
      arguments.insert(arguments.end(), {"--relay", url});
    EXPECT_EQ(world_.command(std::move(arguments)).code, 0) << said();
  }

  /// All that remains, in lines that do not depend on when and how often anybody died.
  std::string state() {
    expect_bought();
    std::string out;
    for (const nostr::Event& reply : replies(world_)) out += "reply " + reply.content + "\n";
    for (const Value& one : purchases())
      out += fmt::format("purchase {} {}\n", one.at("state").get<std::string>(),
                         one.at("price_msat").dump());
    for (const Value& one : json_lines(at_node({"skill", "held"}).out))
      out += "licence " + one.at("status").get<std::string>() + "\n";
    for (const Value& one : shop_.orders())
      out += "order " + one.at("state").get<std::string>() + "\n";
    out += fmt::format("wallets {} {}\npayments {}\n", host_->balance("ours").value,
                       host_->balance("shop").value, host_->payments());
    out += "pending " + std::to_string(object(at_node({"pending"})).size()) + "\n";
    world_.stop_actors();
    const auto db = world_.open_node_db();
    auto tasks = must(storage::Tasks(*db).history(10));
    std::ranges::sort(tasks, {}, &storage::TaskRow::agent);
    for (const storage::TaskRow& task : tasks)
      out += fmt::format("task {} {} {}{}\n", task.agent, storage::name_of(task.state), task.result,
                         task.told ? ", told" : "");
    out +=
        fmt::format("running {}, reserved {}\n", must(storage::Sessions(*db).list_running()).size(),
                    must(storage::Budgets(*db).list_open()).size());
    return out + spending(*db);
  }
  /// Every call and every payment is in the day's sum.
  std::string spending(storage::Db& db) {
    const auto sum = [&](const char* sql) {
      return *must(db.one(sql, [](storage::Row& row) { return row.take<std::int64_t>(); }));
    };
    const std::int64_t models =
        sum("SELECT coalesce(sum(settled), 0) FROM reservations WHERE state = 'settled' AND "
            "purpose = 'model-call'");
    const std::int64_t all =
        sum("SELECT coalesce(sum(settled), 0) FROM reservations WHERE state = 'settled'");
    const storage::BudgetTotals day = must(storage::Budgets(db).totals(
        {.key = "node", .limit = std::nullopt, .window = storage::Window::kDay},
        world_.owner().now()));
    return fmt::format("models {}, the rest {}, the day's sum {}\n",
                       models > 0 ? "cost" : "were free", all - models,
                       day.spent.value == all ? "right" : "wrong");
  }
  /// The shop's side may be a moment behind.
  void expect_bought() { EXPECT_EQ(await_end().at("state"), "done"); }

  std::unique_ptr<model_server::ModelServer> server_;
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
    "running 0, reserved 0\n"
    "models cost, the rest 250000, the day's sum right\n";

TEST_F(WholeStory, OfTasksAPurchaseAndAnAnswerIsToldWithoutADeath) {
  world_.start_node();
  play();
  EXPECT_EQ(state(), kEnd);
}

class WholeStoryKilled : public WholeStory, public ::testing::WithParamInterface<Failpoint> {};

TEST_P(WholeStoryKilled, EndsTheSameWhereverTheNodeDies) {
  NEEDS_FAILPOINTS();
  world_.start_node();
  world_.await_announced();
  world_.node().terminate();
  world_.start_node(armed(GetParam()));
  play();
  EXPECT_EQ(world_.deaths(), 1) << "the node never came by " << GetParam().name;
  EXPECT_EQ(state(), kEnd);
}

INSTANTIATE_TEST_SUITE_P(AfterEachCommit, WholeStoryKilled,
                         testing::Values(Failpoint{"task-handed-out", 2}, Failpoint{"task-ended"},
                                         Failpoint{"session_step", 6}, Failpoint{"purchase-wanted"},
                                         Failpoint{"purchase-billed"}, Failpoint{"payment-settled"},
                                         Failpoint{"question-posted"}, Failpoint{"decision-taken"},
                                         Failpoint{"signature-committed"},
                                         Failpoint{"db-after-commit", 120}));

}  // namespace
}  // namespace e2e
