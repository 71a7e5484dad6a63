// Money from the command line: a real wallet service over a real relay, limits, and a program killed at
// every commit on the way of a payment.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "nipsa/kinds.h"
#include "nostr/base/json.h"
#include "nostr/nips/bolt11.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/e2e/support/story.h"
#include "tests/node/support/temp_dir.h"
#include "tests/orchestration/support/wallet_host.h"

namespace e2e {
namespace {

using base::Msat;
using base::json::Value;
using wallet_service::Fault;
using wallet_service::WalletHost;

class Wallet : public ::testing::Test {
 protected:
  Wallet() : relay_({"relay", "--listen", "127.0.0.1:0"}, options()) {
    const std::string url = relay_.read_line("listening ").value_or("listening ").substr(10);
    host_ = WalletHost::start({.relays = {url},
                               .nodes = {{"ours", Msat{1'000'000}}, {"shop", Msat{0}}},
                               .rules = {},
                               .fee = {},
                               .service = {}});
  }
  ProgramOptions options(std::string input = "", Environment environment = {}) const {
    return {.environment = std::move(environment), .log = dir_ / "log", .input = std::move(input)};
  }
  Exit run(std::vector<std::string> arguments, std::string input = "",
           Environment environment = {}) {
    arguments.insert(arguments.end(), {"--home", (dir_ / "home").string(), "--json"});
    return run_program(std::move(arguments), options(std::move(input), std::move(environment)));
  }
  Value answer(std::vector<std::string> arguments, int code = 0, std::string input = "") {
    const Exit ended = run(std::move(arguments), std::move(input));
    EXPECT_EQ(ended.code, code) << ended.out;
    return must(base::json::parse(ended.out.empty() ? "{}" : ended.out), ended.out);
  }
  void connect() { answer({"wallet", "connect"}, 0, host_->uri("ours") + "\n"); }
  std::string said() const {
    std::ifstream in(dir_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  node::testing::TempDir dir_;
  Program relay_;
  std::unique_ptr<WalletHost> host_;
};

TEST_F(Wallet, ConnectKeepsTheSecretToItself) {
  EXPECT_EQ(run({"wallet", "balance"}).code, 1) << "no wallet yet";
  const Value connected = answer({"wallet", "connect"}, 0, host_->uri("ours"));
  EXPECT_EQ(connected.at("network"), "regtest");
  const std::filesystem::path file = connected.at("file").get<std::string>();
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(answer({"wallet", "balance"}).at("balance_msat"), 1'000'000);
  std::filesystem::permissions(file, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(run({"wallet", "balance"}).code, 4) << "others could read it";
  EXPECT_EQ(run({"wallet", "connect"}, "nostr+walletconnect://nonsense").code, 2);
  const std::string uri = host_->uri("ours");
  EXPECT_EQ(said().find(uri.substr(uri.find("secret="))), std::string::npos);
}

TEST_F(Wallet, PaysOnceAndShowsWhatItDid) {
  connect();
  const std::string bill = host_->make_invoice("shop", Msat{50'000});
  const Value paid = answer({"wallet", "pay", bill});
  EXPECT_EQ(paid.at("state"), "settled");
  EXPECT_EQ(paid.at("amount_msat"), 50'000);
  const auto preimage = nostr::Preimage::from_hex(paid.at("preimage").get<std::string>());
  EXPECT_TRUE(nostr::is_paid_by(must(nostr::parse_invoice(bill)).payment_hash, *preimage));
  EXPECT_EQ(answer({"wallet", "pay", bill}).at("key"), paid.at("key")) << "the same payment";
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(host_->balance("shop"), Msat{50'000});

  EXPECT_EQ(answer({"wallet", "list"}).at("state"), "settled");
  EXPECT_EQ(answer({"wallet", "list", "--wallet"}).at("type"), "outgoing");
  EXPECT_EQ(answer({"wallet", "lookup", bill}).at("state"), "settled");
  EXPECT_EQ(run({"wallet", "pay", bill, "51"}).code, 1) << "another amount under the same key";
  EXPECT_EQ(run({"wallet", "pay", host_->make_invoice("shop", Msat{5'000}), "6"}).code, 4);
  EXPECT_EQ(run({"wallet", "pay", "not-an-invoice"}).code, 2);
  const Value made = answer({"wallet", "invoice", "21", "-m", "tea"});
  EXPECT_EQ(must(nostr::parse_invoice(made.at("invoice").get<std::string>())).amount, Msat{21'000});
}

TEST_F(Wallet, ALimitRefusesExplainsAndCanBeLifted) {
  connect();
  const std::string bill = host_->make_invoice("shop", Msat{50'000});
  answer({"budget", "set", "node", "day", "10"});
  EXPECT_EQ(run({"wallet", "pay", bill}).code, 4);
  EXPECT_NE(said().find("node per day: 60000 msat more would exceed 10000 msat"),
            std::string::npos);
  EXPECT_EQ(host_->payments(), 0);
  EXPECT_EQ(answer({"wallet", "pay", bill, "--over-limit"}).at("state"), "settled");
  const Value budget = answer({"budget"});
  EXPECT_EQ(budget.at("spent_today_msat"), 50'000);
  bool found = false;
  for (const Value& line : budget.at("limits"))
    if (line.at("limit") == "node day") {
      found = true;
      EXPECT_EQ(line.at("from"), "operator");
      EXPECT_EQ(line.at("msat"), 10'000);
      EXPECT_EQ(line.at("left_msat"), 0);
    }
  EXPECT_TRUE(found);
  answer({"budget", "set", "node", "day", "default"});
  EXPECT_EQ(run({"budget", "set", "moon", "day", "1"}).code, 2);
  EXPECT_EQ(run({"budget", "set", "agent", "day", "1"}).code, 2);
  EXPECT_EQ(run({"budget", "set", "agent:main", "week", "1"}).code, 2);
}

struct Death {
  const char* failpoint;
  int payments;     ///< after it died
  int second_code;  ///< of the same command once more
  int at_last;      ///< payments in the end
};

TEST_F(Wallet, KilledAtAnyCommitItNeverPaysTwice) {
  NEEDS_FAILPOINTS();
  connect();
  const Death deaths[] = {
      {"payment-intent", 0, 0, 1},
      {"payment-before-reserved", 0, 0, 1},
      {"payment-reserved", 0, 0, 1},
      {"payment-before-sent", 0, 0, 1},
      {"payment-sent", 0, 124, 0},  // nothing left, but who knows: it is not sent again
      {"payment-before-settled", 1, 0, 1},
      {"payment-settled", 1, 0, 1},
  };
  int before = 0;
  for (const Death& death : deaths) {
    const std::string bill = host_->make_invoice("shop", Msat{1'000});
    const Exit killed = run({"wallet", "pay", bill}, "", armed({death.failpoint}));
    EXPECT_EQ(killed.signal, SIGKILL) << death.failpoint;
    EXPECT_EQ(host_->payments() - before, death.payments) << death.failpoint;
    EXPECT_EQ(run({"wallet", "pay", bill}).code, death.second_code) << death.failpoint;
    EXPECT_EQ(run({"wallet", "pay", bill}).code, death.second_code) << death.failpoint;
    EXPECT_EQ(host_->payments() - before, death.at_last) << death.failpoint;
    before = host_->payments();
  }
}

TEST_F(Wallet, WhatIsNotKnownStaysReservedAndWithItsWallet) {
  connect();
  host_->add_rules({{.method = "pay_invoice", .fault = Fault::kRefuse, .code = nostr::WalletErrc::kInternal}});
  const std::string bill = host_->make_invoice("shop", Msat{1'000});
  EXPECT_EQ(run({"wallet", "pay", bill}).code, 124);
  EXPECT_EQ(answer({"budget"}).at("reserved_msat"), 11'000) << "with its fee";
  EXPECT_EQ(run({"wallet", "connect"}, host_->uri("shop")).code, 1)
      << "only this wallet can say what became of it";
  EXPECT_EQ(run({"wallet", "lookup", bill}).code, 124) << "nobody knows yet";
  EXPECT_EQ(host_->payments(), 0);
}

// ---- the agent's own money

/// A world whose node has a wallet, and a shop behind the same relay.
struct RichWorld {
  explicit RichWorld(WorldOptions options) : world(std::move(options)) {
    host = WalletHost::start({.relays = world.relay_urls(),
                              .nodes = {{"ours", Msat{1'000'000}}, {"shop", Msat{1'000'000}}},
                              .rules = {},
                              .fee = {},
                              .service = {}});
  }
  void connect(const std::string& node, const std::filesystem::path& home) {
    const Exit ended =
        world.command({"wallet", "connect", "--home", home.string()}, host->uri(node) + "\n");
    ASSERT_EQ(ended.code, 0);
  }

  World world;
  std::unique_ptr<WalletHost> host;
};

constexpr const char* kPayingPlaybook = R"(
[[rule]]
on = "mention"
call = { tool = "pay", args = { destination = "{{content}}", amount_sats = 50, reason = "they sent a bill" } }

[[rule]]
on = "tool"
say = "settled"
)";

/// What the operator is shown, and, perhaps in a later part of it, the code.
struct MoneyQuestion {
  std::string text;
  std::string code;
  nostr::PublicKey from;
};
MoneyQuestion await_money_question(World& world) {
  const Message shown = world.owner().await_message(
      [](const Message& message) { return message.text.find("PAY ") != std::string::npos; });
  if (const std::string code = code_in(shown.text); !code.empty())
    return {shown.text, code, shown.from};
  const Message coded = world.owner().await_message([&](const Message& message) {
    return message.from == shown.from && message.text.starts_with("[") &&
           !code_in(message.text).empty();
  });
  return {shown.text, code_in(coded.text), shown.from};
}

TEST(AgentMoney, ABillIsPaidOnceTheOperatorSaidYesToAmountAndDestination) {
  RichWorld rich({.playbook = kPayingPlaybook});
  rich.connect("ours", rich.world.node_home());
  rich.world.start();
  const std::string bill = rich.host->make_invoice("shop", Msat{50'000});
  mention(rich.world, bill);
  const MoneyQuestion question = await_money_question(rich.world);
  const std::string payee = must(nostr::parse_invoice(bill)).payee.hex();
  EXPECT_NE(question.text.find("PAY 50 sats to lightning node " + payee), std::string::npos)
      << question.text;
  EXPECT_EQ(rich.host->payments(), 0) << "not before the answer";
  rich.world.owner().send(question.from, "yes " + question.code);
  rich.world.stranger().await({.authors = {rich.world.node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  EXPECT_EQ(rich.host->payments(), 1);
  EXPECT_EQ(rich.host->balance("shop"), Msat{1'050'000});
}

TEST(AgentMoney, ANoPaysNothing) {
  RichWorld rich({.playbook = kPayingPlaybook});
  rich.connect("ours", rich.world.node_home());
  rich.world.start();
  mention(rich.world, rich.host->make_invoice("shop", Msat{50'000}));
  const MoneyQuestion question = await_money_question(rich.world);
  rich.world.owner().send(question.from, "no " + question.code);
  rich.world.stranger().await({.authors = {rich.world.node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  EXPECT_EQ(rich.host->payments(), 0);
}

TEST(AgentMoney, KilledWhileItPaysTheNodeGoesOnAndPaysOnce) {
  NEEDS_FAILPOINTS();
  RichWorld rich({.playbook = kPayingPlaybook});
  rich.connect("ours", rich.world.node_home());
  rich.world.start_cosigner(World::kFirstCosigner);
  rich.world.start_cosigner(World::kSecondCosigner);
  rich.world.start_node(armed({"payment-before-settled"}));
  rich.world.revive();
  mention(rich.world, rich.host->make_invoice("shop", Msat{50'000}));
  const MoneyQuestion question = await_money_question(rich.world);
  rich.world.owner().send(question.from, "yes " + question.code);
  rich.world.stranger().await({.authors = {rich.world.node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  EXPECT_EQ(rich.world.deaths(), 1);
  EXPECT_EQ(rich.host->payments(), 1);
}

}  // namespace
}  // namespace e2e
