// cosigner policy test | check | reload, audit list | verify | export, lease list | revoke.
//
// The process that owns the home answers; when none runs, its files are read here, by the same code.
#include "node/cli/cosigner_questions.h"

#include <fmt/format.h>

#include "frostr/policy_file.h"
#include "node/approval_book.h"
#include "node/control.h"
#include "node/cosigner_views.h"
#include "node/identity.h"
#include "node/key_file.h"
#include "node/policy_source.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kAskPatience{60};

Result<Value> ask_running(const Context& context, const std::string& method, const Value& params) {
  return control_call(context.home().control_socket(), method, params, kAskPatience);
}

bool nobody_runs(const Result<Value>& answer) {
  return !answer && answer.error().code == Errc::kUnavailable;
}

/// A home whose co-signer is not running, opened to be read.
class Closed {
 public:
  static Result<std::unique_ptr<Closed>> open(const Home& home) {
    std::error_code error;
    if (!std::filesystem::exists(home.database(), error))
      return fail(Errc::kNotFound, home.database().string() + " does not exist",
                  "name the co-signer's home with --home");
    TRY(frostr::GroupPackage package, load_group((home.config_dir / "group.txt").string()));
    TRY(const nostr::SecretKey service, load_key_file(home.service_key_file()));
    TRY(std::unique_ptr<storage::Db> db, storage::open_database(home.database().string()));
    return std::unique_ptr<Closed>(
        new Closed(std::move(db), std::move(package), service.public_key()));
  }

  frostr::FactSource& facts() { return facts_; }
  storage::AuditLog& log() { return log_; }
  const nostr::PublicKey& service() const { return service_; }

 private:
  Closed(std::unique_ptr<storage::Db> db, frostr::GroupPackage group, nostr::PublicKey service)
      : db_(std::move(db)),
        group_(std::move(group)),
        service_(service),
        book_(*db_, [] {}),
        facts_(*db_, group_, service_, &book_),
        log_(*db_) {}

  std::unique_ptr<storage::Db> db_;
  frostr::GroupPackage group_;
  nostr::PublicKey service_;
  DeskBook book_;
  frostr::FactSource facts_;
  storage::AuditLog log_;
};

int report_answer(const Context& context, const base::Error& error) {
  const int code = report(context, error);
  return error.code == Errc::kUnavailable ? kNotRunning : code;
}

// ---- policy
// ------------------------------------------------------------------------------------------

struct TestArguments {
  std::string event_file = "-";
  std::uint32_t requester = 0;
  std::int64_t at = -1;
  std::string tick;
  std::string decision_file;
  std::string policy_file;
};

Result<Value> test_params(const TestArguments& arguments) {
  TRY(const std::string event, read_input(arguments.event_file));
  Value params = {{"event", event}, {"tick", arguments.tick}};
  if (arguments.requester != 0) params["requester"] = arguments.requester;
  if (arguments.at >= 0) params["at"] = arguments.at;
  if (!arguments.decision_file.empty()) {
    TRY(const std::string decision, read_input(arguments.decision_file));
    params["decision"] = decision;
  }
  if (!arguments.policy_file.empty()) {
    TRY(const std::string policy, read_file(arguments.policy_file));
    params["policy"] = policy;
  }
  return params;
}

Result<Value> test_closed(const Context& context, const Value& params) {
  const Home home = context.home();
  TRY(const PolicyTest test, PolicyTest::read(params));
  TRY(const auto closed, Closed::open(home));
  PolicySource source(home.policy_file());
  TRY(const LoadedPolicy loaded, source.load());
  return run_policy_test(closed->facts(), test, loaded.policy, loaded.hash,
                         base::SystemClock().now());
}

void print_verdict(const Value& answer) {
  std::size_t width = 0;
  for (const Value& step : answer.value("steps", Value::array()))
    width = std::max(width, base::json::string_or(step, "rule").size());
  for (const Value& step : answer.value("steps", Value::array()))
    print_foreign(fmt::format("{:<{}}  {}  [{}]", base::json::string_or(step, "rule"), width,
                              base::json::string_or(step, "value"),
                              base::json::string_or(step, "result")));
}

