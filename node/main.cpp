// sovereign: argv → command → exit code.
//
//~ The guided tour starts here: main.cpp → agent_app.cpp → tick_runner.cpp → actions.cpp on the
//~ node's side, cosigner_app.cpp on the co-signer's.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <span>
#include <string_view>

#include "node/cli/command.h"
#include "node/cli/help.h"
#include "node/cli/skill_commands.h"
#include "node/cli/wallet_commands.h"
#include "nostr/base/log.h"

namespace {

/// Shares and keys live in this process: no core file, and no debugger of another process.
void protect_memory() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#if !__has_feature(address_sanitizer)  // the leak check at exit traces its own process
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

void set_log_level(const node::cli::Context& context) {
  if (context.quiet) base::set_log_level(base::LogLevel::kError);
  else if (context.verbose > 0) base::set_log_level(base::LogLevel::kDebug);
}

}  // namespace

int main(int argc, char** argv) {
  protect_memory();
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{"sovereign: agents on Nostr that own their key and obey only their operator"};
  app.formatter(node::cli::examples_first());
  app.footer(
      "Examples:\n"
      "  sovereign key new bob.key\n"
      "  sovereign event -c hello --key-file me.key --relay ws://127.0.0.1:7777\n"
      "  sovereign req ws://127.0.0.1:7777 -k 1 --since 1d | sovereign verify");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", SOVEREIGN_VERSION);
  node::cli::Context context;
  node::cli::Action chosen;
  app.add_option("--home", context.home_dir, "Keep everything in this folder")->type_name("DIR");
  app.add_option("--identity", context.identity, "Which group, in a co-signer's home that serves several")
      ->type_name("KEY");
  app.add_flag("--json", context.json, "Answer with one JSON object (or one per line)");
  app.add_flag("-v,--verbose", context.verbose, "Log more");
  app.add_flag("-q,--quiet", context.quiet, "No progress, errors only");

  node::cli::add_init_commands(app, context, &chosen);
  node::cli::add_agent_commands(app, context, &chosen);
  node::cli::add_approval_commands(app, context, &chosen);
  node::cli::add_roster_commands(app, context, &chosen);
  node::cli::add_task_commands(app, context, &chosen);
  node::cli::add_backup_commands(app, context, &chosen);
  node::cli::add_state_commands(app, context, &chosen);
  node::cli::add_proof_commands(app, context, &chosen);
  node::cli::add_delegation_commands(app, context, &chosen);
  node::cli::add_doctor_commands(app, context, &chosen);
  node::cli::add_watch_commands(app, context, &chosen);
  node::cli::add_cosigner_commands(app, context, &chosen);
  node::cli::add_frost_commands(app, context, &chosen);
  node::cli::add_bunker_commands(app, context, &chosen);
  node::cli::add_relay_commands(app, context, &chosen);
  node::cli::add_event_commands(app, context, &chosen);
  node::cli::add_req_commands(app, context, &chosen);
  node::cli::add_publish_commands(app, context, &chosen);
  node::cli::add_verify_commands(app, context, &chosen);
  node::cli::add_codec_commands(app, context, &chosen);
  node::cli::add_qr_commands(app, context, &chosen);
  node::cli::add_key_commands(app, context, &chosen);
  node::cli::add_patch_commands(app, context, &chosen);
  node::cli::add_sync_commands(app, context, &chosen);
  node::cli::add_message_commands(app, context, &chosen);
  node::cli::add_backend_commands(app, context, &chosen);
  node::cli::add_signature_commands(app, context, &chosen);
  node::cli::add_issue_commands(app, context, &chosen);
  node::cli::add_directive_commands(app, context, &chosen);
  node::cli::add_outbox_commands(app, context, &chosen);
  node::cli::add_wallet_commands(app, context, &chosen);
  node::cli::add_skill_commands(app, context, &chosen);
  node::cli::add_license_commands(app, context, &chosen);
  node::cli::add_credit_commands(app, context, &chosen);
  node::cli::add_job_commands(app, context, &chosen);
  node::cli::add_standing_commands(app, context, &chosen);
  node::cli::add_order_commands(app, context, &chosen);
  node::cli::add_setup_commands(app, context, &chosen);
  node::cli::add_manual_commands(app, context, &chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help or version was asked for
    // Parsing did not get as far as the flag, perhaps.
    for (int i = 1; i < argc; ++i) context.json = context.json || std::string_view(argv[i]) == "--json";
    const std::span<char* const> words(argv + 1, static_cast<std::size_t>(argc - 1));
    node::cli::report(context, {base::Errc::kInvalid, error.what(),
                                node::cli::spelling_hint(app, words)});
    return node::cli::kUsage;
  }
  set_log_level(context);
  if (const auto group = node::cli::choose_group(context, app); !group)
    return node::cli::report_usage(context, group.error());
  return chosen ? chosen() : node::cli::kUsage;
}
