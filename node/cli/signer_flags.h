// Whose signature a command wants: a key file here, or a remote signer (NIP-46).
#pragma once

#include <memory>
#include <string>

#include "node/cli/command.h"
#include "node/runtime.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {

struct SignerFlags {
  std::string key_file;
  std::string bunker_file;  ///< holds a bunker:// text

  bool any() const { return !key_file.empty() || !bunker_file.empty(); }
};

/// Registers --key-file, described by `what`, and --bunker-file.
void add_signer_flags(CLI::App& command, SignerFlags& flags, const std::string& what);

/// A signer and what it needs. Dies after the pool has stopped.
struct OpenSigner {
  std::unique_ptr<nostr::Signer> signer;
  std::unique_ptr<nostr::KeySigner> door;  ///< answers AUTH of a remote signer's relays until it is found
};

/// Opens it, lets it answer AUTH, and, at the first use of a remote signer, pairs: the key that this
/// home is known by there is kept beside its other keys, mode 0600. One of the flags is set.
/// References outlive the task.
base::Task<base::Result<OpenSigner>> open_signer(Runtime& runtime, const Context& context, SignerFlags flags);

/// Opens the signer and hands it to `act`, an act of one command that stops the pool itself; the
/// command's exit code. A usage error when no flag is set.
using SignerAct = std::function<base::Task<int>(nostr::Signer&)>;
int run_with_signer(Runtime& runtime, const Context& context, const SignerFlags& flags, SignerAct act);

}  // namespace node::cli
