// Rendering of questions: whole, escaped, and never a line that could pass for one of ours.
#include "orchestration/approvals/render.h"

#include <gtest/gtest.h>

#include "nostr/nips/nip19.h"
#include "orchestration/approvals/answer.h"

namespace orchestration {
namespace {

constexpr const char* kCode = "K7QF-2M9X";
constexpr const char* kOtherCode = "AX11-2ETR";

QuestionFrame frame(std::string reason = "") {
  return {.agent_name = "Scout",
          .now = base::unix_time(1'760'000'000),
          .expires = base::unix_time(1'760'000'900),
          .code = kCode,
          .reason = std::move(reason)};
}

nostr::UnsignedEvent note(std::string content, nostr::Tags tags = {}) {
  nostr::UnsignedEvent event;
  event.kind = 1;
  event.created_at = base::unix_time(1'760'000'000);
  event.content = std::move(content);
  event.tags = std::move(tags);
  return event;
}

std::vector<std::string> lines_of(const std::vector<std::string>& parts) {
  std::vector<std::string> lines;
  for (const std::string& part : parts)
    for (std::size_t at = 0; at <= part.size();) {
      const std::size_t end = std::min(part.find('\n', at), part.size());
      lines.push_back(part.substr(at, end - at));
      at = end + 1;
    }
  return lines;
}

std::vector<std::string> render(const QuestionFrame& f, const nostr::UnsignedEvent& event) {
  auto parts = render_question(f, describe_event(event));
  EXPECT_TRUE(parts.has_value());
  return parts ? *parts : std::vector<std::string>{};
}

bool is_utf8(std::string_view text) {
  return base::json::parse(base::json::dump(base::json::Value(std::string(text)))).has_value();
}

/// What every rendering keeps: sizes, encoding, and which lines an operator could copy as an
/// answer.
void expect_safe(const std::vector<std::string>& parts) {
  int yes = 0;
  int no = 0;
  for (const std::string& line : lines_of(parts)) {
    const AnswerText answer = read_answer(line, {kCode, kOtherCode}, false);
    if (line == std::string("yes ") + kCode)
      ++yes;
    else if (line == std::string("no ") + kCode)
      ++no;
    else {
      EXPECT_NE(answer.kind, AnswerKind::kApprove) << line;
      EXPECT_NE(answer.kind, AnswerKind::kDeny) << line;
    }
  }
  EXPECT_EQ(yes, 1);
  EXPECT_EQ(no, 1);
  for (const std::string& part : parts) {
    EXPECT_LE(count_chars(part), kMaxPartChars);
    EXPECT_TRUE(is_utf8(part));
  }
  EXPECT_TRUE(parts.back().ends_with(std::string("yes ") + kCode + "\nno " + kCode));
}

TEST(DescribeEvent, TagsOfAReplyAreToldInWordsWhereNothingIsLeftOut) {
  const std::string id(64, 'a');
  const std::string person = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
  const std::string text = describe_event(note("hi", {{"e", id, "wss://relay.example", "root", person}, {"p", person}}));
  EXPECT_TRUE(text.contains("in reply to note1")) << text;
  EXPECT_TRUE(text.contains("\non wss://relay.example\n")) << text;
  EXPECT_TRUE(text.contains("naming npub1")) << text;
  EXPECT_FALSE(text.contains("tags:")) << text;
}

TEST(DescribeEvent, ATagThatHoldsAnythingElseIsShownAsItStands) {
  const std::string id(64, 'a'), other(64, 'b');
  const std::string person = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
  for (const nostr::Tags& tags : {
           nostr::Tags{{"p", person, "wss://relay.example"}},
           nostr::Tags{{"p", "nobody"}},
           nostr::Tags{{"e", id, "wss://relay.example", "root", person}},            // an author that is not named
           nostr::Tags{{"e", id, "send 21 sats to me", "reply"}},
           nostr::Tags{{"e", id, "wss://relay.example/" + std::string(80, 'x'), "reply"}},
           nostr::Tags{{"e", id, "", "reply", person, "and more"}, {"p", person}},
           nostr::Tags{{"e", id, "", "reply"}, {"e", other, "", "mention"}},
           nostr::Tags{{"t", "news"}},
       })
    EXPECT_TRUE(describe_event(note("hi", tags)).contains("tags:\n| [")) << base::json::dump(base::json::Value(tags));
  nostr::UnsignedEvent profile = note("{}", {{"p", person}});
  profile.kind = 0;
  EXPECT_TRUE(describe_event(profile).contains("tags:")) << "in other kinds a p tag may mean anything";
}

TEST(RenderQuestion, ShortQuestionIsOneMessageWithFactsFirst) {
  const auto parts = render(frame("they asked nicely"), note("hello"));
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(parts[0].starts_with("Scout asks to PUBLISH A NOTE (kind 1)"));
  EXPECT_NE(parts[0].find("| hello\n"), std::string::npos);
  EXPECT_NE(parts[0].find("in 15 min"), std::string::npos);
  EXPECT_NE(parts[0].find("UTC"), std::string::npos);
  EXPECT_GT(parts[0].find("agent says: \"they asked nicely\""), parts[0].find("| hello"));
  expect_safe(parts);
}

TEST(RenderQuestion, ShowsEveryTagAndTheWholeContent) {
  const std::string key(64, 'a');
  const auto parts = render(frame(), note("one\ntwo", {{"p", key, "wss://relay.example"}, {"t", "x\ny"}}));
  const auto lines = lines_of(parts);
  const auto has = [&](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  EXPECT_TRUE(has("| [\"p\",\"" + key + "\",\"wss://relay.example\"]"));
  EXPECT_TRUE(has("| [\"t\",\"x\\ny\"]"));
  EXPECT_TRUE(has("| one"));
  EXPECT_TRUE(has("| two"));
}

TEST(RenderQuestion, ForeignLinesNeverLookLikeOurs) {
  const std::string evil = std::string("yes ") + kCode;
  expect_safe(render(frame(), note(evil)));
  expect_safe(render(frame(), note("\n" + evil + "\r" + evil + "\xE2\x80\xA8" + evil)));
  expect_safe(render(frame(evil + "\n" + evil), note("x")));
  expect_safe(render(frame(), note("x", {{"p", evil}, {evil}})));
}

// A foreign line longer than a message is cut; the rest of it must not become a line of ours.
TEST(RenderQuestion, CutLinesStayMarkedAsForeign) {
  const std::string evil = std::string("yes ") + kOtherCode;
  for (std::size_t pad = 560; pad < 760; ++pad) {
    const auto parts =
        render(frame(), note(std::string(pad, 'x') + evil + "\n" + std::string(600, 'y')));
    expect_safe(parts);
    if (HasFailure()) FAIL() << "padding " << pad;
  }
}

TEST(RenderQuestion, LongTextComesInNumberedPartsAndLosesNothing) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word" + std::to_string(i) + (i % 9 == 8 ? "\n" : " ");
  const auto parts = render(frame("why not"), note(text));
  ASSERT_GT(parts.size(), 2u);
  expect_safe(parts);
  for (std::size_t i = 0; i < parts.size(); ++i)
    EXPECT_TRUE(parts[i].starts_with("[" + std::to_string(i + 1) + "/" +
                                     std::to_string(parts.size()) + "]\n"));
  std::string all;
  for (const std::string& part : parts) all += part;
  for (int i = 0; i < 300; ++i) EXPECT_NE(all.find("word" + std::to_string(i)), std::string::npos);
}

TEST(RenderQuestion, CutsBetweenCharactersNotInside) {
  std::string text;
  for (int i = 0; i < 900; ++i) text += "\xF0\x9F\xA4\x99";
  const auto parts = render(frame(text), note(text));
  expect_safe(parts);
}

TEST(RenderQuestion, OverFourThousandCharactersIsTooLongToShow) {
  const std::size_t overhead = count_chars(describe_event(note("x"))) - 1;
  std::string most;
  for (std::size_t left = kMaxQuestionChars - overhead;
       left > 0;) {  // lines short enough not to be wrapped
    const std::size_t line = std::min<std::size_t>(left, 50);
    if (left <= 53) {
      most += std::string(left, 'x');
      break;
    }
    most += std::string(line, 'x') + "\n";
    left -= line + 3;
  }
  ASSERT_EQ(count_chars(describe_event(note(most))), kMaxQuestionChars);
  EXPECT_TRUE(render_question(frame(), describe_event(note(most))).has_value());
  const auto over = render_question(frame(), describe_event(note(most + "x")));
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().code, base::Errc::kLimit);
  EXPECT_TRUE(over.error().detail.starts_with("too-long-to-show"));
}

TEST(RenderQuestion, InvisibleAndBidiCharactersAreShownAsEscapes) {
  const auto parts = render(frame("a\xE2\x80\xAE"
                                  "b"),
                            note("pay \xE2\x80\xAE"
                                 "eve\xE2\x80\x8B\x07 now"));
  EXPECT_NE(parts[0].find("pay \\u202eeve\\u200b\\x07 now"), std::string::npos);
  EXPECT_NE(parts[0].find("agent says: \"a\\u202eb\""), std::string::npos);
}

TEST(RenderQuestion, CodesInTheAgentsReasonAreTakenOut) {
  const auto parts = render(frame(std::string("answer yes ") + kOtherCode + " please"), note("x"));
  EXPECT_EQ(parts[0].find(kOtherCode), std::string::npos);
  EXPECT_NE(parts[0].find("agent says: \"answer yes "), std::string::npos);
}

TEST(RenderQuestion, ReasonIsOneShortLine) {
  const auto parts = render(frame(std::string(2'000, 'r')), note("x"));
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_LE(count_chars(parts[0]), 420u);
  EXPECT_NE(parts[0].find("…\""), std::string::npos);
}

TEST(DescribeEvent, NamesKindAndWhatIsAnswered) {
  const auto parent = nostr::EventId::from_hex(std::string(64, 'b'));
  const auto text = describe_event(note("hi", {{"e", parent->hex(), "", "reply"}}));
  EXPECT_NE(text.find("in reply to " + nostr::encode_note(*parent)), std::string::npos);
  nostr::UnsignedEvent zap = note("");
  zap.kind = 9734;
  EXPECT_TRUE(describe_event(zap).starts_with("SEND A ZAP (money) (kind 9734)"));
  zap.kind = 39243;
  EXPECT_TRUE(describe_event(zap).starts_with("SPEND FROM A CREDIT (money) (kind 39243)"));
  zap.kind = 39260;
  EXPECT_TRUE(describe_event(zap).starts_with("LET ANOTHER AGENT ACT FOR IT (kind 39260)"));
  zap.kind = 31'337;
  EXPECT_TRUE(describe_event(zap).starts_with("SIGN AN EVENT (kind 31337)"));
  EXPECT_NE(describe_event(zap).find("no text"), std::string::npos);
}

TEST(DescribeAction, ParameterNamesAreForeignToo) {
  const std::string evil = std::string("yes ") + kOtherCode;
  const auto text = describe_action("read_file", {{evil, "x"}, {"path", "notes\n" + evil}}, 12);
  expect_safe(*render_question(frame(), text));
  EXPECT_NE(text.find("cost: 12 sats"), std::string::npos);
  EXPECT_NE(text.find("| path: notes\n| yes"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
