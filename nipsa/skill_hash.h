// What a manifest's hash is the hash of: one SKILL.md, or a folder of files.
#pragma once

#include <string>
#include <vector>

#include "nipsa/reading.h"

namespace nipsa {

inline constexpr std::string_view kSkillFile = "SKILL.md";

/// A file of a skill; `path` is relative, with `/`.
struct SkillFile {
  std::string path;
  std::string bytes;
  friend bool operator==(const SkillFile&, const SkillFile&) = default;
};

/// The text as it is hashed: no leading U+FEFF, line ends LF, nothing else changed. E_HASH when it is
/// not UTF-8.
Result<std::string> normal_skill_text(std::string_view bytes);
/// Whether `files` are hashed as a bundle: more than SKILL.md alone.
bool is_bundle(const std::vector<SkillFile>& files);
/// The hash a manifest states: of SKILL.md, or of the list of all files' hashes, ordered by path. E_REF
/// without a SKILL.md, E_TAG_BAD for a path twice or one that leaves the folder.
Result<nostr::Sha256> skill_hash(const std::vector<SkillFile>& files);

/// Whether `path` stays in its folder and means the same everywhere: relative, no empty, `.` or `..`
/// part, no backslash or control character, at most 200 bytes.
bool is_safe_path(std::string_view path);

}  // namespace nipsa
