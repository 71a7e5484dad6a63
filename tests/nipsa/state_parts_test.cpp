// A state that overflows one event: nothing of it is lost, no part is swapped, and no crash tears it.
#include "nipsa/state_parts.h"

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;

nipsa::State remembering(int memories, std::size_t bytes = 100) {
  nipsa::State out;
  for (int i = 0; i < memories; ++i)
    out.memory.push_back({"m" + std::to_string(i), "observation", std::string(bytes, 'x'),
                          1'760'000'000 + i, nipsa::Json::object()});
  out.balance = 7;
  return out;
}

std::map<std::uint32_t, std::string> by_number(const nipsa::SplitState& split) {
  std::map<std::uint32_t, std::string> out;
  for (const auto& part : split.parts) out[part.number] = part.plaintext;
  return out;
}

TEST(StateParts, WhatIsSplitIsJoinedAgain) {
  const auto state = remembering(500);
  const auto split = nipsa::split_state(state, {}).value();
  EXPECT_GT(split.parts.size(), 3u);
  EXPECT_LE(split.head.size(), nipsa::kStatePlaintextMax);
  for (const auto& part : split.parts) EXPECT_LE(part.plaintext.size(), nipsa::kStatePlaintextMax);
  const auto head = nipsa::decode_state(split.head).value();
  EXPECT_EQ(head.memory.back().id, "m499") << "the newest is in the head";
  EXPECT_EQ(nipsa::join_state(head, by_number(split)).value(), state);
}

TEST(StateParts, AStateThatFitsHasNone) {
  auto state = remembering(3);
  const auto split = nipsa::split_state(state, {}).value();
  EXPECT_TRUE(split.parts.empty());
  const auto head = nipsa::decode_state(split.head).value();
  EXPECT_TRUE(nipsa::parts_of(head).value().empty());
  EXPECT_EQ(nipsa::join_state(head, {}).value(), state);
}

TEST(StateParts, PartsOfTheStandingHeadAreNotOverwritten) {
  const auto before = nipsa::split_state(remembering(400), {}).value();
  const auto standing = nipsa::parts_of(nipsa::decode_state(before.head).value()).value();
  const auto after = nipsa::split_state(remembering(500), standing).value();
  for (const auto& part : after.parts)
    for (const auto& ref : standing) EXPECT_NE(part.number, ref.number);
  // Killed before the new head: the old one is whole although the new parts are out.
  auto out = by_number(after);
  out.merge(by_number(before));
  EXPECT_EQ(nipsa::join_state(nipsa::decode_state(before.head).value(), out).value(), remembering(400));
}

TEST(StateParts, AMissingOrSwappedPartIsNoticed) {
  const auto split = nipsa::split_state(remembering(400), {}).value();
  const auto head = nipsa::decode_state(split.head).value();
  auto parts = by_number(split);
  ASSERT_GE(parts.size(), 2u);
  std::swap(parts.at(1), parts.at(2));
  EXPECT_EQ(outcome(nipsa::join_state(head, parts)), "E_HASH");
  std::swap(parts.at(1), parts.at(2));
  parts.erase(2);
  EXPECT_EQ(outcome(nipsa::join_state(head, parts)), "E_REF");
}

TEST(StateParts, ReferencesAreBoundedAndTyped) {
  const auto named = [](nipsa::Json ext) {
    nipsa::State head;
    head.extra["ext"] = std::move(ext);
    return outcome(nipsa::parts_of(head));
  };
  const auto ref = [](std::string d, const std::string& sha) {
    return nipsa::Json{{"d", std::move(d)}, {"sha256", sha}};
  };
  const std::string sha(64, 'a');
  EXPECT_EQ(named(nipsa::Json::array({ref("nip-sa/state/1", sha)})), "ok");
  EXPECT_EQ(named(5), "E_JSON");
  EXPECT_EQ(named(nipsa::Json::array({1})), "E_JSON");
  EXPECT_EQ(named(nipsa::Json::array({ref("elsewhere/1", sha)})), "E_KIND");
  EXPECT_EQ(named(nipsa::Json::array({ref("nip-sa/state/0", sha)})), "E_NUM");
  EXPECT_EQ(named(nipsa::Json::array({ref("nip-sa/state/33", sha)})), "E_NUM");
  EXPECT_EQ(named(nipsa::Json::array({ref("nip-sa/state/1", "xyz")})), "E_HEX");
  EXPECT_EQ(named(nipsa::Json::array({ref("nip-sa/state/1", sha), ref("nip-sa/state/1", sha)})), "E_TAG_DUP");
  nipsa::Json many = nipsa::Json::array();
  for (int i = 1; i <= 17; ++i) many.push_back(ref("nip-sa/state/" + std::to_string(i), sha));
  EXPECT_EQ(named(std::move(many)), "E_SIZE");
}

TEST(StateParts, ThereIsAnEndToWhatIsRemembered) {
  EXPECT_EQ(outcome(nipsa::split_state(remembering(1, 20'000), {})), "E_SIZE") << "one too large memory";
  EXPECT_EQ(outcome(nipsa::split_state(remembering(2'500), {})), "E_SIZE") << "over sixteen parts";
  auto swollen = remembering(1);
  swollen.beliefs = {{"all", std::string(13'000, 'x')}};
  EXPECT_EQ(outcome(nipsa::split_state(swollen, {})), "E_SIZE");
}

TEST(StateParts, WhatStandsIsNamedAgainAndNotPublishedAgain) {
  const auto before = nipsa::split_state(remembering(400), {}).value();
  const auto standing = nipsa::parts_of(nipsa::decode_state(before.head).value()).value();
  const auto after = nipsa::split_state(remembering(401), standing).value();
  EXPECT_TRUE(after.parts.empty()) << "the new memory is in the head";
  EXPECT_EQ(nipsa::parts_of(nipsa::decode_state(after.head).value()).value(), standing);
  // Seventy more fill one part; the others are as they were.
  const auto later = nipsa::split_state(remembering(470), standing).value();
  EXPECT_EQ(later.parts.size(), 1u);
  auto all = by_number(before);
  all.merge(by_number(later));
  EXPECT_EQ(nipsa::join_state(nipsa::decode_state(later.head).value(), all).value(),
            remembering(470));
}

TEST(StateParts, APartThatIsNotFullIsLeftAsItIs) {
  // What does not fit into a head fits into a part with room to spare.
  auto state = remembering(30);
  state.beliefs = {{"all", std::string(8'000, 'x')}};
  const auto first = nipsa::split_state(state, {}).value();
  ASSERT_EQ(first.parts.size(), 1u);
  const auto standing = nipsa::parts_of(nipsa::decode_state(first.head).value()).value();
  EXPECT_EQ(standing.at(0).count, 30u);
  state.memory.push_back(remembering(31).memory.back());
  EXPECT_TRUE(nipsa::split_state(state, standing).value().parts.empty());
  // A head of others does not tell how many: then it is found if it is full.
  auto untold = standing;
  untold[0].count = 0;
  EXPECT_EQ(nipsa::split_state(state, untold).value().parts.size(), 1u);
}

TEST(StateParts, AboveTheCapTheOldestPartIsForgottenAndTheRestStays) {
  const auto all = remembering(2'500);
  const auto fitted = nipsa::fit_state(all, {}).value();
  EXPECT_GT(fitted.forgotten, 0u);
  EXPECT_LE(fitted.split.parts.size(), nipsa::kMaxStateParts);
  const auto joined =
      nipsa::join_state(nipsa::decode_state(fitted.split.head).value(), by_number(fitted.split))
          .value();
  ASSERT_EQ(joined.memory.size() + fitted.forgotten, all.memory.size());
  EXPECT_EQ(joined.memory.back().id, "m2499");
  EXPECT_EQ(joined.memory.front().id, "m" + std::to_string(fitted.forgotten))
      << "nothing in between is lost";

  // One more: the parts that are left keep their numbers.
  const auto standing = nipsa::parts_of(nipsa::decode_state(fitted.split.head).value()).value();
  auto more = joined;
  for (int i = 2'500; i < 2'600; ++i) more.memory.push_back(remembering(i + 1).memory.back());
  const auto next = nipsa::fit_state(more, standing).value();
  EXPECT_LE(next.split.parts.size(), 2u);

  auto odd = remembering(3);
  odd.memory[1].content.assign(20'000, 'x');
  const auto without = nipsa::fit_state(odd, {}).value();
  EXPECT_EQ(without.forgotten, 1u) << "only the one that fits nowhere";
  odd.memory.clear();
  odd.beliefs = {{"all", std::string(13'000, 'x')}};
  EXPECT_EQ(outcome(nipsa::fit_state(odd, {})), "E_SIZE");
}

TEST(StateParts, TheEventCarriesCiphertextUnderItsNumber) {
  const auto event = sign(nipsa::build_state_part(3, "AgAB", kNow).value(), agent());
  EXPECT_EQ(nostr::tag_value(event.tags, "d"), "nip-sa/state/3");
  EXPECT_EQ(nipsa::parse_state_part(event).value().number, 3u);
  EXPECT_EQ(nipsa::parse_state_part(event).value().content, "AgAB");
  EXPECT_EQ(outcome(nipsa::build_state_part(3, "{}", kNow)), "E_CRYPTO");
  EXPECT_EQ(outcome(nipsa::build_state_part(0, "AgAB", kNow)), "E_NUM");
  EXPECT_EQ(outcome(nipsa::build_state_part(33, "AgAB", kNow)), "E_NUM");
  EXPECT_EQ(outcome(nipsa::parse_state_part(with(event, "d", {{"d", "settings"}}, agent()))), "E_KIND");
  EXPECT_EQ(outcome(nipsa::parse_state_part(with_content(event, "{}", agent()))), "E_CRYPTO");
}

TEST(StateMerge, TheSaferLimitAndWhatEitherKnows) {
  nipsa::State mine, theirs;
  mine.budget = {.daily_limit = 100, .per_tick_limit = 50, .reserved = 5, .daily_spent = 1, .tick_spent = 9,
                 .violations_today = 0, .current_date = ""};
  theirs.budget = {.daily_limit = 80, .per_tick_limit = 60, .reserved = 7, .daily_spent = 3, .tick_spent = 2,
                   .violations_today = 1, .current_date = ""};
  mine.beliefs = {{"sky", "blue"}};
  theirs.beliefs = {{"sky", "grey"}, {"sea", "deep"}};
  theirs.extra = {{"mood", "good"}};
  const auto merged = nipsa::merge_states(mine, theirs);
  EXPECT_EQ(merged.budget.daily_limit, 80);
  EXPECT_EQ(merged.budget.per_tick_limit, 50);
  EXPECT_EQ(merged.budget.reserved, 7);
  EXPECT_EQ(merged.budget.daily_spent, 3);
  EXPECT_EQ(merged.budget.tick_spent, 9);
  EXPECT_EQ(merged.beliefs, (nipsa::Json{{"sky", "blue"}, {"sea", "deep"}}));
  EXPECT_EQ(merged.extra, theirs.extra);
}

}  // namespace
