// Backends as a configuration describes them, asked over real HTTP: what its quirks and routes come
// down to.
#include "node/minds.h"

#include <gtest/gtest.h>

#include "nostr/base/rng.h"
#include "orchestration/llm/caller.h"
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

}  // namespace
}  // namespace node
