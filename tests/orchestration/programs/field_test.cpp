// Fields: what is accepted, what is refused, and what it becomes.
#include "orchestration/programs/field.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using base::json::Value;

Field number() { return {.name = "confidence", .shape = Shape::kNumber}; }

Field complexity() {
  return {.name = "complexity", .shape = Shape::kChoice, .choices = {{"call_graph", {"callgraph", "calls"}}, {"usage", {}}}};
}

TEST(Fields, ReadNumbersStrictly) {
  EXPECT_EQ(read_text(number(), "0.9").value(), 0.9);
  EXPECT_EQ(read_text(number(), " .9").value(), 0.9);
  EXPECT_EQ(read_text(number(), "90%").value(), 0.9);
  EXPECT_EQ(read_json(number(), Value("0.5")).value(), 0.5);
  EXPECT_EQ(read_json(number(), Value(1)).value(), 1.0);
  for (const char* bad : {"0,9", "0.9 (high)", "NaN", "inf", "1.5", "-0.1", "", "150%", "high"})
    EXPECT_FALSE(read_text(number(), bad).has_value()) << bad;
  Field wide = number();
  wide.most = 100;
  EXPECT_FALSE(read_text(wide, "90%").has_value()) << "a percentage of something else means nothing";
}

TEST(Fields, ReadFlagsAndChoicesInAnySpelling) {
  const Field flag{.name = "matches", .shape = Shape::kFlag};
  for (const char* yes : {"yes", "TRUE", "1", "True.", "\"true\""}) EXPECT_EQ(read_text(flag, yes).value(), true) << yes;
  for (const char* no : {"no", "False", "0"}) EXPECT_EQ(read_text(flag, no).value(), false) << no;
  EXPECT_FALSE(read_text(flag, "maybe").has_value());
  for (const char* spelling : {"call_graph", "Calls", "\"callgraph\"", "calls.", " `call_graph` "})
    EXPECT_EQ(read_text(complexity(), spelling).value(), "call_graph") << spelling;
  EXPECT_FALSE(read_text(complexity(), "graph").has_value());
}

TEST(Fields, ReadListsFromBulletsAndJson) {
  const Field list{.name = "sources", .shape = Shape::kTextList};
  const Value both = {"first", "second"};
  EXPECT_EQ(read_text(list, "- first\n* second\n").value(), both);
  EXPECT_EQ(read_text(list, "1. first\n2) second").value(), both);
  EXPECT_EQ(read_text(list, R"(["first", "second"])").value(), both);
  EXPECT_FALSE(read_json(list, Value{1, 2}).has_value());
  const Field places{.name = "locations", .shape = Shape::kPlaces};
  EXPECT_EQ(read_text(places, "- src/a.cpp:12\n- b.h:3:7").value(), (Value{"src/a.cpp:12", "b.h:3:7"}));
  EXPECT_FALSE(read_text(places, "somewhere in src").has_value());
}

TEST(Fields, KeepDocumentsToTheirSchema) {
  Field objects{.name = "steps", .shape = Shape::kObjectList};
  objects.schema = {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}, {"required", {"n"}}};
  EXPECT_TRUE(read_text(objects, R"([{"n": 1}])").has_value());
  EXPECT_FALSE(read_text(objects, R"([{"m": 1}])").has_value());
  EXPECT_FALSE(read_text(objects, "[1]").has_value());
  Field small{.name = "note", .max_bytes = 4};
  EXPECT_FALSE(read_text(small, "12345").has_value());
}

}  // namespace
}  // namespace orchestration
