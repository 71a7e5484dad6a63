// delegation give | list | show | revoke: one agent lets another act, within a scope, for a while,
// up to a sum.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/signer_flags.h"
#include "node/config.h"
#include "node/control.h"
#include "node/delegations.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::int_or;
using base::json::string_or;
using base::json::Value;

constexpr std::chrono::seconds kMaxWait{900};

struct DelegationArguments {
  std::string to, from, scope, task, credit, under, session, id, reason;
  std::vector<std::string> capabilities, relays;
  std::int64_t max = 0;
  std::chrono::seconds lasts{3'600};
  SignerFlags signer;
};

/// Those named, else those of the home.
Result<std::vector<std::string>> relays_of(const Context& context,
                                           const DelegationArguments& arguments) {
  if (!arguments.relays.empty()) return arguments.relays;
  TRY(const Config config, load_config(context.home()));
  if (config.node.relays.empty())
    return base::fail(Errc::kNotFound, "no relay to look at", "--relay URL");
  return config.node.relays;
}

int show_id(const Context& context, const Result<Value>& answer, std::string_view what) {
  if (!answer && answer.error().code == Errc::kUnavailable)
    return report_control(context, answer.error());
  if (!answer) return report_usage(context, answer.error());
  if (context.json)
    print_json(*answer);
  else
    print_line(fmt::format("{}: {}", what, string_or(*answer, "id")));
  return kOk;
}

void print_delegation(const Context& context, const Value& one) {
  if (context.json) return print_json(one);
  print_foreign(fmt::format(
      "{:<8} {}  to {}  {}  until {}{}", string_or(one, "state"), string_or(one, "id"),
      string_or(one, "to"), string_or(one, "scope"),
      base::format_utc(base::unix_time(int_or(one, "expires_at"))),
      int_or(one, "max_sat") > 0 ? fmt::format("  up to {} sat", int_or(one, "max_sat")) : ""));
  if (const std::string why = string_or(one, "why"); !why.empty()) print_foreign("         " + why);
}

/// Signed by an ordinary key, and published.
using MakeDraft =
    std::function<base::Task<Result<nostr::Draft>>(Runtime&, nostr::PublicKey author)>;

base::Task<Result<Value>> publish_signed(Runtime& runtime, std::vector<std::string> relays,
                                         nostr::Signer& signer, MakeDraft make) {
  CO_TRY(nostr::Draft draft, co_await make(runtime, signer.public_key()));
  CO_TRY(const nostr::Event event, co_await signer.sign(std::move(draft)));
  const auto outcomes = co_await runtime.pool.publish(relays, event);
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state == nostr::PublishOutcome::State::kAccepted)
      co_return Value{{"id", event.id.hex()}};
  co_return base::fail(Errc::kIo, "no relay took it");
}

base::Task<int> sign_and_publish(Runtime& runtime, const Context& context,
                                 std::vector<std::string> relays, nostr::Signer& signer,
                                 MakeDraft make, std::string what) {
  const auto answer = co_await publish_signed(runtime, std::move(relays), signer, std::move(make));
  co_await runtime.pool.stop();
  co_return show_id(context, answer, what);
}

Result<Value> wanted(const Context& context, const DelegationArguments& arguments) {
  Runtime runtime;
  TRY(const nostr::PublicKey to,
      runtime.loop.run_until_complete(find_person(runtime, context, arguments.to)));
  TRY(const std::string task, read_text(arguments.task));
  return Value{{"to", to.hex()},
               {"scope", arguments.scope},
               {"task", task},
               {"credit", arguments.credit},
               {"max_sat", arguments.max},
               {"capabilities", arguments.capabilities},
               {"under", arguments.under},
               {"parent_session", arguments.session},
               {"expires_at", base::to_unix(base::SystemClock().now() + arguments.lasts)}};
}

int give(const Context& context, const DelegationArguments& arguments) {
  const auto params = wanted(context, arguments);
  if (!params) return report_usage(context, params.error());
  if (!arguments.signer.any())
    return show_id(
        context,
        control_call(context.home().control_socket(), "delegation-give", *params, kMaxWait),
        "given");
  const auto relays = relays_of(context, arguments);
  if (!relays) return report_usage(context, relays.error());
  Runtime runtime;
  auto delegation = delegation_from(*params, runtime.rng);
  if (!delegation) return report_usage(context, delegation.error());
  delegation->relay = relays->front();
  const auto make = [&](Runtime& at, nostr::PublicKey author) {
    return delegation_draft(at.pool, *relays, author, *delegation, at.clock.now());
  };
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return sign_and_publish(runtime, context, *relays, signer, make, "given");
  });
}

