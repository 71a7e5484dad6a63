// The spellings of autonomy in use (nip-sa C1, C2).
#include "nipsa/autonomy.h"

#include <string>
#include <utility>

namespace nipsa {

std::string_view autonomy_name(Autonomy level) {
  switch (level) {
    case Autonomy::kSupervised:
      return "supervised";
    case Autonomy::kBounded:
      return "bounded";
    case Autonomy::kAutonomous:
      return "autonomous";
  }
  std::unreachable();
}

Autonomy read_autonomy(std::string_view text) {
  std::string letters;  // case, underscores and dashes do not matter
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z')
      letters.push_back(static_cast<char>(c - 'A' + 'a'));
    else if (c >= 'a' && c <= 'z')
      letters.push_back(c);
    else if (c != '_' && c != '-' && c != ' ')
      return Autonomy::kSupervised;
  }
  if (letters == "bounded" || letters == "semi" || letters == "semiautonomous")
    return Autonomy::kBounded;
  if (letters == "autonomous" || letters == "full" || letters == "fullyautonomous" ||
      letters == "fullautonomous")
    return Autonomy::kAutonomous;
  return Autonomy::kSupervised;
}

}  // namespace nipsa
