// Workers that ask for too much, twice, or with another invoice, and answers that are none: over a
// real relay and with a real wallet, nothing of it is paid or believed (NIP-90).
#include "orchestration/jobs/customer.h"
#include "tests/orchestration/support/money_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using testing::errc_of;
using testing::MoneyWorld;
using testing::must;
using testing::Person;

constexpr Msat kBid{10'000};

class WorkerTricks : public ::testing::Test {
 protected:
  ~WorkerTricks() override {
    w.run(scope_.stop());
    w.run(customer_.stop());
  }
  JobOrder order() {
    JobOrder out{.max_price = kBid,
                 .providers = {worker_.pubkey()},
                 .relays = {w.world.url()},
                 .patience = std::chrono::seconds{30},
                 .who = {.agent = "main", .tick = "", .task = "", .skill = "", .counterparty = ""}};
    out.inputs.push_back({.data = "hello"});
    return out;
  }
  static base::Task<void> carry(JobCustomer* customer, JobOrder order,
                                std::optional<base::Result<JobOutcome>>* out) {
    *out = co_await customer->order(std::move(order));
  }
  /// Orders, and returns once the worker can see the request.
  void begin(JobOrder order) {
    scope_.spawn("order", carry(&customer_, std::move(order), &outcome_));
    w.world.until([&] { return !stored(5050).empty(); });
    request_ = stored(5050).front();
  }
  std::vector<nostr::Event> stored(nostr::Kind kind) {
    return must(w.world.relay_store.query({{.kinds = {kind}}}, 10, w.world.clock.now()));
  }
  void demand(Msat amount, const std::string& invoice) {
    worker_.publish(
        nostr::sign_event(nostr::build_job_feedback({.status = nostr::JobStatus::kPaymentRequired,
                                                     .detail = "",
                                                     .request = request_->id,
                                                     .customer = request_->pubkey,
                                                     .content = "",
                                                     .price = nostr::JobPrice{amount, invoice}},
                                                    "", w.world.clock.now()),
                          worker_.key(), w.world.rng));
  }
  nostr::Event result(std::string content) {
    return nostr::sign_event(nostr::build_job_result(*request_, "", std::move(content),
                                                     std::nullopt, w.world.clock.now()),
                             worker_.key(), w.world.rng);
  }
  const base::Result<JobOutcome>& ended() {
    w.world.until([&] { return outcome_.has_value(); });
    return *outcome_;
  }
  bool withdrawn() {
    for (const nostr::Event& event : stored(nostr::kinds::kDeletion))
      if (nostr::tag_value(event.tags, "e") == request_->id.hex()) return true;
    return false;
  }

  MoneyWorld w;
  Person worker_{w.world};
  nostr::SecretKey key_ = nostr::SecretKey::generate(w.world.rng);
  JobCustomer customer_{w.world.pool, key_, w.world.clock, w.world.rng, w.cashier.get()};
  base::Scope scope_{w.world.loop};
  std::optional<base::Result<JobOutcome>> outcome_;
  std::optional<nostr::Event> request_;
};

TEST_F(WorkerTricks, WhoAsksForMoreThanTheBidGetsNothing) {
  begin(order());
  demand(Msat{10'001}, w.bill(Msat{10'001}));
  EXPECT_EQ(errc_of(ended()), Errc::kLimit);
  EXPECT_EQ(w.network.payments(), 0);
  EXPECT_TRUE(withdrawn()) << "nobody shall work for it";
}

TEST_F(WorkerTricks, AnInvoiceOverAnotherAmountIsNotPaid) {
  begin(order());
  demand(Msat{5'000}, w.bill(Msat{9'000}));
  EXPECT_FALSE(ended().has_value());
  EXPECT_EQ(w.network.payments(), 0);
  EXPECT_TRUE(withdrawn());
}

