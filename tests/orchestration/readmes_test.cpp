// The examples in the READMEs do what the READMEs say.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "nostr/base/files.h"
#include "orchestration/directives/directive.h"
#include "orchestration/hooks/user_hook.h"
#include "orchestration/mcp/client.h"
#include "orchestration/programs/catalogue_parts.h"
#include "tests/orchestration/support/program_world.h"
#include "tests/orchestration/support/temp_dir.h"

namespace orchestration {
namespace {

using base::json::Value;

constexpr const char* kData = SOVEREIGN_TEST_DATA;

/// The first block fenced as `language` in a README beside the sources.
std::string block_in(const std::string& readme, const std::string& language) {
  const std::string text = base::read_file(std::filesystem::path(kData) / "../.." / readme).value();
  const std::string open = "```" + language + "\n";
  const std::size_t from = text.find(open);
  if (from == std::string::npos) return "";
  return text.substr(from + open.size(), text.find("```", from + open.size()) - from - open.size());
}

// As it is printed in orchestration/programs/README.md.
#define README_EXAMPLE                                                                                                           \
  Program triage{                                                                                                                \
      .signature = {.id = "triage",                                                                                              \
                    .instruction = "Say how urgent this message is.",                                                            \
                    .inputs = {text("message", "what was written")},                                                             \
                    .outputs = {choice("urgency", "how urgent", {{"high", {"urgent"}}, {"low", {}}}),                            \
                                share("confidence", "how sure")},                                                                \
                    .max_output_tokens = 100},                                                                                   \
      .fallback = [](const base::json::Value&) -> base::json::Value { return {{"urgency", "low"}, {"confidence", 0.0}}; },       \
      .about = "how urgent a message is"};

#define README_TEXT(...) #__VA_ARGS__
#define README_TEXT_OF(x) README_TEXT(x)

std::string without_spaces(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

TEST(Readmes, TheSignatureIsAskedAsPrinted) {
  README_EXAMPLE
  EXPECT_EQ(without_spaces(block_in("orchestration/programs/README.md", "cpp")), without_spaces(README_TEXT_OF(README_EXAMPLE)));
  ASSERT_TRUE(check(triage.signature).has_value());
  testing::ProgramWorld world({testing::says({{"urgency", "Urgent"}, {"confidence", 0.9}})});
  EXPECT_EQ(world.run(triage, {{"message", "the cellar is full of water"}})->values["urgency"], "high");
  Value values;
  EXPECT_TRUE(fit_outputs(triage.signature, triage.fallback({}), values).empty());
}

TEST(Readmes, TheDirectiveIsReadAsPrinted) {
  const auto directive = parse_directive("d-001.md", block_in("orchestration/directives/README.md", "markdown")).value();
  EXPECT_EQ(directive.id, "d-001");
  EXPECT_EQ(directive.status, DirectiveStatus::kActive);
  EXPECT_EQ(directive.priority, DirectivePriority::kHigh);
  EXPECT_EQ(directive.goal(), "Whoever asks the agent something gets an answer within a day.");
  EXPECT_TRUE(directive.warnings.empty());
}

/// A sandbox, and a program of a README in it.
class ReadmeProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/python3")) GTEST_SKIP() << "no python3 here";
    if (auto report = loop_.run_until_complete(sandbox_.probe()); !report) GTEST_SKIP() << report.error().detail;
  }
  std::string install(const std::string& readme) {
    const std::string path = dir_.path("program.py");
    std::ofstream(path) << block_in(readme, "python");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  testing::TempDir dir_;
  base::Loop loop_;
  Sandbox sandbox_{loop_, {}};
};

TEST_F(ReadmeProgram, TheHookJudgesAsPrinted) {
  const std::string path = install("orchestration/hooks/README.md");
  const auto judged = [&](const std::string& content) {
    HookChain chain;
    EXPECT_TRUE(chain.add(user_hook(sandbox_, {.name = "short-notes", .command = {path}, .tools = {"post", "reply"}})).has_value());
    ToolInvocation call{.session = "s", .agent = "a", .tool = "post", .params = {{"content", content}}};
    const Ruling ruling = loop_.run_until_complete(chain.consult(call));
    return std::pair{ruling, base::json::string_or(call.params, "content")};
  };
  EXPECT_EQ(judged("a word").first.verdict, Decision::Verdict::kContinue);
  EXPECT_EQ(judged(std::string(281, 'x')).first.text(), "short-notes: notes have 280 characters at most");
  EXPECT_EQ(judged("WHAT A DAY").second, "What a day");
  EXPECT_EQ(judged("see https://example.com").first.verdict, Decision::Verdict::kAsk);
}

TEST_F(ReadmeProgram, TheToolAnswersAsPrinted) {
  const std::string path = install("orchestration/tools/README.md");
  McpClient client(make_stdio_transport(loop_, sandbox_, {.argv = {"/usr/bin/python3", path}, .readable = {path}}), {.name = "days"});
  const auto connected = loop_.run_until_complete(client.refresh());
  ASSERT_TRUE(connected.has_value()) << connected.error().detail;
  ASSERT_TRUE(client.tools().contains("days__weekday"));
  const auto answer = loop_.run_until_complete(client.call("weekday", {{"date", "2026-11-28"}}));
  ASSERT_TRUE(answer.has_value()) << answer.error().detail;
  EXPECT_EQ(answer->text, "Saturday");
}

}  // namespace
}  // namespace orchestration
