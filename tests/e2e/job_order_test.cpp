// Work bought from the command line (NIP-90): from workers who play by plain signed events, over a
// real relay and, where money is asked for, from a real wallet.
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "nostr/nips/nip44.h"
#include "nostr/nips/nip89.h"
#include "nostr/nips/nip90.h"
#include "tests/e2e/support/buying.h"
#include "tests/e2e/support/must.h"
#include "tests/node/support/temp_dir.h"

namespace e2e {
namespace {

using base::Msat;
using base::json::Value;
using wallet_service::WalletHost;

/// A worker at its relay: it reads requests and answers them as a test says.
class Worker {
 public:
  explicit Worker(std::string url) : person_({std::move(url)}) {}
  std::string key() const { return person_.pubkey().hex(); }
  Person& person() { return person_; }
  nostr::Event await_request(nostr::Kind kind = 5050) { return person_.await({.kinds = {kind}}); }
  void say(const nostr::Event& request, nostr::JobStatus status, std::string detail,
           std::optional<nostr::JobPrice> price = {}) {
    publish(nostr::build_job_feedback({.status = status,
                                       .detail = std::move(detail),
                                       .request = request.id,
                                       .customer = request.pubkey,
                                       .content = "",
                                       .price = std::move(price)},
                                      "", person_.now()));
  }
  void deliver(const nostr::Event& request, std::string content,
               std::optional<nostr::JobPrice> price = {}) {
    publish(nostr::build_job_result(request, "", std::move(content), price, person_.now()));
  }
  void announce(Msat price, const std::string& name) {
    const Value about = {{"name", name}, {"about", "line one\nline two"}};
    publish(nostr::build_handler_info({.d = "jobs",
                                       .kinds = {5050},
                                       .links = {},
                                       .metadata = base::json::dump(about),
                                       .tags = {{"amount", std::to_string(price.value)}}},
                                      person_.now()));
  }
  /// Whether the customer took the request back (NIP-09).
  bool withdrawn(const nostr::Event& request) {
    const auto deletions =
        person_.fetch({.authors = {request.pubkey}, .kinds = {nostr::kinds::kDeletion}});
    return std::ranges::any_of(deletions, [&](const nostr::Event& event) {
      return nostr::tag_value(event.tags, "e") == request.id.hex();
    });
  }

