// pending, approve, deny, approval: what the operator is asked, and what came of it.
#include <filesystem>

#include <fmt/format.h>

#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "node/approvals_view.h"
#include "node/cli/command.h"
#include "node/cli/status_text.h"
#include "node/control.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/nips/nip19.h"
#include "orchestration/approvals/evidence.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

// ---- what waits
// ------------------------------------------------------------------------------------

int pending(const Context& context) {
  auto answer = control_call(context.home().control_socket(), "pending", Value::object());
  if (!answer) return report_control(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  if (answer->empty()) print_line("nothing waits for you");
  for (const Value& question : *answer) print_foreign(question_lines(question));
  return kOk;
}

// ---- deciding
// --------------------------------------------------------------------------------------

struct DecideArguments {
  std::string code;
  std::string key_file;
  std::vector<std::string> relays;
};

/// Signs a 39213 as an operator, for whoever asked the question of this code.
base::Task<Result<Value>> publish_decision(Runtime& runtime, DecideArguments arguments,
                                           const nostr::SecretKey& key, bool approve) {
  const auto folded = nipsa::fold_code(arguments.code);
  if (!folded)
    co_return fail(Errc::kInvalid, fmt::format("\"{}\" is no code", arguments.code),
                   "codes look like K7QF-2M9X");
  const base::UnixTime now = runtime.clock.now();
  nostr::Filters filters{{.kinds = {nipsa::kinds::kApprovalRequest},
                          .tags = {{'p', {key.public_key().hex()}}},
                          .since = now - std::chrono::hours{24}}};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(arguments.relays, std::move(filters), std::chrono::seconds{10});
  const nostr::Event* request = nullptr;
  for (const nostr::EventPtr& event : found.events)
    if (nipsa::approval_code(event->id) == *folded) request = event.get();
  if (!request)
    co_return fail(Errc::kNotFound,
                   fmt::format("no request for code {} names you on these relays", arguments.code));
  CO_TRY(const nipsa::ApprovalRequest parsed, nipsa::parse_approval_request(*request));
  const nipsa::ApprovalDecision decision{
      .request = request->id,
      .tick = parsed.tick,
      .requester = request->pubkey,
      .decision = approve ? nipsa::Decision::kApproved : nipsa::Decision::kDenied,
      .agent = parsed.agent,
      .action = parsed.action,
      .action_hash = parsed.action_hash,
      .expires = parsed.expires};
  CO_TRY(nostr::Draft draft, nipsa::build_approval_decision(decision, now));
  const nostr::Event event = nostr::sign_event(std::move(draft), key, runtime.rng);
  const auto outcomes = co_await runtime.pool.publish(arguments.relays, event);
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state == nostr::PublishOutcome::State::kAccepted)
      co_return Value{
          {"decision", event.id.hex()}, {"request", request->id.hex()}, {"approved", approve}};
  co_return fail(Errc::kUnavailable, "no relay took the decision");
}

base::Task<Result<Value>> publish_and_stop(Runtime& runtime, DecideArguments arguments,
                                           const nostr::SecretKey& key, bool approve) {
  auto done = co_await publish_decision(runtime, std::move(arguments), key, approve);
  co_await runtime.pool.stop();
  co_return done;
}

int decide(const Context& context, const DecideArguments& arguments, bool approve) {
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    if (arguments.relays.empty()) {
      report(context,
             {Errc::kInvalid, "--key-file needs --relay", "name the relay the agent uses"});
      return kUsage;
    }
    Runtime runtime;
    auto done =
        runtime.loop.run_until_complete(publish_and_stop(runtime, arguments, *key, approve));
    if (!done) return report(context, done.error());
    print_json(*done);
    return kOk;
  }
  auto answer = control_call(context.home().control_socket(), approve ? "approve" : "deny",
                             {{"code", arguments.code}});
  if (!answer) return report_control(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("{} {}", base::json::string_or(*answer, "code"),
                           base::json::string_or(*answer, "state")));
  return kOk;
}

