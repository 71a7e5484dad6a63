// Buying a licence: quote, approval, bill, payment, licence, delivery — and what happens when somebody dies,
// says no, or loses an answer on the way.
#include <gtest/gtest.h>

#include "node/key_file.h"
#include "tests/e2e/support/buying.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"

namespace e2e {
namespace {

using base::Msat;
using base::json::Value;
using wallet_service::Fault;

TEST_F(Buying, AnAgentThatMayBuysWithoutAskingAndOpensTheSkill) {
  set_level("autonomous");
  shop_.offer("echo", kPrice, {"--type", "metered", "--uses", "2"});
  shop_.open();
  EXPECT_EQ(buy().code, 3) << "no node runs";
  world_.start();
  const Value quote = object(at_node({"skill", "quote", shop_.address("echo")}));
  EXPECT_EQ(quote.at("price_msat"), kPrice * 1000);
  EXPECT_EQ(quote.at("seller"), shop_.key().hex());
  EXPECT_EQ(quote.at("trust"), "trusted");
  EXPECT_EQ(quote.at("terms").at("max_uses"), 2);
  EXPECT_EQ(quote.at("asks_operator"), false);
  EXPECT_EQ(buy({"--max", "249"}).code, 4) << "dearer than was meant";

  const Exit bought = buy({"--max", "250"});
  ASSERT_EQ(bought.code, 0) << said();
  EXPECT_EQ(object(bought).at("state"), "done");
  expect_bought_once();
  const auto load = [&] { return at_node({"skill", "load", "echo"}).code; };
  EXPECT_EQ(load(), 0) << said();
  EXPECT_EQ(load(), 0);
  EXPECT_EQ(load(), 4) << "two uses were bought";
}

TEST_F(Buying, ALongSkillLiesElsewhereAndIsHereBeforeAUseIsSpent) {
  set_level("autonomous");
  shop_.write("echo", std::string(40'000, 'x') + "\nThe end.");
  shop_.publish("echo", "1.1.0");
  shop_.offer("echo", kPrice, {"--type", "metered", "--uses", "1"});
  shop_.open({}, {"--listen", "127.0.0.1:0"});
  world_.start();
  ASSERT_EQ(buy().code, 0) << said();
  expect_bought_once();
  shop_.close();  // and with it what it serves
  const Exit opened = at_node({"skill", "load", "echo"});
  EXPECT_EQ(opened.code, 0) << said();
  EXPECT_EQ(object(opened).at("version"), "1.1.0");
}

TEST_F(Buying, TheOperatorIsAskedOnceAndANoPaysNothing) {
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  EXPECT_EQ(buy({"--timeout", "1s"}).code, 124);
  const Message asked = await_question();
  EXPECT_NE(asked.text.find("PAY 250 sats"), std::string::npos) << asked.text;
  const auto open = purchases();
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].at("waits_for"), "operator");
  answer("no");
  EXPECT_EQ(await_end().at("state"), "refused");
  EXPECT_EQ(purchases().at(0).at("purchase"), open[0].at("purchase"));
  EXPECT_EQ(host_->payments(), 0);
  EXPECT_TRUE(shop_.orders().empty()) << "not even ordered";
}

TEST_F(Buying, AYesBuysWhatWasShown) {
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  EXPECT_EQ(buy({"--timeout", "1s"}).code, 124);
  answer("yes");
  EXPECT_EQ(await_end().at("state"), "done");
  expect_bought_once();
}

TEST_F(Buying, WhatIsNotTrustedIsNotBought) {
  set_level("autonomous");
  const auto config = world_.node_home() / "config.toml";
  std::string text = must(node::read_file(config));
  const std::string pin = "pins = [\"" + shop_.key().hex() + "\"]";
  ASSERT_NE(text.find(pin), std::string::npos);
  text.replace(text.find(pin), pin.size(), "pins = []");
  must(node::write_file(config, text));
  shop_.offer("echo", 0);
  shop_.open();
  world_.start();
  EXPECT_EQ(buy().code, 4);
  EXPECT_TRUE(purchases().empty());
  EXPECT_EQ(buy({"--untrusted"}).code, 0) << "given away, and the operator may; " << said();
  EXPECT_EQ(host_->payments(), 0);
  shop_.close();
  shop_.ask({"skill", "revoke", "echo", "-m", "critical-vuln"});
  EXPECT_NE(buy({"--untrusted"}).code, 0) << "what its publisher withdrew nobody buys";
}

TEST_F(Buying, AnAnswerTheWalletLosesIsLookedUpAndNotPaidAgain) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  // The money is gone and nobody says so; the first look-up finds the wallet out of order as well.
  host_->add_rules({{.method = "pay_invoice", .fault = Fault::kLoseAnswer},
                    {.method = "lookup_invoice", .fault = Fault::kRefuse, .times = 1, .code = nostr::WalletErrc::kInternal}});
  EXPECT_EQ(buy({"--timeout", "4s"}).code, 124) << "it is not known, and that is said";
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(purchases().at(0).at("state"), "billed");
  EXPECT_EQ(buy().code, 0) << said();
  expect_bought_once();
  EXPECT_EQ(host_->handled("pay_invoice"), 1) << "asked to pay once";
  EXPECT_GE(host_->handled("lookup_invoice"), 2) << "and asked what became of it";
}

TEST_F(Buying, AnAnswerNobodyCanReadIsLookedUpAndNotPaidAgain) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  host_->add_rules({{.method = "pay_invoice", .fault = Fault::kGarbage}});
  EXPECT_EQ(buy().code, 0) << said();
  expect_bought_once();
  EXPECT_EQ(host_->handled("pay_invoice"), 1);
}

