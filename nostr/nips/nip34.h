// NIP-34: git patches (kind 1617) for a repository that is announced on Nostr (kind 30617).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nostr/event/event.h"

namespace nostr {

namespace kinds {
inline constexpr Kind kPatch = 1617;        // NIP-34
inline constexpr Kind kRepository = 30617;  // NIP-34
}  // namespace kinds

struct Patch {
  Address repository;              ///< 30617 of its owner
  std::string text;                ///< as `git format-patch` writes it
  std::string earliest_commit;     ///< of the repository, by which all its patches are found; "" not told
  std::string commit;              ///< the patch as a commit; "" not told
  std::string parent_commit;       ///< what it was made on; "" not told
  bool root = true;                ///< the first of its series
};

/// Whether `text` is a commit id: 40 or 64 lower-case hex digits.
bool is_commit_id(std::string_view text);

/// The draft of the patch. kInvalid when the repository is none, an id is none, or the text is no patch.
base::Result<Draft> build_patch(const Patch& patch);
/// What a patch event says; ids that are none are left out. kInvalid without a repository or a patch.
base::Result<Patch> parse_patch(const Event& event);

/// The subject of a patch, unfolded and without "[PATCH …]"; "" when it has none.
std::string patch_subject(std::string_view text);

}  // namespace nostr
