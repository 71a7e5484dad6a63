// credit: what is left of envelopes, folded from the events that made and drew on them.
#include <algorithm>

#include <fmt/format.h>

#include "nipsa/credit_ledger.h"
#include "node/cli/command.h"
#include "node/cli/people.h"
#include "node/runtime.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

using base::Result;
using base::json::Value;

constexpr std::size_t kMaxInput = std::size_t{64} << 20;

struct StatusArguments {
  std::string file = "-";
  std::vector<std::string> issuers;
};

/// Events with the dates of their authors for those of their arrival: a file does not tell when it was
/// filled.
struct Reading {
  std::vector<nipsa::Received> events;
  int complaints = 0;
};

bool folds(nostr::Kind kind) {
  return (kind >= nipsa::kinds::kCreditEnvelope && kind <= nipsa::kinds::kCreditCancel) ||
         kind == nipsa::kinds::kApprovalDecision;
}

void complain(const Context& context, const std::string& what, const base::Error& error) {
  if (context.json)
    fmt::print(stderr, "{}\n",
               base::json::dump({{"event", what},
                                 {"error", base::errc_name(error.code)},
                                 {"detail", error.detail}}));
  else
    fmt::print(stderr, "{}: {}\n", what, base::escape_for_terminal(error.detail));
}

Reading read_events(const Context& context, std::string_view text) {
  Reading out;
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto event = nostr::parse_event(line);
    if (!event) {
      ++out.complaints;
      complain(context, fmt::format("line {}", number), event.error());
    } else if (folds(event->kind)) {
      const base::UnixTime at = event->created_at;
      out.events.push_back({*std::move(event), at});
    }
  }
  return out;
}

/// Whether a refusal says nothing against the event: a copy, an older version, a decision on another matter.
bool is_harmless(const nipsa::RefusedEvent& refused, const std::vector<nipsa::Received>& events) {
  const auto code = nipsa::code_of(refused.error);
  if (code == nipsa::Code::kReplay || code == nipsa::Code::kStale) return true;
  const auto is_it = [&](const nipsa::Received& one) { return one.event.id == refused.id; };
  const auto event = std::ranges::find_if(events, is_it);
  return code == nipsa::Code::kRef && event != events.end() &&
         event->event.kind == nipsa::kinds::kApprovalDecision;
}

std::string_view draw_state_name(nipsa::DrawState state) {
  switch (state) {
    case nipsa::DrawState::kAwaiting:
      return "awaiting";
    case nipsa::DrawState::kCommitted:
      return "committed";
    case nipsa::DrawState::kSettled:
      return "settled";
    case nipsa::DrawState::kCancelled:
      return "cancelled";
  }
  return "";
}

Value view_of(const nipsa::CreditAccount& account) {
  const nipsa::CreditEnvelope& envelope = account.envelope;
  Value draws = Value::array();
  for (const auto& [id, draw] : account.draws)
    draws.push_back({{"id", id},
                     {"amount_sat", draw.amount.value},
                     {"fee_sat", draw.fee.value},
                     {"state", draw_state_name(draw.state)}});
  return {{"envelope", envelope.id},
          {"issuer", envelope.issuer.hex()},
          {"agent", envelope.agent.hex()},
          {"status", nipsa::envelope_status_name(envelope.status)},
          {"expires_at", base::to_unix(envelope.expires)},
          {"max_sat", envelope.max.value},
          {"committed_sat", account.committed().value},
          {"settled_sat", account.settled().value},
          {"remaining_sat", account.remaining().value},
          {"lost_sat", account.lost.value},
          {"draws", std::move(draws)}};
}

void print_account(const Context& context, const nipsa::CreditAccount& account) {
  if (context.json) return print_json(view_of(account));
  print_foreign(fmt::format("{:<9}  {}  {} of {} sat left, {} settled, {} draws",
                            nipsa::envelope_status_name(account.envelope.status), account.envelope.id,
                            account.remaining().value, account.envelope.max.value,
                            account.settled().value, account.draws.size()));
}

/// Those named, or whoever wrote an envelope among `events`.
Result<std::vector<nostr::PublicKey>> issuers_of(const Context& context, const StatusArguments& arguments,
                                                 const std::vector<nipsa::Received>& events) {
  if (!arguments.issuers.empty()) {
    Runtime runtime;
    return runtime.loop.run_until_complete(find_people(runtime, context, arguments.issuers));
  }
  std::vector<nostr::PublicKey> out;
  for (const nipsa::Received& one : events)
    if (one.event.kind == nipsa::kinds::kCreditEnvelope) out.push_back(one.event.pubkey);
  return out;
}

int status(const Context& context, const StatusArguments& arguments) {
  const auto text = read_input(arguments.file, kMaxInput);
  if (!text) return report_usage(context, text.error());
  Reading reading = read_events(context, *text);
  const auto issuers = issuers_of(context, arguments, reading.events);
  if (!issuers) return report_usage(context, issuers.error());
  nipsa::CreditLedger ledger(*issuers);
  for (const nipsa::RefusedEvent& refused : nipsa::fold_credit(ledger, reading.events)) {
    if (is_harmless(refused, reading.events)) continue;
    ++reading.complaints;
    complain(context, refused.id.hex(), refused.error);
  }
  for (const nipsa::CreditAccount* account : ledger.accounts()) print_account(context, *account);
  if (ledger.size() == 0) progress(context, "no envelope among these events");
  return reading.complaints == 0 ? kOk : kFailed;
}

}  // namespace

void add_credit_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* credit = app.add_subcommand("credit", "Credit that issuers open for agents (NIP-AC)");
  credit->require_subcommand(1);
  credit->footer("Examples:\n  sovereign credit status events.jsonl");
  auto arguments = std::make_shared<StatusArguments>();
  auto* command = credit->add_subcommand(
      "status", "What is left of each envelope, from events as JSON lines (39242 to 39246, 39213)");
  command->add_option("file", arguments->file, "File with the events; default standard input");
  command->add_option("--issuer", arguments->issuers,
                      "Whose envelopes count (repeat); default everybody's among the events");
  command->footer(
      "Dates are those the authors gave. Exit 1 when an event is not lawful: each is named with its reason.\n"
      "Examples:\n  sovereign req ws://127.0.0.1:7777 -f '{\"kinds\":[39242,39243,39244,39245,39246,39213]}' | "
      "sovereign credit status\n  sovereign credit status events.jsonl --json");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return status(context, *arguments); }; });
}

}  // namespace node::cli
