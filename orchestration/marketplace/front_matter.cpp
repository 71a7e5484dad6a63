// The few lines of YAML a skill begins with. Anything beyond `key: value` and one nested map is refused:
// a reader that guesses would read another skill than its author wrote.
#include <algorithm>

#include <fmt/format.h>

#include "orchestration/marketplace/package.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view kFence = "---\n";
constexpr std::size_t kMaxDescription = 1'024;
constexpr std::size_t kMaxCompatibility = 500;
constexpr std::size_t kMaxMetadata = 32;
constexpr std::size_t kMaxTools = 64;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A plain or quoted value on one line.
Result<std::string> scalar(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return std::string();
  const char first = text.front();
  if (first == '"' || first == '\'') {
    if (text.size() < 2 || text.back() != first || text.find('\\') != text.npos)
      return fail(Errc::kInvalid, "a quoted value ends on its own line and holds no backslash");
    return std::string(text.substr(1, text.size() - 2));
  }
  if (std::string_view("|>[{&*!%@`").find(first) != std::string_view::npos)
    return fail(Errc::kInvalid, fmt::format("a value may not begin with {}; write it in quotes", first));
  return std::string(text);
}

bool is_skill_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(kAllowed) == name.npos &&
         name.front() != '-' && name.back() != '-' && name.find("--") == name.npos;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \t", at);
    if (begin == text.npos) break;
    const auto end = std::min(text.find_first_of(" \t", begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    at = end;
  }
  return out;
}

Result<void> set_member(SkillFront& out, std::string_view key, std::string value) {
  if (key == "name") out.name = std::move(value);
  else if (key == "description") out.description = std::move(value);
  else if (key == "license") out.license = std::move(value);
  else if (key == "compatibility") out.compatibility = std::move(value);
  else if (key == "allowed-tools" || key == "allowed_tools") {
    out.limits_tools = true;
    out.allowed_tools = words_of(value);
  } else if (key != "metadata") {
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no member of a skill's front matter", key),
                "name, description, license, compatibility, metadata, allowed-tools");
  } else if (!value.empty()) {
    return fail(Errc::kInvalid, "metadata is a map: one \"  key: value\" a line below it");
  }
  return {};
}

Result<void> check_front(const SkillFront& front) {
  if (!is_skill_name(front.name))
    return fail(Errc::kInvalid, "name is not 1 to 64 of a-z, 0-9 and single hyphens inside");
  if (front.description.empty() || front.description.size() > kMaxDescription)
    return fail(Errc::kInvalid, "description is not 1 to 1024 bytes");
  if (front.compatibility.size() > kMaxCompatibility)
    return fail(Errc::kInvalid, "compatibility is over 500 bytes");
  if (front.allowed_tools.size() > kMaxTools) return fail(Errc::kInvalid, "over 64 allowed tools");
  return {};
}

Result<void> read_line(SkillFront& out, std::string_view line, bool& in_metadata) {
  if (trimmed(line).empty() || trimmed(line).front() == '#') return {};
  const bool nested = line.front() == ' ';
  const auto colon = line.find(':');
  if (colon == line.npos || line.find('\t') != line.npos)
    return fail(Errc::kInvalid, "expected \"key: value\", without tabs");
  const std::string_view key = trimmed(line.substr(0, colon));
  TRY(std::string value, scalar(line.substr(colon + 1)));
  if (nested) {
    if (!in_metadata) return fail(Errc::kInvalid, "only metadata has members of its own");
    if (out.metadata.size() >= kMaxMetadata) return fail(Errc::kLimit, "over 32 metadata members");
    out.metadata[std::string(key)] = std::move(value);
    return {};
  }
  in_metadata = key == "metadata";
  return set_member(out, key, std::move(value));
}

}  // namespace

Result<SkillFront> parse_skill_front(std::string_view text) {
  const auto end = text.find("\n---\n", kFence.size() - 1);
  if (!text.starts_with(kFence) || end == text.npos)
    return fail(Errc::kInvalid, "SKILL.md does not begin with front matter between two lines of ---");
  SkillFront out;
  bool in_metadata = false;
  std::size_t number = 1;
  for (std::size_t at = kFence.size(); at < end + 1;) {
    const auto stop = text.find('\n', at);
    ++number;
    if (auto done = read_line(out, text.substr(at, stop - at), in_metadata); !done)
      return std::unexpected(
          base::in_context(fmt::format("SKILL.md:{}", number), std::move(done).error()));
    at = stop + 1;
  }
  TRY(check_front(out));
  return out;
}

}  // namespace orchestration
