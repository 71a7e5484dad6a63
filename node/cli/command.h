// What every command shares: global flags, printing, errors, exit codes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "nostr/base/json.h"
#include "nostr/base/result.h"
#include "node/home.h"

namespace node::cli {

/// The exit codes scripts rely on.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotRunning = 3,
  kDenied = 4,
  kPartial = 5,
  kTimeout = 124,
  kInterrupted = 130,
};

/// The exit code an error ends a command with.
int exit_code_of(const base::Error& error);

/// Global flags, filled by the parser before a command runs.
struct Context {
  std::string home_dir;
  std::string identity;          ///< of a group, in a home that serves several
  std::optional<Home> of_group;  ///< the home that is meant by it
  bool json = false;
  int verbose = 0;
  bool quiet = false;

  Home home() const { return of_group ? *of_group : Home::locate(home_dir); }
};

/// What the chosen subcommand does; returns the exit code.
using Action = std::function<int()>;

/// Prints `error` to stderr ("error: …" and "hint: …", or one JSON object) and returns its code.
int report(const Context& context, const base::Error& error);

/// The same for an error in what was typed: kInvalid is a usage error.
int report_usage(const Context& context, const base::Error& error);

/// Takes --identity into account, or says that it is missing: for the command that `app` parsed.
base::Result<void> choose_group(Context& context, const CLI::App& app);

/// Prints what a running process answered; when there is none, the code is kNotRunning.
int report_control(const Context& context, const base::Error& error);

/// One line on stdout, flushed: the answer, for pipes.
void print_line(std::string_view line);
/// The same for a line that holds words of others: what a terminal would act on is spelled out.
void print_foreign(std::string_view line);
void print_foreign(const std::vector<std::string>& lines);
/// A document for a pipe or a file, byte for byte; for a terminal as print_foreign() does it.
void print_document(std::string_view text);
/// One line on stderr unless --quiet: progress for people.
void progress(const Context& context, std::string_view line);
/// Compact JSON on one stdout line.
void print_json(const base::json::Value& value);

/// Reads a whole stdin (at most `max_bytes`) or a file ("-" is stdin).
base::Result<std::string> read_input(const std::string& path, std::size_t max_bytes = 1u << 20);

/// Each group registers its subcommands on `app`; the parsed one sets `*chosen`.
void add_event_commands(CLI::App& app, Context& context, Action* chosen);
void add_req_commands(CLI::App& app, Context& context, Action* chosen);
void add_publish_commands(CLI::App& app, Context& context, Action* chosen);
void add_verify_commands(CLI::App& app, Context& context, Action* chosen);
void add_credit_commands(CLI::App& app, Context& context, Action* chosen);
void add_codec_commands(CLI::App& app, Context& context, Action* chosen);
void add_qr_commands(CLI::App& app, Context& context, Action* chosen);
void add_key_commands(CLI::App& app, Context& context, Action* chosen);
void add_message_commands(CLI::App& app, Context& context, Action* chosen);
void add_sync_commands(CLI::App& app, Context& context, Action* chosen);
void add_relay_commands(CLI::App& app, Context& context, Action* chosen);
void add_frost_commands(CLI::App& app, Context& context, Action* chosen);
void add_cosigner_commands(CLI::App& app, Context& context, Action* chosen);
void add_bunker_commands(CLI::App& app, Context& context, Action* chosen);
void add_init_commands(CLI::App& app, Context& context, Action* chosen);
void add_agent_commands(CLI::App& app, Context& context, Action* chosen);
void add_approval_commands(CLI::App& app, Context& context, Action* chosen);
void add_backup_commands(CLI::App& app, Context& context, Action* chosen);
void add_patch_commands(CLI::App& app, Context& context, Action* chosen);
void add_job_commands(CLI::App& app, Context& context, Action* chosen);
void add_task_commands(CLI::App& app, Context& context, Action* chosen);
void add_roster_commands(CLI::App& app, Context& context, Action* chosen);
void add_backend_commands(CLI::App& app, Context& context, Action* chosen);
void add_issue_commands(CLI::App& app, Context& context, Action* chosen);
void add_directive_commands(CLI::App& app, Context& context, Action* chosen);
void add_signature_commands(CLI::App& app, Context& context, Action* chosen);
void add_delegation_commands(CLI::App& app, Context& context, Action* chosen);
void add_proof_commands(CLI::App& app, Context& context, Action* chosen);
void add_state_commands(CLI::App& app, Context& context, Action* chosen);
void add_doctor_commands(CLI::App& app, Context& context, Action* chosen);
void add_watch_commands(CLI::App& app, Context& context, Action* chosen);
void add_order_commands(CLI::App& app, Context& context, Action* chosen);
void add_outbox_commands(CLI::App& app, Context& context, Action* chosen);
void add_standing_commands(CLI::App& app, Context& context, Action* chosen);
void add_manual_commands(CLI::App& app, Context& context, Action* chosen);
void add_setup_commands(CLI::App& app, Context& context, Action* chosen);

}  // namespace node::cli
