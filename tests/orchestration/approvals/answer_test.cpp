// The grammar of answers, rule by rule.
#include "orchestration/approvals/answer.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

const std::vector<std::string> kCodes = {"K7QF-2M9X", "AX11-2ETR"};

struct TextCase {
  const char* name;
  const char* text;
  bool bound;
  AnswerKind want;
  const char* code;
};

class ReadAnswer : public testing::TestWithParam<TextCase> {};

TEST_P(ReadAnswer, MeansWhatTheGrammarSays) {
  const TextCase& c = GetParam();
  const AnswerText answer = read_answer(c.text, kCodes, c.bound);
  EXPECT_EQ(answer.kind, c.want);
  EXPECT_EQ(answer.code.value_or(""), c.code);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ReadAnswer,
    testing::Values(
        TextCase{"yes_code", "yes K7QF-2M9X", false, AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"code_first", "k7qf2m9x yes", false, AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"upper_and_punctuated", "Yes, k7qf-2m9x!", false, AnswerKind::kApprove,
                 "K7QF-2M9X"},
        TextCase{"split_by_space", "ok K7QF 2M9X", false, AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"confused_letters", "yes AXIL-2ETR", false, AnswerKind::kApprove, "AX11-2ETR"},
        TextCase{"skin_toned_thumb", "👍🏽 K7QF-2M9X", false, AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"reply_without_code", "yes", true, AnswerKind::kApprove, ""},
        TextCase{"quoted_question", "> no K7QF-2M9X\n> yes AX11-2ETR\nyes K7QF-2M9X", false,
                 AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"bare_yes_binds_nothing", "yes", false, AnswerKind::kUnbound, ""},
        TextCase{"mention_first", "nostr:npub1abc yes K7QF-2M9X\n", false, AnswerKind::kApprove,
                 "K7QF-2M9X"},
        TextCase{"curly_quotes_and_long_dash", "\u201CYes\u201D K7QF\u20112M9X", false,
                 AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"bold", "**yes** `K7QF-2M9X`", false, AnswerKind::kApprove, "K7QF-2M9X"},
        TextCase{"polite_no", "Sorry, no K7QF-2M9X", false, AnswerKind::kDeny, "K7QF-2M9X"},
        TextCase{"polite_yes_is_inexact", "please yes K7QF-2M9X", false, AnswerKind::kComment,
                 "K7QF-2M9X"},
        TextCase{"dont_with_a_curly_apostrophe", "don\u2019t K7QF-2M9X", false, AnswerKind::kDeny,
                 "K7QF-2M9X"},
        TextCase{"copied_foreign_line", "| yes AX11-2ETR\nno K7QF-2M9X", false, AnswerKind::kDeny,
                 "K7QF-2M9X"},
        TextCase{"conditional_yes", "yes but only 100 K7QF-2M9X", false, AnswerKind::kComment,
                 "K7QF-2M9X"},
        TextCase{"code_alone", "K7QF-2M9X", false, AnswerKind::kComment, "K7QF-2M9X"},
        TextCase{"no_code", "no K7QF-2M9X", false, AnswerKind::kDeny, "K7QF-2M9X"},
        TextCase{"no_with_reason", "no, too much. K7QF-2M9X", false, AnswerKind::kDeny,
                 "K7QF-2M9X"},
        TextCase{"no_problem_is_a_no", "no problem K7QF-2M9X", false, AnswerKind::kDeny,
                 "K7QF-2M9X"},
        TextCase{"no_by_reply", "no", true, AnswerKind::kDeny, ""},
        TextCase{"bare_no", "no", false, AnswerKind::kDenyAll, ""},
        TextCase{"bare_stop", "STOP!", false, AnswerKind::kDenyAll, ""},
        TextCase{"stop_all", "stop all", false, AnswerKind::kDenyAll, ""},
        TextCase{"chatty_no", "no idea yet", false, AnswerKind::kComment, ""},
        TextCase{"unknown_code", "yes AAAA-1111", false, AnswerKind::kUnknownCode, ""},
        TextCase{"two_codes", "yes K7QF-2M9X AX11-2ETR", false, AnswerKind::kAmbiguous, ""},
        TextCase{"one_known_one_unknown", "yes K7QF-2M9X AAAA-1111", false, AnswerKind::kComment,
                 "K7QF-2M9X"},
        TextCase{"same_code_twice", "yes K7QF-2M9X k7qf2m9x", false, AnswerKind::kApprove,
                 "K7QF-2M9X"},
        TextCase{"approved_is_a_word_and_no_code", "approved K7QF-2M9X", false, AnswerKind::kApprove,
                 "K7QF-2M9X"},
        TextCase{"rejected_is_a_word_and_no_code", "Rejected k7qf2m9x", false, AnswerKind::kDeny,
                 "K7QF-2M9X"},
        TextCase{"empty", "", false, AnswerKind::kComment, ""}),
    [](const auto& info) { return info.param.name; });

TEST(ReadAnswer, LongTextIsAComment) {
  EXPECT_EQ(read_answer("yes K7QF-2M9X" + std::string(5000, ' '), kCodes, false).kind,
            AnswerKind::kComment);
}

TEST(ReadReaction, WholeContentDecides) {
  EXPECT_EQ(read_reaction("+"), ReactionKind::kApprove);
  EXPECT_EQ(read_reaction(""), ReactionKind::kApprove);
  EXPECT_EQ(read_reaction("🤙"), ReactionKind::kApprove);
  EXPECT_EQ(read_reaction("👍🏿"), ReactionKind::kApprove);
  EXPECT_EQ(read_reaction("✔️"), ReactionKind::kApprove);
  EXPECT_EQ(read_reaction("-"), ReactionKind::kDeny);
  EXPECT_EQ(read_reaction("⛔"), ReactionKind::kDeny);
  EXPECT_EQ(read_reaction("👍👍"), ReactionKind::kOther);
  EXPECT_EQ(read_reaction("🚀"), ReactionKind::kOther);
  EXPECT_EQ(read_reaction("yes"), ReactionKind::kOther);
  EXPECT_EQ(read_reaction(":custom:"), ReactionKind::kOther);
}

}  // namespace
}  // namespace orchestration
