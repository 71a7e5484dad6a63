// Namespaces of labels.
#include "nipsa/label.h"

namespace nipsa {
namespace {

constexpr std::size_t kMaxValues = 16;

std::string folded(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return "";
  std::string out(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::vector<std::string> label_values(const nostr::Tags& tags, std::string_view space) {
  const auto spaces = nostr::tag_values(tags, "L");
  const std::string_view only = spaces.size() == 1 ? spaces.front() : "ugc";
  std::vector<std::string> out;
  for (const nostr::Tag& tag : tags) {
    if (tag.size() < 2 || tag[0] != "l" || out.size() == kMaxValues) continue;
    const std::string_view mark = tag.size() > 2 && !tag[2].empty() ? std::string_view(tag[2]) : only;
    if (mark == space) out.push_back(folded(tag[1]));
  }
  return out;
}

}  // namespace nipsa