void add_decision(CLI::App& app, Context& context, Action* chosen, bool approve) {
  auto arguments = std::make_shared<DecideArguments>();
  auto* command =
      app.add_subcommand(approve ? "approve" : "deny", approve ? "Say yes to a pending question"
                                                               : "Say no to a pending question");
  command->add_option("code", arguments->code, "The code of the question, e.g. K7QF-2M9X")
      ->required();
  command->add_option("--key-file", arguments->key_file,
                      "Decide as this operator by a signed event instead of at the home");
  command->add_option("--relay", arguments->relays, "Where the request is and the decision goes")
      ->allow_extra_args(false);
  const std::string name = command->get_name();
  command->footer("Examples:\n  sovereign " + name + " K7QF-2M9X --home guard\n  sovereign " + name +
                  " K7QF-2M9X --key-file me.key --relay ws://127.0.0.1:7777");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return decide(context, *arguments, approve); }; });
}

// ---- looking back
// ----------------------------------------------------------------------------------

struct ApprovalArguments {
  std::string id;
  std::int64_t limit = 20;
  bool evidence = false;
  std::string file;
  std::vector<std::string> operators;
};

/// The key a home asks with: a node's, or a co-signer's service key.
Result<nostr::SecretKey> asking_key(const Home& home) {
  std::error_code error;
  const bool cosigner = std::filesystem::exists(home.service_key_file(), error);
  return load_key_file((cosigner ? home.service_key_file() : home.node_key_file()).string());
}

/// From the running process, or, when none runs, from its database.
Result<Value> look(const Home& home, const std::string& method, const Value& params) {
  auto answer = control_call(home.control_socket(), method, params);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const nostr::SecretKey key, asking_key(home));
  TRY(const auto db, storage::open_database(home.database().string()));
  return answer_approvals(*db, key, method, params);
}

int list(const Context& context, const ApprovalArguments& arguments) {
  const auto rows = look(context.home(), "approval-list", {{"limit", arguments.limit}});
  if (!rows) return report(context, rows.error());
  for (const Value& row : *rows) {
    if (context.json)
      print_json(row);
    else
      print_foreign(fmt::format("{}  {:<13}  {:<12}  {}", string_or(row, "code"),
                                string_or(row, "state"), string_or(row, "action"),
                                base::format_utc(base::unix_time(int_or(row, "created_at")))));
  }
  if (rows->empty()) progress(context, "nothing was asked yet");
  return kOk;
}

std::string moment(const Value& row, std::string_view key) {
  return base::format_utc(base::unix_time(int_or(row, key)));
}

void print_question(const Value& row) {
  print_foreign(fmt::format("{}  {}  {}", string_or(row, "code"), string_or(row, "state"),
                            string_or(row, "action")));
  print_foreign(string_or(row, "text"));
  print_foreign(fmt::format("asked     {}  until {}", moment(row, "created_at"),
                            moment(row, "expires_at")));
  for (const Value& shown : row["shown"])
    print_foreign(fmt::format("shown     {}  to {}  by {}", moment(shown, "at"),
                              string_or(shown, "to"), string_or(shown, "channel")));
  for (const Value& answer : row["answers"])
    print_foreign(fmt::format("answer    {}  {}  by {}  {}  {}", moment(answer, "said_at"),
                              string_or(answer, "answer"), string_or(answer, "author"),
                              string_or(answer, "channel"), string_or(answer, "verdict")));
  for (const Value& decision : row["decisions"])
    print_foreign(fmt::format("decided   {}  {}  {}", moment(decision, "at"),
                              decision["approved"] == true ? "approved" : "denied",
                              string_or(decision, "id")));
  for (const Value& told : row["told"])
    print_foreign(fmt::format("told      {}  {}  to {}", moment(told, "at"),
                              string_or(told, "outcome"), string_or(told, "to")));
  if (row["bound_to"].is_string()) print_foreign("used for  " + string_or(row, "bound_to"));
}

int show(const Context& context, const ApprovalArguments& arguments) {
  const auto row = look(context.home(), arguments.evidence ? "approval-evidence" : "approval-show",
                        {{"id", arguments.id}});
  if (!row) return report_usage(context, row.error());
  if (context.json || arguments.evidence)
    print_json(*row);
  else
    print_question(*row);
  return kOk;
}

std::string_view outcome_name(orchestration::FoldOutcome outcome) {
  switch (outcome) {
    case orchestration::FoldOutcome::kApproved:
      return "approved";
    case orchestration::FoldOutcome::kDenied:
      return "denied";
    case orchestration::FoldOutcome::kOpen:
      break;
  }
  return "open";
}

