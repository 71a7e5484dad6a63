// job: work bought from others (NIP-90).
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/money.h"
#include "node/job_desk.h"

namespace node::cli {
namespace {

using base::json::Value;

struct JobArguments {
  std::uint16_t kind = 5050;
  std::string input, provider, bid = "0";
  std::vector<std::string> relays, params;
  bool encrypted = false;
  std::chrono::seconds timeout{60};
};

base::Result<Value> params_of(const JobArguments& arguments) {
  TRY(const std::string input, read_text(arguments.input));
  TRY(const base::Msat bid, parse_money(arguments.bid));
  Value named = Value::object();
  for (const std::string& param : arguments.params) {
    const auto equals = param.find('=');
    if (equals == 0 || equals == param.npos)
      return base::fail(base::Errc::kInvalid, fmt::format("--param {}: expected name=value", param));
    named[param.substr(0, equals)] = param.substr(equals + 1);
  }
  return Value{{"kind", arguments.kind},       {"input", input},
               {"provider", arguments.provider}, {"bid_msat", bid.value},
               {"relays", arguments.relays},   {"encrypted", arguments.encrypted},
               {"params", std::move(named)},   {"timeout", arguments.timeout.count()}};
}

int request(const Context& context, const JobArguments& arguments) {
  const auto params = params_of(arguments);
  if (!params) return report_usage(context, params.error());
  const auto answer = ask_treasury(context, "job", *params);
  if (!answer) return report_usage(context, answer.error());
  if (const std::string why = base::json::string_or(*answer, "unpaid"); !why.empty())
    progress(context, "not paid: " + why);
  if (context.json)
    print_json(*answer);
  else
    print_foreign(base::json::string_or(*answer, "content"));
  return kOk;
}

}  // namespace

void add_job_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* job = app.add_subcommand("job", "Work bought from others (NIP-90)");
  job->require_subcommand(1);
  auto arguments = std::make_shared<JobArguments>();
  auto* command = job->add_subcommand("request", "Have a job done, pay for it once, print the result");
  command->add_option("input", arguments->input, "The text; @FILE reads one, - reads stdin")->required();
  command->add_option("-k,--kind", arguments->kind, "5000 to 5999; default 5050, text generation")
      ->check(CLI::Range(5000, 5999));
  command->add_option("--provider", arguments->provider, "Whose answer counts; default the first");
  command->add_option("--bid", arguments->bid, "The most that is paid: 21 (satoshi) or 500msat");
  command->add_option("--relay", arguments->relays, "Where to ask (repeat); default node.relays")
      ->allow_extra_args(false);
  command->add_option("--param", arguments->params, "name=value for the worker (repeat)")
      ->allow_extra_args(false);
  command->add_flag("--encrypted", arguments->encrypted, "For the provider's eyes only");
  add_duration(*command, "--timeout", arguments->timeout, "How long to wait for the result");
  command->footer(
      "Exit codes: 0 delivered, 1 failed, 4 refused by the worker or a limit, 124 nobody delivered\n"
      "Examples:\n  sovereign job request 'a haiku on rain' --provider npub1… --bid 10 --encrypted");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return request(context, *arguments); }; });
}

}  // namespace node::cli
