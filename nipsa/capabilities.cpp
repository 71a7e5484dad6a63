// Sets of capability names.
#include "nipsa/capabilities.h"

#include <algorithm>

namespace nipsa {
namespace {

constexpr std::size_t kMaxCapabilities = 32;
constexpr std::size_t kMaxName = 64;
constexpr std::string_view kNone = "none";

std::string lowered_trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return "";
  std::string out(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view kRest = "abcdefghijklmnopqrstuvwxyz0123456789:._-";
  return !text.empty() && text.size() <= kMaxName && kFirst.find(text[0]) != kFirst.npos &&
         text.find_first_not_of(kRest) == text.npos;
}

}  // namespace

Result<Capabilities> normal_capabilities(const std::vector<std::string>& names) {
  if (names.size() > kMaxCapabilities) return fail(Code::kTagBad, "over 32 capabilities");
  Capabilities out;
  for (const std::string& raw : names) {
    std::string name = lowered_trim(raw);
    if (!is_name(name)) return fail(Code::kTagBad, "capability \"" + name.substr(0, kMaxName) + '"');
    out.push_back(std::move(name));
  }
  std::ranges::sort(out);
  const auto twice = std::ranges::unique(out);
  out.erase(twice.begin(), twice.end());
  if (std::ranges::find(out, kNone) == out.end()) return out;
  if (out.size() > 1) return fail(Code::kTagBad, "capability none stands beside others");
  return Capabilities();
}

Capabilities common_capabilities(const Capabilities& a, const Capabilities& b) {
  Capabilities out;
  std::ranges::set_intersection(a, b, std::back_inserter(out));
  return out;
}

Capabilities missing_capabilities(const Capabilities& wanted, const Capabilities& granted) {
  Capabilities out;
  std::ranges::set_difference(wanted, granted, std::back_inserter(out));
  return out;
}

std::string capabilities_text(const Capabilities& list) {
  std::string out;
  for (const std::string& name : list) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? std::string(kNone) : out;
}

}  // namespace nipsa
