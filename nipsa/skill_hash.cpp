// Hashing the bytes of skills.
#include "nipsa/skill_hash.h"

#include <algorithm>

#include "nostr/base/utf8.h"

namespace nipsa {
namespace {

constexpr std::size_t kMaxPath = 200;
constexpr std::string_view kBom = "\xef\xbb\xbf";

}  // namespace

Result<std::string> normal_skill_text(std::string_view bytes) {
  while (bytes.starts_with(kBom)) bytes.remove_prefix(kBom.size());
  if (!base::is_utf8(bytes)) return fail(Code::kHash, "SKILL.md is not UTF-8");
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r') {
      out += bytes[i];
      continue;
    }
    out += '\n';
    if (i + 1 < bytes.size() && bytes[i + 1] == '\n') ++i;
  }
  return out;
}

bool is_bundle(const std::vector<SkillFile>& files) {
  return files.size() != 1;
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath || !base::is_utf8(path)) return false;
  const auto is_odd = [](char c) {
    return c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  };
  if (std::ranges::any_of(path, is_odd)) return false;
  for (std::string_view rest = path;;) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == rest.npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

Result<nostr::Sha256> skill_hash(const std::vector<SkillFile>& files) {
  std::vector<const SkillFile*> sorted;
  for (const SkillFile& file : files) {
    if (!is_safe_path(file.path)) return fail(Code::kTagBad, "a path leaves the skill's folder");
    sorted.push_back(&file);
  }
  std::ranges::sort(sorted, {}, &SkillFile::path);
  if (std::ranges::adjacent_find(sorted, {}, &SkillFile::path) != sorted.end())
    return fail(Code::kTagBad, "a path is there twice");
  const auto main = std::ranges::find(sorted, kSkillFile, &SkillFile::path);
  if (main == sorted.end()) return fail(Code::kRef, "there is no SKILL.md");
  TRY(const std::string text, normal_skill_text((*main)->bytes));
  if (!is_bundle(files)) return nostr::sha256(text);
  nostr::Sha256Hasher all;
  for (const SkillFile* file : sorted) {
    const nostr::Sha256 one =
        file == *main ? nostr::sha256(text) : nostr::sha256(std::string_view(file->bytes));
    all.update(one.hex()).update("  ").update(file->path).update("\n");
  }
  return all.finish();
}

}  // namespace nipsa