int revoke(const Context& context, const DelegationArguments& arguments) {
  const auto id = nostr::EventId::from_hex(arguments.id);
  if (!id) return report_usage(context, base::in_context("id", id.error()));
  if (!arguments.signer.any())
    return show_id(context,
                   control_call(context.home().control_socket(), "delegation-revoke",
                                {{"id", id->hex()}, {"reason", arguments.reason}}, kMaxWait),
                   "taken back by");
  const auto relays = relays_of(context, arguments);
  if (!relays) return report_usage(context, relays.error());
  Runtime runtime;
  const auto make = [&](Runtime& at, nostr::PublicKey author) {
    return revocation_draft(at.pool, *relays, author, *id, arguments.reason, at.clock.now());
  };
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return sign_and_publish(runtime, context, *relays, signer, make, "taken back by");
  });
}

base::Task<Result<std::vector<DelegationFinding>>> look(Runtime& runtime, const Context& context,
                                                        DelegationArguments arguments,
                                                        std::vector<std::string> relays) {
  std::optional<nostr::PublicKey> from, to;
  if (!arguments.from.empty()) {
    CO_TRY(from, co_await find_person(runtime, context, arguments.from));
  }
  if (!arguments.to.empty()) {
    CO_TRY(to, co_await find_person(runtime, context, arguments.to));
  }
  const base::UnixTime now = runtime.clock.now();
  if (arguments.id.empty())
    co_return co_await list_delegations(runtime.pool, std::move(relays), from, to, now);
  CO_TRY(const nostr::EventId id, nostr::EventId::from_hex(arguments.id));
  CO_TRY(DelegationFinding found,
         co_await find_delegation(runtime.pool, std::move(relays), id, now));
  std::vector<DelegationFinding> out;
  out.push_back(std::move(found));
  co_return out;
}

base::Task<Result<std::vector<DelegationFinding>>> look_and_stop(Runtime& runtime,
                                                                 const Context& context,
                                                                 DelegationArguments arguments,
                                                                 std::vector<std::string> relays) {
  auto found = co_await look(runtime, context, std::move(arguments), std::move(relays));
  co_await runtime.pool.stop();
  co_return found;
}

int list(const Context& context, const DelegationArguments& arguments) {
  if (arguments.from.empty() && arguments.to.empty())
    return report_usage(context, {Errc::kInvalid, "whose delegations", "--from NPUB or --to NPUB"});
  const auto relays = relays_of(context, arguments);
  if (!relays) return report_usage(context, relays.error());
  Runtime runtime;
  const auto found =
      runtime.loop.run_until_complete(look_and_stop(runtime, context, arguments, *relays));
  if (!found) return report(context, found.error());
  for (const DelegationFinding& one : *found) print_delegation(context, delegation_view(one));
  if (found->empty()) progress(context, "none");
  return kOk;
}

int show(const Context& context, const DelegationArguments& arguments) {
  const auto relays = relays_of(context, arguments);
  if (!relays) return report_usage(context, relays.error());
  Runtime runtime;
  const auto found =
      runtime.loop.run_until_complete(look_and_stop(runtime, context, arguments, *relays));
  if (!found) return report_usage(context, found.error());
  const Value view = delegation_view(found->front());
  print_delegation(context, view);
  if (!context.json) {
    print_foreign(fmt::format(
        "         from {}, {} deep, may use {}", string_or(view, "from"), int_or(view, "depth"),
        nipsa::capabilities_text(found->front().given.delegation.capabilities)));
    print_foreign(string_or(view, "task"));
  }
  return found->front().state == DelegationFinding::State::kLive ? kOk : kFailed;
}