 private:
  void publish(const nostr::Draft& draft) {
    person_.publish(person_.sign(draft.kind, draft.tags, draft.content));
  }
  Person person_;
};

class JobOrder : public ::testing::Test {
 protected:
  JobOrder()
      : relay_({"relay", "--listen", "127.0.0.1:0"}, options()),
        url_(relay_.read_line("listening ").value_or("listening ").substr(10)),
        worker_(url_) {}
  ProgramOptions options(std::string input = "") const {
    return {.environment = {}, .log = dir_ / "log", .binary = "", .input = std::move(input)};
  }
  /// `job order` at the test's relay and home, begun.
  std::unique_ptr<Program> order(std::vector<std::string> arguments, std::string input = "") const {
    arguments.insert(arguments.begin(), {"job", "order"});
    arguments.insert(arguments.end(), {"--relay", url_, "--home", (dir_ / "home").string()});
    return std::make_unique<Program>(std::move(arguments), options(std::move(input)));
  }
  Exit run(std::vector<std::string> arguments, std::string input = "") const {
    arguments.insert(arguments.end(), {"--home", (dir_ / "home").string()});
    return run_program(std::move(arguments), options(std::move(input)));
  }
  static Value object(const Exit& ended) {
    return must(base::json::parse(ended.out.empty() ? "{}" : ended.out), ended.out);
  }
  std::string said() const {
    std::ifstream in(dir_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// A wallet for the home, and a shop to write invoices.
  void connect_wallet() {
    host_ = WalletHost::start({.relays = {url_},
                               .nodes = {{"ours", Msat{1'000'000}}, {"shop", Msat{0}}},
                               .rules = {},
                               .fee = {},
                               .service = {}});
    ASSERT_EQ(run({"wallet", "connect"}, host_->uri("ours") + "\n").code, 0) << said();
  }

  node::testing::TempDir dir_;
  Program relay_;
  std::string url_;
  Worker worker_;
  std::unique_ptr<WalletHost> host_;
};

TEST_F(JobOrder, AFreeOneIsDoneByWhoeverAnswersFirst) {
  const auto program = order({"-", "--param", "lang=fr", "--output", "text/plain"}, "good morning");
  const nostr::Event request = worker_.await_request();
  const nostr::JobRequest job = must(nostr::parse_job_request(request));
  EXPECT_EQ(job.inputs.at(0).data, "good morning");
  EXPECT_EQ(job.params.at(0), (nostr::JobParam{"lang", {"fr"}}));
  EXPECT_EQ(job.output, "text/plain");
  EXPECT_EQ(job.bid, Msat{0});
  worker_.say(request, nostr::JobStatus::kProcessing, "half\x1b[2Jway");
  worker_.deliver(request, "bonjour");
  const Exit ended = program->wait();
  EXPECT_EQ(ended.code, 0) << said();
  EXPECT_EQ(ended.out, "bonjour\n");
  EXPECT_NE(said().find("everybody can read this order"), std::string::npos);
  EXPECT_NE(said().find("way"), std::string::npos) << "what the worker says on the way is told";
  EXPECT_EQ(said().find('\x1b'), std::string::npos) << "and does nothing to a terminal";
  EXPECT_FALSE(worker_.withdrawn(request));
}

TEST_F(JobOrder, WithAProviderNamedOnlyItsAnswerCountsAndOnlyItReadsTheOrder) {
  const auto program = order({"a secret", "--provider", worker_.key(), "--json"});
  const nostr::Event request = worker_.await_request();
  EXPECT_EQ(nostr::to_json(request).find("secret"), std::string::npos);
  const auto shared = must(nostr::nip44_conversation_key(worker_.person().key(), request.pubkey));
  const std::string opened = must(nostr::nip44_decrypt(shared, request.content));
  EXPECT_NE(opened.find("a secret"), std::string::npos);
  Worker other(url_);
  other.deliver(request, must(nostr::nip44_encrypt(shared, "of another", other.person().rng())));
  other.say(request, nostr::JobStatus::kError, "give up");
  worker_.deliver(request, must(nostr::nip44_encrypt(shared, "done", worker_.person().rng())));
  const Exit ended = program->wait();
  ASSERT_EQ(ended.code, 0) << said();
  const Value answer = object(ended);
  EXPECT_EQ(answer.at("content"), "done");
  EXPECT_EQ(answer.at("worker"), worker_.key());
  EXPECT_EQ(answer.at("request"), request.id.hex());
  EXPECT_EQ(answer.at("paid_msat"), 0);
  EXPECT_EQ(answer.at("unpaid"), "");
  EXPECT_EQ(said().find("everybody"), std::string::npos) << said();
}

TEST_F(JobOrder, WhoAsksForMoneyWhereNothingIsBidIsRefusedAndThePriceNamed) {
  connect_wallet();
  const auto program = order({"hello", "--provider", worker_.key()});
  const nostr::Event request = worker_.await_request();
  worker_.say(request, nostr::JobStatus::kPaymentRequired, "pay first",
              nostr::JobPrice{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})});
  const Exit ended = program->wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_NE(said().find("the worker asks for 5000 msat"), std::string::npos) << said();
  EXPECT_NE(said().find("--max-price"), std::string::npos);
  EXPECT_TRUE(worker_.withdrawn(request));
  EXPECT_EQ(host_->payments(), 0);
}

TEST_F(JobOrder, AResultThatAsksForMoneyAfterwardsIsShownAndNotPaid) {
  connect_wallet();
  const auto program = order({"hello", "--public", "--provider", worker_.key(), "--json"});
  const nostr::Event request = worker_.await_request();
  worker_.deliver(request, "done",
                  nostr::JobPrice{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})});
  const Value answer = object(program->wait());
  EXPECT_EQ(answer.at("content"), "done");
  EXPECT_EQ(answer.at("paid_msat"), 0);
  EXPECT_NE(answer.at("unpaid").get<std::string>().find("5000 msat"), std::string::npos);
  EXPECT_EQ(host_->payments(), 0);
}

TEST_F(JobOrder, WithinTheBidItIsPaidOnceFromTheHomesWallet) {
  connect_wallet();
  const auto program =
      order({"hello", "--provider", worker_.key(), "--public", "--max-price", "5000", "--json"});
  const nostr::Event request = worker_.await_request();
  const nostr::JobPrice price{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})};
  worker_.say(request, nostr::JobStatus::kPaymentRequired, "pay first", price);
  worker_.say(request, nostr::JobStatus::kPaymentRequired, "pay again",
              nostr::JobPrice{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})});
  while (host_->payments() == 0) {
    ASSERT_TRUE(program->running(std::chrono::milliseconds{20})) << said();
  }
  worker_.deliver(request, "done");
  const Exit ended = program->wait();
  ASSERT_EQ(ended.code, 0) << said();
  EXPECT_EQ(object(ended).at("paid_msat"), 5'000);
  EXPECT_EQ(host_->payments(), 1);
  EXPECT_EQ(host_->balance("shop"), Msat{5'000});
  const Value row = object(run({"wallet", "list", "--json"}));
  EXPECT_EQ(row.at("purpose"), "job");
  EXPECT_EQ(row.at("counterparty"), worker_.key());
  EXPECT_EQ(row.at("key"), "job:" + request.id.hex() + ":" + worker_.key());
}

TEST_F(JobOrder, ALimitOfTheHomeHoldsBelowTheBid) {
  connect_wallet();
  ASSERT_EQ(run({"budget", "set", "node", "day", "2"}).code, 0);
  const auto program =
      order({"hello", "--provider", worker_.key(), "--public", "--max-price", "5000"});
  const nostr::Event request = worker_.await_request();
  worker_.say(request, nostr::JobStatus::kPaymentRequired, "pay first",
              nostr::JobPrice{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})});
  EXPECT_EQ(program->wait().code, 4);
  EXPECT_NE(said().find("node per day"), std::string::npos) << said();
  EXPECT_TRUE(worker_.withdrawn(request));
  EXPECT_EQ(host_->payments(), 0);
}

