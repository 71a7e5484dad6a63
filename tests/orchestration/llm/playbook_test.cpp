// Playbooks: which rule fires, what it says, and what a typo is told.
#include "orchestration/llm/playbook.h"

#include <gtest/gtest.h>

#include "tests/orchestration/support/session_world.h"

namespace orchestration {
namespace {

using testing::World;

Playbook book(std::string_view text) {
  auto parsed = Playbook::parse(text);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().detail);
  return *std::move(parsed);
}

/// A conversation after the given tool outcomes, one call a turn.
Request conversation(Trigger trigger,
                     std::vector<std::pair<ToolOutcome, std::string>> results = {}) {
  Request request{.trigger = std::move(trigger)};
  request.messages = {{.role = Role::kSystem}, {.role = Role::kUser}};
  for (auto& [outcome, text] : results) {
    request.messages.push_back({.role = Role::kAssistant, .calls = {{"c", "reply", "{}"}}});
    request.messages.push_back(
        {.role = Role::kTool, .content = std::move(text), .call_id = "c", .outcome = outcome});
  }
  return request;
}

TEST(Playbook, TheBuiltInOneAnswersAMentionAndSaysHowItWent) {
  const Playbook builtin = book(Playbook::builtin_text());
  const Message call = builtin.next(conversation(World::mention("ping")));
  ASSERT_EQ(call.calls.size(), 1u);
  EXPECT_EQ(call.calls[0].name, "reply");
  const auto arguments = base::json::parse(call.calls[0].arguments);
  ASSERT_TRUE(arguments.has_value());
  EXPECT_NE((*arguments)["content"].get<std::string>().find("\"ping\""), std::string::npos);
  EXPECT_NE(builtin.next(conversation(World::mention("x"), {{ToolOutcome::kOk, "fine"}}))
                .content.find("Done"),
            std::string::npos);
  EXPECT_NE(builtin.next(conversation(World::mention("x"), {{ToolOutcome::kDenied, "no"}}))
                .content.find("said no"),
            std::string::npos);
  EXPECT_NE(builtin.next(conversation(World::mention("x"), {{ToolOutcome::kExpired, ""}}))
                .content.find("in time"),
            std::string::npos);
  EXPECT_FALSE(builtin.next(conversation({.kind = TriggerKind::kHeartbeat})).content.empty());
}

TEST(Playbook, FiresEachRuleOnceAndEndsWhenNoneFits) {
  const Playbook one = book(R"(
[[rule]]
on = "mention"
call = { tool = "reply" }
[[rule]]
on = "tool"
call = { tool = "react" }
[[rule]]
on = "tool"
call = { tool = "post" }
)");
  const auto after = [&](std::size_t turns) {
    return one.next(conversation(
        World::mention("x"), std::vector(turns, std::pair{ToolOutcome::kOk, std::string("r")})));
  };
  EXPECT_EQ(after(0).calls.at(0).name, "reply");
  EXPECT_EQ(after(1).calls.at(0).name, "react");
  EXPECT_EQ(after(2).calls.at(0).name, "post");
  EXPECT_TRUE(after(3).calls.empty());
  EXPECT_TRUE(after(3).content.empty());
}

TEST(Playbook, NarrowsByAuthorTextAndStep) {
  const std::string author = World::mention("x").event->pubkey.hex();
  const Playbook narrow = book("[[rule]]\non='mention'\nauthor='" + std::string(64, '1') +
                               "'\nsay='other author'\n"
                               "[[rule]]\non='mention'\nmatch='(?i)^weather'\nsay='weather'\n"
                               "[[rule]]\non='mention'\nstep=1\nsay='second turn'\n"
                               "[[rule]]\non='dm'\nsay='dm'\n"
                               "[[rule]]\non='tool'\nmatch='red'\nsay='red result'\n"
                               "[[rule]]\non='mention'\nauthor='" +
                               author + "'\nsay='this author'\n");
  EXPECT_EQ(narrow.next(conversation(World::mention("Weather?"))).content, "weather");
  EXPECT_EQ(narrow.next(conversation(World::mention("hi"))).content, "this author");
  EXPECT_EQ(narrow.next(conversation(World::mention("hi"), {{ToolOutcome::kOk, "blue"}})).content,
            "second turn");
  Trigger dm = World::mention("hi");
  dm.kind = TriggerKind::kDm;
  EXPECT_EQ(narrow.next(conversation(dm)).content, "dm");
  EXPECT_EQ(narrow.next(conversation(dm, {{ToolOutcome::kOk, "it is red"}})).content, "red result");
}

TEST(Playbook, FillsTemplatesOnceAndAsData) {
  const Playbook echo = book(
      "[[rule]]\non='mention'\ncall={tool='reply',args={content='<{{content}}|{{turn}}|{{trigger}}>"
      "',list=['{{event_id}}'],n=3}}\n");
  const Request request = conversation(World::mention("{{author}} \" } ä"));
  const auto args = *base::json::parse(echo.next(request).calls.at(0).arguments);
  EXPECT_EQ(args["content"], "<{{author}} \" } ä|0|mention>");
  EXPECT_EQ(args["list"][0], request.trigger.event->id.hex());
  EXPECT_EQ(args["n"], 3);
}

TEST(Playbook, TellsWhereATypoIs) {
  struct Row {
    const char* text;
    const char* detail;
    const char* hint;
  };
  for (const Row& row : {
           Row{"[[rule]]\non='mention'\nsya='x'\n", "line 3", "say"},
           Row{"[[rules]]\non='mention'\n", "unknown key", "rule"},
           Row{"[[rule]]\non='mentoin'\nsay='x'\n", "mentoin", "mention"},
           Row{"[[rule]]\nsay='x'\n", "needs `on`", ""},
           Row{"[[rule]]\non='tool'\n", "either", ""},
           Row{"[[rule]]\non='tool'\nsay='x'\ncall={tool='t'}\n", "either", ""},
           Row{"[[rule]]\non='tool'\ncall={tol='t'}\n", "tol", "tool"},
           Row{"[[rule]]\non='tool'\ncall={args={}}\n", "no tool", ""},
           Row{"[[rule]]\non='tool'\nmatch='('\nsay='x'\n", "match", ""},
           Row{"[[rule]]\non='tool'\nstep=-1\nsay='x'\n", "step", ""},
           Row{"[[rule]]\non='tool'\nauthor='bob'\nsay='x'\n", "author", ""},
           Row{"[[rule]]\non='tool'\nsay='{{conten}}'\n", "conten", "content"},
           Row{"[[rule]]\non='tool'\nsay='{{content'\n", "never closed", ""},
           Row{"[[rule]]\non=\n", "line 2", ""},
           Row{"", "no [[rule]]", ""},
       }) {
    const auto parsed = Playbook::parse(row.text);
    ASSERT_FALSE(parsed.has_value()) << row.text;
    EXPECT_NE(parsed.error().detail.find(row.detail), std::string::npos) << parsed.error().detail;
    EXPECT_NE(parsed.error().hint.find(row.hint), std::string::npos) << parsed.error().hint;
  }
}

}  // namespace
}  // namespace orchestration
