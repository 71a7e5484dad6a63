// A seller whose key is whole nowhere: manifest, offer and licences are its group's, signed as far
// as its co-signers let it; orders, bills and deliveries are its node key's. Who buys from it
// notices nothing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "nipsa/licence.h"
#include "nipsa/skill_listing.h"
#include "node/key_file.h"
#include "tests/e2e/support/failpoints.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/shop.h"
#include "tests/e2e/support/story.h"
#include "tests/orchestration/support/wallet_host.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using base::Msat;
using base::json::Value;
using wallet_service::WalletHost;

constexpr int kMarket = World::kFirstCosigner;
constexpr Msat kPurse{5'000'000};

class GroupSelling : public ::testing::Test {
 protected:
  GroupSelling() : seller_({.beside = buyer_.relay_urls()}) {
    host_ = WalletHost::start({.relays = buyer_.relay_urls(),
                               .nodes = {{"ours", kPurse}, {"shop", Msat{0}}},
                               .rules = {},
                               .fee = {},
                               .service = {}});
    const fs::path folder = goods();
    fs::create_directories(folder);
    std::ofstream(folder / "SKILL.md")
        << "---\nname: echo\ndescription: Does echo\n---\nSay hello.\n";
    const fs::path config = buyer_.node_home() / "config.toml";
    std::string text = must(node::read_file(config));
    const std::string level = "level = \"bounded\"";
    text.replace(text.find(level), level.size(), "level = \"autonomous\"");
    must(node::write_file(config, text));
    set_list(config, "issuers", seller_.identity().hex());
    set_list(config, "pins", seller_.identity().hex());
    set_list(config, "capabilities", "nostr:read");
    set_list(buyer_.cosigner_home(kMarket) / "policy.toml", "issuers", seller_.identity().hex());
    EXPECT_EQ(buyer_
                  .command({"wallet", "connect", "--home", buyer_.node_home().string()},
                           host_->uri("ours") + "\n")
                  .code,
              0);
    EXPECT_EQ(
        seller_.command({"wallet", "connect", "--home", shop()}, host_->uri("shop") + "\n").code,
        0);
  }
  fs::path goods() const { return seller_.root() / "goods" / "echo"; }
  std::string shop() const { return seller_.node_home().string(); }

  /// What the seller's co-signers say to skills and offers, and to licences.
  void open_cosigners(const std::string& licences) {
    for (const int cosigner : {World::kFirstCosigner, World::kSecondCosigner}) {
      const fs::path policy = seller_.cosigner_home(cosigner) / "policy.toml";
      std::string rules;
      for (const int kind : {33400, 33401, 30402})
        rules += fmt::format("\n[kinds.{}]\nverdict = \"sign\"\n", kind);
      rules += fmt::format("\n[kinds.39220]\nverdict = \"{}\"\n", licences);
      must(node::write_file(policy, must(node::read_file(policy)) + rules));
      seller_.start_cosigner(cosigner);
    }
  }
  std::vector<std::string> as_group(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(),
                     {"--as-group", "--home", shop(), "--relay", seller_.relay_urls().front()});
    return arguments;
  }
  void offer() {
    const Value made = seller_.ask(as_group(
        {"skill", "publish", goods().string(), "--as", "1.0.0", "--capability", "nostr:read"}));
    skill_ = made.at("skill").get<std::string>();
    seller_.ask(as_group({"skill", "offer", goods().string(), "--price", "250", "--type", "metered",
                          "--uses", "2"}));
  }
  void sell(Environment environment = {}) {
    program_ = std::make_unique<Program>(as_group({"skill", "sell"}),
                                         ProgramOptions{.environment = std::move(environment),
                                                        .log = seller_.root() / "shop.log",
                                                        .binary = "",
                                                        .input = ""});
    EXPECT_EQ(program_->read_line("selling ").value_or(""), "selling " + seller_.identity().hex());
  }
  Exit at_buyer(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    arguments.insert(arguments.end(), {"--home", buyer_.node_home().string()});
    return buyer_.command(std::move(arguments));
  }
  Value purchase() { return json_lines(at_buyer({"skill", "purchases"}).out).at(0); }
  Value await_purchase(const std::string& state) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      Value row = purchase();
      if (row.at("state") == state) return row;
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("the purchase stays " + row.dump());
    }
  }
  /// Licences of the seller's on the relays.
  std::vector<nostr::Event> licences() {
    return seller_.stranger().fetch(
        {.authors = {seller_.identity()}, .kinds = {nipsa::kinds::kSkillLicence}});
  }
  /// The seller's operator answers a question that is not answered yet.
  void answer(const std::string& word) {
    const Message coded = seller_.owner().await_message([&](const Message& m) {
      return !code_in(m.text).empty() && !answered_.contains(code_in(m.text));
    });
    answered_.insert(code_in(coded.text));
    seller_.owner().send(coded.from, word + " " + code_in(coded.text));
  }

  World buyer_;
  World seller_;
  std::unique_ptr<WalletHost> host_;
  std::unique_ptr<Program> program_;
  std::string skill_;
  std::set<std::string> answered_;
};