TEST_F(Buying, WhatNobodyKnowsStaysPendingAndIsNoNewPurchase) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  // The wallet refuses in a way that does not say whether it paid, and knows nothing later.
  host_->add_rules({{.method = "pay_invoice", .fault = Fault::kRefuse, .code = nostr::WalletErrc::kInternal}});
  EXPECT_EQ(buy({"--timeout", "6s"}).code, 124);
  EXPECT_EQ(buy({"--timeout", "3s"}).code, 124);
  const auto all = purchases();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("state"), "billed");
  EXPECT_EQ(all[0].at("payment"), "unknown");
  EXPECT_EQ(host_->payments(), 0);
  EXPECT_EQ(host_->handled("pay_invoice"), 1) << "asked once, however often it was looked up";
  EXPECT_GT(object(at_node({"budget"})).at("reserved_msat"), kPrice * 1000) << "with its fee";
}

TEST_F(Buying, ASellerThatWantsMoreThanItOfferedIsNotPaid) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  shop_.close();
  // The same key sells on, dishonestly: what the buyer knows is the signed offer.
  const Exit waiting = buy({"--timeout", "2s"});
  EXPECT_EQ(waiting.code, 124);
  const auto id = purchases().at(0).at("purchase").get<std::string>();
  Person crook(world_.relay_urls(), must(node::load_key_file(shop_.home() / "node.key")));
  const std::string dear = host_->make_invoice("shop", Msat{kPrice * 1000 + 1});
  crook.send(world_.node_key(), Value{{"type", "skill-bill"}, {"order", id}, {"invoice", dear}}.dump());
  EXPECT_EQ(await_end().at("state"), "failed");
  EXPECT_NE(purchases().at(0).at("detail").get<std::string>().find("not what was offered"), std::string::npos);
  EXPECT_EQ(host_->payments(), 0);
}

TEST_F(Buying, AStrangersBillIsNobodys) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  shop_.close();
  EXPECT_EQ(buy({"--timeout", "2s"}).code, 124);
  const auto id = purchases().at(0).at("purchase").get<std::string>();
  world_.stranger().send(world_.node_key(), Value{{"type", "skill-bill"},
                                                  {"order", id},
                                                  {"invoice", host_->make_invoice("shop", Msat{kPrice * 1000})}}
                                                .dump());
  shop_.open();
  EXPECT_EQ(buy().code, 0) << "the order waited on the relay; " << said();
  expect_bought_once();
}

