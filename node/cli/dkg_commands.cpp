// frost dkg | recover: generating a key among machines, and getting it back.
#include "node/cli/dkg_commands.h"

#include <fmt/format.h>

#include "node/cli/ceremony_flags.h"
#include "node/cli/frost_output.h"
#include "node/dkg_folder.h"
#include "node/identity.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using frostr::Invitation;

constexpr base::seconds kRetry{1};

struct DkgArguments {
  CeremonyArguments ceremony;
  bool coordinate = false;
  std::vector<std::string> hosts;
  std::uint32_t threshold = 2;
  std::string passphrase_file;
  std::string out;
};

Result<Invitation> invite(const DkgArguments& arguments, const nostr::PublicKey& self, base::Rng& rng) {
  std::vector<nostr::PublicKey> hosts{self};
  for (const std::string& text : arguments.hosts) {
    TRY(const nostr::PublicKey host, nostr::parse_public_key(text));
    hosts.push_back(host);
  }
  return frostr::invite_to_dkg(hosts, arguments.threshold, arguments.ceremony.relays, rng);
}

/// What came out, and whether everybody is known to have it.
struct Generated {
  frostr::GroupPackage group;
  frostr::ShareIndex idx;
  bool confirmed = false;
};

Result<Generated> generate(const Context& context, const DkgArguments& arguments) {
  Runtime runtime;
  TRY(const nostr::SecretKey host,
      load_key_file(arguments.ceremony.host_key, arguments.ceremony.host_passphrase_file));
  TRY(frostr::SecretText phrase, share_passphrase(arguments.passphrase_file));
  TRY(const Invitation invitation,
      obtain_invitation(arguments.ceremony, Invitation::Kind::kDkg,
                        [&] { return invite(arguments, host.public_key(), runtime.rng); }));
  TRY(const std::size_t position, invitation.find(host.public_key()));
  const frostr::ShareIndex idx = *invitation.parties[position].receives;
  TRY(DkgFolder folder,
      DkgFolder::open(arguments.out, invitation.id(), std::move(phrase), runtime.rng));
  show_invitation(context, invitation, arguments.ceremony);
  TRY(auto params, frostr::dkg_params(invitation.hosts(), invitation.threshold));
  TRY(auto host_key, frostr::host_key_of(host));
  TRY(frostr::DkgSession session,
      frostr::DkgSession::create(
          std::move(host_key), std::move(params), folder.memory(), runtime.clock.now(), runtime.rng,
          {.retry = kRetry, .patience = arguments.ceremony.wait, .session = invitation.id()}));
  TRY(hold_ceremony(context, runtime, invitation, host, session,
                    [&] { return folder.keep(session, invitation.threshold, idx); }));
  TRY(const frostr::DkgSession::Outcome outcome, std::move(*session.outcome()));
  if (outcome.confirmed) TRY(folder.close());
  TRY(frostr::GroupPackage group, load_group(folder.group().string()));
  return Generated{std::move(group), idx, outcome.confirmed};
}

int dkg(const Context& context, const DkgArguments& arguments) {
  if (arguments.coordinate == !arguments.ceremony.join.empty())
    return report_usage(context, {Errc::kInvalid, "name either --coordinate or --join FILE", ""});
  auto made = generate(context, arguments);
  if (!made) return report(context, made.error());
  if (!made->confirmed)
    progress(context,
             "not everybody is known to hold the key: run it again with the same arguments, and let "
             "nobody pay or trust the identity before it says so");
  if (context.json) {
    Value out = group_json(made->group);
    out.update({{"idx", made->idx.value}, {"out", arguments.out}, {"confirmed", made->confirmed}});
    print_json(out);
  } else {
    print_group(context, made->group);
    progress(context, fmt::format("share {} is in {}. Back up recovery.txt and the host key: together "
                                  "they bring it back", made->idx.value, arguments.out));
  }
  return made->confirmed ? kOk : kPartial;
}

// ---- recover

struct RecoverArguments {
  std::string host_key, host_passphrase_file, recovery, passphrase_file, out;
};

