// cosigner [init|groups]: setting up a co-signer's home and serving its shares.
#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "node/cli/command.h"
#include "node/cli/cosigner_questions.h"
#include "node/cli/service.h"
#include "node/cosigner_groups.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

struct ServeArguments {
  std::string group, share, passphrase_file, policy;
  std::vector<std::string> relays;
};

struct InitArguments {
  std::string group, share, passphrase_file;
  std::vector<std::string> operators, runners, relays, decisions_from;
  std::string level = "bounded";
  bool blind = false;
  bool add = false;
};

/// A line for each group.
void print_ready(const Context& context, const CosignerGroups& groups) {
  const auto apps = groups.all();
  for (const CosignerApp* app : apps) {
    const std::string share = app->share_key().hex();
    Value line = {{"ready", share}, {"service", app->service_key().hex()}};
    if (apps.size() > 1) line["identity"] = app->identity().hex();
    if (context.json) print_json(line);
    else print_line("ready " + share + (apps.size() > 1 ? " for " + nostr::encode_npub(app->identity()) : ""));
  }
}

int serve(const Context& context, const ServeArguments& arguments) {
  Runtime runtime;
  auto groups = CosignerGroups::create(runtime, {.home = context.home(),
                                                 .group_file = arguments.group,
                                                 .share_file = arguments.share,
                                                 .passphrase_file = arguments.passphrase_file,
                                                 .relays = arguments.relays,
                                                 .policy_file = arguments.policy});
  if (!groups) return report(context, groups.error());
  Service service(runtime.loop);
  auto ended = service.run({.start = [&] { return (*groups)->start(); },
                            .ready = [&] { print_ready(context, **groups); },
                            .stop = [&] { return (*groups)->stop(); }});
  if (!ended) return report(context, ended.error());
  return *ended == SIGINT ? kInterrupted : kOk;
}

Result<std::vector<nostr::PublicKey>> parse_keys(std::string_view option,
                                                 const std::vector<std::string>& texts) {
  std::vector<nostr::PublicKey> keys;
  for (const std::string& text : texts) {
    auto key = nostr::parse_public_key(text);
    if (!key) return std::unexpected(base::in_context(option, key.error()));
    keys.push_back(*key);
  }
  return keys;
}

Result<frostr::PolicySeed> seed_of(const InitArguments& arguments,
                                   const ThresholdIdentity& identity) {
  frostr::PolicySeed seed{.relays = arguments.relays};
  TRY(seed.operators, parse_keys("--operator", arguments.operators));
  TRY(seed.decisions_from, parse_keys("--decisions-from", arguments.decisions_from));
  // "idx:key" names a member's runner; a key alone is the runner of share 1.
  for (const std::string& text : arguments.runners) {
    const std::size_t colon = text.find(':');
    frostr::Requester requester{.idx = 1, .blind = arguments.blind};
    std::string key_text = text;
    if (colon != std::string::npos && text.find_first_not_of("0123456789") == colon) {
      requester.idx = static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
      key_text = text.substr(colon + 1);
    }
    auto key = nostr::parse_public_key(key_text);
    if (!key) return std::unexpected(base::in_context("--runner", key.error()));
    requester.runner = *key;
    if (!identity.group.find(frostr::ShareIndex{requester.idx}) ||
        requester.idx == identity.share.idx.value)
      return fail(Errc::kInvalid,
                  fmt::format("--runner {}: share {} is not another member of the group", text,
                              requester.idx));
    seed.requesters.push_back(requester);
  }
  if (arguments.level == "supervised")
    seed.level = frostr::Level::kSupervised;
  else if (arguments.level == "bounded")
    seed.level = frostr::Level::kBounded;
  else if (arguments.level == "autonomous")
    seed.level = frostr::Level::kAutonomous;
  else
    return fail(Errc::kInvalid, fmt::format("--level {}", arguments.level),
                "supervised, bounded or autonomous");
  return seed;
}

/// Where the co-signer of `identity` is set up: in the home, or beside the groups it serves already.
Result<Home> place_for(const Home& home, const ThresholdIdentity& identity, bool add) {
  std::error_code error;
  if (!std::filesystem::exists(home.policy_file(), error)) return home;
  TRY(const auto groups, groups_of(home));
  const nostr::PublicKey key = identity.group.identity();
  const bool known = std::ranges::find(groups, key, &ServedGroup::identity) != groups.end();
  if (known || !add)
    return fail(Errc::kConflict, home.policy_file().string() + " exists already",
                known ? "edit it, or choose another --home"
                      : "edit it, choose another --home, or --add this group to those the home serves");
  return home_beside(home, key);
}