void add_giving(CLI::App& delegation, Context& context, Action* chosen,
                std::shared_ptr<DelegationArguments> arguments) {
  auto* giving =
      delegation.add_subcommand("give", "Let another agent act for this one (kind 39260)");
  giving->add_option("to", arguments->to, "Who may act: npub, hex or a NIP-05 name")->required();
  giving
      ->add_option("task", arguments->task,
                   "What is to be done, in words; @FILE or - for longer ones")
      ->required();
  giving
      ->add_option("--scope", arguments->scope,
                   "nip90:JOB-HASH, l402:RESOURCE or skill:33400:KEY:SLUG:VERSION")
      ->required();
  giving
      ->add_option("--capability", arguments->capabilities,
                   "What it may use, e.g. nostr:publish (repeat); none: nothing outside itself")
      ->allow_extra_args(false);
  giving->add_option("--max", arguments->max, "Sats that are settled at most")
      ->check(CLI::Range(std::int64_t{1}, nipsa::kMaxSats));
  giving->add_option("--credit", arguments->credit, "The envelope they come from; needs --max");
  giving->add_option("--under", arguments->under, "The delegation under which this one is given");
  giving->add_option("--session", arguments->session, "The session (39230) it belongs to");
  add_duration(*giving, "--for", arguments->lasts, "How long it stands, at most 30d");
  add_signer_flags(*giving, arguments->signer,
                   "Who gives it; without it the agent, by the running node");
  giving
      ->add_option("--relay", arguments->relays,
                   "Where it is published (repeat); without it those of the home")
      ->allow_extra_args(false);
  giving->footer(
      "What breaks a rule (over three deep, longer or more than the one above, over the credit) is "
      "not given.\n"
      "For an agent's key the co-signers decide, and by default refuse: `[kinds.39260] verdict = "
      "\"ask\"` in their policy.\n"
      "Examples:\n"
      "  sovereign delegation give $NPUB 'Collect five sources on X' --scope nip90:$NOTE "
      "--capability nostr:read --home agent\n"
      "  sovereign delegation give $NPUB - --scope nip90:$NOTE --max 300 --credit env-77 --for 2h "
      "--key-file me.key --relay ws://127.0.0.1:7777");
  giving->callback(
      [=, &context] { *chosen = [=, &context] { return give(context, *arguments); }; });
}

}  // namespace

void add_delegation_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<DelegationArguments>();
  auto* delegation = app.add_subcommand(
      "delegation", "One agent lets another act: within a scope, for a while, up to a sum");
  delegation->require_subcommand(1);
  add_giving(*delegation, context, chosen, arguments);

  auto* listing = delegation->add_subcommand(
      "list", "Those by somebody, or to somebody, and whether they stand");
  listing->add_option("--from", arguments->from, "Who gave them");
  listing->add_option("--to", arguments->to, "Who may act under them");
  listing
      ->add_option("--relay", arguments->relays,
                   "Where to look (repeat); without it at those of the home")
      ->allow_extra_args(false);
  listing->footer(
      "Examples:\n"
      "  sovereign delegation list --to $NPUB --home agent\n"
      "  sovereign delegation list --from $NPUB --relay ws://127.0.0.1:7777 --json");
  listing->callback(
      [=, &context] { *chosen = [=, &context] { return list(context, *arguments); }; });

  auto* showing = delegation->add_subcommand(
      "show", "One of them, with all above it: exit code 1 when it does not stand");
  showing->add_option("id", arguments->id, "Its event id")->required();
  showing
      ->add_option("--relay", arguments->relays,
                   "Where to look (repeat); without it at those of the home")
      ->allow_extra_args(false);
  showing->footer(
      "Examples:\n"
      "  sovereign delegation show $NOTE --home agent\n"
      "  sovereign delegation show $NOTE --relay ws://127.0.0.1:7777 --json");
  showing->callback(
      [=, &context] { *chosen = [=, &context] { return show(context, *arguments); }; });

  auto* revoking =
      delegation->add_subcommand("revoke", "Take one back; work under it ends at once");
  revoking->add_option("id", arguments->id, "Its event id")->required();
  revoking->add_option("--reason", arguments->reason, "Why, for all to read");
  add_signer_flags(*revoking, arguments->signer,
                   "Who gave it; without it the agent, by the running node");
  revoking
      ->add_option("--relay", arguments->relays,
                   "Where it is (repeat); without it those of the home")
      ->allow_extra_args(false);
  revoking->footer(
      "Examples:\n"
      "  sovereign delegation revoke $NOTE --home agent\n"
      "  sovereign delegation revoke $NOTE --key-file me.key --relay ws://127.0.0.1:7777 --reason "
      "'done otherwise'");
  revoking->callback(
      [=, &context] { *chosen = [=, &context] { return revoke(context, *arguments); }; });
}

}  // namespace node::cli
