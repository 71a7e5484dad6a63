// What a record never holds: what looks like a credential, and what is known to be one however it
// looks.
#include <gtest/gtest.h>

#include "nostr/event/event_json.h"
#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/http_backend.h"
#include "orchestration/tools/local_tool.h"
#include "tests/orchestration/support/session_world.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using model_server::ModelServer;
using testing::TempDir;
using testing::World;

constexpr const char* kKey = "mulberry-harbour-lantern";  // a key that looks like words
constexpr const char* kNsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";

/// A tool that finds what it should not: a page in whose middle the key stands.
class Leak final : public LocalTool {
 public:
  Leak()
      : LocalTool({.spec = {"leak", "", {{"type", "object"}, {"additionalProperties", true}}},
                   .capability = Capability::kQuery,
                   .action = ActionClass::kSearch}) {}
  base::Task<base::Result<std::string>> run(ToolContext, Value) override {
    co_return "API_KEY=" + std::string(kKey) + " and " + kNsec + " of author me, tokens_in 12\n" +
        std::string(9'000, 'x') + kKey;
  }
};

TEST(TrajectorySecrets, ConfiguredKeysAndCredentialsAreInNoStepAndCountsAndAuthorsAre) {
  TempDir dir;
  World world(dir);
  world.add_gates();
  ASSERT_TRUE(world.tools.add(std::make_unique<Leak>()).has_value());
  const Value call = {
      {"name", "leak"},
      {"arguments", {{"note", std::string("with ") + kKey}, {"tokens_in", 7}, {"author", "me"}}}};
  auto server = *ModelServer::listen(
      0, Value::array({Value{{"calls", Value::array({call})}},
                       Value{{"text", std::string("The key is ") + kKey + ", it says " + kNsec}}}));
  nostr::HttpClient http(world.loop);
  auto backend = *HttpBackend::create(
      http, world.clock, std::make_unique<ChatDialect>(),
      {.id = "b", .base_url = server->base_url(), .wire = {.model = "m"}, .api_key = ApiKey(kKey)});
  const auto result = world.run(*backend, World::mention(std::string("is it ") + kKey + "?"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  std::string record;
  for (const nostr::Event& event : world.trajectory.events(result->session))
    record += nostr::to_json(event) + "\n";
  EXPECT_EQ(record.find(kKey), std::string::npos) << record;
  EXPECT_EQ(record.find(kNsec), std::string::npos);
  EXPECT_EQ(record.find("mulberry"), std::string::npos) << "nor a part that a cut left over";
  EXPECT_NE(record.find("[REDACTED]"), std::string::npos);
  EXPECT_NE(record.find("tokens_in\\\":7"), std::string::npos) << record;
  EXPECT_NE(record.find("author\\\":\\\"me"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
