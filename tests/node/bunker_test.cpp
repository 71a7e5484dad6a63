// The bunker and its client over a real relay: who is let in, what is answered, and what is not.
#include <gtest/gtest.h>

#include "node/bunker.h"
#include "node/bunker_views.h"
#include "nostr/client/remote_signer.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "tests/orchestration/support/relay_world.h"

namespace node {
namespace {

using base::Errc;
using nostr::KeySigner;
using nostr::RemoteSigner;
using nostr::SecretKey;
using orchestration::testing::errc_of;
using orchestration::testing::must;
using orchestration::testing::RelayWorld;
using storage::BunkerVerdict;

constexpr std::chrono::milliseconds kSilence{400};  // long enough to be sure that nothing comes

/// A bunker over a local key, its relay and a database, and whoever wants something of it.
class BunkerTest : public ::testing::Test {
 protected:
  BunkerTest() { open(); }
  ~BunkerTest() override {
    world_.loop.run_until_complete(bunker_->stop());
    world_.loop.run_until_complete(world_.pool.stop());
  }

  void open(std::string_view allowed = "sign_event:1,nip44_encrypt,nip44_decrypt,nip04_encrypt,nip04_decrypt",
            BunkerOptions options = {}) {
    if (bunker_) world_.loop.run_until_complete(bunker_->stop());
    options.relays = {world_.url()};
    options.rules = must(read_bunker_rules(allowed, BunkerVerdict::kAllow));
    options.rules.push_back({"sign_event", 0, BunkerVerdict::kDeny});
    bunker_ = std::make_unique<Bunker>(
        Bunker::Deps{world_.loop, world_.pool, *db_, world_.clock, world_.rng, voice_, identity_},
        std::move(options));
    must(world_.loop.run_until_complete(bunker_->start()));
  }
  nostr::BunkerUri invitation() { return must(nostr::parse_bunker_uri(must(bunker_->invite()))); }
  RemoteSigner::Made connect(const SecretKey& key, nostr::BunkerUri uri, nostr::RemoteSignerOptions options = {}) {
    return world_.loop.run_until_complete(RemoteSigner::connect(
        world_.pool, world_.clock, world_.rng, key.clone(), std::move(uri), std::move(options)));
  }
  /// A new client that is let in.
  std::unique_ptr<RemoteSigner> client(nostr::RemoteSignerOptions options = {}) {
    return must(connect(SecretKey::generate(world_.rng), invitation(), std::move(options)));
  }
  base::Result<nostr::Event> sign(RemoteSigner& signer, nostr::Kind kind, std::string content = "x") {
    return world_.loop.run_until_complete(signer.sign({kind, {}, {{"t", "a"}}, std::move(content)}));
  }
  std::size_t clients() { return must(bunker_clients_view(rows_, false)).size(); }
  /// Signs kind 7, which is asked about, and answers the question.
  base::Result<nostr::Event> sign_asked(RemoteSigner& signer, bool approve) {
    std::optional<base::Result<nostr::Event>> signed_event;
    base::Scope scope(world_.loop);
    scope.spawn("ask", keep(signer, signed_event));
    world_.until([&] { return !bunker_->pending().empty(); });
    must(bunker_->decide(bunker_->pending()[0]["code"], approve));
    world_.until([&] { return signed_event.has_value(); });
    world_.loop.run_until_complete(scope.stop());
    return *signed_event;
  }
  base::Task<void> keep(RemoteSigner& signer, std::optional<base::Result<nostr::Event>>& out) {
    nostr::Draft draft{7, {}, {}, "+"};
    out = co_await signer.sign(std::move(draft));
  }