int test(const Context& context, const TestArguments& arguments) {
  auto params = test_params(arguments);
  if (!params) return report(context, params.error());
  auto answer = ask_running(context, "policy-test", *params);
  if (nobody_runs(answer)) answer = test_closed(context, *params);
  if (!answer) return report_answer(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_verdict(*answer);
  return base::json::string_or(*answer, "verdict") == "refuse" ? kDenied : kOk;
}

int check(const Context& context, const std::string& file) {
  PolicySource source(file.empty() ? context.home().policy_file() : std::filesystem::path(file));
  auto loaded = source.load();
  if (!loaded) return report(context, loaded.error());
  const frostr::Policy& policy = loaded->policy;
  if (context.json) {
    print_json({{"valid", true},
                {"hash", loaded->hash.hex()},
                {"level", frostr::level_name(policy.level)},
                {"operators", policy.operators.size()},
                {"requesters", policy.requesters.size()},
                {"kinds", policy.kinds.size()}});
    return kOk;
  }
  print_line(fmt::format("valid  {}  level {}, {} operators, {} requesters, {} kinds with rules",
                         loaded->hash.hex().substr(0, 16), frostr::level_name(policy.level),
                         policy.operators.size(), policy.requesters.size(), policy.kinds.size()));
  if (policy.operators.empty()) progress(context, "no operator: what asks can never be approved");
  if (policy.requesters.empty()) progress(context, "no requester: nothing is ever signed");
  return kOk;
}

int reload(const Context& context) {
  auto answer = ask_running(context, "policy-reload", Value::object());
  if (!answer) return report_answer(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("{}  {}", answer->value("changed", false) ? "taken" : "unchanged",
                           base::json::string_or(*answer, "hash").substr(0, 16)));
  return kOk;
}

void add_policy(CLI::App& cosigner, Context& context, Action* chosen) {
  auto* policy = cosigner.add_subcommand("policy", "Try a policy, check a file, take it now");
  policy->require_subcommand(1);

  auto testing = std::make_shared<TestArguments>();
  auto* test_command =
      policy->add_subcommand("test", "What would be said to an event, and which rules say so");
  test_command->add_option("event", testing->event_file,
                           "File with the (unsigned) event's JSON; - is stdin");
  test_command->add_option("--requester", testing->requester,
                           "Share that asks; default the policy's first");
  test_command->add_option("--at", testing->at, "Unix time to judge at; default now");
  test_command->add_option("--tick", testing->tick, "Id of the claim (39210) it belongs to");
  test_command->add_option("--decision", testing->decision_file,
                           "File with an approval (39213) that travels with the request");
  test_command->add_option("--policy", testing->policy_file,
                           "Another policy than the one in force");
  test_command->footer(
      "Examples:\n  sovereign cosigner policy test --home ./guardian event.json\n"
      "  sovereign cosigner policy test --home ./guardian event.json --policy new.toml --at "
      "1760000000");
  test_command->callback(
      [=, &context] { *chosen = [=, &context] { return test(context, *testing); }; });

  auto file = std::make_shared<std::string>();
  auto* check_command = policy->add_subcommand("check", "Whether a policy file is valid");
  check_command->add_option("file", *file, "The file; default the home's policy.toml");
  check_command->callback([=, &context] { *chosen = [=, &context] { return check(context, *file); }; });

  auto* reload_command =
      policy->add_subcommand("reload", "Take the policy file now, without waiting to be noticed");
  reload_command->callback([=, &context] { *chosen = [&context] { return reload(context); }; });
}

// ---- audit
// -------------------------------------------------------------------------------------------

/// Rows behind `seq`, from whoever can read them.
Result<Value> rows_after(const Context& context, Closed* closed, std::int64_t seq) {
  if (closed == nullptr) return ask_running(context, "audit-after", {{"seq", seq}});
  TRY(const auto rows, closed->log().after(seq));
  Value out = Value::array();
  for (const storage::AuditRow& row : rows) out.push_back(audit_row_view(row));
  return out;
}

Result<std::unique_ptr<Closed>> open_if_closed(const Context& context) {
  const auto alive = ask_running(context, "lease-list", Value::object());
  if (!nobody_runs(alive)) return std::unique_ptr<Closed>();
  return Closed::open(context.home());
}

void print_row(const Value& row) {
  print_foreign(fmt::format(
      "{:>6}  {}  {}  {} {}  {}", base::json::int_or(row, "seq"),
      base::format_rfc3339(base::unix_time(base::json::int_or(row, "time"))),
      base::json::string_or(row, "requester"), base::json::string_or(row, "kind"),
      base::json::string_or(row, "verdict"), base::json::string_or(row, "reason")));
}

int list_audit(const Context& context, std::int64_t limit) {
  auto answer = ask_running(context, "audit-list", {{"limit", limit}});
  if (nobody_runs(answer)) {
    auto closed = Closed::open(context.home());
    if (!closed) return report(context, closed.error());
    answer = audit_list((*closed)->log(), limit);
  }
  if (!answer) return report_answer(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  for (auto row = answer->rbegin(); row != answer->rend(); ++row) print_row(*row);
  return kOk;
}

int export_audit(const Context& context) {
  auto closed = open_if_closed(context);
  if (!closed) return report(context, closed.error());
  for (std::int64_t seq = 0;;) {
    auto rows = rows_after(context, closed->get(), seq);
    if (!rows) return report_answer(context, rows.error());
    if (rows->empty()) return kOk;
    for (const Value& row : *rows) print_json(row);
    seq = base::json::int_or(rows->back(), "seq");
  }
}

Result<Value> verify_closed(const Context& context, const std::vector<std::string>& anchors) {
  TRY(const auto closed, Closed::open(context.home()));
  storage::AuditHead place;
  for (;;) {
    TRY(const bool more, closed->log().verify_some(place));
    if (!more) break;
  }
  return audit_report(closed->log(), place, anchors, closed->service());
}

int verify_audit(const Context& context, const std::vector<std::string>& files) {
  Value anchors = Value::array();
  for (const std::string& file : files) {
    auto text = read_input(file);
    if (!text) return report(context, text.error());
    anchors.push_back(*text);
  }
  auto answer = ask_running(context, "audit-verify", {{"anchors", anchors}});
  if (nobody_runs(answer)) answer = verify_closed(context, anchors.get<std::vector<std::string>>());
  if (!answer) return report_answer(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  print_line(fmt::format("whole  {} rows, head {}", base::json::int_or(*answer, "rows"),
                         base::json::string_or(*answer, "head")));
  print_line(fmt::format("{} anchors hold; {} rows are newer than the last one kept here",
                         base::json::int_or(*answer, "anchors"),
                         base::json::int_or(*answer, "not_anchored")));
  progress(context,
           "rows cut off at the end show only against an anchor kept elsewhere: --anchor FILE");
  return kOk;
}

void add_audit(CLI::App& cosigner, Context& context, Action* chosen) {
  auto* audit = cosigner.add_subcommand("audit", "The record of every verdict");
  audit->require_subcommand(1);
  auto limit = std::make_shared<std::int64_t>(50);
  auto* list_command = audit->add_subcommand("list", "The newest rows");
  list_command->add_option("-n,--limit", *limit, "How many")->check(CLI::Range(1, 1'000));
  list_command->callback(
      [=, &context] { *chosen = [=, &context] { return list_audit(context, *limit); }; });

  auto anchors = std::make_shared<std::vector<std::string>>();
  auto* verify_command =
      audit->add_subcommand("verify", "Whether a row was changed, removed, moved or cut off");
  verify_command
      ->add_option("--anchor", *anchors,
                   "File with an anchor kept elsewhere: the published event (kind 30078) or "
                   "{\"seq\",\"hash\"} (repeat)")
      ->allow_extra_args(false);
  verify_command->footer(
      "Example:\n  sovereign req wss://relay.example -f "
      "'{\"kinds\":[30078]}' > anchor.json\n"
      "  sovereign cosigner audit verify --home ./guardian --anchor anchor.json");
  verify_command->callback(
      [=, &context] { *chosen = [=, &context] { return verify_audit(context, *anchors); }; });

  auto* export_command = audit->add_subcommand("export", "Every row as a JSON line, oldest first");
  export_command->callback(
      [=, &context] { *chosen = [&context] { return export_audit(context); }; });
}

// ---- leases
// ------------------------------------------------------------------------------------------

int list_leases(const Context& context) {
  auto answer = ask_running(context, "lease-list", Value::object());
  if (!answer) return report_answer(context, answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  if (answer->empty()) print_line("no lease was ever taken");
  for (const Value& row : *answer)
    print_foreign(fmt::format(
        "member {}  {} until {}  home {} start {}", base::json::int_or(row, "member"),
        row.value("held", false) ? "held" : "free since",
        base::format_rfc3339(base::unix_time(base::json::int_or(row, "until"))),
        base::json::string_or(row, "home"), base::json::int_or(row, "start")));
  return kOk;
}

int revoke_lease(const Context& context, std::uint32_t member, std::int64_t bar) {
  auto answer = ask_running(context, "lease-revoke", {{"member", member}, {"bar", bar}});
  if (!answer) return report_answer(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_foreign(fmt::format("member {} is free; home {} stays out for {} s", member,
                              base::json::string_or(*answer, "home"), bar));
  return kOk;
}

void add_lease(CLI::App& cosigner, Context& context, Action* chosen) {
  auto* lease = cosigner.add_subcommand("lease", "Which process acts for which member");
  lease->require_subcommand(1);
  auto* list_command = lease->add_subcommand("list", "Every member's lease");
  list_command->callback([=, &context] { *chosen = [&context] { return list_leases(context); }; });
  auto member = std::make_shared<std::uint32_t>(1);
  auto bar = std::make_shared<std::int64_t>(600);
  auto* revoke_command =
      lease->add_subcommand("revoke", "End a lease, so that another process can take over");
  revoke_command->add_option("member", *member, "The member's share")->required();
  revoke_command->add_option("--bar", *bar, "Seconds for which the holder's home stays out")
      ->check(CLI::Range(0, 86'400));
  revoke_command->callback(
      [=, &context] { *chosen = [=, &context] { return revoke_lease(context, *member, *bar); }; });
}

}  // namespace

void add_cosigner_questions(CLI::App& cosigner, Context& context, Action* chosen) {
  add_policy(cosigner, context, chosen);
  add_audit(cosigner, context, chosen);
  add_lease(cosigner, context, chosen);
}

}  // namespace node::cli
