// Folding of signals: order, veto, withdrawal, quorum — one rule a test.
#include "orchestration/approvals/fold.h"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using storage::Answer;
using storage::Signal;
using storage::SignalStrength;
using storage::SignalVerdict;
using enum SignalStrength;

template <class Fixed>
Fixed named(std::string_view word) {
  return Fixed(nostr::sha256(word).array());
}

/// One accepted signal: who, what, when (seconds), how strong. The name makes the id.
Signal said(std::string_view name, std::string_view author, Answer answer, std::int64_t at,
            SignalStrength strength = kA) {
  Signal signal;
  signal.id = named<nostr::EventId>(name);
  signal.author = named<nostr::PublicKey>(author);
  signal.answer = answer;
  signal.strength = strength;
  signal.verdict = SignalVerdict::kAccepted;
  signal.said_at = base::unix_time(at);
  return signal;
}

Signal takes_back(std::string_view name, std::string_view author, std::string_view target,
                  std::int64_t at) {
  Signal signal = said(name, author, Answer::kWithdraw, at);
  signal.refers_to = named<nostr::EventId>(target);
  return signal;
}

struct Case {
  const char* name;
  std::vector<Signal> signals;
  std::uint32_t required;
  FoldOutcome want;
  const char* deciding = "";
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class FoldSignals : public testing::TestWithParam<Case> {};

TEST_P(FoldSignals, DecidesAsTheRulesSayInAnyOrderOfArrival) {
  const Case& c = GetParam();
  std::vector<Signal> signals = c.signals;
  for (std::size_t turn = 0; turn <= signals.size(); ++turn) {
    const Fold fold = fold_signals(signals, c.required);
    EXPECT_EQ(fold.outcome, c.want);
    if (*c.deciding) {
      ASSERT_TRUE(fold.deciding.has_value());
      EXPECT_EQ(fold.deciding->id, named<nostr::EventId>(c.deciding));
    }
    if (!signals.empty()) std::rotate(signals.begin(), signals.begin() + 1, signals.end());
  }
}

Signal with_verdict(Signal signal, SignalVerdict verdict) {
  signal.verdict = verdict;
  return signal;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, FoldSignals,
    testing::Values(
        Case{"silence_is_open", {}, 1, FoldOutcome::kOpen},
        Case{"one_yes", {said("y", "ann", Answer::kApprove, 10)}, 1, FoldOutcome::kApproved, "y"},
        Case{"one_no", {said("n", "ann", Answer::kDeny, 10)}, 1, FoldOutcome::kDenied, "n"},
        Case{"comment_is_nothing", {said("c", "ann", Answer::kNone, 10)}, 1, FoldOutcome::kOpen},
        Case{"yes_then_no",
             {said("y", "ann", Answer::kApprove, 10), said("n", "ann", Answer::kDeny, 11)},
             1,
             FoldOutcome::kDenied,
             "n"},
        Case{"no_then_typed_yes",
             {said("n", "ann", Answer::kDeny, 10), said("y", "ann", Answer::kApprove, 11)},
             1,
             FoldOutcome::kApproved,
             "y"},
        Case{"no_then_reaction",
             {said("n", "ann", Answer::kDeny, 10), said("r", "ann", Answer::kApprove, 11, kB)},
             1,
             FoldOutcome::kDenied,
             "n"},
        Case{"reaction_no_then_reaction_yes",
             {said("n", "ann", Answer::kDeny, 10, kB), said("r", "ann", Answer::kApprove, 11, kB)},
             1,
             FoldOutcome::kDenied},
        Case{"reaction_no_reaction_yes_typed_yes",
             {said("n", "ann", Answer::kDeny, 10, kB), said("r", "ann", Answer::kApprove, 11, kB),
              said("y", "ann", Answer::kApprove, 12)},
             1,
             FoldOutcome::kApproved,
             "y"},
        Case{"same_second_no_wins",
             {said("y", "ann", Answer::kApprove, 10), said("n", "ann", Answer::kDeny, 10)},
             1,
             FoldOutcome::kDenied},
        Case{"reaction_alone_approves",
             {said("r", "ann", Answer::kApprove, 10, kB)},
             1,
             FoldOutcome::kApproved},
        Case{"any_no_vetoes",
             {said("y", "ann", Answer::kApprove, 12), said("z", "bob", Answer::kApprove, 12),
              said("n", "eve", Answer::kDeny, 10)},
             1,
             FoldOutcome::kDenied,
             "n"},
        Case{"anothers_yes_lifts_no_veto",
             {said("n", "ann", Answer::kDeny, 10), said("y", "bob", Answer::kApprove, 20)},
             1,
             FoldOutcome::kDenied},
        Case{"quorum_not_reached", {said("y", "ann", Answer::kApprove, 10)}, 2, FoldOutcome::kOpen},
        Case{"one_person_is_one_vote",
             {said("y", "ann", Answer::kApprove, 10), said("y2", "ann", Answer::kApprove, 11)},
             2,
             FoldOutcome::kOpen},
        Case{"quorum_reached",
             {said("y", "ann", Answer::kApprove, 10), said("z", "bob", Answer::kApprove, 11, kB)},
             2,
             FoldOutcome::kApproved,
             "z"},
        Case{"quorum_zero_means_one", {}, 0, FoldOutcome::kOpen},
        Case{"withdrawn_yes",
             {said("y", "ann", Answer::kApprove, 10), takes_back("w", "ann", "y", 11)},
             1,
             FoldOutcome::kOpen},
        Case{"second_yes_outlives_the_first",
             {said("y", "ann", Answer::kApprove, 10), takes_back("w", "ann", "y", 11),
              said("y2", "ann", Answer::kApprove, 10)},
             1,
             FoldOutcome::kApproved,
             "y2"},
        Case{"nobody_withdraws_for_others",
             {said("y", "ann", Answer::kApprove, 10), takes_back("w", "eve", "y", 11)},
             1,
             FoldOutcome::kApproved},
        Case{"withdrawn_no_revives_no_older_yes",
             {said("y", "ann", Answer::kApprove, 10), said("n", "ann", Answer::kDeny, 11),
              takes_back("w", "ann", "n", 12)},
             1,
             FoldOutcome::kOpen},
        Case{"withdrawn_no_is_not_followed_by_a_reaction",
             {said("n", "ann", Answer::kDeny, 11), takes_back("w", "ann", "n", 12),
              said("r", "ann", Answer::kApprove, 13, kB)},
             1,
             FoldOutcome::kOpen},
        Case{"withdrawn_no_then_typed_yes",
             {said("n", "ann", Answer::kDeny, 11), takes_back("w", "ann", "n", 12),
              said("y", "ann", Answer::kApprove, 13)},
             1,
             FoldOutcome::kApproved,
             "y"},
        Case{"rejected_signals_do_not_count",
             {with_verdict(said("y", "ann", Answer::kApprove, 10), SignalVerdict::kLate),
              with_verdict(said("n", "bob", Answer::kDeny, 10), SignalVerdict::kNotAnApprover)},
             1,
             FoldOutcome::kOpen},
        Case{"rejected_withdrawal_does_not_count",
             {said("y", "ann", Answer::kApprove, 10),
              with_verdict(takes_back("w", "ann", "y", 11), SignalVerdict::kClosed)},
             1,
             FoldOutcome::kApproved}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace orchestration
