// An external agent as a process: what it is given, what it says, and that it dies with its call.
#include "orchestration/llm/codex.h"

#include <filesystem>
#include <fstream>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "nostr/base/rng.h"
#include "orchestration/llm/text_tools.h"
#include "tests/orchestration/support/session_world.h"
#include "tests/orchestration/support/temp_dir.h"
#include "tools/model_server/server.h"

namespace orchestration {
namespace {

using base::json::Value;
using testing::TempDir;

struct Agent {
  explicit Agent(const std::string& script) {
    std::ofstream(dir.path("codex")) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(dir.path("codex"), std::filesystem::perms::owner_all);
    backend = *CodexBackend::create(loop, {.id = "c",
                                           .program = dir.path("codex"),
                                           .model = "m",
                                           .base_url = "http://127.0.0.1:9/v1",
                                           .folder = dir.path("home")});
  }
  std::expected<Reply, ModelFailure> ask(std::chrono::milliseconds timeout = std::chrono::seconds{20}) {
    Request request{.timeout = timeout};
    request.messages = {{.role = Role::kUser, .content = "what now?"}};
    return loop.run_until_complete(backend->complete(std::move(request)));
  }
  std::string file(const std::string& name) {
    std::ifstream in(dir.path("home") + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDir dir;
  base::Loop loop;
  std::unique_ptr<CodexBackend> backend;
};

constexpr const char* kAnswer =
    "echo '{\"type\":\"thread.started\",\"thread_id\":\"t1\"}'\n"
    "echo '{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"Let me look.\"}}'\n"
    "echo '{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"Done.\"}}'\n"
    "echo '{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,\"output_tokens\":2}}'\n";

TEST(Codex, SaysItsLastMessageAndWhatItCounted) {
  ::setenv("SOVEREIGN_TEST_SECRET", "hidden", 1);
  Agent agent(std::string("cat > prompt; env > env; echo \"$@\" > args\n") + kAnswer);
  const auto reply = agent.ask();
  ::unsetenv("SOVEREIGN_TEST_SECRET");
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->message.content, "Done.");
  EXPECT_EQ(reply->usage, (Usage{.prompt_tokens = 9, .cached_tokens = 4, .completion_tokens = 2}));
  EXPECT_EQ(agent.file("prompt"), "[user]\nwhat now?");
  EXPECT_EQ(agent.file("env").find("hidden"), std::string::npos) << "nothing of ours is in its environment";
  EXPECT_NE(agent.file("args").find("--sandbox read-only"), std::string::npos);
}

TEST(Codex, EndsInATypedFault) {
  const auto fault = [](const char* script) { return Agent(script).ask().error().fault; };
  EXPECT_EQ(fault("cat >/dev/null; exit 3\n"), ModelFault::kTruncated);
  EXPECT_EQ(fault("cat >/dev/null; echo 'no json'\n"), ModelFault::kProtocol);
  EXPECT_EQ(fault("cat >/dev/null; echo '{\"type\":\"turn.failed\",\"error\":{\"message\":\"overloaded\"}}'; exit 1\n"),
            ModelFault::kServer);
  EXPECT_EQ(fault("cat >/dev/null; echo '{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 401 Unauthorized: no such key\"}}'; exit 1\n"),
            ModelFault::kUnauthorised);
  EXPECT_EQ(fault("cat >/dev/null; echo '{\"type\":\"error\",\"message\":\"Reconnecting... waiting for network (refused)\"}'; sleep 1000\n"),
            ModelFault::kTransport) << "it would wait for ever";
  Agent gone("");
  std::filesystem::remove(gone.dir.path("codex"));
  EXPECT_EQ(gone.ask().error().fault, ModelFault::kTransport);
}

TEST(Codex, ItsWholeGroupDiesWhenTheTimeIsOver) {
  Agent agent("sh -c 'echo $$ > child; exec sleep 1000' & cat >/dev/null; wait\n");
  const auto late = agent.ask(std::chrono::milliseconds{700});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().fault, ModelFault::kTimeout);
  const std::string child = agent.file("child");
  ASSERT_FALSE(child.empty());
  // A descriptor of the process becomes readable when it has ended; gone altogether is as good.
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(child), 0));
  if (process < 0) return;
  pollfd ended{.fd = process, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, -1), 1);
  ::close(process);
}

TEST(Codex, IsDrivenAtAServerOfOnesOwnOnly) {
  base::Loop loop;
  EXPECT_FALSE(CodexBackend::create(loop, {.id = "c", .program = "/bin/true", .model = "m", .base_url = "https://example.com/v1", .folder = "/tmp/x"}).has_value());
  EXPECT_FALSE(CodexBackend::create(loop, {.id = "c", .program = "codex", .model = "m", .base_url = "http://127.0.0.1/v1", .folder = "/tmp/x"}).has_value());
}

