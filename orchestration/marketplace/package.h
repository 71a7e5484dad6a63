// A skill as people write it: a folder with a SKILL.md, in the agentskills layout.
//
//   ---
//   name: release-digest          # like the folder
//   description: Turns release feeds into a digest
//   allowed-tools: search_events reply
//   ---
//   The text the model reads…
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nipsa/manifest.h"

namespace orchestration {

inline constexpr std::size_t kMaxSkillFiles = 64;

/// What stands between the two lines of dashes.
struct SkillFront {
  std::string name;         ///< 1..64 of [a-z0-9-]
  std::string description;  ///< 1..1024 bytes
  std::string license;
  std::string compatibility;
  std::map<std::string, std::string> metadata;
  bool limits_tools = false;               ///< allowed-tools is there
  std::vector<std::string> allowed_tools;
  friend bool operator==(const SkillFront&, const SkillFront&) = default;
};

/// Reads the front matter of a normalised SKILL.md: `key: value` lines, `metadata:` with one level
/// below it. kInvalid names the line.
base::Result<SkillFront> parse_skill_front(std::string_view text);

/// A skill whose files were checked.
struct SkillPackage {
  SkillFront front;
  std::vector<nipsa::SkillFile> files;  ///< by path; SKILL.md normalised
  nostr::Sha256 hash;                   ///< what its manifest states

  /// SKILL.md without its front matter.
  std::string_view instructions() const;
  /// "skill-md" or "skill-bundle".
  std::string_view content_type() const;
};

/// Checks names, sizes, paths and the front matter. kInvalid, kLimit.
base::Result<SkillPackage> check_package(std::vector<nipsa::SkillFile> files);
/// Blocking. Reads the folder `dir`, whose name is the skill's. kDenied for links, devices and names
/// that begin with a dot: what is not meant for others is not sold by accident.
base::Result<SkillPackage> read_package(const std::string& dir);

/// One piece of bytes: SKILL.md itself, or every file after a line "SIZE PATH". The same package gives
/// the same bytes.
std::string pack(const SkillPackage& package);
/// What pack() wrote, checked as a folder is. `bytes` may be anything.
base::Result<SkillPackage> unpack(std::string_view bytes, std::string_view content_type);

}  // namespace orchestration