Result<frostr::GroupPackage> bring_back(const RecoverArguments& arguments) {
  const std::filesystem::path dir(arguments.out);
  std::error_code error;
  if (std::filesystem::exists(dir / "share.txt", error))
    return fail(Errc::kConflict, fmt::format("{} holds a share already", arguments.out),
                "shares are never overwritten: name another --out");
  TRY(const nostr::SecretKey key, load_key_file(arguments.host_key, arguments.host_passphrase_file));
  TRY(const frostr::SecretText phrase, share_passphrase(arguments.passphrase_file));
  TRY(const std::string text, read_file(arguments.recovery));
  TRY(const base::Bytes data, decode_recovery(text));
  TRY(const auto host, frostr::host_key_of(key));
  auto recovered = frostr::chilldkg::recover(&host, data);
  if (!recovered) return std::unexpected(to_error(recovered.error()));
  auto position = recovered->params.find(host.public_key());
  if (!position) return std::unexpected(to_error(position.error()));
  const frostr::ShareIndex idx{static_cast<std::uint32_t>(*position + 1)};
  base::SystemRng rng;
  TRY(write_key(dir, recovered->output, data, recovered->params.threshold(), idx, phrase.expose(), rng));
  return frostr::chilldkg::to_group(recovered->output, recovered->params.threshold());
}

int recover(const Context& context, const RecoverArguments& arguments) {
  auto group = bring_back(arguments);
  if (!group) return report(context, group.error());
  progress(context, "this is the share as it was generated: if shares were renewed since, it is dead, "
                    "and frost repair gives back the present one");
  print_group(context, *group);
  return kOk;
}

void add_recover(CLI::App& frost, Context& context, Action* chosen) {
  auto arguments = std::make_shared<RecoverArguments>();
  auto* command = frost.add_subcommand(
      "recover", "Get a generated share back from its host key and the recovery data");
  command->add_option("--host-key", arguments->host_key, "The host key that took part")->required();
  command->add_option("--host-passphrase-file", arguments->host_passphrase_file,
                      "Opens a host key that is an ncryptsec");
  command->add_option("--recovery", arguments->recovery, "recovery.txt of any participant")->required();
  command->add_option("--passphrase-file", arguments->passphrase_file,
                      "Encrypt the share with this passphrase");
  command->add_option("--out", arguments->out, "Folder for group.txt and share.txt")->required();
  command->footer(
      "Examples:\n  sovereign frost recover --host-key me.key --recovery recovery.txt --out back");
  command->callback([=, &context] { *chosen = [=, &context] { return recover(context, *arguments); }; });
}

}  // namespace

void add_dkg_commands(CLI::App& frost, Context& context, Action* chosen) {
  auto arguments = std::make_shared<DkgArguments>();
  auto* command = frost.add_subcommand(
      "dkg", "Generate a key among machines over relays: it is whole nowhere, ever");
  command->add_flag("--coordinate", arguments->coordinate,
                    "Invite the others and collect what they say (trusted with nothing)");
  command->add_option("--host", arguments->hosts, "Invite: another party's host key, npub or hex (repeat)")
      ->allow_extra_args(false);
  command->add_option("-t,--threshold", arguments->threshold, "Invite: shares that sign together")
      ->check(CLI::Range(2, 64));
  add_ceremony_flags(*command, arguments->ceremony);
  command->add_option("--passphrase-file", arguments->passphrase_file,
                      "Encrypt the share with this passphrase");
  command->add_option("--out", arguments->out, "Folder for group.txt, share.txt and recovery.txt")
      ->required();
  command->footer(
      "Examples:\n  sovereign frost dkg --coordinate --host $NPUB -t 2 --relay ws://127.0.0.1:7777 \\\n"
      "    --invitation invitation.json --host-key host.key --out mine\n"
      "  sovereign frost dkg --join invitation.json --host-key host.key --out mine");
  command->callback([=, &context] { *chosen = [=, &context] { return dkg(context, *arguments); }; });
  add_recover(frost, context, chosen);
}

}  // namespace node::cli
