// Folding signals; see fold.h.
#include "orchestration/approvals/fold.h"

#include <algorithm>
#include <map>
#include <set>

namespace orchestration {
namespace {

using storage::Signal;

std::vector<Signal> standing(const std::vector<Signal>& signals) {
  std::set<std::pair<nostr::PublicKey, nostr::EventId>> withdrawn;
  for (const Signal& s : signals)
    if (s.answer == storage::Answer::kWithdraw && s.refers_to) withdrawn.emplace(s.author, *s.refers_to);
  std::vector<Signal> out;
  for (const Signal& s : signals) {
    const bool says_something = s.answer == storage::Answer::kApprove || s.answer == storage::Answer::kDeny;
    if (says_something && s.verdict == storage::SignalVerdict::kAccepted && !withdrawn.contains({s.author, s.id}))
      out.push_back(s);
  }
  const auto order = [](const Signal& s) {
    return std::tuple(s.said_at, s.answer == storage::Answer::kDeny ? 0 : 1, s.id);
  };
  std::sort(out.begin(), out.end(), [&](const Signal& a, const Signal& b) { return order(a) < order(b); });
  return out;
}

struct Voice {
  std::optional<Signal> approval;
  std::optional<Signal> denial;
};

void hear_signal(Voice& voice, const Signal& signal) {
  if (signal.answer == storage::Answer::kDeny) {
    voice.denial = signal;
    voice.approval.reset();
    return;
  }
  if (!voice.denial) {
    if (!voice.approval) voice.approval = signal;
    return;
  }
  const bool typed = signal.strength == storage::SignalStrength::kA;
  if (typed && signal.said_at > voice.denial->said_at) {
    voice.denial.reset();
    voice.approval = signal;
  }
}

}  // namespace

Fold fold_signals(const std::vector<Signal>& signals, std::uint32_t required) {
  std::map<nostr::PublicKey, Voice> voices;
  for (const Signal& signal : standing(signals)) hear_signal(voices[signal.author], signal);

  std::uint32_t approvals = 0;
  std::optional<Signal> last_approval;
  for (const auto& [author, voice] : voices) {
    if (voice.denial) return {FoldOutcome::kDenied, voice.denial};
    if (!voice.approval) continue;
    ++approvals;
    if (!last_approval || voice.approval->said_at >= last_approval->said_at) last_approval = voice.approval;
  }
  if (approvals >= std::max<std::uint32_t>(required, 1)) return {FoldOutcome::kApproved, last_approval};
  return {};
}

}  // namespace orchestration
