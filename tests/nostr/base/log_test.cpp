// No text of a stranger may forge a log line or act on the operator's terminal.
#include "nostr/base/log.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace base {
namespace {

struct Escape {
  const char* name;
  std::string raw;
  std::string shown;
};

TEST(EscapeForTerminal, shows_what_a_terminal_would_hide_or_obey) {
  const Escape cases[] = {
      {"plain", "hello, world", "hello, world"},
      {"letters and emoji stay", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
       "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
      {"line breaks", "a\nb\rc\td", "a\\nb\\rc\\td"},
      {"escape sequence", "\x1b[31mred", "\\x1b[31mred"},
      {"NUL and DEL", std::string("\0\x7f", 2), "\\x00\\x7f"},
      {"C1 control",
       "\xc2\x9b"
       "31m",
       "\\x9b31m"},
      {"bidi override",
       "\xe2\x80\xae"
       "abc",
       "\\u202eabc"},
      {"bidi isolate", "\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"},
      {"direction marks", "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\u200e\\u200f\\u061c"},
      {"zero width", "a\xe2\x80\x8b\xef\xbb\xbf", "a\\u200b\\ufeff"},
      {"line separators", "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
      {"tag characters", "\xf3\xa0\x81\x81", "\\U000e0041"},
      {"stray byte",
       "a\xff"
       "b",
       "a\\xffb"},
      {"overlong", "\xc0\xaf", "\\xc0\\xaf"},
      {"cut off", "\xe2\x82", "\\xe2\\x82"},
      {"utf-8 surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"beyond unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
  };
  for (const Escape& c : cases) EXPECT_EQ(escape_for_terminal(c.raw), c.shown) << c.name;
}

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { set_log_level(LogLevel::kInfo); }
};

TEST_F(LogTest, writes_one_line_whatever_the_values_hold) {
  testing::internal::CaptureStderr();
  LOG(kWarn, "relay", "closed",
      {{"url", "ws://x"}, {"reason", "bye\n2026 error forged key=\"1\""}, {"none", ""}});
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(out, '\n'), 1);
  EXPECT_TRUE(out.ends_with(
      R"( warn relay closed url=ws://x reason="bye\n2026 error forged key=\"1\"" none="")"
      "\n"))
      << out;
}

TEST_F(LogTest, drops_lines_below_the_level) {
  testing::internal::CaptureStderr();
  LOG(kDebug, "relay", "unseen");
  set_log_level(LogLevel::kError);
  EXPECT_FALSE(log_enabled(LogLevel::kWarn));
  LOG(kInfo, "relay", "unseen");
  set_log_level(LogLevel::kDebug);
  LOG(kDebug, "relay", "seen");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(out.find("unseen"), std::string::npos);
  EXPECT_NE(out.find("debug relay seen"), std::string::npos);
}

}  // namespace
}  // namespace base
