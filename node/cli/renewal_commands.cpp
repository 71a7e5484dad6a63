// frost refresh | reshare | repair.
#include "node/cli/renewal_commands.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "node/cli/ceremony_flags.h"
#include "node/cli/frost_output.h"
#include "node/identity.h"
#include "node/key_file.h"
#include "node/renewal_files.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using frostr::Invitation;
using Kind = Invitation::Kind;

struct RenewalArguments {
  CeremonyArguments ceremony;
  std::string group, share, passphrase_file;
  std::uint32_t threshold = 0;         ///< a reshare's
  std::vector<std::string> holders;    ///< IDX:KEY of other members that take part
  std::vector<std::string> receivers;  ///< IDX:KEY of who is going to have a share
};

struct NamedHost {
  frostr::ShareIndex idx;
  nostr::PublicKey host;
};

Result<NamedHost> named_host(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::uint32_t idx = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(colon, text.size()), idx);
  if (colon == std::string::npos || error != std::errc() || end != text.data() + colon || idx == 0)
    return fail(Errc::kInvalid, "\"" + text + "\" does not name a share and a host key", "IDX:NPUB, as 2:npub1…");
  TRY(const nostr::PublicKey host, nostr::parse_public_key(std::string_view(text).substr(colon + 1)));
  return NamedHost{{idx}, host};
}

Invitation::Party& party_of(Invitation& invitation, const nostr::PublicKey& host) {
  const auto found = std::ranges::find(invitation.parties, host, &Invitation::Party::host);
  if (found != invitation.parties.end()) return *found;
  return invitation.parties.emplace_back(Invitation::Party{host, std::nullopt, std::nullopt});
}

/// We come first; with our share, unless it is ours that was lost.
Result<Invitation> invite(const RenewalArguments& arguments, Kind kind, const nostr::PublicKey& self,
                          base::Rng& rng) {
  TRY(frostr::GroupPackage group, load_group(arguments.group));
  Invitation out{.kind = kind,
                 .nonce = rng.hex(32),
                 .relays = arguments.ceremony.relays,
                 .threshold = kind == Kind::kReshare ? arguments.threshold : group.threshold(),
                 .parties = {{self, std::nullopt, std::nullopt}},
                 .group = std::move(group)};
  std::error_code error;
  if (std::filesystem::exists(arguments.share, error)) {
    TRY(const auto share, load_share(arguments.share, arguments.passphrase_file, *out.group));
    out.parties.front().holds = share.idx;
  }
  for (const std::string& text : arguments.holders) {
    TRY(const NamedHost holder, named_host(text));
    party_of(out, holder.host).holds = holder.idx;
  }
  for (const std::string& text : arguments.receivers) {
    TRY(const NamedHost receiver, named_host(text));
    party_of(out, receiver.host).receives = receiver.idx;
  }
  if (kind == Kind::kRefresh)
    for (Invitation::Party& party : out.parties) party.receives = party.holds;
  TRY(frostr::check(out));
  return out;
}

struct Done {
  frostr::GroupPackage group;
  Invitation::Party self;
  bool confirmed = false;
};

Result<Done> renew(const Context& context, const RenewalArguments& arguments, Kind kind) {
  Runtime runtime;
  TRY(nostr::SecretKey host,
      load_key_file(arguments.ceremony.host_key, arguments.ceremony.host_passphrase_file));
  TRY(const Invitation invitation, obtain_invitation(arguments.ceremony, kind, [&] {
        return invite(arguments, kind, host.public_key(), runtime.rng);
      }));
  TRY(const std::size_t position, invitation.find(host.public_key()));
  const Invitation::Party self = invitation.parties[position];
  TRY(RenewalFiles files,
      RenewalFiles::open({arguments.group, arguments.share, arguments.passphrase_file}, invitation, self,
                         runtime.rng));
  show_invitation(context, invitation, arguments.ceremony);
  TRY(frostr::RenewalSession session,
      frostr::RenewalSession::create(invitation, host.clone(), files.take_share(), files.memory(),
                                     runtime.clock.now(), runtime.rng, {.patience = arguments.ceremony.wait}));
  TRY(hold_ceremony(context, runtime, invitation, host, session, [&] { return files.keep(session); }));
  TRY(const auto outcome, *session.outcome());
  if (outcome.confirmed) TRY(files.close());
  TRY(frostr::GroupPackage group, load_group(arguments.group));
  return Done{std::move(group), self, outcome.confirmed};
}