TEST_F(GroupSelling, ItsOffersAndLicencesAreTheGroupsAndItsMessagesTheNodes) {
  open_cosigners("sign");
  offer();
  const nostr::Event listing = seller_.stranger().await(
      {.authors = {seller_.identity()}, .kinds = {nostr::kinds::kClassified}});
  EXPECT_EQ(must(nipsa::parse_skill_listing(listing)).trader(), seller_.node_key());
  sell();
  buyer_.start();
  const Exit bought = at_buyer({"skill", "buy", skill_});
  ASSERT_EQ(bought.code, 0) << bought.out;
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(host_->balance("shop"), Msat{250'000});
  const auto issued = licences();
  ASSERT_EQ(issued.size(), 1U);
  const nipsa::Licence licence = must(nipsa::parse_licence(issued.front()));
  EXPECT_EQ(licence.provider, seller_.node_key());
  EXPECT_EQ(at_buyer({"skill", "load", "echo"}).code, 0);
  // Taken back by the shop that is open, with the co-signers once more.
  seller_.ask({"license", "revoke", licence.id, "-m", "refunded", "--as-group", "--home", shop()});
  EXPECT_EQ(at_buyer({"skill", "load", "echo"}).code, 4)
      << "one use was left, and it was taken back";
  program_->terminate();
}

TEST_F(GroupSelling, WhatItsCosignersDoNotSignIsNotOnOffer) {
  for (const int cosigner : {World::kFirstCosigner, World::kSecondCosigner})
    seller_.start_cosigner(cosigner);
  const Exit refused = seller_.command(
      as_group({"skill", "publish", goods().string(), "--as", "1.0.0", "--capability", "none"}));
  EXPECT_EQ(refused.code, 4);
  EXPECT_TRUE(seller_.stranger()
                  .fetch({.authors = {seller_.identity()}, .kinds = {nipsa::kinds::kSkillManifest}})
                  .empty());
}

TEST_F(GroupSelling, KilledWhileItsOperatorThinksItAsksAnewAndGivesOneLicence) {
  open_cosigners("ask");
  offer();
  sell();
  buyer_.start();
  EXPECT_EQ(at_buyer({"skill", "buy", skill_, "--timeout", "1s"}).code, 124);
  await_purchase("paid");
  const Message asked = seller_.owner().await_message(
      [](const Message& m) { return m.text.find("39220") != std::string::npos; });
  EXPECT_NE(asked.text.find(buyer_.identity().hex()), std::string::npos)
      << "to whom: " << asked.text;
  EXPECT_TRUE(licences().empty()) << "paid for, and not licensed without a word";
  const Message coded =
      seller_.owner().await_message([](const Message& m) { return !code_in(m.text).empty(); });
  answered_.insert(code_in(coded.text));
  program_->kill();
  sell();
  answer("yes");
  EXPECT_EQ(await_purchase("done").at("payment"), "settled");
  EXPECT_EQ(licences().size(), 1U);
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(at_buyer({"skill", "load", "echo"}).code, 0);
  program_->terminate();
}

TEST_F(GroupSelling, ANoLeavesTheLicenceOwedAndIsTold) {
  open_cosigners("ask");
  offer();
  sell();
  buyer_.start();
  EXPECT_EQ(at_buyer({"skill", "buy", skill_, "--timeout", "1s"}).code, 124);
  answer("no");
  const auto told = [&] {
    const auto orders =
        json_lines(seller_.command({"skill", "orders", "--json", "--home", shop()}).out);
    return orders.empty() ? "" : base::json::string_or(orders.front(), "detail");
  };
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (told().empty() && std::chrono::steady_clock::now() < deadline)
    (void)seller_.owner().messages();
  EXPECT_NE(told().find("said no"), std::string::npos) << told();
  EXPECT_EQ(purchase().at("state"), "paid") << "the buyer goes on asking for what it paid for";
  EXPECT_TRUE(licences().empty());
  // The shop's next start asks once more.
  program_->terminate();
  sell();
  answer("yes");
  await_purchase("done");
  EXPECT_EQ(licences().size(), 1U);
  EXPECT_EQ(host_->payments(), 1);
  program_->terminate();
}

}  // namespace
}  // namespace e2e