  RelayWorld world_;
  std::unique_ptr<storage::Db> db_ = must(storage::open_database(":memory:"));
  storage::BunkerRows rows_{*db_};
  KeySigner voice_{SecretKey::generate(world_.rng), world_.clock, world_.rng};
  KeySigner identity_{SecretKey::generate(world_.rng), world_.clock, world_.rng};
  KeySigner friend_{SecretKey::generate(world_.rng), world_.clock, world_.rng};
  std::unique_ptr<Bunker> bunker_;
};

TEST_F(BunkerTest, AClientWithTheSecretSignsEncryptsAndDecrypts) {
  const auto signer = client({.name = "notes"});
  EXPECT_EQ(signer->public_key(), identity_.public_key());
  const nostr::Event event = must(sign(*signer, 1, "hello"));
  EXPECT_EQ(event.pubkey, identity_.public_key());
  EXPECT_EQ(event.created_at, world_.clock.now());
  EXPECT_TRUE(nostr::check(event));
  EXPECT_TRUE(world_.loop.run_until_complete(signer->ping()));
  const nostr::PublicKey peer = friend_.public_key();
  const auto sealed = world_.loop.run_until_complete(signer->nip44_encrypt(peer, "one"));
  EXPECT_EQ(must(world_.loop.run_until_complete(friend_.nip44_decrypt(identity_.public_key(), must(sealed)))), "one");
  EXPECT_EQ(must(world_.loop.run_until_complete(signer->nip44_decrypt(peer, *sealed))), "one");
  const auto legacy = world_.loop.run_until_complete(signer->nip04_encrypt(peer, "two"));
  EXPECT_EQ(must(world_.loop.run_until_complete(friend_.nip04_decrypt(identity_.public_key(), must(legacy)))), "two");
  EXPECT_EQ(must(world_.loop.run_until_complete(signer->nip04_decrypt(peer, *legacy))), "two");
  const auto view = must(bunker_clients_view(rows_, false));
  ASSERT_EQ(view.size(), 1U);
  EXPECT_EQ(view[0]["name"], "notes");
  EXPECT_EQ(view[0]["rules"]["sign_event:1"], "allow");
}

TEST_F(BunkerTest, AWrongSecretAndAUsedOneGetNoAnswer) {
  const nostr::BunkerUri uri = invitation();
  nostr::BunkerUri wrong = uri;
  wrong.secret = std::string(32, 'a');
  EXPECT_EQ(errc_of(connect(SecretKey::generate(world_.rng), wrong, {.answer_timeout = kSilence})), Errc::kTimeout);
  EXPECT_EQ(clients(), 0U);
  EXPECT_TRUE(connect(SecretKey::generate(world_.rng), uri));
  EXPECT_EQ(errc_of(connect(SecretKey::generate(world_.rng), uri, {.answer_timeout = kSilence})), Errc::kTimeout);
  EXPECT_EQ(clients(), 1U);
}

TEST_F(BunkerTest, AStrangerGetsNoAnswerToAnything) {
  const auto made = connect(SecretKey::generate(world_.rng), invitation(), {.answer_timeout = kSilence, .paired = true});
  EXPECT_EQ(errc_of(made), Errc::kTimeout);
}

TEST_F(BunkerTest, ACopyOfARequestIsAnsweredOnce) {
  const SecretKey key = SecretKey::generate(world_.rng);
  const auto signer = must(connect(key, invitation()));
  const auto shared = must(nostr::nip44_conversation_key(key, voice_.public_key()));
  std::vector<std::string> answers;
  nostr::Filters filters{{.kinds = {nostr::kinds::kNostrConnect}, .tags = {{'p', {key.public_key().hex()}}}}};
  bool listening = false;
  const auto ear = world_.pool.subscribe(
      {world_.url()}, std::move(filters),
      {.on_events =
           [&](std::span<const nostr::Delivery> batch) {
             for (const auto& delivery : batch)
               answers.push_back(must(nostr::parse_signer_response(must(nostr::nip44_decrypt(shared, delivery.event->content)))).id);
           },
       .on_eose = [&](const std::string&) { listening = true; },
       .on_closed = {}});
  world_.until([&] { return listening; });
  const auto ask = [&](const std::string& id, std::chrono::seconds later) {
    const std::string json = nostr::build_signer_request({id, "ping", {}});
    const nostr::Event event = nostr::sign_event(
        nostr::build_signer_event(voice_.public_key(), must(nostr::nip44_encrypt(shared, json, world_.rng)),
                                  world_.clock.now() + later),
        key, world_.rng);
    world_.loop.run_until_complete(world_.pool.publish({world_.url()}, event));
  };
  ask("one", std::chrono::seconds{0});
  ask("one", std::chrono::seconds{1});
  ask("old", std::chrono::seconds{-3'600});
  ask("two", std::chrono::seconds{0});
  world_.until([&] { return std::ranges::find(answers, "two") != answers.end(); });
  EXPECT_EQ(std::ranges::count(answers, "one"), 1);
  EXPECT_EQ(std::ranges::count(answers, "old"), 0);
  open();  // another process: it knows what was answered
  ask("one", std::chrono::seconds{2});
  ask("three", std::chrono::seconds{0});
  world_.until([&] { return std::ranges::find(answers, "three") != answers.end(); });
  EXPECT_EQ(std::ranges::count(answers, "one"), 1);
}

TEST_F(BunkerTest, ADeniedKindIsAnErrorAndAnUnknownMethodToo) {
  const auto signer = client();
  const auto denied = sign(*signer, 0);
  EXPECT_EQ(errc_of(denied), Errc::kDenied);
  EXPECT_NE(denied.error().detail.find("sign_event:0"), std::string::npos);
}

TEST_F(BunkerTest, WhatNoRuleNamesIsAskedAbout) {
  const auto signer = client();
  EXPECT_TRUE(sign_asked(*signer, true));
  const auto refused = sign_asked(*signer, false);
  EXPECT_EQ(errc_of(refused), Errc::kDenied);
  EXPECT_TRUE(bunker_->pending().empty());
  EXPECT_EQ(errc_of(bunker_->decide("K7QF-2M9X", true)), Errc::kNotFound);
}

TEST_F(BunkerTest, AQuestionNobodyAnswersIsOver) {
  BunkerOptions impatient;
  impatient.ask_for = std::chrono::seconds{0};
  open("", impatient);
  const auto signer = client();
  const auto late = sign(*signer, 7);
  EXPECT_EQ(errc_of(late), Errc::kDenied);
  EXPECT_NE(late.error().detail.find("in time"), std::string::npos);
}

TEST_F(BunkerTest, PairingSurvivesARestartAndARevokedClientIsAStranger) {
  const SecretKey key = SecretKey::generate(world_.rng);
  const auto before = must(connect(key, invitation()));
  open();
  const auto after = must(connect(key, before->uri(), {.paired = true}));
  EXPECT_TRUE(sign(*after, 1));
  must(answer_bunker(rows_, "bunker-rule",
                     {{"client", key.public_key().hex()}, {"verdict", "deny"}, {"permissions", "sign_event:1"}},
                     world_.clock.now()));
  EXPECT_EQ(errc_of(sign(*after, 1)), Errc::kDenied);
  must(answer_bunker(rows_, "bunker-revoke", {{"client", key.public_key().hex()}}, world_.clock.now()));
  EXPECT_EQ(errc_of(connect(key, before->uri(), {.answer_timeout = kSilence, .paired = true})), Errc::kTimeout);
  EXPECT_EQ(clients(), 0U);
}

TEST_F(BunkerTest, ANostrconnectTextPairsTheOtherWayRound) {
  const SecretKey key = SecretKey::generate(world_.rng);
  const nostr::NostrConnectUri uri{.client = key.public_key(), .relays = {world_.url()}, .secret = "s3cret", .permissions = {}, .name = "app", .url = "", .image = ""};
  std::optional<RemoteSigner::Made> made;
  struct Wait {
    static base::Task<void> run(RelayWorld& world, SecretKey client, nostr::NostrConnectUri text, std::optional<RemoteSigner::Made>& out) {
      auto signer = co_await RemoteSigner::await_signer(world.pool, world.clock, world.rng, std::move(client), std::move(text));
      out.emplace(std::move(signer));
    }
  };
  base::Scope scope(world_.loop);
  scope.spawn("wait", Wait::run(world_, key.clone(), uri, made));
  world_.settle();
  must(bunker_->accept(uri));
  world_.until([&] { return made.has_value(); });
  world_.loop.run_until_complete(scope.stop());
  const auto signer = must(*std::move(made));
  EXPECT_EQ(signer->public_key(), identity_.public_key());
  EXPECT_TRUE(sign(*signer, 1));
  nostr::NostrConnectUri silent = uri;
  silent.secret.clear();
  EXPECT_EQ(errc_of(bunker_->accept(silent)), Errc::kInvalid);
}

TEST_F(BunkerTest, AClientThatAsksTooMuchIsDropped) {
  BunkerOptions few;
  few.requests_an_hour = 2;  // get_public_key and switch_relays after the pairing
  open("sign_event", few);
  const auto signer = client({.answer_timeout = kSilence});
  EXPECT_EQ(errc_of(sign(*signer, 1)), Errc::kTimeout);
}

TEST(BunkerRules, AreReadStrictly) {
  const auto rules = must(read_bunker_rules("sign_event:1,sign_event,nip44_encrypt", BunkerVerdict::kAllow));
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].kind, nostr::Kind{1});
  EXPECT_EQ(rules[1].kind, std::nullopt);
  for (const char* text : {"sign", "sign_event:x", "nip44_encrypt:4", "ping", "sign_event:1,,", "connect"})
    EXPECT_EQ(errc_of(read_bunker_rules(text, BunkerVerdict::kAllow)), Errc::kInvalid) << text;
}

/// A signer that answers what it is told to, right or wrong.
class FalseSigner {
 public:
  using Mind = std::function<std::optional<nostr::SignerResponse>(const nostr::SignerRequest&)>;
  FalseSigner(RelayWorld& world, Mind mind)
      : key(SecretKey::generate(world.rng)), world_(world), mind_(std::move(mind)), scope_(world.loop) {
    nostr::Filters filters{{.kinds = {nostr::kinds::kNostrConnect}, .tags = {{'p', {key.public_key().hex()}}}}};
    ear_ = world.pool.subscribe({world.url()}, std::move(filters),
                                {.on_events = [this](auto batch) { for (const auto& d : batch) take(*d.event); },
                                 .on_eose = {}, .on_closed = {}});
  }
  ~FalseSigner() { world_.loop.run_until_complete(scope_.stop()); }
  nostr::BunkerUri uri() const { return {key.public_key(), {world_.url()}, "secret"}; }

