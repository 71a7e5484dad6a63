// Where an output is cut, and what is said about it.
#include <gtest/gtest.h>

#include "nostr/base/utf8.h"
#include "orchestration/hooks/tool_hooks.h"
#include "orchestration/tools/output_tools.h"
#include "storage/schema.h"

namespace orchestration {
namespace {

// Checklist 31: characters of two, three and four bytes, and every place a cut can fall on.
TEST(TruncationBounds, ExactlyTheLimitStaysAndOneByteMoreIsCutBetweenCharacters) {
  for (const std::string character : {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    ASSERT_TRUE(base::is_utf8(character));
    for (std::size_t shift = 0; shift < 4; ++shift) {
      std::string text(shift, 'a');
      while (text.size() < 1'000) text += character;
      const std::size_t size = text.size();
      EXPECT_EQ(truncate_output(text, size, ""), text) << "exactly the limit";
      for (std::size_t limit = size - 1; limit > size - 12; --limit) {
        const std::string cut = truncate_output(text, limit, "");
        EXPECT_TRUE(base::is_utf8(cut)) << character << " " << limit;
        const std::size_t at = cut.find("\n[");
        ASSERT_NE(at, std::string::npos) << limit;
        std::size_t left_out = 0, of = 0;
        ASSERT_EQ(std::sscanf(cut.c_str() + at, "\n[%zu of %zu bytes left out here", &left_out, &of), 2) << cut.substr(at);
        EXPECT_EQ(of, size);
        const std::size_t end = cut.find("]\n", at) + 2;
        const std::size_t kept = at + (cut.size() - end);
        EXPECT_EQ(left_out, size - kept) << "the sizes are the true ones";
        EXPECT_LE(kept, limit);
        EXPECT_GT(kept + 2 * character.size(), limit) << "no more than a character is lost at either cut";
        EXPECT_TRUE(text.starts_with(cut.substr(0, at)));
        EXPECT_TRUE(text.ends_with(cut.substr(end)));
      }
    }
  }
}

// Checklist 31.
TEST(TruncationBounds, WhatWasCutIsReadBackWholeHoweverTheSlicesFall) {
  const auto db = *storage::open_database(":memory:");
  storage::Outputs outputs(*db);
  const base::ManualClock clock{base::unix_time(1)};
  HookChain chain;
  ASSERT_TRUE(chain.add(output_truncator(&outputs, clock)).has_value());
  std::string text;
  while (text.size() < 90'000) text += "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa4";
  ToolOutput output{.content = text};
  chain.after({.session = "s", .tool = "bash"}, output);
  EXPECT_LT(output.content.size(), 30'200u) << "the limit is 30 000 bytes";
  EXPECT_NE(output.content.find(" of " + std::to_string(text.size()) + " bytes left out here; read_output with number 1 and from 21000 shows it]"), std::string::npos);
  base::Loop loop;
  const auto tools = make_output_tools(outputs);
  std::string back;
  for (std::size_t from = 0; from < text.size();) {
    const auto slice = loop.run_until_complete(tools[0]->run({.session = "s"}, {{"number", 1}, {"from", from}}));
    ASSERT_TRUE(slice.has_value()) << slice.error().detail;
    EXPECT_TRUE(base::is_utf8(*slice));
    back += slice->substr(0, slice->rfind("\n["));
    from = back.size();
  }
  EXPECT_EQ(back, text);
}

}  // namespace
}  // namespace orchestration