TEST_F(JobOrder, AnAddressInPlaceOfAnInvoiceIsNotLookedUp) {
  connect_wallet();
  const auto program =
      order({"hello", "--provider", worker_.key(), "--public", "--max-price", "5000"});
  const nostr::Event request = worker_.await_request();
  worker_.say(request, nostr::JobStatus::kPaymentRequired, "pay first",
              nostr::JobPrice{Msat{5'000}, "shop@127.0.0.1"});
  EXPECT_EQ(program->wait().code, 1);
  EXPECT_NE(said().find("invoice"), std::string::npos) << said();
  EXPECT_EQ(host_->payments(), 0);
  EXPECT_TRUE(worker_.withdrawn(request));
}

TEST_F(JobOrder, NobodyDeliversAndTheRequestIsWithdrawn) {
  const auto program = order({"hello", "--kind", "5001", "--timeout", "1s"});
  const nostr::Event request = worker_.await_request(5001);
  EXPECT_EQ(program->wait().code, 124) << said();
  EXPECT_TRUE(worker_.withdrawn(request));
}

TEST_F(JobOrder, InterruptedItIsWithdrawn) {
  const auto program = order({"hello", "--timeout", "1h"});
  const nostr::Event request = worker_.await_request();
  EXPECT_EQ(program->terminate().code, 130) << said();
  EXPECT_TRUE(worker_.withdrawn(request));
}

TEST_F(JobOrder, AWorkerThatGivesUpSaysWhy) {
  const auto program = order({"hello"});
  const nostr::Event request = worker_.await_request();
  worker_.say(request, nostr::JobStatus::kError, "no such language");
  EXPECT_EQ(program->wait().code, 4);
  EXPECT_NE(said().find("no such language"), std::string::npos) << said();
}

TEST_F(JobOrder, WhatCannotBeOrderedIsAUsageError) {
  EXPECT_EQ(order({""})->wait().code, 2);
  EXPECT_EQ(order({"hello", "--kind", "1"})->wait().code, 2);
  EXPECT_EQ(order({"hello", "--param", "lang"})->wait().code, 2);
  EXPECT_EQ(order({"hello", "--max-price", "-1"})->wait().code, 2);
  const std::string other = Worker(url_).key();
  EXPECT_EQ(order({"hello", "--provider", worker_.key(), "--provider", other})->wait().code, 2)
      << "it cannot be encrypted to two";
  EXPECT_EQ(run({"job", "order", "hello"}).code, 2) << "no relay";
  EXPECT_TRUE(worker_.person().fetch({.kinds = {5050}}).empty());
}

TEST_F(JobOrder, OffersAreListedAsStrangersMakeThem) {
  worker_.announce(Msat{5'000}, "shouter");
  Worker(url_).person().publish(
      worker_.person().sign(nostr::kinds::kHandlerInfo, {{"d", "app"}, {"k", "1"}}, "{}"));
  const auto offers = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"job", "offers", "--relay", url_});
    return run(std::move(more));
  };
  const Value one = object(offers({"--json"}));
  EXPECT_EQ(one.at("provider"), worker_.key());
  EXPECT_EQ(one.at("kinds"), Value({5050}));
  EXPECT_EQ(one.at("price_msat"), 5'000);
  EXPECT_EQ(one.at("name"), "shouter");
  const std::string told = offers({"--kind", "5050"}).out;
  EXPECT_NE(told.find("5000 msat  shouter"), std::string::npos) << told;
  EXPECT_EQ(std::ranges::count(told, '\n'), 1) << "a line each, whatever they write: " << told;
  EXPECT_EQ(offers({"--kind", "5001"}).out, "");
}

/// A node that runs, and holds the wallet.
class JobOrderAtNode : public Buying {};

TEST_F(JobOrderAtNode, ItIsPaidByTheProcessThatOwnsTheHome) {
  world_.start();
  Worker worker(world_.relay_urls().front());
  Program program(
      {"job", "order", "hello", "--provider", worker.key(), "--max-price", "5000", "--public",
       "--relay", world_.relay_urls().front(), "--home", world_.node_home().string(), "--json"},
      {.environment = {}, .log = world_.root() / "order.log", .binary = "", .input = ""});
  const nostr::Event request = worker.await_request();
  EXPECT_EQ(request.pubkey, world_.node_key());
  worker.say(request, nostr::JobStatus::kPaymentRequired, "pay first",
             nostr::JobPrice{Msat{5'000}, host_->make_invoice("shop", Msat{5'000})});
  while (host_->payments() == 0) {
    ASSERT_TRUE(program.running(std::chrono::milliseconds{20}));
  }
  worker.deliver(request, "done");
  const Exit ended = program.wait();
  ASSERT_EQ(ended.code, 0);
  EXPECT_EQ(object(ended).at("paid_msat"), 5'000);
  const Value budget = object(at_node({"budget"}));
  EXPECT_EQ(budget.at("spent_today_msat"), 5'000);
  EXPECT_EQ(budget.at("reserved_msat"), 0);
}

}  // namespace
}  // namespace e2e
