// Passphrases: from a file, from standard input, or typed without echo. Never from the command line.
#pragma once

#include <string>

#include "frostr/wire/credential.h"
#include "nostr/base/result.h"

namespace node {

/// Whether a typed passphrase is asked for once, or twice because it is new.
enum class Typed { kOnce, kTwice };

/// The first line of `file` ("-": of standard input); when `file` is empty, of the file that
/// SOVEREIGN_PASSPHRASE_FILE names; without either, what the operator types at the terminal after
/// `prompt`. kDenied when the file is open to others or there is no terminal, kCancelled on Ctrl-C,
/// kInvalid when it is empty or was typed in two ways.
base::Result<frostr::SecretText> read_passphrase(const std::string& file, const std::string& prompt,
                                                 Typed typed = Typed::kOnce);

}  // namespace node
