// Arguments that do not fit a tool are named by their path.
#include "orchestration/tools/schema.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

TEST(Schema, NamesTheFirstMisfit) {
  const auto schema = *base::json::parse(R"({"type":"object","required":["a"],"properties":{
    "a":{"type":"string","minLength":1,"maxLength":3},"n":{"type":"integer","minimum":0,"maximum":9},
    "l":{"type":"array","maxItems":2,"items":{"type":"string"}},"e":{"enum":["x","y"]},"b":{"type":"boolean"},
    "o":{"type":"object","properties":{"k":{"type":"number"}}}}})");
  struct Row {
    const char* value;
    const char* error;
  };
  for (const Row& row :
       {Row{R"({"a":"x","n":9,"l":["p"],"e":"y","b":true,"o":{"k":1.5}})", ""},
        Row{"[]", "arguments is no object"}, Row{"{}", "a is missing"},
        Row{R"({"a":""})", "a is shorter"}, Row{R"({"a":"abcd"})", "a is longer"},
        Row{R"({"a":"x","z":1})", "z is not a parameter"}, Row{R"({"a":"x","n":-1})", "n is below"},
        Row{R"({"a":"x","n":10})", "n is above"}, Row{R"({"a":"x","n":1.5})", "n is no integer"},
        Row{R"({"a":"x","l":["p",7]})", "l[1] is no string"},
        Row{R"({"a":"x","l":["p","q","r"]})", "l has over 2"},
        Row{R"({"a":"x","e":"z"})", "e is none of"}, Row{R"({"a":"x","b":1})", "b is no boolean"},
        Row{R"({"a":"x","o":{"k":"1"}})", "o.k is no number"}}) {
    const auto fits = validate(schema, *base::json::parse(row.value));
    EXPECT_EQ(fits.has_value(), *row.error == '\0') << row.value;
    if (!fits) EXPECT_TRUE(fits.error().detail.starts_with(row.error)) << fits.error().detail;
  }
}

}  // namespace
}  // namespace orchestration
