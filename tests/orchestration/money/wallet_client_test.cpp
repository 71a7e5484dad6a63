// The NIP-47 client against a wallet service over a relay: what it learns, and what it cannot know.
#include "tests/orchestration/support/money_world.h"

namespace orchestration {
namespace {

using base::Errc;
using base::Msat;
using nostr::WalletEncryption;
using testing::errc_of;
using testing::MoneyWorld;
using testing::must;
using wallet_service::Fault;

template <class T>
base::Result<T> ask(MoneyWorld& world, nostr::WalletRequest request) {
  return expect_outcome<T>(world.run(world.wallet->ask(std::move(request))));
}

TEST(WalletClient, EveryMethodAnswers) {
  MoneyWorld world;
  EXPECT_EQ(must(ask<nostr::WalletInfo>(world, nostr::GetInfo{})).network, "regtest");
  EXPECT_EQ(must(ask<nostr::Balance>(world, nostr::GetBalance{})).balance, Msat{1'000'000});

  const nostr::Transaction made = must(ask<nostr::Transaction>(
      world, nostr::MakeInvoice{.amount = Msat{21'000}, .description = "tea", .expiry = 60}));
  EXPECT_EQ(must(nostr::parse_invoice(made.invoice)).amount, Msat{21'000});

  const std::string bill = world.bill(Msat{5'000});
  const nostr::Payment paid =
      must(ask<nostr::Payment>(world, nostr::PayInvoice{.id = "", .invoice = bill, .amount = {}}));
  const nostr::Sha256 hash = must(nostr::parse_invoice(bill)).payment_hash;
  EXPECT_TRUE(nostr::is_paid_by(hash, paid.preimage.value()));
  const nostr::Transaction found =
      must(ask<nostr::Transaction>(world, nostr::LookupInvoice{.payment_hash = hash, .invoice = ""}));
  EXPECT_EQ(found.state, "settled");
  EXPECT_EQ(found.type, nostr::TransactionType::kOutgoing);
  EXPECT_EQ(must(ask<nostr::TransactionList>(world, nostr::ListTransactions{})).transactions.size(),
            1u);
  EXPECT_EQ(must(ask<nostr::TransactionList>(world, nostr::ListTransactions{.unpaid = true}))
                .transactions.size(),
            2u);
  world.world.until([&] { return !world.notices.empty(); });
  EXPECT_EQ(world.notices[0].type, "payment_sent");
  EXPECT_EQ(world.notices[0].transaction.payment_hash, hash);
}

TEST(WalletClient, EncryptionIsTheBestBothSpeak) {
  for (const auto& [offered, used] :
       {std::pair{std::vector{WalletEncryption::kNip04}, WalletEncryption::kNip04},
        std::pair{std::vector{WalletEncryption::kNip04, WalletEncryption::kNip44},
                  WalletEncryption::kNip44}}) {
    MoneyWorld world(Msat{7'000}, {.encryptions = offered});
    const WalletMessage message = must(world.run(world.wallet->prepare(nostr::GetBalance{})));
    EXPECT_EQ(message.encryption, used);
    EXPECT_EQ(must(expect_outcome<nostr::Balance>(world.run(world.wallet->send(message)))).balance,
              Msat{7'000});
  }
}

TEST(WalletClient, LegacyEncryptionCanBeRefused) {
  MoneyWorld world(Msat{1}, {.encryptions = {WalletEncryption::kNip04}});
  WalletClient strict(world.world.pool, world.world.clock, world.world.rng,
                      must(nostr::parse_wallet_uri(world.service->uri())), {.allow_nip04 = false});
  EXPECT_EQ(errc_of(world.run(strict.ask(nostr::GetBalance{}))), Errc::kUnsupported);
}

TEST(WalletClient, AMethodThatIsNotOfferedIsNotSent) {
  MoneyWorld world(Msat{1}, {.methods = {"get_balance"}});
  EXPECT_EQ(errc_of(world.run(world.wallet->ask(nostr::GetInfo{}))), Errc::kUnsupported);
  EXPECT_EQ(world.service->handled("get_info"), 0);
}

TEST(WalletClient, ARefusalIsTheWalletsWord) {
  MoneyWorld world(Msat{10});
  const auto refused = world.run(world.wallet->ask(
      nostr::PayInvoice{.id = "", .invoice = world.bill(Msat{5'000}), .amount = {}}));
  EXPECT_EQ(std::get<nostr::WalletError>(must(refused)).code,
            nostr::WalletErrc::kInsufficientBalance);
  EXPECT_EQ(errc_of(expect_outcome<nostr::Payment>(refused)), Errc::kDenied);
}

TEST(WalletClient, SilenceIsATimeOutAndGarbageThePeersFault) {
  MoneyWorld world;
  world.restart_waiting(testing::kSilence);
  world.misbehave("get_balance", Fault::kLoseAnswer);
  EXPECT_EQ(errc_of(world.run(world.wallet->ask(nostr::GetBalance{}))), Errc::kTimeout);
  world.restart_waiting(testing::kAnyAnswer);
  world.misbehave("get_balance", Fault::kGarbage);
  EXPECT_EQ(errc_of(world.run(world.wallet->ask(nostr::GetBalance{}))), Errc::kPeer);
  world.misbehave("get_info", Fault::kMismatch);
  EXPECT_EQ(errc_of(world.run(world.wallet->ask(nostr::GetInfo{}))), Errc::kPeer);
  EXPECT_EQ(must(ask<nostr::Balance>(world, nostr::GetBalance{})).balance, Msat{1'000'000})
      << "and afterwards all is well";
}

TEST(WalletClient, AnAnswerSaidTwiceOrByAStrangerCountsOnce) {
  MoneyWorld world;
  for (const Fault fault : {Fault::kDuplicate, Fault::kContradict, Fault::kStranger}) {
    world.misbehave("get_balance", fault);
    EXPECT_EQ(must(ask<nostr::Balance>(world, nostr::GetBalance{})).balance, Msat{1'000'000});
  }
}

TEST(WalletClient, AnsweringTwoRequestsAtOnceMixesNothingUp) {
  MoneyWorld world;
  world.service->add_rules({{.method = "get_balance",
                             .fault = Fault::kSlow,
                             .wait = std::chrono::milliseconds(300)}});
  std::vector<std::string> order;
  base::Scope scope(world.world.loop);
  const auto note = [](MoneyWorld* w, nostr::WalletRequest request, std::string name,
                       std::vector<std::string>* out) -> base::Task<void> {
    const auto outcome = co_await w->wallet->ask(std::move(request));
    if (outcome) out->push_back(std::move(name));
  };
  scope.spawn("slow", note(&world, nostr::GetBalance{}, "balance", &order));
  scope.spawn("fast", note(&world, nostr::GetInfo{}, "info", &order));
  world.world.until([&] { return order.size() == 2; });
  EXPECT_EQ(order, (std::vector<std::string>{"info", "balance"}));
  world.run(scope.stop());
}

TEST(WalletClient, AWalletThatSaysNothingOfItselfMayBeRevoked) {
  MoneyWorld world;
  nostr::WalletUri uri = must(nostr::parse_wallet_uri(world.service->uri()));
  uri.wallet = nostr::SecretKey::generate(world.world.rng).public_key();
  WalletClient gone(world.world.pool, world.world.clock, world.world.rng, std::move(uri), {});
  const auto answer = world.run(gone.ask(nostr::GetBalance{}));
  ASSERT_EQ(errc_of(answer), Errc::kNotFound);
  EXPECT_NE(answer.error().hint.find("revoked"), std::string::npos);
}

TEST(WalletClient, ARequestThatReachesNoRelayIsKnownToBeUnsent) {
  MoneyWorld world;
  const WalletMessage message = must(world.run(world.wallet->prepare(nostr::GetBalance{})));
  world.world.relay_down();
  WalletClient other(world.world.pool, world.world.clock, world.world.rng,
                     must(nostr::parse_wallet_uri(world.service->uri())),
                     {.reach_timeout = std::chrono::milliseconds(100)});
  EXPECT_EQ(errc_of(world.run(other.send(message))), Errc::kUnavailable);
  world.world.relay_up();
}

TEST(WalletClient, ARequestIsNotActedOnAfterItsTime) {
  MoneyWorld world;
  world.restart_waiting(testing::kSilence);
  const WalletMessage message = must(world.run(world.wallet->prepare(nostr::GetBalance{})));
  world.world.clock.advance(std::chrono::seconds{61});
  EXPECT_EQ(errc_of(world.run(world.wallet->send(message))), Errc::kTimeout);
  EXPECT_EQ(world.service->handled("get_balance"), 0);
}

}  // namespace
}  // namespace orchestration
