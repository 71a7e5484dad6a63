// backup | restore: a home in one file, under a passphrase.
#include <fmt/format.h>

#include "node/backup.h"
#include "node/cli/command.h"
#include "node/passphrase.h"

namespace node::cli {
namespace {

using base::json::int_or;
using base::json::string_or;
using base::json::Value;

struct BackupArguments {
  std::string file;
  std::string passphrase_file;
};

int backup(const Context& context, const BackupArguments& arguments) {
  auto passphrase = read_passphrase(arguments.passphrase_file, "Passphrase for the backup: ", Typed::kTwice);
  if (!passphrase) return report(context, passphrase.error());
  base::SystemRng rng;
  const base::SystemClock clock;
  const auto made = make_backup(context.home(), arguments.file, passphrase->expose(), rng, clock.now());
  if (!made) return report(context, made.error());
  if (context.json) {
    print_json(*made);
    return kOk;
  }
  print_line(fmt::format("{}: {} files of this {}, {} bytes", string_or(*made, "file"), int_or(*made, "files"),
                         string_or(*made, "role"), int_or(*made, "bytes")));
  progress(context, "it holds keys: whoever has it and the passphrase is this home");
  return kOk;
}

int restore(const Context& context, const BackupArguments& arguments) {
  auto passphrase = read_passphrase(arguments.passphrase_file, "Passphrase of the backup: ");
  if (!passphrase) return report(context, passphrase.error());
  const base::SystemClock clock;
  const Home home = context.home();
  const auto restored = restore_backup(arguments.file, home, passphrase->expose(), clock.now());
  if (!restored) return report(context, restored.error());
  if (context.json) {
    print_json(*restored);
    return kOk;
  }
  print_line(fmt::format("{}: a {} as it was at {}", home.config_dir.string(), string_or(*restored, "role"),
                         base::format_utc(base::unix_time(int_or(*restored, "made_at")))));
  if (const auto closed = base::json::get_object(*restored, "closed"))
    for (const auto& [what, count] : closed->items())
      if (count.get<std::int64_t>() > 0) print_line(fmt::format("  closed: {} {}", count.get<std::int64_t>(), what));
  progress(context, "the home it was copied from must not run any more: co-signers let only one of them act");
  if (string_or(*restored, "role") == "node")
    progress(context, "it is paused; look at `sovereign log` and `sovereign budget`, then `sovereign resume`");
  return kOk;
}

}  // namespace

void add_backup_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<BackupArguments>();
  const auto options = [&](CLI::App& command, const char* file) {
    command.add_option("file", arguments->file, file)->required();
    command.add_option("--passphrase-file", arguments->passphrase_file, "Its first line is the passphrase");
  };
  auto* out = app.add_subcommand("backup", "Write everything of this home into one file, under a passphrase");
  options(*out, "The file to make");
  out->footer(
      "The process of the home may run meanwhile.\n"
      "Examples:\n  sovereign backup agent.backup --passphrase-file phrase.txt --home agent");
  out->callback([=, &context] { *chosen = [=, &context] { return backup(context, *arguments); }; });

  auto* in = app.add_subcommand("restore", "Make a home from a backup; what was open in it is closed first");
  options(*in, "The file that backup made");
  in->footer(
      "Nonces, questions, ticks and leases of before are dead, so that nothing is signed or paid twice.\n"
      "Examples:\n  sovereign restore agent.backup --passphrase-file phrase.txt --home agent2");
  in->callback([=, &context] { *chosen = [=, &context] { return restore(context, *arguments); }; });
}

}  // namespace node::cli