void tell_what_next(const Context& context, const Done& done, Kind kind) {
  if (!done.confirmed)
    progress(context, "not everybody is known to have let go of the old: run it again with the same arguments");
  if (kind != Kind::kRepair)
    progress(context, "old shares are dead: start again whatever runs with one, and copy the new group.txt "
                      "to whoever reads it");
  if (done.self.holds && !done.self.receives && kind == Kind::kReshare)
    progress(context, "this party left the group: its share is destroyed");
}

int run(const Context& context, const RenewalArguments& arguments, Kind kind) {
  auto done = renew(context, arguments, kind);
  if (!done) return report(context, done.error());
  tell_what_next(context, *done, kind);
  if (context.json) {
    Value out = group_json(done->group);
    out.update({{"idx", done->self.receives   ? Value(done->self.receives->value)
                        : kind == Kind::kRepair ? Value(done->self.holds->value)
                                                : Value()},
                {"confirmed", done->confirmed}});
    print_json(out);
  } else {
    print_group(context, done->group);
  }
  return done->confirmed ? kOk : kPartial;
}

CLI::App* add(CLI::App& frost, Context& context, Action* chosen, Kind kind, const std::string& what,
              const std::shared_ptr<RenewalArguments>& arguments) {
  auto* command = frost.add_subcommand(std::string(frostr::kind_name(kind)), what);
  command->add_option("--group", arguments->group, "File with bfgroup1…, replaced at the end")->required();
  command->add_option("--share", arguments->share, "File with this party's share, replaced at the end")
      ->required();
  command->add_option("--passphrase-file", arguments->passphrase_file,
                      "Opens the old share and encrypts the new one");
  command->add_option("--holder", arguments->holders,
                      "Invite: another member that takes part, IDX:NPUB of its host key (repeat)")
      ->allow_extra_args(false);
  add_ceremony_flags(*command, arguments->ceremony);
  command->callback([=, &context] { *chosen = [=, &context] { return run(context, *arguments, kind); }; });
  return command;
}

}  // namespace

void add_renewal_commands(CLI::App& frost, Context& context, Action* chosen) {
  auto refreshed = std::make_shared<RenewalArguments>();
  add(frost, context, chosen, Kind::kRefresh, "New shares for all members: the old ones die", refreshed)
      ->footer(
          "Examples:\n  sovereign frost refresh --group group.txt --share share-1.txt --host-key host.key \\\n"
          "    --holder 2:$NPUB --relay ws://127.0.0.1:7777 --invitation invitation.json\n"
          "  sovereign frost refresh --group group.txt --share share-2.txt --host-key host.key "
          "--join invitation.json");

  auto reshared = std::make_shared<RenewalArguments>();
  auto* reshare = add(frost, context, chosen, Kind::kReshare,
                      "The same key for another threshold or other members", reshared);
  reshare->add_option("-t,--threshold", reshared->threshold, "Invite: shares that are to sign together")
      ->check(CLI::Range(2, 64));
  reshare->add_option("--receiver", reshared->receivers,
                      "Invite: who is going to have a share, IDX:NPUB of the host key, ours too (repeat)")
      ->allow_extra_args(false);
  reshare->footer(
      "Examples:\n  sovereign frost reshare --group group.txt --share share-1.txt --host-key host.key -t 3 \\\n"
      "    --holder 2:$NPUB --receiver 1:$NPUB --relay ws://127.0.0.1:7777 --invitation invitation.json\n"
      "  sovereign frost reshare --group group.txt --share share-4.txt --host-key host.key "
      "--join invitation.json");

  auto repaired = std::make_shared<RenewalArguments>();
  auto* repair = add(frost, context, chosen, Kind::kRepair,
                     "Give a member its lost share back; nobody who helps learns it", repaired);
  repair->add_option("--lost", repaired->receivers, "Invite: who lost its share, IDX:NPUB of its host key")
      ->expected(1);
  repair->footer(
      "Examples:\n  sovereign frost repair --group group.txt --share share-1.txt --host-key host.key \\\n"
      "    --holder 2:$NPUB --lost 3:$NPUB --relay ws://127.0.0.1:7777 --invitation invitation.json\n"
      "  sovereign frost repair --group group.txt --share share-3.txt --host-key host.key "
      "--join invitation.json");
}

}  // namespace node::cli
