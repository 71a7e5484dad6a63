// Folding signals; see fold.h.
#include "orchestration/approvals/fold.h"

#include <algorithm>
#include <map>
#include <set>

namespace orchestration {
namespace {

using storage::Signal;

using Withdrawn = std::set<std::pair<nostr::PublicKey, nostr::EventId>>;

Withdrawn withdrawn_of(const std::vector<Signal>& signals) {
  Withdrawn out;
  for (const Signal& s : signals)
    if (s.answer == storage::Answer::kWithdraw && s.verdict == storage::SignalVerdict::kAccepted &&
        s.refers_to)
      out.emplace(s.author, *s.refers_to);
  return out;
}

/// What says yes or no and counts, in the order in which it is weighed.
std::vector<Signal> in_order(const std::vector<Signal>& signals) {
  std::vector<Signal> out;
  for (const Signal& s : signals) {
    const bool says_something =
        s.answer == storage::Answer::kApprove || s.answer == storage::Answer::kDeny;
    if (says_something && s.verdict == storage::SignalVerdict::kAccepted) out.push_back(s);
  }
  const auto order = [](const Signal& s) {
    return std::tuple(s.said_at, s.answer == storage::Answer::kDeny ? 0 : 1, s.id);
  };
  std::sort(out.begin(), out.end(),
            [&](const Signal& a, const Signal& b) { return order(a) < order(b); });
  return out;
}

/// What one author has said so far.
struct Voice {
  std::optional<Signal> approval;
  std::optional<Signal> denial;             ///< stands
  std::optional<base::UnixTime> denied_at;  ///< the last denial, standing or taken back
};

void hear_signal(Voice& voice, const Signal& signal, bool withdrawn) {
  if (signal.answer == storage::Answer::kDeny) {
    // A denial that was taken back leaves the question open: it revives no earlier yes.
    voice.denied_at = signal.said_at;
    voice.approval.reset();
    if (!withdrawn) voice.denial = signal;
    return;
  }
  if (withdrawn) return;
  if (voice.denied_at) {
    const bool typed = signal.strength == storage::SignalStrength::kA;
    if (!typed || signal.said_at <= *voice.denied_at) return;
    voice.denial.reset();
  }
  if (!voice.approval) voice.approval = signal;
}

}  // namespace

Fold fold_signals(const std::vector<Signal>& signals, std::uint32_t required) {
  std::map<nostr::PublicKey, Voice> voices;
  const Withdrawn withdrawn = withdrawn_of(signals);
  for (const Signal& signal : in_order(signals))
    hear_signal(voices[signal.author], signal, withdrawn.contains({signal.author, signal.id}));

  std::uint32_t approvals = 0;
  std::optional<Signal> last_approval;
  for (const auto& [author, voice] : voices) {
    if (voice.denial) return {FoldOutcome::kDenied, voice.denial};
    if (!voice.approval) continue;
    ++approvals;
    if (!last_approval || voice.approval->said_at >= last_approval->said_at)
      last_approval = voice.approval;
  }
  if (approvals >= std::max<std::uint32_t>(required, 1))
    return {FoldOutcome::kApproved, last_approval};
  return {};
}

}  // namespace orchestration
