// The bunker as people run it: pairing outlives the process, a client is sent away, and behind a
// group the co-signer asks the operator as it always does.
#include <gtest/gtest.h>

#include <future>

#include "nostr/client/remote_signer.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"
#include "tests/node/support/temp_dir.h"
#include "tests/nostr/client/support/harness.h"

namespace e2e {
namespace {

using nostr::RemoteSigner;
using nostr::SecretKey;

constexpr std::chrono::milliseconds kSilence{500};

/// An app somewhere else, with its own key and connections.
class App {
 public:
  ~App() {
    signer_.reset();
    harness_.stop_pool();
  }
  RemoteSigner::Made pair(const std::string& uri, nostr::RemoteSignerOptions options = {}) {
    return harness_.loop.run_until_complete(RemoteSigner::connect(
        *harness_.pool, harness_.clock, harness_.rng, key_.clone(), must(nostr::parse_bunker_uri(uri)), std::move(options)));
  }
  void connect(const std::string& uri, nostr::RemoteSignerOptions options = {}) {
    signer_.reset();
    signer_ = must(pair(uri, std::move(options)));
  }
  base::Result<nostr::Event> sign(nostr::Kind kind, const std::string& content) {
    return harness_.loop.run_until_complete(signer_->sign({kind, {}, {}, content}));
  }
  /// Asks, while somebody else does `meanwhile` on a thread of their own.
  base::Result<nostr::Event> sign_while(nostr::Kind kind, const std::string& content, const std::function<void()>& meanwhile) {
    std::optional<base::Result<nostr::Event>> done;
    base::Scope scope(harness_.loop);
    scope.spawn("sign", keep({kind, {}, {}, content}, done));
    std::future<void> other = std::async(std::launch::async, meanwhile);
    harness_.until([&] { return done.has_value(); });
    harness_.loop.run_until_complete(scope.stop());
    other.get();
    return *std::move(done);
  }
  std::string pubkey() const { return key_.public_key().hex(); }
  std::string uri() const { return nostr::build_bunker_uri(signer_->uri()); }
  nostr::PublicKey user() const { return signer_->public_key(); }

 private:
  base::Task<void> keep(nostr::Draft draft, std::optional<base::Result<nostr::Event>>& out) {
    out = co_await signer_->sign(std::move(draft));
    harness_.note();
  }

  nostr::testing::Harness harness_;
  base::SystemRng chance_;
  SecretKey key_ = SecretKey::generate(chance_);
  std::unique_ptr<RemoteSigner> signer_;
};

class BunkerProgram : public ::testing::Test {
 protected:
  BunkerProgram() : relay_({"relay", "--listen", "127.0.0.1:0"}, {.environment = {}, .log = dir_ / "log"}) {
    url_ = relay_.read_line("listening ").value_or("listening ").substr(10);
    key_ = (dir_ / "me.key").string();
    command({"key", "new", key_});
  }
  void start() {
    bunker_ = std::make_unique<Program>(
        std::vector<std::string>{"bunker", "--home", home(), "--key-file", key_, "--relay", url_, "--allow", "sign_event:1"},
        ProgramOptions{.environment = {}, .log = dir_ / "log"});
    uri_ = bunker_->read_line("bunker://").value_or("");
  }
  std::string home() const { return (dir_ / "vault").string(); }
  Exit command(std::vector<std::string> arguments) {
    return run_program(std::move(arguments), {.environment = {}, .log = dir_ / "log"});
  }
  base::json::Value pending() { return must(base::json::parse(command({"pending", "--home", home(), "--json"}).out)); }

  node::testing::TempDir dir_;
  Program relay_;
  std::unique_ptr<Program> bunker_;
  std::string url_, key_, uri_;
};

TEST_F(BunkerProgram, APairingOutlivesTheProcessUntilItIsRevoked) {
  start();
  App app;
  app.connect(uri_);
  EXPECT_TRUE(app.sign(1, "before"));
  bunker_->kill();
  start();
  EXPECT_TRUE(app.sign(1, "after"));
  nostr::BunkerUri wrong = must(nostr::parse_bunker_uri(uri_));
  wrong.secret = "0123456789abcdef0123456789abcdef";
  EXPECT_FALSE(App().pair(nostr::build_bunker_uri(wrong), {.answer_timeout = kSilence}));
}

TEST_F(BunkerProgram, TheOperatorAnswersAtTheHomeAndSendsClientsAway) {
  start();
  App app;
  app.connect(uri_);
  const auto answer = [&](const char* verdict) {
    return [this, verdict] {
      base::json::Value open = pending();
      while (open.empty()) open = pending();
      EXPECT_EQ(open[0].at("action"), "sign_event:7");
      EXPECT_EQ(command({verdict, open[0].at("code"), "--home", home()}).code, 0);
    };
  };
  EXPECT_TRUE(app.sign_while(7, "+", answer("approve")));
  EXPECT_FALSE(app.sign_while(7, "-", answer("deny")));
  EXPECT_EQ(command({"bunker", "rule", app.pubkey(), "allow", "sign_event:7", "--home", home()}).code, 0);
  EXPECT_TRUE(app.sign(7, "+"));
  EXPECT_EQ(command({"bunker", "revoke", app.pubkey(), "--home", home()}).code, 0);
  EXPECT_FALSE(app.pair(uri_, {.answer_timeout = kSilence}));
  bunker_->terminate();
  EXPECT_EQ(command({"bunker", "list", "--home", home()}).out, "") << "also when nothing runs";
  EXPECT_EQ(command({"bunker", "uri", "--home", home()}).code, 3);
}

TEST(BunkerGroup, WhatTheCosignersPolicyAsksAboutWaitsForTheOperator) {
  World world;
  world.start_cosigner(World::kFirstCosigner);
  Program bunker({"bunker", "--home", world.node_home().string(), "--allow", "sign_event"},
                 {.environment = {}, .log = world.root() / "bunker.log"});
  App app;
  app.connect(bunker.read_line("bunker://").value_or(""));
  EXPECT_EQ(app.user(), world.identity());
  const auto say = [&](const char* word) {
    return [&world, word] {
      const Message question = world.owner().await_message([](const Message& m) { return !code_in(m.text).empty(); });
      world.owner().send(question.from, std::string(word) + " " + code_in(question.text));
    };
  };
  const auto event = app.sign_while(1, "said through the group", say("yes"));
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->pubkey, world.identity());
  EXPECT_TRUE(nostr::check(*event));
  const auto never = app.sign(27235, "");
  ASSERT_FALSE(never);
  EXPECT_TRUE(never.error().detail.contains("never-signed")) << never.error().detail;
}

}  // namespace
}  // namespace e2e