void print_report(const Context& context, const orchestration::EvidenceReport& report) {
  if (context.json) {
    Value lines = Value::array();
    for (const orchestration::EvidenceLine& line : report.lines)
      lines.push_back({{"standing", orchestration::standing_name(line.standing)},
                       {"what", line.what},
                       {"why", line.why}});
    return print_json({{"code", report.code},
                       {"outcome", outcome_name(report.outcome)},
                       {"standing", orchestration::standing_name(report.standing)},
                       {"action", report.action},
                       {"lines", std::move(lines)}});
  }
  print_foreign(fmt::format("{}  {}: {}", report.code, outcome_name(report.outcome),
                            orchestration::standing_name(report.standing)));
  print_foreign(report.action);
  for (const orchestration::EvidenceLine& line : report.lines)
    print_foreign(fmt::format("{:<8}  {}: {}", orchestration::standing_name(line.standing),
                              line.what, line.why));
}

int verify(const Context& context, const ApprovalArguments& arguments) {
  std::vector<nostr::PublicKey> operators;
  for (const std::string& text : arguments.operators) {
    auto key = nostr::parse_public_key(text);
    if (!key) return report_usage(context, base::in_context("--operator", key.error()));
    operators.push_back(*key);
  }
  auto text = read_input(arguments.file, orchestration::kMaxEvidenceBytes);
  if (!text) return report(context, text.error());
  auto bundle = base::json::parse(*text, {.max_bytes = orchestration::kMaxEvidenceBytes});
  if (!bundle) return report(context, bundle.error());
  auto checked = orchestration::check_evidence(*bundle, operators);
  if (!checked) return report(context, checked.error());
  print_report(context, *checked);
  switch (checked->standing) {
    case orchestration::Standing::kProven:
      return kOk;
    case orchestration::Standing::kClaimed:
      return kPartial;
    case orchestration::Standing::kBroken:
      break;
  }
  return kFailed;
}

void add_look_back(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ApprovalArguments>();
  auto* approval =
      app.add_subcommand("approval", "What was asked and decided, with what somebody else can check");
  approval->require_subcommand(1);
  auto* listing = approval->add_subcommand("list", "Questions of this home, newest first");
  listing->add_option("--limit", arguments->limit, "How many")->check(CLI::Range(1, 1'000));
  listing->footer("Examples:\n  sovereign approval list --home guard --limit 5");
  listing->callback([=, &context] { *chosen = [=, &context] { return list(context, *arguments); }; });
  auto* showing = approval->add_subcommand("show", "One question, with every answer and receipt");
  showing->add_option("code", arguments->id, "Its code, or the id of its request (39212)")->required();
  showing->add_flag("--evidence", arguments->evidence,
                    "As JSON for `approval verify`. It opens the answers on this question, and no "
                    "other message, to whoever holds it");
  showing->footer(
      "Examples:\n  sovereign approval show K7QF-2M9X --home guard\n"
      "  sovereign approval show K7QF-2M9X --home guard --evidence > evidence.json");
  showing->callback([=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });
  auto* verifying = approval->add_subcommand(
      "verify", "Check evidence from anybody: exit 0 proven, 5 claimed only, 1 contradicted");
  verifying->add_option("file", arguments->file, "The evidence; - is standard input")->required();
  verifying
      ->add_option("--operator", arguments->operators,
                   "Whose word you take: npub or hex (repeat). Without it those the evidence names")
      ->allow_extra_args(false);
  verifying->footer(
      "Nothing can show that an answer was left out: whoever gave another one has to bring it.\n"
      "Examples:\n  sovereign approval verify evidence.json --operator $NPUB");
  verifying->callback(
      [=, &context] { *chosen = [=, &context] { return verify(context, *arguments); }; });
}

}  // namespace

void add_approval_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* pending_command = app.add_subcommand("pending", "Questions that wait for the operator");
  pending_command->footer("Examples:\n  sovereign pending --home guard");
  pending_command->callback([=, &context] { *chosen = [&context] { return pending(context); }; });
  add_decision(app, context, chosen, true);
  add_decision(app, context, chosen, false);
  add_look_back(app, context, chosen);
}

}  // namespace node::cli
