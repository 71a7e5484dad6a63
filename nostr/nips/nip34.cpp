// Patches as events.
#include "nostr/nips/nip34.h"

#include <algorithm>

#include "nostr/base/utf8.h"

namespace nostr {
namespace {

using base::Errc;
using base::fail;
using base::Result;

/// The head of a mail as git writes it.
bool looks_like_patch(std::string_view text) {
  return text.starts_with("From ") && text.contains("\nSubject: ") && text.contains("\ndiff --git ");
}

std::string commit_in(const Tags& tags, std::string_view name) {
  const auto value = tag_value(tags, name);
  return value && is_commit_id(*value) ? std::string(*value) : "";
}

}  // namespace

bool is_commit_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<Draft> build_patch(const Patch& patch) {
  if (patch.repository.kind != kinds::kRepository)
    return fail(Errc::kInvalid, "a patch names the repository it is for", "an naddr, or 30617:PUBKEY:NAME");
  for (const std::string* id : {&patch.earliest_commit, &patch.commit, &patch.parent_commit})
    if (!id->empty() && !is_commit_id(*id)) return fail(Errc::kInvalid, *id + " is no commit id");
  if (!looks_like_patch(patch.text) || !base::is_utf8(patch.text))
    return fail(Errc::kInvalid, "that is no patch as git format-patch writes it, or not text");
  Draft draft{.kind = kinds::kPatch, .tags = {{"a", patch.repository.str()}}, .content = patch.text};
  if (!patch.earliest_commit.empty()) draft.tags.push_back({"r", patch.earliest_commit});
  draft.tags.push_back({"p", patch.repository.pubkey.hex()});
  if (patch.root) draft.tags.push_back({"t", "root"});
  if (!patch.commit.empty()) {
    draft.tags.push_back({"commit", patch.commit});
    draft.tags.push_back({"r", patch.commit});
  }
  if (!patch.parent_commit.empty()) draft.tags.push_back({"parent-commit", patch.parent_commit});
  return draft;
}

Result<Patch> parse_patch(const Event& event) {
  if (event.kind != kinds::kPatch) return fail(Errc::kInvalid, "that is no patch");
  Patch out{.text = event.content, .commit = commit_in(event.tags, "commit"),
            .parent_commit = commit_in(event.tags, "parent-commit"), .root = false};
  bool found = false;
  for (const std::string_view value : tag_values(event.tags, "a")) {
    const auto address = Address::parse(value);
    if (found || !address || address->kind != kinds::kRepository) continue;
    out.repository = *address;
    found = true;
  }
  if (!found) return fail(Errc::kInvalid, "the patch names no repository");
  if (!looks_like_patch(out.text)) return fail(Errc::kInvalid, "its content is no patch");
  for (const std::string_view value : tag_values(event.tags, "r"))
    if (is_commit_id(value) && value != out.commit && out.earliest_commit.empty()) out.earliest_commit = value;
  for (const std::string_view value : tag_values(event.tags, "t")) out.root = out.root || value == "root";
  return out;
}

std::string patch_subject(std::string_view text) {
  constexpr std::string_view kName = "\nSubject: ";
  std::size_t at = text.find(kName);
  if (at == text.npos || at > text.find("\n\n")) return "";
  at += kName.size();
  std::string out;
  // A long one goes on in lines that begin with a space.
  for (;;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += text.substr(at, end - at);
    if (end + 1 >= text.size() || text[end + 1] != ' ') break;
    at = end + 1;
  }
  if (out.starts_with("[PATCH"))
    if (const std::size_t close = out.find("] "); close != std::string::npos) out.erase(0, close + 2);
  return out;
}

}  // namespace nostr