  SecretKey key;

 private:
  void take(const nostr::Event& event) {
    const auto shared = must(nostr::nip44_conversation_key(key, event.pubkey));
    const auto request = must(nostr::parse_signer_request(must(nostr::nip44_decrypt(shared, event.content))));
    if (auto response = mind_(request)) scope_.spawn("answer", say(event.pubkey, *std::move(response)));
  }
  base::Task<void> say(nostr::PublicKey to, nostr::SignerResponse response) {
    const auto shared = must(nostr::nip44_conversation_key(key, to));
    nostr::Event event = nostr::sign_event(
        nostr::build_signer_event(to, must(nostr::nip44_encrypt(shared, nostr::build_signer_response(response), world_.rng)),
                                  world_.clock.now()),
        key, world_.rng);
    std::vector<std::string> relays{world_.url()};
    co_await world_.pool.publish(std::move(relays), std::move(event));
  }

  RelayWorld& world_;
  Mind mind_;
  base::Scope scope_;
  std::unique_ptr<nostr::Subscription> ear_;
};

class FalseSignerTest : public ::testing::Test {
 protected:
  ~FalseSignerTest() override {
    signer_.reset();
    false_signer_.reset();
    world_.loop.run_until_complete(world_.pool.stop());
  }
  /// Connects to a signer that pairs properly and answers sign_event as `mind` says.
  RemoteSigner::Made connect(FalseSigner::Mind mind) {
    false_signer_ = std::make_unique<FalseSigner>(world_, [this, mind](const nostr::SignerRequest& request) -> std::optional<nostr::SignerResponse> {
      if (auto said = mind(request)) return said;
      if (request.method == "connect") return nostr::SignerResponse{request.id, "ack", ""};
      if (request.method == "get_public_key") return nostr::SignerResponse{request.id, user_.public_key().hex(), ""};
      return std::nullopt;
    });
    return world_.loop.run_until_complete(RemoteSigner::connect(world_.pool, world_.clock, world_.rng, SecretKey::generate(world_.rng), false_signer_->uri(), {.answer_timeout = answer_timeout_}));
  }
  /// What comes of asking for "yes" when the signer returns what `twist` makes of it.
  base::Result<nostr::Event> sign(std::function<std::string(nostr::Draft)> twist) {
    signer_ = must(connect([this, twist](const nostr::SignerRequest& request) -> std::optional<nostr::SignerResponse> {
      if (request.method != "sign_event") return std::nullopt;
      return nostr::SignerResponse{request.id, twist(must(nostr::parse_sign_template(request.params[0], user_.public_key()))), ""};
    }));
    return world_.loop.run_until_complete(signer_->sign({1, {}, {}, "yes"}));
  }
  std::string signed_by(const SecretKey& key, nostr::Draft draft) {
    return nostr::to_json(nostr::sign_event(std::move(draft), key, world_.rng));
  }

