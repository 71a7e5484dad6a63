// What the commands of all ceremonies share: their flags, the invitation's file, the room.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "frostr/ceremony/invitation.h"
#include "frostr/ceremony/room.h"
#include "node/cli/command.h"
#include "node/runtime.h"

namespace node::cli {

struct CeremonyArguments {
  std::string join;        ///< an invitation's file: we were invited
  std::string invitation;  ///< the file to write ours to: we invite
  std::string host_key, host_passphrase_file;
  std::vector<std::string> relays;
  std::chrono::seconds wait{600};
};

/// --join, --invitation, --host-key, --relay, --wait.
void add_ceremony_flags(CLI::App& command, CeremonyArguments& arguments);

/// Reads the invitation of `arguments.join`; or makes one with `make` and writes it. An invitation
/// that is there already stands when it differs from ours in nothing but its nonce: an inviter that is
/// started again goes on. kConflict otherwise, kInvalid for one to another kind of ceremony.
base::Result<frostr::Invitation> obtain_invitation(
    const CeremonyArguments& arguments, frostr::Invitation::Kind kind,
    const std::function<base::Result<frostr::Invitation>()>& make);

/// Says on stderr who was invited to what, and the code to compare.
void show_invitation(const Context& context, const frostr::Invitation& invitation,
                     const CeremonyArguments& arguments);

/// Carries `ceremony` to its end in the invitation's room; `before_send` as in frostr/ceremony/room.h.
base::Result<void> hold_ceremony(const Context& context, Runtime& runtime,
                                 const frostr::Invitation& invitation, const nostr::SecretKey& host,
                                 frostr::Ceremony& ceremony,
                                 std::function<base::Result<void>()> before_send);

}  // namespace node::cli
