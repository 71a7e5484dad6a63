// Spelling suggestions by edit distance.
#include "nostr/base/suggest.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace base {
namespace {

constexpr std::size_t kMaxLength = 64;  // the table below is quadratic

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known) {
  typed = typed.substr(0, kMaxLength);
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& word : known) {
    if (word.size() > kMaxLength) continue;
    if (const std::size_t d = edit_distance(typed, word); d < best_distance) {
      best = &word;
      best_distance = d;
    }
  }
  if (best) return fmt::format("did you mean \"{}\"?", *best);
  if (known.empty()) return {};
  const auto shown = static_cast<std::ptrdiff_t>(std::min<std::size_t>(known.size(), 8));
  return fmt::format("known: {}", fmt::join(known.begin(), known.begin() + shown, ", "));
}

}  // namespace base
