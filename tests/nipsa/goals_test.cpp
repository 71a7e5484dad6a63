// 39203: what an agent tells everybody of its goals, and nothing more.
#include "nipsa/goals.h"

#include <limits>

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;

nipsa::Goal goal(std::string name, nipsa::Json extra = nipsa::Json::object()) {
  return {std::move(name), "Post a weekly digest", 1, 1'760'000'000, "active", 0.25, std::move(extra)};
}

nostr::Event published(const std::vector<nipsa::Goal>& goals) {
  return sign(nipsa::build_goals(goals, kNow).value(), agent());
}

TEST(Goals, ObjectAndArrayFormsReadEqual) {
  const auto event = published({goal("g1"), goal("g2")});
  EXPECT_EQ(nostr::tag_value(event.tags, "d"), "goals");
  const auto object = nipsa::parse_goals(event).value();
  const auto array = nipsa::parse_goals(
      with_content(event, base::json::dump(nipsa::parse_object(event.content).value()["goals"]), agent()));
  EXPECT_EQ(object, array.value());
  EXPECT_EQ(object, (std::vector{goal("g1"), goal("g2")}));
}

TEST(Goals, OnlyThoseMarkedPublicAreAndNothingElseOfThem) {
  const auto secret = nipsa::Json{{"public", true}, {"deadline", 5}, {"why", "the operator's reasons"}};
  const auto chosen = nipsa::public_goals(
      {goal("g1"), goal("g2", secret), goal("g3", {{"public", false}}), goal("g4", {{"public", "true"}})});
  ASSERT_EQ(chosen.size(), 1u);
  const auto event = published(chosen);
  EXPECT_EQ(event.content.find("reasons"), std::string::npos);
  EXPECT_EQ(event.content.find("deadline"), std::string::npos);
  EXPECT_EQ(nipsa::parse_goals(event).value(), std::vector{goal("g2")});
}

TEST(Goals, BrokenOnesAreTyped) {
  const auto event = published({goal("g1")});
  const auto saying = [&](std::string content) {
    return outcome(nipsa::parse_goals(with_content(event, std::move(content), agent())));
  };
  EXPECT_EQ(saying(""), "E_JSON");
  EXPECT_EQ(saying("{}"), "E_JSON");
  EXPECT_EQ(saying(R"({"goals":{}})"), "E_JSON");
  EXPECT_EQ(saying(R"(["x"])"), "E_JSON");
  EXPECT_EQ(saying(R"([{"priority":-1}])"), "E_NUM");
  EXPECT_EQ(saying(R"([{"progress":1.7}])"), "ok");
  EXPECT_EQ(saying("[]"), "ok");
  std::string many = "[{}";
  for (int i = 0; i < 1'000; ++i) many += ",{}";
  EXPECT_EQ(saying(many + "]"), "E_SIZE");
  EXPECT_EQ(outcome(nipsa::parse_goals(with(event, "d", {{"d", "x"}}, agent()))), "E_TAG_BAD");
  auto odd = goal("");
  EXPECT_EQ(outcome(nipsa::build_goals(std::vector{odd}, kNow)), "E_JSON");
  odd = goal("g1");
  odd.progress = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(outcome(nipsa::build_goals(std::vector{odd}, kNow)), "E_JSON");
  EXPECT_EQ(outcome(nipsa::build_goals(std::vector(101, goal("g1")), kNow)), "E_SIZE");
  odd.progress = 0;
  odd.description = std::string(40'000, 'x');
  EXPECT_EQ(outcome(nipsa::build_goals(std::vector{odd}, kNow)), "E_SIZE");
}

}  // namespace