/// The real program, where the environment names it: see tests/interop/external_agent.sh.
TEST(Codex, TheRealOneAnswersThroughTheModelServer) {
  const char* program = std::getenv("SOVEREIGN_TEST_CODEX");
  if (!program) GTEST_SKIP() << "SOVEREIGN_TEST_CODEX names no codex";
  auto server = *model_server::ModelServer::listen(
      0, Value{{"otherwise", {{"text", "Hello from codex."}, {"fragment", 4}, {"usage", {{"prompt_tokens", 12}, {"completion_tokens", 5}}}}}});
  TempDir dir;
  base::Loop loop;
  auto backend = *CodexBackend::create(loop, {.id = "c", .program = program, .model = "scripted", .base_url = server->base_url(), .folder = dir.path("home")});
  const auto probed = loop.run_until_complete(backend->probe());
  ASSERT_TRUE(probed.has_value()) << probed.error().detail;
  Request request{.timeout = std::chrono::seconds{60}};
  request.messages = {{.role = Role::kUser, .content = "Say hello."}};
  const auto reply = loop.run_until_complete(backend->complete(std::move(request)));
  ASSERT_TRUE(reply.has_value()) << reply.error().error.detail;
  EXPECT_EQ(reply->message.content, "Hello from codex.");
  EXPECT_EQ(reply->usage, (Usage{.prompt_tokens = 12, .completion_tokens = 5}));
  ASSERT_FALSE(server->seen().empty());
  EXPECT_EQ(server->seen().front().path, "/v1/responses");
}

/// Its model calls a tool of ours in writing, through the real program, and reads what that came to.
TEST(Codex, TheRealOneCallsOurToolsInWriting) {
  const char* program = std::getenv("SOVEREIGN_TEST_CODEX");
  if (!program) GTEST_SKIP() << "SOVEREIGN_TEST_CODEX names no codex";
  const std::string word = base::SeededRng(11).hex(4);
  const std::string block = "I answer.\n\n```call-" + word + "\n{\"tool\": \"reply\", \"arguments\": {\"content\": \"Hello!\"}}\n```";
  auto server = *model_server::ModelServer::listen(
      0, Value{{"plan", {{{"if", {"reply (ok):"}}, {"text", "Answered."}}, {{"if", {"call-" + word}}, {"text", block}}}}});
  TempDir dir;
  testing::World world(dir);
  world.add_gates();
  base::SeededRng rng(11);
  TextToolsBackend backend(*CodexBackend::create(world.loop, {.id = "c", .program = program, .model = "scripted", .base_url = server->base_url(), .folder = dir.path("home")}),
                           rng);
  const auto result = world.run(backend, testing::World::mention("hello"));
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->status, SessionStatus::kSuccess) << result->detail << result->summary;
  EXPECT_EQ(result->summary, "Answered.");
  ASSERT_EQ(world.outside.requests.size(), 1u);
  EXPECT_EQ(world.outside.requests[0].draft.content, "Hello!");
}

/// Nobody listens where its model should be, or it answers with an error: a fault that has a name.
TEST(Codex, TheRealOneSaysWhenItsServerIsAwayOrRefuses) {
  const char* program = std::getenv("SOVEREIGN_TEST_CODEX");
  if (!program) GTEST_SKIP() << "SOVEREIGN_TEST_CODEX names no codex";
  const auto ask = [&](const std::string& url) {
    TempDir dir;
    base::Loop loop;
    auto backend = *CodexBackend::create(loop, {.id = "c", .program = program, .model = "scripted", .base_url = url, .folder = dir.path("home")});
    Request request{.timeout = std::chrono::seconds{60}};
    request.messages = {{.role = Role::kUser, .content = "Say hello."}};
    return loop.run_until_complete(backend->complete(std::move(request)));
  };
  const auto away = ask("http://127.0.0.1:9/v1");
  ASSERT_FALSE(away.has_value());
  EXPECT_EQ(away.error().fault, ModelFault::kTransport) << away.error().error.detail;
  auto server = *model_server::ModelServer::listen(
      0, Value{{"otherwise", {{"status", 401}, {"body", {{"error", {{"message", "no such key"}, {"type", "invalid_request_error"}}}}}}}});
  const auto refused = ask(server->base_url());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, ModelFault::kUnauthorised) << refused.error().error.detail;
}

}  // namespace
}  // namespace orchestration
