// The common part of dkg, refresh, reshare and repair.
#include "node/cli/ceremony_flags.h"

#include <fmt/format.h>

#include "node/cli/flags.h"
#include "nostr/nips/nip19.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {

using base::Errc;
using base::fail;
using base::Result;
using frostr::Invitation;

namespace {

constexpr std::size_t kMaxInvitation = 65'536;

Result<Invitation> read_invitation(const std::string& file) {
  TRY(const std::string text, read_input(file, kMaxInvitation));
  auto parsed = frostr::parse_invitation(text);
  if (!parsed) return std::unexpected(base::in_context(file, parsed.error()));
  return parsed;
}

Result<Invitation> invite(const std::string& file, Invitation made) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    TRY(write_file(file, frostr::to_text(made) + "\n"));
    return made;
  }
  TRY(Invitation there, read_invitation(file));
  made.nonce = there.nonce;
  if (there != made)
    return fail(Errc::kConflict, fmt::format("{} is an invitation to something else", file),
                "name another --invitation, or remove it if that one is over");
  return there;
}

base::Task<Result<void>> run_room(frostr::CeremonyRoom& room, Runtime& runtime,
                                  frostr::Ceremony& ceremony) {
  auto done = co_await room.run(ceremony);
  co_await runtime.pool.stop();
  co_return done;
}

}  // namespace

void add_ceremony_flags(CLI::App& command, CeremonyArguments& arguments) {
  auto* join = command.add_option("--join", arguments.join, "An invitation's file; - is stdin");
  auto* invitation = command.add_option("--invitation", arguments.invitation,
                                        "Invite: the file to write the invitation to, for the others");
  auto* relays = command.add_option("--relay", arguments.relays, "Invite: relay to meet on (repeat)")
                     ->allow_extra_args(false);
  join->excludes(invitation)->excludes(relays);
  command.add_option("--host-key", arguments.host_key,
                     "File with this party's key for ceremonies (key new makes one)")
      ->required();
  command.add_option("--host-passphrase-file", arguments.host_passphrase_file,
                     "Opens a host key that is an ncryptsec");
  add_duration(command, "--wait", arguments.wait, "How long to wait for the others");
}

Result<Invitation> obtain_invitation(const CeremonyArguments& arguments, Invitation::Kind kind,
                                     const std::function<Result<Invitation>()>& make) {
  if (arguments.join.empty() == arguments.invitation.empty())
    return fail(Errc::kInvalid, "name either --join or --invitation",
                "one party invites, the others join with the file it wrote");
  if (!arguments.join.empty()) {
    TRY(Invitation invitation, read_invitation(arguments.join));
    if (invitation.kind != kind)
      return fail(Errc::kInvalid, fmt::format("{} is an invitation to frost {}", arguments.join,
                                              frostr::kind_name(invitation.kind)));
    return invitation;
  }
  TRY(Invitation made, make());
  return invite(arguments.invitation, std::move(made));
}

void show_invitation(const Context& context, const Invitation& invitation,
                     const CeremonyArguments& arguments) {
  for (std::size_t i = 0; i < invitation.parties.size(); ++i) {
    const Invitation::Party& party = invitation.parties[i];
    std::string role;
    if (party.holds) role += fmt::format(", holds share {}", party.holds->value);
    if (party.receives) role += fmt::format(", receives share {}", party.receives->value);
    progress(context, fmt::format("participant {}  {}{}", i + 1, nostr::encode_npub(party.host), role));
  }
  if (arguments.join.empty())
    progress(context, fmt::format("the others join with {}", arguments.invitation));
  progress(context, fmt::format("code {}: everybody has to see the same", invitation.code()));
}

Result<void> hold_ceremony(const Context& context, Runtime& runtime, const Invitation& invitation,
                           const nostr::SecretKey& host, frostr::Ceremony& ceremony,
                           std::function<Result<void>()> before_send) {
  // Relays that ask who we are learn the host key, which every message carries anyway.
  nostr::KeySigner signer(host.clone(), runtime.clock, runtime.rng);
  for (const std::string& relay : invitation.relays) runtime.pool.set_auth(relay, &signer);
  frostr::CeremonyRoom room({runtime.loop, runtime.pool, runtime.clock, runtime.rng}, host.clone(),
                            {.relays = invitation.relays,
                             .parties = invitation.hosts(),
                             .before_send = std::move(before_send),
                             .progress = [&](const std::string& line) { progress(context, line); }});
  return runtime.loop.run_until_complete(run_room(room, runtime, ceremony));
}

}  // namespace node::cli
