// How a conversation is made to fit: what goes first, and what never goes.
#include "orchestration/prompt_window.h"

#include <gtest/gtest.h>

#include "orchestration/envelope.h"
#include "orchestration/hooks/tool_hooks.h"

namespace orchestration {
namespace {

/// One exchange: a call and its answer.
void exchange(std::vector<Message>& out, std::string name, std::string arguments, std::string answer,
              ToolOutcome outcome = ToolOutcome::kOk) {
  const std::string id = "c" + std::to_string(out.size());
  out.push_back({.role = Role::kAssistant, .content = "", .calls = {{id, std::move(name), std::move(arguments)}}});
  out.push_back({.role = Role::kTool, .content = std::move(answer), .calls = {}, .call_id = id, .outcome = outcome});
}

std::vector<Message> opening() {
  return {{.role = Role::kSystem, .content = "you are"}, {.role = Role::kUser, .content = "do it"}};
}

TEST(PromptWindow, WhatFitsIsLeftAlone) {
  std::vector<Message> messages = opening();
  exchange(messages, "read_file", R"({"path":"a"})", std::string(5000, 'x'));
  const auto before = messages;
  EXPECT_TRUE(shrink(messages, prompt_bytes(messages)));
  EXPECT_EQ(messages, before);
}

TEST(PromptWindow, AnOlderAnswerToTheSameCallGoesFirst) {
  std::vector<Message> messages = opening();
  exchange(messages, "read_file", R"({"path":"a"})", std::string(2000, 'o'));
  exchange(messages, "read_file", R"({"path":"b"})", std::string(4000, 'b'));
  exchange(messages, "read_file", R"({"path":"a"})", std::string(2000, 'n'));
  EXPECT_TRUE(shrink(messages, prompt_bytes(messages) - 100));
  EXPECT_LT(messages[3].content.size(), 100u);
  EXPECT_EQ(messages[5].content.size(), 4000u);
  EXPECT_EQ(messages[7].content, std::string(2000, 'n'));
}

TEST(PromptWindow, WhatWasWrittenAndReadAgainSinceGoes) {
  std::vector<Message> messages = opening();
  exchange(messages, "write_file", R"({"path":"a","content":")" + std::string(3000, 'w') + "\"}", "Wrote a.");
  exchange(messages, "write_file", R"({"path":"b","content":")" + std::string(3000, 'w') + "\"}", "Wrote b.");
  exchange(messages, "read_file", R"({"path":"a"})", std::string(3000, 'w'));
  EXPECT_TRUE(shrink(messages, prompt_bytes(messages) - 1000));
  EXPECT_EQ(messages[2].calls[0].arguments, R"({"left_out":true,"path":"a"})");
  EXPECT_GT(messages[4].calls[0].arguments.size(), 3000u);
  EXPECT_EQ(messages[3].content, "Wrote a.");
}

TEST(PromptWindow, ArgumentsOfAFailedCallGoOnlyWhenItIsLongAgo) {
  std::vector<Message> messages = opening();
  exchange(messages, "bash", R"({"command":")" + std::string(1000, 'a') + "\"}", "no", ToolOutcome::kError);
  for (int i = 0; i < 6; ++i) exchange(messages, "list_dir", "{\"path\":\"" + std::to_string(i) + "\"}", "x");
  exchange(messages, "bash", R"({"command":")" + std::string(1000, 'b') + "\"}", "no", ToolOutcome::kError);
  EXPECT_FALSE(shrink(messages, 100));
  EXPECT_EQ(messages[2].calls[0].arguments, R"({"left_out":true})");
  EXPECT_GT(messages[16].calls[0].arguments.size(), 1000u);
}

TEST(PromptWindow, TheLargestOldResultsAreShortenedBeforeTheLastOnesAreTouched) {
  std::vector<Message> messages = opening();
  for (std::size_t i = 0; i < 6; ++i)
    exchange(messages, "grep", "{\"pattern\":\"" + std::to_string(i) + "\"}", std::string(1000 + 1000 * (i % 3), 'x'));
  const std::size_t before = prompt_bytes(messages);
  EXPECT_TRUE(shrink(messages, before - 2500));
  EXPECT_LT(messages[7].content.size(), 400u) << "the largest of the old ones";
  EXPECT_EQ(messages[3].content.size(), 1000u);
  for (std::size_t i = 3; i < 6; ++i) EXPECT_EQ(messages[3 + 2 * i].content.size(), 1000 + 1000 * (i % 3));
}

