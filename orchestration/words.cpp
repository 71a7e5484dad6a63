#include "orchestration/words.h"

#include <algorithm>

namespace orchestration {
namespace {

constexpr std::string_view kStopWords[] = {"a",    "an",  "and", "are", "as",   "at",  "be",   "by",   "for",  "from",
                                           "has",  "in",  "is",  "it",  "its",  "of",  "on",   "or",   "our",  "that",
                                           "the",  "this", "to", "was", "we",   "will", "with", "you", "your"};

bool is_word_byte(unsigned char c) {
  // Bytes over 0x7f belong to letters of other alphabets.
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

}  // namespace

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty() && std::ranges::find(kStopWords, std::string_view(word)) == std::end(kStopWords)) out.insert(word);
    word.clear();
  };
  for (const char c : text) {
    if (!is_word_byte(static_cast<unsigned char>(c)))
      flush();
    else
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  flush();
  return out;
}

double overlap(const std::set<std::string>& asked, const std::set<std::string>& text) {
  if (asked.empty()) return 0;
  const auto found = std::ranges::count_if(asked, [&](const std::string& word) { return text.contains(word); });
  return static_cast<double>(found) / static_cast<double>(asked.size());
}

}  // namespace orchestration