TEST_F(Buying, KilledAfterAnyCommitTheBuyerGoesOnAndPaysOnce) {
  NEEDS_FAILPOINTS();
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start_cosigner(kMarket);
  world_.start_cosigner(World::kSecondCosigner);
  const char* names[] = {"purchase-wanted",  "purchase-ordered", "purchase-billed",
                         "purchase-payable", "payment-reserved", "payment-before-settled",
                         "payment-settled",  "purchase-paid",    "purchase-done"};
  // One purchase dies on its way again and again, each time one step further.
  bool first = true;
  for (const char* name : names) {
    world_.start_node(armed({name}));
    if (first) EXPECT_NE(buy().code, 0);
    first = false;
    EXPECT_EQ(world_.node().wait().signal, SIGKILL) << name;
  }
  world_.start_node();
  EXPECT_EQ(purchases().size(), 1U);
  EXPECT_EQ(purchases().at(0).at("state"), "done");
  expect_bought_once();
}

TEST_F(Buying, WhatIsHeldIsNotBoughtTwiceByAccident) {
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start();
  ASSERT_EQ(buy().code, 0) << said();
  EXPECT_EQ(buy().code, 1);
  EXPECT_NE(said().find("--again"), std::string::npos);
  expect_bought_once();
  EXPECT_EQ(buy({"--again"}).code, 0) << said();
  EXPECT_EQ(host_->payments(), 2);
}

TEST_F(Buying, KilledAtAnyCommitWhateverEachPurchaseIsPaidOnce) {
  NEEDS_FAILPOINTS();
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  shop_.open();
  world_.start_cosigner(kMarket);
  world_.start_cosigner(World::kSecondCosigner);
  int wanted = 0;
  for (const char* failpoint : {"db-before-commit", "db-after-commit"}) {
    for (int pass = 2; pass <= 26; pass += 6) {
      SCOPED_TRACE(std::string(failpoint) + ":" + std::to_string(pass));
      const auto before = static_cast<std::size_t>(wanted);
      world_.start_node(armed({failpoint, pass}));
      const int ended = buy({"--again", "--timeout", "4s"}).code;
      // Whoever is cut off may hear of a death before the kernel has buried the dead.
      if (ended != 0 && !world_.node().running(std::chrono::seconds(1))) world_.start_node();
      // A wish that died before it was committed was none.
      if (purchases().size() == before) EXPECT_EQ(buy({"--again"}).code, 0) << said();
      ++wanted;
      ASSERT_EQ(purchases().size(), static_cast<std::size_t>(wanted));
      if (stays_unknown()) {
        // Dead between "sent" is committed and the request: nobody can know yet, so nothing is paid again.
        EXPECT_EQ(host_->payments(), wanted - 1);
        return;
      }
      EXPECT_EQ(await_end().at("state"), "done");
      EXPECT_EQ(host_->payments(), wanted);
      world_.node().terminate();
    }
  }
  world_.start_node();
  EXPECT_EQ(host_->balance("shop"), Msat{kPrice * 1000 * wanted});
  EXPECT_EQ(json_lines(at_node({"skill", "held"}).out).size(), static_cast<std::size_t>(wanted));
  EXPECT_EQ(object(at_node({"budget"})).at("spent_today_msat"), kPrice * 1000 * wanted);
}

TEST_F(Buying, KilledAfterAnyCommitTheSellerOwesOneLicenceAndGivesOne) {
  NEEDS_FAILPOINTS();
  set_level("autonomous");
  shop_.offer("echo", kPrice);
  world_.start();
  const char* names[] = {"sale-taken", "sale-billed", "sale-paid", "licence-committed"};
  bool first = true;
  for (const char* name : names) {
    shop_.open(armed({name}));
    if (first) EXPECT_EQ(buy({"--timeout", "1s"}).code, 124);
    first = false;
    EXPECT_EQ(shop_.program().wait().signal, SIGKILL) << name;
  }
  shop_.open();
  EXPECT_EQ(await_end().at("state"), "done");
  expect_bought_once();
}

}  // namespace
}  // namespace e2e