TEST(PromptWindow, NoActAndNoEndingIsEverForgotten) {
  std::vector<Message> messages = opening();
  for (int i = 0; i < 8; ++i) {
    exchange(messages, "post", R"({"content":"hi"})", "Done: post went out as note1.");
    exchange(messages, "webfetch", R"({"url":"u"})", std::string(9000, 'x'));
  }
  const auto before = messages;
  EXPECT_FALSE(shrink(messages, 200));
  ASSERT_EQ(messages.size(), before.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].call_id, before[i].call_id);
    EXPECT_EQ(messages[i].calls, before[i].calls);
    if (before[i].content.size() < 500) EXPECT_EQ(messages[i].content, before[i].content);
    EXPECT_LT(messages[i].content.size(), 600u);
  }
}

TEST(PromptWindow, AShortenedResultKeepsForeignWordsInTheirEnvelopes) {
  std::string results;
  for (int i = 0; i < 40; ++i)
    results += enclose({.source = "event", .author = "npub" + std::to_string(i), .trust = Trust::kStranger, .id = ""},
                       "please <obey> " + std::string(static_cast<std::size_t>(7 * i), 'm')) + "\n";
  for (std::size_t most = 200; most < results.size(); most += 37) {
    const std::string kept = truncate_output(results, most);
    std::size_t depth = 0, tags = 0;
    for (std::size_t at = kept.find('<'); at != kept.npos; at = kept.find('<', at + 1), ++tags) {
      const bool closes = kept.compare(at, 12, "</untrusted>") == 0;
      ASSERT_TRUE(closes || kept.compare(at, 11, "<untrusted ") == 0) << most;
      ASSERT_EQ(depth, closes ? 1u : 0u) << most << kept;
      depth = closes ? 0 : 1;
    }
    EXPECT_EQ(depth, 0u) << most;
    // Nothing a stranger wrote stands between envelopes.
    for (std::size_t at = kept.find("please"); at != kept.npos; at = kept.find("please", at + 1)) {
      const std::size_t open = kept.rfind("<untrusted ", at), close = kept.rfind("</untrusted>", at);
      ASSERT_TRUE(open != kept.npos && (close == kept.npos || close < open)) << most << kept;
    }
    const std::size_t cut = kept.find(" bytes left out here]");
    ASSERT_NE(cut, kept.npos);
    EXPECT_LT(kept.size(), most + 400);
  }
}

TranscriptMessage entry(Role role, std::string content, std::optional<std::size_t> folds = std::nullopt) {
  return {.message = {.role = role, .content = std::move(content)}, .usage = {}, .ending = std::nullopt, .folds = folds, .at = {}};
}

TEST(PromptWindow, ASummaryStandsForWhatItFolds) {
  std::vector<TranscriptMessage> transcript = {entry(Role::kSystem, "s"),     entry(Role::kUser, "open"), entry(Role::kAssistant, "1"),
                                               entry(Role::kAssistant, "2"),  entry(Role::kAssistant, "3"), entry(Role::kUser, "first", 3),
                                               entry(Role::kAssistant, "4")};
  const auto texts = [&] {
    std::string out;
    for (const Message& message : prompt_of(transcript)) out += message.content + " ";
    return out;
  };
  EXPECT_EQ(texts(), "s first 2 3 4 ");
  transcript.push_back(entry(Role::kUser, "second", 6));
  EXPECT_EQ(texts(), "s second 4 ");
  transcript.push_back(entry(Role::kAssistant, "5"));
  EXPECT_EQ(texts(), "s second 4 5 ");
}

TEST(PromptWindow, AModelThatSaidNothingIsNotQuotedWithAnEmptyMessage) {
  const std::vector<TranscriptMessage> transcript = {entry(Role::kSystem, "s"), entry(Role::kUser, "open"), entry(Role::kAssistant, ""),
                                                     entry(Role::kUser, "go on")};
  EXPECT_EQ(prompt_of(transcript)[2].content, "(nothing)");
}

TEST(PromptWindow, TheLastThreeExchangesAreNotFoldedWhenTheyFit) {
  std::vector<TranscriptMessage> transcript = {entry(Role::kSystem, "s"), entry(Role::kUser, "open")};
  for (int i = 0; i < 5; ++i) {
    transcript.push_back(entry(Role::kAssistant, std::string(100, 'a')));
    transcript.push_back(entry(Role::kTool, std::string(100, 't')));
  }
  EXPECT_EQ(fold_point(transcript, 100'000), 6u);
  EXPECT_EQ(fold_point(transcript, 300), 10u);
  EXPECT_EQ(fold_point(transcript, 10), transcript.size());
}

}  // namespace
}  // namespace orchestration
