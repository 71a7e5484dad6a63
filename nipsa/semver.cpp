// Semantic versions by the letter of semver.org 2.0.0.
#include "nipsa/semver.h"

#include <algorithm>

#include "nostr/base/number.h"

namespace nipsa {
namespace {

constexpr std::size_t kMaxVersion = 64;

std::unexpected<base::Error> bad(std::string_view text) {
  return fail(Code::kTagBad, "version \"" + std::string(text.substr(0, kMaxVersion)) +
                                 "\" is not MAJOR.MINOR.PATCH");
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Identifiers between dots: letters, digits and hyphens, none empty.
bool split_identifiers(std::string_view text, std::vector<std::string>& out) {
  constexpr std::string_view kAllowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
  for (;;) {
    const auto dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.find_first_not_of(kAllowed) != part.npos) return false;
    out.emplace_back(part);
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool read_number(std::string_view text, std::uint64_t& out) {
  if (!is_number(text) || text.size() > 18 || (text.size() > 1 && text[0] == '0')) return false;
  out = *base::parse_number<std::uint64_t>(text);
  return true;
}

std::strong_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a);
  const bool b_number = is_number(b);
  if (a_number != b_number)
    return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (!a_number) return a <=> b;
  // Without leading zeros the longer number is the greater one.
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace

std::strong_ordering operator<=>(const Semver& a, const Semver& b) {
  if (const auto c = a.major <=> b.major; c != 0) return c;
  if (const auto c = a.minor <=> b.minor; c != 0) return c;
  if (const auto c = a.patch <=> b.patch; c != 0) return c;
  if (a.pre.empty() != b.pre.empty())
    return a.pre.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  for (std::size_t i = 0; i < std::min(a.pre.size(), b.pre.size()); ++i)
    if (const auto c = compare_identifiers(a.pre[i], b.pre[i]); c != 0) return c;
  return a.pre.size() <=> b.pre.size();
}

Result<Semver> parse_semver(std::string_view text) {
  if (text.size() > kMaxVersion) return bad(text);
  Semver out;
  std::string_view rest = text;
  if (const auto plus = rest.find('+'); plus != rest.npos) {
    std::vector<std::string> parts;
    if (!split_identifiers(rest.substr(plus + 1), parts)) return bad(text);
    out.build = rest.substr(plus + 1);
    rest = rest.substr(0, plus);
  }
  if (const auto dash = rest.find('-'); dash != rest.npos) {
    if (!split_identifiers(rest.substr(dash + 1), out.pre)) return bad(text);
    for (const std::string& part : out.pre)
      if (is_number(part) && part.size() > 1 && part[0] == '0') return bad(text);
    rest = rest.substr(0, dash);
  }
  const auto first = rest.find('.');
  const auto second = first == rest.npos ? first : rest.find('.', first + 1);
  if (second == rest.npos || !read_number(rest.substr(0, first), out.major) ||
      !read_number(rest.substr(first + 1, second - first - 1), out.minor) ||
      !read_number(rest.substr(second + 1), out.patch))
    return bad(text);
  return out;
}

}  // namespace nipsa
