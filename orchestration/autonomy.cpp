// The approval gate's rules, in the order they apply.
#include "orchestration/autonomy.h"

#include <string>

namespace orchestration {

base::Result<Level> parse_level(std::string_view name) {
  std::string folded;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ')
      folded.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (folded == "supervised") return Level::kSupervised;
  if (folded == "bounded" || folded == "semiautonomous") return Level::kBounded;
  if (folded == "autonomous" || folded == "fullyautonomous") return Level::kAutonomous;
  return base::fail(base::Errc::kInvalid, "autonomy level \"" + std::string(name) + "\" is unknown",
                    "use supervised, bounded or autonomous");
}

Need need(const AutonomyRules& rules, ActionClass action, base::Msat cost) {
  if (rules.never.contains(action)) return Need::kDeny;
  if (rules.always_ask.contains(action)) return Need::kAsk;
  if (rules.guardian_threshold && cost > base::to_msat(*rules.guardian_threshold))
    return Need::kAsk;
  switch (rules.level) {
    case Level::kSupervised:
      return is_external(action) || cost.value > 0 ? Need::kAsk : Need::kAuto;
    case Level::kBounded:
      if (rules.bounded_asks.contains(action)) return Need::kAsk;
      return cost > base::to_msat(rules.ask_above) ? Need::kAsk : Need::kAuto;
    case Level::kAutonomous:
      return Need::kAuto;
  }
  return Need::kAsk;
}

}  // namespace orchestration
