// Backends as a configuration describes them, asked over real HTTP: what its quirks and routes come
// down to.
#include "node/minds.h"

#include <gtest/gtest.h>

#include "nostr/base/rng.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip90.h"
#include "orchestration/llm/caller.h"
#include "tests/orchestration/support/relay_world.h"
#include "tools/model_server/server.h"

namespace node {
namespace {

using base::json::Value;
using model_server::ModelServer;

struct Site {
  base::Loop loop;
  nostr::HttpClient http{loop};
  base::SystemClock clock;
  base::SeededRng rng{1};
  orchestration::HookChain hooks;

  Minds build(const std::string& toml) {
    auto config = parse_config(toml, "/etc/agent", {});
    EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().detail);
    auto minds = Minds::build({loop, http, clock, rng, "/tmp"}, *config);
    EXPECT_TRUE(minds.has_value()) << (minds ? "" : minds.error().detail);
    return *std::move(minds);
  }
  base::Result<orchestration::Reply> ask(Minds& minds, const std::string& agent) {
    orchestration::ModelTurn turn{.session = "s", .agent = agent};
    turn.request.messages = {{.role = orchestration::Role::kUser, .content = "hi"}};
    turn.request.temperature = 0.5;
    return loop.run_until_complete(orchestration::call_model(
        {.router = minds.router(), .hooks = hooks, .rng = rng, .retry = {.max_attempts = 1}},
        std::move(turn)));
  }
};

std::string section(const std::string& id, const ModelServer& server,
                    const std::string& more = "") {
  return "[backends." + id + "]\nkind = \"openai\"\nmodel = \"m\"\nbase_url = \"" +
         server.base_url() + "\"\n" + more;
}

TEST(Minds, TheQuirkOfAModelThatTakesNoTemperatureReachesTheWire) {
  auto server = *ModelServer::listen(0, Value::array({{{"text", "a"}}, {{"text", "b"}}}));
  Site site;
  Minds minds = site.build("[agent]\nmodel = \"plain\"\n" + section("plain", *server) +
                           section("thinker", *server, "quirks = [\"no-temperature\"]\n") +
                           "[routes]\none = [\"plain\"]\ntwo = [\"thinker\"]\n");
  ASSERT_TRUE(site.ask(minds, "one").has_value());
  ASSERT_TRUE(site.ask(minds, "two").has_value());
  const auto seen = server->seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ((*base::json::parse(seen[0].body))["temperature"], 0.5);
  EXPECT_FALSE(base::json::parse(seen[1].body)->contains("temperature"));
}

TEST(Minds, TwoBackendsOfOneKindAndModelAreTwo) {
  auto first = *ModelServer::listen(0, Value::array({{{"status", 500}}}));
  auto second = *ModelServer::listen(0, Value::array({{{"text", "from the second"}}}));
  Site site;
  Minds minds = site.build("[agent]\nmodel = \"here\"\n" + section("here", *first) +
                           section("there", *second) + "[routes]\n\"*\" = [\"here\", \"there\"]\n");
  const auto reply = site.ask(minds, "anybody");
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->message.content, "from the second");
  EXPECT_EQ(reply->backend, "there");
  EXPECT_EQ(first->seen().size(), 1u);
}

