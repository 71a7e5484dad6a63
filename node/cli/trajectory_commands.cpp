// trajectory list | verify: what was recorded, and whether it still says what was said.
#include "node/cli/trajectory_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nipsa/chain.h"
#include "nipsa/kinds.h"
#include "nipsa/trajectory.h"
#include "node/runtime.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kPatience{15};
constexpr std::uint32_t kPage = 500;
constexpr int kMaxPages = 200;

struct Arguments {
  std::string agent;
  std::string session;
  std::vector<std::string> relays;
};

/// Every step of the session on these relays, paged towards the past.
base::Task<std::vector<nostr::Event>> fetch_steps(Runtime& runtime, std::vector<std::string> relays,
                                                  nostr::Address session, nostr::PublicKey writer) {
  std::vector<nostr::Event> steps;
  std::optional<base::UnixTime> until;
  for (int page = 0; page < kMaxPages; ++page) {
    nostr::Filters filters{{.authors = {writer},
                            .kinds = {nipsa::kinds::kTrajectoryEvent},
                            .tags = {{'a', {session.str()}}},
                            .until = until,
                            .limit = kPage}};
    const nostr::FetchResult found =
        co_await runtime.pool.fetch(relays, std::move(filters), kPatience);
    for (const nostr::EventPtr& event : found.events) steps.push_back(*event);
    if (found.events.size() < kPage) break;
    until = found.events.back()->created_at;
  }
  co_return steps;
}

base::Task<Result<std::vector<nostr::Event>>> fetch_heads(Runtime& runtime, Arguments arguments,
                                                          nostr::PublicKey agent) {
  nostr::Filter filter{.authors = {agent}, .kinds = {nipsa::kinds::kTrajectory}, .limit = 100};
  if (!arguments.session.empty()) filter.tags['d'] = {arguments.session};
  nostr::Filters filters{std::move(filter)};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(arguments.relays, std::move(filters), kPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  std::vector<nostr::Event> heads;
  for (const nostr::EventPtr& event : found.events) heads.push_back(*event);
  co_return heads;
}

Value verdict_view(const nipsa::TrajectorySession& session, const nipsa::ChainResult& result) {
  Value out = {{"session", session.d},
               {"verdict", nipsa::chain_verdict_name(result.verdict)},
               {"hash", session.end->hash.hex()},
               {"count", session.end->count},
               {"found", result.count}};
  if (!result.missing.empty()) out["missing"] = result.missing;
  if (result.forked_at != 0) out["forked_at"] = result.forked_at;
  return out;
}

void print_verdict(const Context& context, const Value& view) {
  if (context.json) return print_json(view);
  std::string line =
      fmt::format("{}  {}  {} of {} events", base::json::string_or(view, "session"),
                  base::json::string_or(view, "verdict"), base::json::int_or(view, "found"),
                  base::json::int_or(view, "count"));
  if (view.contains("missing")) line += "  missing " + base::json::dump(view["missing"]);
  if (view.contains("forked_at")) line += "  forked at " + base::json::dump(view["forked_at"]);
  print_foreign(line);
}

base::Task<Result<int>> verify_session(Runtime& runtime, const Context& context,
                                       Arguments arguments, nostr::PublicKey agent) {
  CO_TRY(const auto heads, co_await fetch_heads(runtime, arguments, agent));
  if (heads.empty()) co_return fail(Errc::kNotFound, "no such session on these relays");
  CO_TRY(const nipsa::TrajectorySession session, nipsa::parse_trajectory_session(heads.front()));
  if (!session.end)
    co_return fail(Errc::kUnavailable,
                   "the session has not ended: nothing says what its record should be");
  const nostr::PublicKey writer = session.writer.value_or(agent);
  const nostr::Address address{nipsa::kinds::kTrajectory, agent, session.d};
  const auto steps = co_await fetch_steps(runtime, arguments.relays, address, writer);
  const nipsa::ChainResult result = nipsa::verify_chain(
      {agent, session.d, writer, session.end->hash, session.end->alg, session.end->count}, steps);
  print_verdict(context, verdict_view(session, result));
  co_return result.verdict == nipsa::ChainVerdict::kValid ? kOk : kFailed;
}

base::Task<Result<int>> list_sessions(Runtime& runtime, const Context& context, Arguments arguments,
                                      nostr::PublicKey agent) {
  CO_TRY(const auto heads, co_await fetch_heads(runtime, arguments, agent));
  for (const nostr::Event& head : heads) {
    auto session = nipsa::parse_trajectory_session(head);
    if (!session) continue;
    const Value view = {{"session", session->d},
                        {"model", session->model},
                        {"started_at", base::to_unix(session->started_at)},
                        {"ended", session->end.has_value()},
                        {"count", session->end ? session->end->count : 0}};
    if (context.json)
      print_json(view);
    else
      print_foreign(
          fmt::format("{}  {}  {}", session->d, base::format_utc(session->started_at),
                      session->end ? fmt::format("{} events", session->end->count) : "running"));
  }
  co_return kOk;
}

using Work = base::Task<Result<int>> (*)(Runtime&, const Context&, Arguments, nostr::PublicKey);

base::Task<Result<int>> work_and_stop(Runtime& runtime, const Context& context, Work work,
                                      Arguments arguments, nostr::PublicKey agent) {
  auto done = co_await work(runtime, context, std::move(arguments), agent);
  co_await runtime.pool.stop();
  co_return done;
}

int execute(const Context& context, const Arguments& arguments, Work work) {
  auto agent = nostr::parse_public_key(arguments.agent);
  if (!agent) return report(context, agent.error());
  Runtime runtime;
  auto code =
      runtime.loop.run_until_complete(work_and_stop(runtime, context, work, arguments, *agent));
  return code ? *code : report(context, code.error());
}

}  // namespace

void add_trajectory_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* trajectory =
      app.add_subcommand("trajectory", "Records of sessions: list and verify them from relays");
  trajectory->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  auto* verify = trajectory->add_subcommand(
      "verify", "Prove order, completeness and authorship of one session");
  verify->add_option("session", arguments->session, "The session's d, sess-…")->required();
  auto* list = trajectory->add_subcommand("list", "Sessions of an agent");
  for (auto* command : {verify, list}) {
    command->add_option("--agent", arguments->agent, "The agent: npub or hex")->required();
    command->add_option("--relay", arguments->relays, "Relay (repeat)")
        ->required()
        ->allow_extra_args(false);
  }
  verify->footer(
      "Examples:\n  sovereign trajectory verify sess-1 --agent $NPUB --relay ws://127.0.0.1:7777");
  verify->callback([=, &context] {
    *chosen = [=, &context] { return execute(context, *arguments, verify_session); };
  });
  list->footer(
      "Examples:\n  sovereign trajectory list --agent $NPUB --relay ws://127.0.0.1:7777");
  list->callback([=, &context] {
    *chosen = [=, &context] { return execute(context, *arguments, list_sessions); };
  });
}

}  // namespace node::cli
