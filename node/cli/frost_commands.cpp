// frost deal | status: dealing and showing threshold identities.
#include <fmt/format.h>

#include "frostr/wire/credential.h"
#include "node/cli/command.h"
#include "node/cli/credential_commands.h"
#include "node/cli/dkg_commands.h"
#include "node/cli/frost_output.h"
#include "node/cli/frost_requests.h"
#include "node/cli/renewal_commands.h"
#include "node/control.h"
#include "node/dealing.h"
#include "node/identity.h"

namespace node::cli {
namespace {

using base::Errc;
using base::json::Value;

int show_group_file(const Context& context, const std::string& file) {
  auto group = load_group(file);
  if (!group) return report(context, group.error());
  print_group(context, *group);
  return kOk;
}

std::string live_member_text(const Value& member) {
  std::string line = fmt::format("share {}  {}, {}, {} nonces", base::json::int_or(member, "idx"),
                                 member.value("online", false) ? "online" : "away",
                                 member.value("judges", false) ? "judges by policy" : "signs blindly",
                                 base::json::int_or(member, "nonces"));
  if (const std::string why = base::json::string_or(member, "why_not"); !why.empty())
    line += fmt::format(" ({})", why);
  return line;
}

/// A group is as strong as its weakest judging member, so this says who judges.
int show_live_group(const Context& context) {
  auto status =
      control_call(context.home().control_socket(), "status", Value::object(), kControlPatience);
  if (!status) {
    report(context, status.error());
    return status.error().code == Errc::kUnavailable ? kNotRunning : kFailed;
  }
  if (context.json) {
    print_json({{"identity", (*status)["identity"]},
                {"cosigners", status->value("cosigners", Value::array())},
                {"ready", status->value("ready", false)},
                {"why_not", status->value("why_not", "")}});
    return kOk;
  }
  print_line(base::json::string_or(*status, "identity"));
  for (const Value& member : status->value("cosigners", Value::array()))
    print_line(live_member_text(member));
  if (const std::string why = base::json::string_or(*status, "why_not"); !why.empty())
    print_line("not ready: " + why);
  return kOk;
}

int deal(const Context& context, const DealRequest& arguments) {
  auto group = deal_into(arguments);
  if (!group) return report(context, group.error());
  progress(context,
           "dealt by this machine: it held the whole key for a moment. Move each share to its own "
           "machine, then delete it here.");
  if (!arguments.secret_file.empty()) progress(context, split_key_warning(arguments.secret_file));
  print_group(context, *group);
  return kOk;
}

}  // namespace

void add_frost_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* frost =
      app.add_subcommand("frost", "Threshold identities: generate, deal, inspect, sign, derive secrets");
  frost->require_subcommand(1);
  auto dealing = std::make_shared<DealRequest>();
  auto* deal_command =
      frost->add_subcommand("deal", "Split a new key (or an existing one) into shares");
  deal_command->add_option("-t,--threshold", dealing->threshold, "Shares that sign together")
      ->check(CLI::Range(2, 256));
  deal_command->add_option("-n,--members", dealing->members, "Shares in all")
      ->check(CLI::Range(2, 256));
  deal_command->add_option("--secret-file", dealing->secret_file,
                           "Split this key instead of a new one");
  deal_command->add_option("--passphrase-file", dealing->passphrase_file,
                           "Encrypt the shares with this passphrase");
  deal_command->add_option("--out", dealing->out, "Folder for group.txt and share-N.txt")
      ->required();
  deal_command->footer(
      "Examples:\n  sovereign frost deal -t 2 -n 3 --out deal\n"
      "  sovereign frost deal -t 2 -n 3 --out deal --passphrase-file phrase.txt");
  deal_command->callback(
      [=, &context] { *chosen = [=, &context] { return deal(context, *dealing); }; });

  auto file = std::make_shared<std::string>();
  auto* show = frost->add_subcommand(
      "status", "What a group file says; without one, who of this home's group answers and judges");
  show->add_option("--group", *file, "File with bfgroup1…; default: ask the running node");
  show->footer("Examples:\n  sovereign frost status --group group.txt");
  show->callback([=, &context] {
    *chosen = [=, &context] {
      return file->empty() ? show_live_group(context) : show_group_file(context, *file);
    };
  });
  add_credential_commands(*frost, context, chosen);
  add_dkg_commands(*frost, context, chosen);
  add_renewal_commands(*frost, context, chosen);
  add_frost_requests(*frost, context, chosen);
}

}  // namespace node::cli
