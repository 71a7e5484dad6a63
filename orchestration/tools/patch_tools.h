// publish_patch: a commit of the workspace as a patch that anybody can apply (NIP-34).
#pragma once

#include <memory>

#include "orchestration/tools/command_tools.h"

namespace orchestration {

/// The longest patch, in bytes: with its tags it has to fit what co-signers sign.
inline constexpr std::size_t kMaxPatchBytes = 16'000;

/// The repository is what the call names, else what `git config nostr.repo` of the workspace says.
std::unique_ptr<Tool> make_publish_patch(CommandToolDeps deps);

}  // namespace orchestration