  RelayWorld world_;
  KeySigner user_{SecretKey::generate(world_.rng), world_.clock, world_.rng};
  std::chrono::milliseconds answer_timeout_{60'000};
  std::unique_ptr<FalseSigner> false_signer_;
  std::unique_ptr<RemoteSigner> signer_;
};

TEST_F(FalseSignerTest, OnlyTheEventThatWasAskedForIsTaken) {
  EXPECT_TRUE(sign([&](nostr::Draft d) { return signed_by(user_.key(), d); }));
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) { d.content = "no"; return signed_by(user_.key(), d); })), Errc::kPeer);
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) { d.kind = 7; return signed_by(user_.key(), d); })), Errc::kPeer);
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) { d.created_at += std::chrono::seconds{1}; return signed_by(user_.key(), d); })), Errc::kPeer);
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) { d.tags.push_back({"p", "x"}); return signed_by(user_.key(), d); })), Errc::kPeer);
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) { return signed_by(false_signer_->key, d); })), Errc::kPeer);
  EXPECT_EQ(errc_of(sign([&](nostr::Draft d) {
              nostr::Event event = must(nostr::parse_event(signed_by(user_.key(), d)));
              event.sig = nostr::Signature(std::array<std::uint8_t, 64>{});
              return nostr::to_json(event);
            })),
            Errc::kCrypto);
  EXPECT_EQ(errc_of(sign([](const nostr::Draft&) { return std::string("{}"); })), Errc::kPeer);
}

TEST_F(FalseSignerTest, APageToVisitIsAnErrorThatNamesIt) {
  const auto made = connect([](const nostr::SignerRequest& request) -> std::optional<nostr::SignerResponse> {
    if (request.method != "connect") return std::nullopt;
    return nostr::auth_url_response(request.id, "https://signer.example/confirm");
  });
  EXPECT_EQ(errc_of(made), Errc::kDenied);
  EXPECT_EQ(made.error().hint, "https://signer.example/confirm");
}

TEST_F(FalseSignerTest, AnAnswerToAnotherIdIsNone) {
  answer_timeout_ = kSilence;
  bool first = true;
  const auto made = connect([&](const nostr::SignerRequest& request) -> std::optional<nostr::SignerResponse> {
    if (request.method != "connect" || !std::exchange(first, false)) return std::nullopt;
    return nostr::SignerResponse{"another", std::nullopt, "no"};
  });
  // The wrong answer was passed over; nothing else came, so it is the time that ends the wait.
  EXPECT_EQ(errc_of(made), Errc::kTimeout);
}

}  // namespace
}  // namespace node
