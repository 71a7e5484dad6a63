// Work for money over a real relay: a customer and a provider with a wallet each, and answers that do
// not count.
#include "nostr/nips/nip89.h"
#include "orchestration/jobs/customer.h"
#include "orchestration/jobs/provider.h"
#include "orchestration/llm/dvm.h"
#include "tests/orchestration/support/money_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using storage::JobState;
using testing::errc_of;
using testing::MoneyWorld;
using testing::must;
using testing::Person;
using wallet_service::Fault;

constexpr std::chrono::seconds kLong{30};

base::Task<base::Result<std::string>> shout(JobTask task) {
  std::string text = task.job.inputs.empty() ? "" : task.job.inputs.front().data;
  if (text == "fail") co_return base::fail(Errc::kInvalid, "cannot shout that");
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  co_return text;
}

class JobsTest : public ::testing::Test {
 protected:
  JobsTest() { meet(); }
  /// A customer with the cashier as it is now.
  void meet() {
    customer_ = std::make_unique<JobCustomer>(w_.world.pool, customer_key_, w_.world.clock,
                                              w_.world.rng, w_.cashier.get());
  }
  ~JobsTest() override {
    if (provider_) run(provider_->stop());
    provider_.reset();
    run(shop_pool_.stop());
  }
  template <class T>
  T run(base::Task<T> task) {
    return w_.world.loop.run_until_complete(std::move(task));
  }
  /// A provider with a wallet of its own on another connection.
  void open_shop(Msat price, JobProvider::Work work = shout) {
    if (!shop_service_) {
      shop_service_ = std::make_unique<wallet_service::WalletService>(
          w_.wallet_pool, w_.world.clock, w_.world.rng, w_.network, "shop",
          std::vector{w_.world.url()});
      run(shop_service_->start());
    }
    shop_wallet_ = std::make_unique<WalletClient>(
        shop_pool_, w_.world.clock, w_.world.rng,
        must(nostr::parse_wallet_uri(shop_service_->uri())));
    provider_ = std::make_unique<JobProvider>(
        JobProvider::Deps{shop_pool_, *w_.db, shop_key_, w_.world.clock, w_.world.rng,
                          [this] { return shop_wallet_.get(); }},
        JobOffer{.name = "shouter",
                 .about = "shouts",
                 .price = price,
                 .relays = {w_.world.url()},
                 .payment_poll = std::chrono::milliseconds(5)},
        std::move(work));
    must(run(provider_->start()));
  }
  JobOrder order(std::string text, Msat bid = Msat{10'000}) {
    JobOrder out{.max_price = bid,
                 .providers = {shop_key_.public_key()},
                 .relays = {w_.world.url()},
                 .patience = kLong,
                 .who = {.agent = "main", .tick = "", .task = "", .skill = "", .counterparty = ""}};
    out.inputs.push_back({.data = std::move(text)});
    return out;
  }
  storage::JobRow job(const nostr::EventId& request) {
    return *must(storage::Jobs(*w_.db).get(request));
  }

  MoneyWorld w_;
  nostr::SecretKey customer_key_ = nostr::SecretKey::generate(w_.world.rng);
  nostr::SecretKey shop_key_ = nostr::SecretKey::generate(w_.world.rng);
  nostr::Pool shop_pool_{w_.world.loop, w_.world.net, w_.world.workers, w_.world.clock, w_.world.rng};
  std::unique_ptr<wallet_service::WalletService> shop_service_;
  std::unique_ptr<WalletClient> shop_wallet_;
  std::unique_ptr<JobProvider> provider_;
  std::unique_ptr<JobCustomer> customer_;
};

TEST_F(JobsTest, AJobIsAskedPaidForDoneAndDelivered) {
  open_shop(Msat{5'000});
  std::vector<std::string> told;
  const JobOutcome done = must(run(customer_->order(
      order("hello"), [&](const JobProgress& progress) { told.push_back(progress.detail); })));
  EXPECT_EQ(done.content, "HELLO");
  EXPECT_EQ(done.worker, shop_key_.public_key());
  EXPECT_EQ(done.paid, Msat{5'000});
  EXPECT_EQ(w_.network.balance("shop"), Msat{5'000});
  EXPECT_EQ(w_.node_today().spent, Msat{5'000});
  EXPECT_EQ(job(done.request).state, JobState::kDone);
  EXPECT_EQ(told.size(), 1u) << "it was said that work began";
}

TEST_F(JobsTest, JobsOfAnotherOfferAreLeftAloneAndEndedOnesAreForgotten) {
  const nostr::Event other = nostr::sign_event(
      nostr::build_job_request({.kind = 5100, .inputs = {{.data = "a picture"}}}, w_.world.clock.now()),
      customer_key_, w_.world.rng);
  storage::Jobs jobs(*w_.db);
  ASSERT_TRUE(must(jobs.take({.event = other, .price = Msat{0}, .created = w_.world.clock.now()})));
  open_shop(Msat{0});
  const JobOutcome done = must(run(customer_->order(order("hello"))));
  EXPECT_EQ(job(other.id).state, JobState::kTaken);
  must(jobs.prune(w_.world.clock.now()));
  EXPECT_TRUE(must(jobs.get(done.request)));
  must(jobs.prune(w_.world.clock.now() + std::chrono::seconds(1)));
  EXPECT_FALSE(must(jobs.get(done.request)));
  EXPECT_TRUE(must(jobs.get(other.id))) << "what is not over stays";
}

TEST_F(JobsTest, AnEncryptedJobIsReadAndAnsweredInEitherCipher) {
  open_shop(Msat{0});
  for (const bool legacy : {false, true}) {
    JobOrder secret = order("a secret");
    secret.encrypted = true;
    secret.legacy_encryption = legacy;
    const JobOutcome done = must(run(customer_->order(std::move(secret))));
    EXPECT_EQ(done.content, "A SECRET");
    const nostr::Event request = job(done.request).event;
    EXPECT_EQ(request.content.find("?iv=") != std::string::npos, legacy);
    for (const nostr::Event& event : {request, *job(done.request).result})
      EXPECT_EQ(nostr::to_json(event).find("secret"), std::string::npos);
  }
}

TEST_F(JobsTest, ALongInputIsNeverSentInATag) {
  open_shop(Msat{0});
  const std::string longest(1'000, 'a');
  const JobOutcome tagged = must(run(customer_->order(order(longest))));
  EXPECT_EQ(nostr::tag_value(job(tagged.request).event.tags, "i"), longest);
  const JobOutcome sealed = must(run(customer_->order(order(longest + "b"))));
  EXPECT_EQ(sealed.content, std::string(1'000, 'A') + "B");
  const nostr::Event request = job(sealed.request).event;
  EXPECT_FALSE(nostr::tag_value(request.tags, "i"));
  EXPECT_EQ(nostr::to_json(request).find("aaaa"), std::string::npos);
  JobOrder anybodys = order(longest + "b");
  anybodys.providers.clear();
  EXPECT_EQ(errc_of(run(customer_->order(std::move(anybodys)))), Errc::kLimit);
}

TEST_F(JobsTest, TheOfferIsAnnouncedAsAHandler) {
  open_shop(Msat{5'000});
  const auto found = run(w_.world.pool.fetch(
      {w_.world.url()}, {{.kinds = {nostr::kinds::kHandlerInfo}}}, std::chrono::seconds{10}));
  ASSERT_EQ(found.events.size(), 1u);
  const nostr::HandlerInfo info = must(nostr::parse_handler_info(*found.events.front()));
  EXPECT_EQ(info.kinds, std::vector<nostr::Kind>{5050});
  EXPECT_NE(info.metadata.find("shouter"), std::string::npos);
}

TEST_F(JobsTest, MoreThanTheBidIsNotPaid) {
  open_shop(Msat{5'000});
  EXPECT_EQ(errc_of(run(customer_->order(order("hello", Msat{4'999})))), Errc::kDenied)
      << "the provider does not work below its price";
  EXPECT_EQ(w_.network.payments(), 0);
}

TEST_F(JobsTest, ALimitStopsTheJobAndTheRequestIsWithdrawn) {
  open_shop(Msat{5'000});
  w_.set_limit(storage::Dimension::kAgent, "main", storage::Per::kDay, 1'000);
  EXPECT_EQ(errc_of(run(customer_->order(order("hello")))), Errc::kLimit);
  w_.world.until([&] {
    const auto rows = must(storage::Jobs(*w_.db).list_open());
    return rows.empty();
  });
  EXPECT_EQ(w_.network.payments(), 0);
}

TEST_F(JobsTest, AFailureIsTold) {
  open_shop(Msat{0});
  const auto failed = run(customer_->order(order("fail")));
  ASSERT_EQ(errc_of(failed), Errc::kDenied);
  EXPECT_NE(failed.error().detail.find("cannot shout that"), std::string::npos);
}

TEST_F(JobsTest, ALostAnswerOfTheWalletPaysOnceAndTheJobIsDone) {
  w_.restart_waiting(testing::kSilence);
  meet();
  open_shop(Msat{5'000});
  w_.misbehave("pay_invoice", Fault::kLoseAnswer);
  const JobOutcome done = must(run(customer_->order(order("hello"))));
  EXPECT_EQ(done.content, "HELLO");
  EXPECT_EQ(w_.network.payments(), 1);
}

TEST_F(JobsTest, NobodyAnswersAndTheRequestIsTakenBack) {
  JobOrder lonely = order("hello");
  lonely.patience = std::chrono::milliseconds(50);
  EXPECT_EQ(errc_of(run(customer_->order(std::move(lonely)))), Errc::kTimeout);
  const auto found =
      run(w_.world.pool.fetch({w_.world.url()}, {{.kinds = {nostr::kinds::kDeletion}}},
                              std::chrono::seconds{10}));
  ASSERT_EQ(found.events.size(), 1u);
  EXPECT_EQ(nostr::tag_value(found.events.front()->tags, "k"), "5050");
}

TEST_F(JobsTest, AWithdrawnJobIsNotDone) {
  open_shop(Msat{5'000});
  Person asker(w_.world);
  const nostr::EventId request = asker.publish(
      5050, {{"i", "hello", "text"}, {"p", shop_key_.public_key().hex()}}, "");
  w_.world.until([&] {
    const auto row = must(storage::Jobs(*w_.db).get(request));
    return row && row->state == JobState::kInvoiced;
  });
  Person stranger(w_.world);
  stranger.publish(5, {{"e", request.hex()}, {"k", "5050"}}, "");
  w_.world.settle();
  EXPECT_EQ(job(request).state, JobState::kInvoiced) << "a stranger cannot take it back";
  asker.publish(5, {{"e", request.hex()}, {"k", "5050"}}, "");
  w_.world.until([&] { return job(request).state == JobState::kCancelled; });
}

TEST_F(JobsTest, ARestartGoesOnFromTheRow) {
  open_shop(Msat{5'000});
  Person asker(w_.world);
  const nostr::EventId request = asker.publish(
      5050, {{"i", "hello", "text"}, {"p", shop_key_.public_key().hex()}}, "");
  w_.world.until([&] {
    const auto row = must(storage::Jobs(*w_.db).get(request));
    return row && row->state == JobState::kInvoiced;
  });
  run(provider_->stop());
  provider_.reset();
  must(w_.network.pay("ours", job(request).invoice, w_.world.clock.now()));
  open_shop(Msat{5'000});
  w_.world.until([&] { return job(request).state == JobState::kDone; });
  EXPECT_EQ(job(request).result->content, "HELLO");
  EXPECT_EQ(shop_service_->handled("make_invoice"), 1) << "asked for once";
}

TEST_F(JobsTest, AModelIsBoughtByTheCall) {
  open_shop(Msat{500});
  DvmBackend backend(&*customer_, {.id = "dvm",
                                 .model = "loud",
                                 .agent = "main",
                                 .provider = shop_key_.public_key(),
                                 .max_price = Msat{500},
                                 .relays = {w_.world.url()}});
  Request request;
  request.messages = {{.role = Role::kSystem, .content = "be brief"},
                      {.role = Role::kUser, .content = "hello"}};
  const auto reply = run(backend.complete(request));
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->message.content, "[SYSTEM]\nBE BRIEF\n\n[USER]\nHELLO");
  EXPECT_EQ(w_.node_today().spent, Msat{500});
  w_.set_limit(storage::Dimension::kNode, "", storage::Per::kDay, 600);
  const auto refused = run(backend.complete(request));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, ModelFault::kRefused) << "no second try costs money";
}

TEST_F(JobsTest, AModelThatIsSilentIsNotAskedAgainForItMayHaveBeenPaid) {
  open_shop(Msat{500});
  const Person silent(w_.world);
  DvmBackend backend(&*customer_, {.id = "dvm",
                                 .model = "",
                                 .agent = "main",
                                 .provider = silent.pubkey(),
                                 .max_price = Msat{500},
                                 .relays = {w_.world.url()},
                                 .timeout = std::chrono::milliseconds{200}});
  Request request;
  request.messages = {{.role = Role::kUser, .content = "hello"}};
  const auto reply = run(backend.complete(request));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().error.code, base::Errc::kTimeout);
  EXPECT_EQ(reply.error().fault, ModelFault::kUnauthorised) << "another may do, this one is not tried again";
}

// ---- answers that do not count (NIP-90 "Result": T174)

class JobAnswers : public ::testing::Test {
 protected:
  nostr::Event sign(nostr::Draft draft, const nostr::SecretKey& key) {
    return nostr::sign_event(std::move(draft), key, rng_);
  }
  nostr::Event result(const nostr::SecretKey& author, const nostr::Event& request,
                      std::string content = "done", base::UnixTime at = kNow) {
    return sign(nostr::build_job_result(request, "", std::move(content), std::nullopt, at), author);
  }
  nostr::Event feedback(nostr::JobStatus status, const nostr::SecretKey& author,
                        std::optional<nostr::JobPrice> price = {}) {
    return sign(nostr::build_job_feedback({.status = status,
                                           .detail = "",
                                           .request = request_.id,
                                           .customer = request_.pubkey,
                                           .content = "",
                                           .price = std::move(price)},
                                          "", kNow),
                author);
  }
  JobWatch watch(std::vector<nostr::PublicKey> workers) {
    return JobWatch(request_, std::move(workers), 1'000);
  }
  std::string why(JobWatch& watch, const nostr::Event& event) {
    const JobNews news = watch.hear(event);
    const auto* ignored = std::get_if<JobIgnored>(&news);
    return ignored ? ignored->why : "(it counts)";
  }

  static constexpr base::UnixTime kNow = base::unix_time(1'760'000'000);
  base::SeededRng rng_{7};
  nostr::SecretKey customer_ = nostr::SecretKey::generate(rng_);
  nostr::SecretKey worker_ = nostr::SecretKey::generate(rng_);
  nostr::SecretKey other_ = nostr::SecretKey::generate(rng_);
  nostr::Event request_ = sign({5050, kNow, {{"i", "x", "text"}}, ""}, customer_);
};

TEST_F(JobAnswers, OnlyTheChosenWorkersAnswerToThisRequestCounts) {
  JobWatch job = watch({worker_.public_key()});
  EXPECT_EQ(why(job, result(other_, request_)), "its author was not asked");
  const nostr::Event elsewhere = sign({5050, kNow, {{"i", "y", "text"}}, ""}, customer_);
  EXPECT_EQ(why(job, result(worker_, elsewhere)), "it answers another request");
  nostr::Event wrong_kind = request_;
  wrong_kind.kind = 5001;
  EXPECT_EQ(why(job, result(worker_, wrong_kind)), "its kind answers another kind");
  nostr::Event for_another = request_;
  for_another.pubkey = other_.public_key();
  EXPECT_EQ(why(job, result(worker_, for_another)), "it is for another customer");
  EXPECT_EQ(why(job, result(worker_, request_, "early", kNow - std::chrono::seconds{121})),
            "it is older than the request");
  EXPECT_EQ(why(job, result(worker_, request_, std::string(1'001, 'x'))), "it is too large");
  EXPECT_EQ(why(job, result(worker_, request_)), "(it counts)");
  EXPECT_EQ(why(job, result(worker_, request_, "again")), "the job is over");
}

TEST_F(JobAnswers, WhoAsksForMoneyFirstIsTheOneOthersCannotReplace) {
  JobWatch job = watch({});
  EXPECT_EQ(why(job, feedback(nostr::JobStatus::kProcessing, other_)), "(it counts)");
  EXPECT_EQ(why(job, feedback(nostr::JobStatus::kPaymentRequired, worker_)),
            "it asks for money and does not say how much");
  const nostr::Event asked =
      feedback(nostr::JobStatus::kPaymentRequired, worker_, nostr::JobPrice{Msat{1'000}, "lnbc1"});
  EXPECT_EQ(why(job, asked), "(it counts)");
  EXPECT_EQ(why(job, asked), "it was said before");
  EXPECT_EQ(why(job, result(other_, request_)), "another worker answered first");
  EXPECT_EQ(why(job, result(worker_, request_)), "(it counts)");
}

TEST_F(JobAnswers, AfterCancellingNothingCounts) {
  JobWatch job = watch({worker_.public_key()});
  job.close();
  EXPECT_EQ(why(job, result(worker_, request_)), "the job is over");
}

}  // namespace
}  // namespace orchestration