Result<Value> init_home(const Home& given, const InitArguments& arguments) {
  TRY(const ThresholdIdentity identity,
      load_identity(arguments.group, arguments.share, arguments.passphrase_file));
  TRY(const frostr::PolicySeed seed, seed_of(arguments, identity));
  TRY(const Home home, place_for(given, identity, arguments.add));
  TRY(home.ensure());
  base::SystemRng rng;
  TRY(const nostr::SecretKey service, load_or_create_key_file(home.service_key_file(), rng));
  TRY(install_identity(home, arguments.group, arguments.share));
  TRY(write_file(home.policy_file(), frostr::write_policy(seed)));
  return Value{{"share", identity.group.find(identity.share.idx)->identity().hex()},
               {"service", service.public_key().hex()},
               {"identity", identity.group.identity().hex()},
               {"policy", home.policy_file().string()}};
}

int init(const Context& context, const InitArguments& arguments) {
  auto made = init_home(context.home(), arguments);
  if (!made) return report(context, made.error());
  if (context.json) {
    print_json(*made);
    return kOk;
  }
  print_line("policy   " + (*made)["policy"].get<std::string>());
  print_line("asks as  " + (*made)["service"].get<std::string>());
  print_line("next     sovereign cosigner --home " + context.home().config_dir.string());
  return kOk;
}

int groups(const Context& context) {
  const auto found = groups_of(context.home());
  if (!found) return report(context, found.error());
  if (found->empty())
    return report(context, {Errc::kNotFound, "this home serves no group", "sovereign cosigner init"});
  for (const ServedGroup& group : *found) {
    if (context.json)
      print_json({{"identity", group.identity.hex()}, {"home", group.home.config_dir.string()}});
    else
      print_line(nostr::encode_npub(group.identity) + "  " + group.home.config_dir.string());
  }
  return kOk;
}

}  // namespace

void add_cosigner_commands(CLI::App& app, Context& context, Action* chosen) {
  auto serving = std::make_shared<ServeArguments>();
  auto* cosigner =
      app.add_subcommand("cosigner", "Answer signing requests for the shares here, by policy");
  cosigner->require_subcommand(0, 1);
  cosigner->add_option("--group", serving->group, "File with bfgroup1…; default the home's");
  cosigner->add_option("--share", serving->share,
                       "File with bfshare1… or sovshare1…; default the home's");
  cosigner->add_option("--passphrase-file", serving->passphrase_file, "Opens a sovshare1…");
  cosigner
      ->add_option("--relay", serving->relays, "Serve on this relay (repeat); default the policy's")
      ->allow_extra_args(false);
  cosigner->add_option("--policy", serving->policy, "Policy file; default the home's policy.toml");
  cosigner->footer(
      "Examples:\n  sovereign cosigner init --home ./guardian --group group.txt --share "
      "share-3.txt \\\n"
      "      --operator npub1… --runner HEX --relay wss://relay.example\n"
      "  sovereign cosigner init --home ./guardian --add --group group-2.txt --share share-2.txt \\\n"
      "      --operator npub1… --runner HEX --relay wss://relay.example\n"
      "  sovereign cosigner --home ./guardian\n"
      "  sovereign cosigner policy test --home ./guardian event.json");

  auto starting = std::make_shared<InitArguments>();
  auto* init_command = cosigner->add_subcommand(
      "init", "Set up a co-signer's home: share, service key, commented policy");
  init_command->add_option("--group", starting->group, "File with bfgroup1…")->required();
  init_command->add_option("--share", starting->share, "File with this machine's share")
      ->required();
  init_command->add_option("--passphrase-file", starting->passphrase_file, "Opens a sovshare1…");
  init_command->add_option("--operator", starting->operators, "Who is asked (repeat)")
      ->required()
      ->allow_extra_args(false);
  init_command->add_option("--runner", starting->runners, "The node's key, or IDX:KEY (repeat)")
      ->required()
      ->allow_extra_args(false);
  init_command->add_option("--relay", starting->relays, "Relay (repeat)")
      ->required()
      ->allow_extra_args(false);
  init_command
      ->add_option("--decisions-from", starting->decisions_from,
                   "Service key of another co-signer whose decision counts too (repeat)")
      ->allow_extra_args(false);
  init_command->add_option("--level", starting->level, "supervised, bounded or autonomous");
  init_command->add_flag("--add", starting->add, "Beside the groups this home serves already, if it does");
  init_command->callback(
      [=, &context] { *chosen = [=, &context] { return init(context, *starting); }; });
  auto* groups_command = cosigner->add_subcommand("groups", "The groups this home serves");
  groups_command->footer(
      "One process serves them all; commands about one of them take --identity.\n"
      "Examples:\n  sovereign cosigner groups --home ./market\n"
      "  sovereign cosigner audit list --home ./market --identity $NPUB");
  groups_command->callback([=, &context] { *chosen = [&context] { return groups(context); }; });
  add_cosigner_questions(*cosigner, context, chosen);
  cosigner->callback([=, &context] {
    if (cosigner->get_subcommands().empty())
      *chosen = [=, &context] { return serve(context, *serving); };
  });
}

}  // namespace node::cli
