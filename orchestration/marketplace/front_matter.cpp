// What the front matter of a skill may say (front_matter.h reads it).
#include <algorithm>

#include <fmt/format.h>

#include "orchestration/front_matter.h"
#include "orchestration/marketplace/package.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMaxDescription = 1'024;
constexpr std::size_t kMaxCompatibility = 500;
constexpr std::size_t kMaxMetadata = 32;
constexpr std::size_t kMaxTools = 64;

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
  } else {
    return fail(Errc::kInvalid, fmt::format("\"{}\" is no member of a skill's front matter", key),
                "name, description, license, compatibility, metadata, allowed-tools");
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

Result<void> set_metadata(SkillFront& out, FrontValue value) {
  const bool empty = value.kind == FrontValue::Kind::kText && value.text.empty();
  if (value.kind != FrontValue::Kind::kMap && !empty)
    return fail(Errc::kInvalid, "metadata is a map: one \"  key: value\" a line below it");
  if (value.map.size() > kMaxMetadata) return fail(Errc::kLimit, "over 32 metadata members");
  out.metadata = std::move(value.map);
  return {};
}

}  // namespace

Result<SkillFront> parse_skill_front(std::string_view text) {
  auto parsed = parse_front_matter(text);
  if (!parsed) return std::unexpected(base::in_context("SKILL.md", std::move(parsed).error()));
  SkillFront out;
  for (auto& [key, value] : parsed->values) {
    const bool plain = key != "metadata";
    if (plain && value.kind != FrontValue::Kind::kText)
      return fail(Errc::kInvalid, fmt::format("SKILL.md: {} is one line of text", key));
    auto done = plain ? set_member(out, key, std::move(value.text)) : set_metadata(out, std::move(value));
    if (!done) return std::unexpected(base::in_context("SKILL.md", std::move(done).error()));
  }
  TRY(check_front(out));
  return out;
}

}  // namespace orchestration
