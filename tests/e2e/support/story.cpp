// Shared steps; see story.h.
#include "tests/e2e/support/story.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "tests/e2e/support/must.h"

namespace e2e {

using nostr::Event;

Event mention(World& world, const std::string& text) {
  const Event event =
      world.stranger().sign(nostr::kinds::kTextNote, {{"p", world.identity().hex()}}, text);
  world.stranger().publish(event);
  return event;
}

std::string code_in(const std::string& text) {
  const std::size_t at = text.rfind("\nyes ");
  return at == std::string::npos || text.size() < at + 14 ? "" : text.substr(at + 5, 9);
}

namespace {

/// Whether the question with this code asks about the answer to `mention`: its request names the
/// claim, and the claim's slot the mention.
bool is_about(World& world, const std::string& code, const Event& mention) {
  const std::string slot = nipsa::slot_of_event(mention.id);
  for (const Event& event : world.owner().fetch(
           {.authors = {world.node_key()}, .kinds = {nipsa::kinds::kApprovalRequest}})) {
    if (nipsa::format_code(nipsa::approval_code(event.id)) != code) continue;
    const auto request = must(nipsa::parse_approval_request(event));
    if (!request.tick) continue;
    for (const Event& claim : world.owner().fetch({.ids = {*request.tick}}))
      if (tag(claim, "slot") == slot) return true;
  }
  return false;
}

}  // namespace

Asked await_question(World& world, const Event& mention) {
  std::set<std::string> others;
  for (;;) {
    Message message = world.owner().await_message([&](const Message& m) {
      return !code_in(m.text).empty() && !others.contains(code_in(m.text));
    });
    const std::string code = code_in(message.text);
    if (!is_about(world, code, mention)) {
      others.insert(code);
      continue;
    }
    Asked asked{.mention = mention, .message = std::move(message), .code = code};
    asked.asker = asked.message.from;
    for (const int index : {World::kFirstCosigner, World::kSecondCosigner})
      if (world.service(index) == asked.asker) asked.cosigner = index;
    EXPECT_NE(asked.cosigner, 0) << "somebody else asks the operator";
    return asked;
  }
}

Asked mention_and_await_question(World& world, const std::string& text) {
  return await_question(world, mention(world, text));
}

std::vector<Event> replies(World& world) {
  return world.stranger().fetch(
      {.authors = {world.identity()}, .kinds = {nostr::kinds::kTextNote}});
}

Event await_reply(World& world) {
  return world.stranger().await(
      {.authors = {world.identity()}, .kinds = {nostr::kinds::kTextNote}});
}

std::string tag(const Event& event, std::string_view name) {
  return std::string(nostr::tag_value(event.tags, name).value_or(""));
}

Event await_result(World& world, const Event& mention) {
  const std::string slot = nipsa::slot_of_event(mention.id);
  const Event claim =
      world.stranger().await({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickRequest}},
                             [&](const Event& event) { return tag(event, "slot") == slot; });
  return world.stranger().await(
      {.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickResult}},
      [&](const Event& event) {
        auto result = nipsa::parse_tick_result(event);
        return result && result->request == claim.id;
      });
}

Message await_receipt(World& world, const Asked& asked, const std::string& outcome) {
  return world.owner().await_message([&](const Message& message) {
    return message.from == asked.asker && message.text.starts_with(asked.code + " " + outcome);
  });
}

std::size_t receipts(World& world, const std::string& code) {
  const auto messages = world.owner().messages();
  return static_cast<std::size_t>(
      std::count_if(messages.begin(), messages.end(),
                    [&](const Message& m) { return m.text.starts_with(code + " "); }));
}

void expect_valid_trajectory(World& world, const Event& result_event) {
  const nipsa::TickResult result = must(nipsa::parse_tick_result(result_event));
  ASSERT_TRUE(result.trajectory && result.trajectory_hash && result.trajectory_count);
  const Event head = world.stranger().await({.ids = {result.trajectory->id}});
  EXPECT_EQ(head.pubkey, world.identity());
  EXPECT_EQ(tag(head, "trajectory_hash"), result.trajectory_hash->hex());
  // The report may overtake the last steps on their way to the relay.
  std::set<std::string> steps;
  world.stranger().await({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTrajectoryEvent}},
                         [&](const Event& event) {
                           if (tag(event, "a").ends_with(tag(head, "d")))
                             steps.insert(tag(event, "seq"));
                           return steps.size() == *result.trajectory_count;
                         });
  std::vector<std::string> arguments{"trajectory", "verify", tag(head, "d"), "--agent",
                                     world.identity().hex()};
  for (const std::string& url : world.relay_urls())
    arguments.insert(arguments.end(), {"--relay", url});
  const auto verdict = world.ask(std::move(arguments));
  EXPECT_EQ(verdict.value("verdict", ""), "valid");
  EXPECT_EQ(verdict.value("count", 0U), *result.trajectory_count);
}

void expect_told_once(World& world, const Event& mention) {
  const Event result_event = await_result(world, mention);
  const nipsa::TickResult result = must(nipsa::parse_tick_result(result_event));
  EXPECT_EQ(result.status, nipsa::TickStatus::kSuccess) << result.detail;
  EXPECT_EQ(result.guardian_approved.size(), 1U);
  expect_valid_trajectory(world, result_event);

  const std::vector<Event> said = replies(world);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_TRUE(nostr::check(said.front()).has_value());
  EXPECT_EQ(must(nostr::EventId::from_hex(tag(said.front(), "e"))), mention.id);
  const auto reports =
      world.stranger().fetch({.authors = {world.node_key()}, .kinds = {nipsa::kinds::kTickResult}});
  EXPECT_EQ(reports.size(), 1U) << "one mention is one tick";
}

}  // namespace e2e