/// A provider on a relay, whose jobs are a backend.
class NostrMinds : public ::testing::Test {
 protected:
  ~NostrMinds() override {
    world_.loop.run_until_complete(scope_.stop());
    world_.loop.run_until_complete(customer_.stop());
  }
  void build(orchestration::JobCustomer* jobs, const std::string& more = "") {
    const auto config = parse_config("[agent]\nmodel = \"far\"\n[backends.far]\nkind = \"nip90\"\nmodel = \"m\"\n"
                                     "provider = \"" + nostr::encode_npub(worker_.pubkey()) + "\"\n" + more,
                                     "/etc/agent", {});
    ASSERT_TRUE(config.has_value()) << config.error().detail;
    auto minds = Minds::build({.loop = world_.loop,
                               .http = http_,
                               .clock = world_.clock,
                               .rng = world_.rng,
                               .folder = "/tmp",
                               .jobs = jobs,
                               .relays = {world_.url()}},
                              *config);
    ASSERT_TRUE(minds.has_value()) << minds.error().detail;
    minds_ = *std::move(minds);
  }
  static base::Task<void> ask(NostrMinds* self, std::vector<orchestration::ToolSpec> tools) {
    orchestration::ModelTurn turn{.session = "s", .agent = "main"};
    turn.request.messages = {{.role = orchestration::Role::kUser, .content = "how many are two and two"}};
    turn.request.tools = std::move(tools);
    self->reply_ = co_await orchestration::call_model(
        {.router = self->minds_.router(), .hooks = self->hooks_, .rng = self->world_.rng, .retry = {.max_attempts = 1}},
        std::move(turn));
  }
  /// The job, once the worker can see it.
  nostr::Event begin(std::vector<orchestration::ToolSpec> tools = {}) {
    scope_.spawn("ask", ask(this, std::move(tools)));
    std::vector<nostr::Event> jobs;
    world_.until([&] {
      jobs = orchestration::testing::must(world_.relay_store.query({{.kinds = {5050}}}, 10, world_.clock.now()));
      return !jobs.empty();
    });
    return jobs.front();
  }
  nostr::ConversationKey shared(const nostr::Event& job) {
    return *nostr::nip44_conversation_key(worker_.key(), job.pubkey);
  }
  const base::Result<orchestration::Reply>& answer(const nostr::Event& job, const std::string& text) {
    worker_.publish(nostr::sign_event(
        nostr::build_job_result(job, "", *nostr::nip44_encrypt(shared(job), text, world_.rng), std::nullopt,
                                world_.clock.now()),
        worker_.key(), world_.rng));
    world_.until([&] { return reply_.has_value(); });
    return *reply_;
  }

  orchestration::testing::RelayWorld world_;
  orchestration::testing::Person worker_{world_};
  nostr::SecretKey key_ = nostr::SecretKey::generate(world_.rng);
  orchestration::JobCustomer customer_{world_.pool, key_, world_.clock, world_.rng, nullptr};
  nostr::HttpClient http_{world_.loop};
  orchestration::HookChain hooks_;
  Minds minds_;
  std::optional<base::Result<orchestration::Reply>> reply_;
  base::Scope scope_{world_.loop};
};

TEST_F(NostrMinds, AQuestionGoesEncryptedToTheProviderAndTheResultIsTheAnswer) {
  build(&customer_);
  const nostr::Event job = begin();
  EXPECT_EQ(job.content.find("two and two"), std::string::npos);
  const auto asked = nostr::nip44_decrypt(shared(job), job.content);
  ASSERT_TRUE(asked.has_value());
  EXPECT_NE(asked->find("how many are two and two"), std::string::npos);
  EXPECT_NE(asked->find("\"model\""), std::string::npos);
  const auto& reply = answer(job, "four");
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  EXPECT_EQ(reply->message.content, "four");
  EXPECT_EQ(reply->backend, "far");
}

TEST_F(NostrMinds, ToolsAreCalledInWritingWhereTheQuirkSaysSo) {
  build(&customer_, "quirks = [\"text-tools\"]\n");
  const nostr::Event job =
      begin({{.name = "add", .description = "adds", .parameters = base::json::Value::object()}});
  const auto asked = nostr::nip44_decrypt(shared(job), job.content);
  ASSERT_TRUE(asked.has_value());
  EXPECT_NE(asked->find("- add: adds"), std::string::npos);
  // A provider sees the word of the fence, which no stranger does.
  const std::size_t word = asked->find("call-");
  ASSERT_NE(word, std::string::npos);
  const std::string fence = asked->substr(word, asked->find('\\', word) - word);
  const auto& reply = answer(job, "```" + fence + "\n{\"tool\": \"add\", \"arguments\": {\"a\": 2}}\n```");
  ASSERT_TRUE(reply.has_value()) << reply.error().detail;
  ASSERT_EQ(reply->message.calls.size(), 1u);
  EXPECT_EQ(reply->message.calls[0].name, "add");
}

TEST_F(NostrMinds, WithoutAnybodyWhoBuysACallIsRefusedAndSaysWhy) {
  build(nullptr);
  scope_.spawn("ask", ask(this, {}));
  world_.until([&] { return reply_.has_value(); });
  ASSERT_FALSE(reply_->has_value());
  EXPECT_NE(reply_->error().detail.find("only a running node buys"), std::string::npos) << reply_->error().detail;
}

}  // namespace
}  // namespace node
