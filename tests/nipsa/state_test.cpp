// 39201: the state in every known shape, its limits, and merging.
#include "nipsa/state.h"

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;

nipsa::State full() {
  nipsa::State s;
  s.goals = {{"g1", "watch feeds", 1, 1'760'000'000, "active", 0.25, {{"deadline", 5}}}};
  s.memory = {{"m1", "observation", "seen", 1'760'000'000, nipsa::Json::object()}};
  s.pending_tasks = {"recheck feed"};
  s.beliefs = {{"sky", "blue"}};
  s.balance = 50'000;
  s.budget = {10'000, 1'000, 5'000, 10, 3, 0, "2025-10-09"};
  s.last_tick = 1'760'000'000;
  s.tick_count = 42;
  s.extra = {{"mood", "good"}};
  return s;
}

TEST(StateJson, RoundTripKeepsWhatOthersWrote) {
  const auto text = nipsa::encode_state(full()).value();
  EXPECT_EQ(nipsa::decode_state(text).value(), full());
  const auto json = nipsa::parse_object(text).value();
  EXPECT_EQ(json["wallet_balance"], 50'000);
  EXPECT_EQ(json["wallet_balance_sats"], 50'000);
  EXPECT_EQ(json["wallet"]["balance"], 50'000);
  EXPECT_EQ(json["goals"][0]["deadline"], 5);
}

TEST(StateJson, EveryMemberMayBeMissing) {
  const auto s = nipsa::decode_state("{}").value();
  EXPECT_EQ(s.tick_count, 0);
  EXPECT_TRUE(s.goals.empty());
  const auto goal = nipsa::decode_state(
                        R"({"goals":[{"id":"g","status":"done"},{"id":"h","status":"canceled"}]})")
                        .value();
  EXPECT_EQ(goal.goals[0].priority, 100u);
  EXPECT_EQ(goal.goals[0].status, "completed");
  EXPECT_EQ(goal.goals[1].status, "cancelled");
}

TEST(StateJson, LowerLimitAndHigherSpendingCount) {
  const auto s =
      nipsa::decode_state(R"({"wallet":{"balance":7,"daily_limit":100,"daily_spent":4,"reserved":2},
    "budget":{"limits":{"daily_limit_sats":50,"reserved_sats":9},"daily_spent_sats":6},"wallet_balance":9})")
          .value();
  EXPECT_EQ(s.balance, 7);
  EXPECT_EQ(s.budget.daily_limit, 50);
  EXPECT_EQ(s.budget.daily_spent, 6);
  EXPECT_EQ(s.budget.reserved, 9);
  EXPECT_EQ(nipsa::decode_state(R"({"wallet_balance_sats":3,"wallet_balance":9})").value().balance,
            3);
  EXPECT_EQ(nipsa::decode_state(R"({"wallet_balance":9})").value().balance, 9);
}

TEST(StateJson, MalformedStatesAreTyped) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"[]", "E_JSON"},
      {"not json", "E_JSON"},
      {R"({"goals":{}})", "E_JSON"},
      {R"({"goals":[5]})", "E_JSON"},
      {R"({"goals":[{"progress":"half"}]})", "E_JSON"},
      {R"({"goals":[{"progress":NaN}]})", "E_JSON"},
      {R"({"tick_count":-1})", "E_NUM"},
      {R"({"tick_count":1.5})", "E_JSON"},
      {R"({"wallet_balance_sats":2100000000000001})", "E_NUM"},
      {R"({"wallet_balance_sats":18446744073709551615})", "E_NUM"},
      {R"({"schema_version":2})", "E_VERSION"},
      {R"({"goals":[{"progress":1.7}]})", "ok"},
      {R"({"tick_count":null,"memory":null})", "ok"},
  };
  for (const auto& c : cases) EXPECT_EQ(outcome(nipsa::decode_state(c.text)), c.want) << c.text;
  EXPECT_EQ(nipsa::decode_state(R"({"goals":[{"progress":1.7}]})").value().goals[0].progress, 1.0);
}

TEST(StateJson, OldestMemoriesGoFirst) {
  auto s = full();
  for (int i = 0; i < 200; ++i)
    s.memory.push_back(
        {"n" + std::to_string(i), "observation", std::string(100, 'x'), 1'760'000'001 + i, {}});
  EXPECT_EQ(outcome(nipsa::encode_state(s)), "E_SIZE");
  const auto small = nipsa::pruned(s).value();
  EXPECT_LE(nipsa::encode_state(small).value().size(), nipsa::kStatePlaintextMax);
  EXPECT_EQ(small.memory.back().id, "n199");
  EXPECT_GT(small.memory.size(), 20u);
  s.beliefs = {{"all", std::string(13'000, 'x')}};
  EXPECT_EQ(outcome(nipsa::pruned(s)), "E_SIZE");
}

TEST(State, MergeTakesTheSaferValue) {
  auto a = full(), b = full();
  b.memory.push_back({"m2", "observation", "later", 1'760'000'100, nipsa::Json::object()});
  b.tick_count = 43;
  b.balance = 40'000;
  b.budget.daily_spent = 500;
  a.pending_tasks = {"mine"};
  const auto m = nipsa::merge_states(a, b);
  EXPECT_EQ(m.memory.size(), 2u);
  EXPECT_EQ(m.tick_count, 43);
  EXPECT_EQ(m.balance, 40'000);
  EXPECT_EQ(m.budget.daily_spent, 500);
  EXPECT_EQ(m.pending_tasks, (std::vector<std::string>{"mine", "recheck feed"}));
}

TEST(State, HeadRoundTrip) {
  const auto event = sign(nipsa::build_state("AgAB", id('a'), kNow).value(), agent());
  EXPECT_EQ(event.tags[0], (nostr::Tag{"d", "state"}));
  const auto head = nipsa::parse_state(event).value();
  EXPECT_EQ(head.content, "AgAB");
  EXPECT_EQ(head.prev, id('a'));
  EXPECT_FALSE(head.plaintext);
  EXPECT_EQ(outcome(nipsa::build_state("{}", std::nullopt, kNow)), "E_CRYPTO");
  EXPECT_EQ(
      outcome(nipsa::parse_state(with(event, "state_version", {{"state_version", "2"}}, agent()))),
      "E_VERSION");
  EXPECT_EQ(outcome(nipsa::parse_state(with(event, "state_version", {}, agent()))), "ok");
  EXPECT_EQ(outcome(nipsa::parse_state(with(event, "encrypted", {}, agent()))), "E_TAG_MISSING");
  EXPECT_EQ(outcome(nipsa::parse_state(with(event, "prev", {{"prev", "xyz"}}, agent()))), "E_HEX");
  EXPECT_TRUE(nipsa::parse_state(with_content(event, "{}", agent())).value().plaintext);
}

}  // namespace
