// People on the command line: keys in any form, told back in both.
#pragma once

#include <string>

#include "node/cli/command.h"
#include "node/runtime.h"

namespace node::cli {

/// The key that `text` names: npub, nprofile, hex, or a NIP-05 name, which is looked up over HTTPS and
/// then told on stderr with the key it stands for. References outlive the task.
base::Task<base::Result<nostr::PublicKey>> find_person(Runtime& runtime, const Context& context,
                                                       std::string text);
/// Each of `texts`, in their order; the first error names which.
base::Task<base::Result<std::vector<nostr::PublicKey>>> find_people(Runtime& runtime,
                                                                    const Context& context,
                                                                    std::vector<std::string> texts);

}  // namespace node::cli
