// The shop opens, and the node starts, when a test says so.
#include "tests/e2e/support/buying.h"

#include <fstream>

#include "node/key_file.h"
#include "tests/e2e/support/must.h"

namespace e2e {

using base::Msat;
using base::json::Value;
using wallet_service::WalletHost;

Buying::Buying(WorldOptions options) : world_(std::move(options)), shop_(world_, "shop") {
  host_ = WalletHost::start({.relays = world_.relay_urls(),
                             .nodes = {{"ours", kPurse}, {"shop", Msat{0}}},
                             .rules = {},
                             .fee = {},
                             .service = {}});
  shop_.write("echo", "Say hello.");
  shop_.publish("echo", "1.0.0");
  shop_.connect_wallet(host_->uri("shop"));
  const auto config = world_.node_home() / "config.toml";
  set_list(config, "issuers", shop_.key().hex());
  set_list(config, "capabilities", "nostr:read");
  set_list(config, "pins", shop_.key().hex());
  set_list(world_.cosigner_home(kMarket) / "policy.toml", "issuers", shop_.key().hex());
  const Exit ended = world_.command({"wallet", "connect", "--home", world_.node_home().string()},
                                    host_->uri("ours") + "\n");
  EXPECT_EQ(ended.code, 0);
}

void Buying::set_level(const std::string& level) {
  const auto config = world_.node_home() / "config.toml";
  std::string text = must(node::read_file(config));
  const std::string before = "level = \"bounded\"";
  ASSERT_NE(text.find(before), std::string::npos);
  text.replace(text.find(before), before.size(), "level = \"" + level + "\"");
  must(node::write_file(config, text));
}

Exit Buying::at_node(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--json");
  arguments.insert(arguments.end(), {"--home", world_.node_home().string()});
  return world_.command(std::move(arguments));
}

Exit Buying::buy(std::vector<std::string> more) {
  std::vector<std::string> arguments{"skill", "buy", shop_.address("echo")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return at_node(std::move(arguments));
}

Message Buying::await_question() {
  return world_.owner().await_message([](const Message& m) {
    return m.text.find("for a licence of echo 1.0.0") != std::string::npos;
  });
}

void Buying::answer(const std::string& word) {
  const Message shown = await_question();
  const Message coded = world_.owner().await_message(
      [&](const Message& m) { return m.from == shown.from && !code_in(m.text).empty(); });
  world_.owner().send(shown.from, word + " " + code_in(coded.text));
}

Value Buying::object(const Exit& ended) {
  return must(base::json::parse(ended.out.empty() ? "{}" : ended.out), ended.out);
}

std::string Buying::said() const {
  std::ifstream in(world_.root() / "commands.log");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Value> Buying::purchases() {
  return json_lines(at_node({"skill", "purchases"}).out);
}

Value Buying::await_end() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto all = purchases();
    if (!all.empty() && !all[0].contains("waits_for")) return all[0];
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("the purchase does not end");
    (void)world_.owner().messages();
  }
}

bool Buying::stays_unknown() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(12);
  do {
    const Value row = purchases().at(0);
    if (base::json::string_or(row, "payment") != "unknown" &&
        base::json::string_or(row, "payment") != "sent")
      return false;
  } while (std::chrono::steady_clock::now() < until);
  return true;
}

void Buying::expect_bought_once() {
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(host_->balance("shop"), Msat{kPrice * 1000});
  EXPECT_EQ(host_->balance("ours"), kPurse - Msat{kPrice * 1000});
  const auto orders = shop_.orders();
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(orders[0].at("state"), "done");
  EXPECT_EQ(orders[0].at("price_msat"), kPrice * 1000);
  const auto held = json_lines(at_node({"skill", "held"}).out);
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].at("status"), "active");
  const auto all = purchases();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("state"), "done");
  EXPECT_EQ(all[0].at("licence"), held[0].at("licence"));
  EXPECT_EQ(all[0].at("payment_hash"), orders[0].at("payment_hash"));
  const Value budget = object(at_node({"budget"}));
  EXPECT_EQ(budget.at("spent_today_msat"), kPrice * 1000);
  EXPECT_EQ(budget.at("reserved_msat"), 0);
}

}  // namespace e2e