TEST_F(WorkerTricks, AnInvoiceThatHasExpiredIsNotPaid) {
  begin(order());
  const std::string old = w.bill(Msat{5'000}, std::chrono::seconds{60});
  w.world.clock.advance(std::chrono::seconds{61});
  demand(Msat{5'000}, old);
  EXPECT_FALSE(ended().has_value());
  EXPECT_EQ(w.network.payments(), 0);
}

TEST_F(WorkerTricks, OneJobIsPaidOnceHoweverOftenMoneyIsAskedFor) {
  begin(order());
  demand(Msat{5'000}, w.bill(Msat{5'000}));
  w.world.until([&] { return w.network.payments() == 1; });
  demand(Msat{4'000}, w.bill(Msat{4'000}));
  w.world.settle();
  worker_.publish(
      nostr::sign_event(nostr::build_job_result(*request_, "", "done",
                                                nostr::JobPrice{Msat{3'000}, w.bill(Msat{3'000})},
                                                w.world.clock.now()),
                        worker_.key(), w.world.rng));
  EXPECT_EQ(must(ended()).paid, Msat{5'000});
  EXPECT_EQ(w.network.payments(), 1);
}

TEST_F(WorkerTricks, AnswersOfStrangersAndToOtherRequestsAreLeftAlone) {
  begin(order());
  Person other(w.world);
  nostr::Event elsewhere = *request_;
  elsewhere.id = nostr::EventId(nostr::sha256(std::string_view("another request")).array());
  for (const auto& [asked, author] : {std::pair{*request_, &other}, std::pair{elsewhere, &worker_}})
    author->publish(nostr::sign_event(
        nostr::build_job_result(asked, "", "wrong", std::nullopt, w.world.clock.now()),
        author->key(), w.world.rng));
  w.world.settle();
  EXPECT_FALSE(outcome_.has_value());
  worker_.publish(result("right"));
  EXPECT_EQ(must(ended()).content, "right");
}

TEST_F(WorkerTricks, AResultWhoseSignatureIsWrongIsNoResult) {
  begin(order());
  const auto rule = w.world.relay->faults().add(
      {.match = {.direction = nostr::Direction::kOut, .verb = "EVENT", .kinds = {6050}, .times = 1},
       .fault = nostr::fault::Forge{}});
  worker_.publish(result("forged on its way"));
  w.world.settle();
  EXPECT_EQ(w.world.relay->faults().hits(rule), 1u);
  EXPECT_FALSE(outcome_.has_value());
  worker_.publish(result("whole"));
  EXPECT_EQ(must(ended()).content, "whole");
}

TEST_F(WorkerTricks, APlainAnswerToASecretQuestionIsRefused) {
  JobOrder secret = order();
  secret.encrypted = true;
  begin(std::move(secret));
  worker_.publish(result("said for all to read"));
  EXPECT_FALSE(ended().has_value());
}

TEST_F(WorkerTricks, WhatComesAfterTheEndIsNotBelievedAndCostsNothing) {
  JobOrder hasty = order();
  hasty.patience = std::chrono::milliseconds{50};
  begin(std::move(hasty));
  EXPECT_EQ(errc_of(ended()), Errc::kTimeout);
  EXPECT_TRUE(withdrawn());
  demand(Msat{5'000}, w.bill(Msat{5'000}));
  worker_.publish(result("late"));
  w.world.settle();
  EXPECT_EQ(w.network.payments(), 0);
}

// A relay that serves the subscription late holds the question back: an answer must find somebody
// listening.
TEST_F(WorkerTricks, NothingIsAskedBeforeSomebodyListens) {
  const auto rule = w.world.relay->faults().add(
      {.match = {.direction = nostr::Direction::kIn, .verb = "REQ", .kinds = {6050}},
       .fault = nostr::fault::Drop{}});
  scope_.spawn("order", carry(&customer_, order(), &outcome_));
  w.world.until([&] { return w.world.relay->faults().hits(rule) > 0; });
  w.world.settle();
  EXPECT_TRUE(stored(5050).empty()) << "it was asked before anybody listened";
  EXPECT_FALSE(outcome_.has_value());
}

TEST_F(WorkerTricks, AJobThatIsCutOffIsTakenBack) {
  begin(order());
  w.run(scope_.stop());
  EXPECT_FALSE(outcome_.has_value());
  w.world.until([&] { return withdrawn(); });
}

}  // namespace
}  // namespace orchestration
