// req, count: what relays have, printed one JSON per line.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/signer_flags.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"
#include "nostr/event/filter.h"
#include "nostr/nips/nip19.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;

/// Relays, and which events: filters as JSON, or one filter built from flags.
struct QueryArguments {
  std::vector<std::string> relays;
  std::vector<std::string> filters;
  std::vector<unsigned> kinds;
  std::vector<std::string> ids, authors, e_tags, p_tags, d_tags, tags;
  std::string since, until, search;
  std::optional<std::uint32_t> limit;
  std::chrono::seconds timeout{30};
  bool stream = false;
  bool force = false;  ///< ask for a search whatever the relay says of itself
  SignerFlags signer;

  bool has_flags() const {
    return !(kinds.empty() && ids.empty() && authors.empty() && e_tags.empty() && p_tags.empty() &&
             d_tags.empty() && tags.empty() && since.empty() && until.empty() && search.empty() && !limit);
  }
};

// ---- filters -----------------------------------------------------------------------------------

Result<void> add_tag_condition(const std::string& text, nostr::Filter& filter) {
  if (text.size() < 2 || text[1] != '=')
    return fail(Errc::kInvalid, fmt::format("-t {}: expected x=value", text),
                "relays index tags of one letter, e.g. t=nostr");
  filter.tags[text[0]].push_back(text.substr(2));
  return {};
}

base::Task<Result<nostr::Filter>> filter_of_flags(Runtime& runtime, const Context& context,
                                                  QueryArguments arguments) {
  const base::UnixTime now = runtime.clock.now();
  nostr::Filter filter{.limit = arguments.limit};
  if (!arguments.search.empty()) filter.search = arguments.search;
  for (const unsigned kind : arguments.kinds)
    filter.kinds.push_back(static_cast<nostr::Kind>(kind));
  for (const std::string& text : arguments.ids) {
    CO_TRY(const nostr::EventId id, nostr::parse_event_id(text));
    filter.ids.push_back(id);
  }
  CO_TRY(filter.authors, co_await find_people(runtime, context, arguments.authors));
  for (const std::string& text : arguments.e_tags) {
    CO_TRY(const nostr::EventId id, nostr::parse_event_id(text));
    filter.tags['e'].push_back(id.hex());
  }
  CO_TRY(const auto named, co_await find_people(runtime, context, arguments.p_tags));
  for (const nostr::PublicKey& key : named) filter.tags['p'].push_back(key.hex());
  if (!arguments.d_tags.empty()) filter.tags['d'] = arguments.d_tags;
  for (const std::string& text : arguments.tags) CO_TRY(add_tag_condition(text, filter));
  if (!arguments.since.empty()) {
    CO_TRY(filter.since, parse_past(arguments.since, now));
  }
  if (!arguments.until.empty()) {
    CO_TRY(filter.until, parse_past(arguments.until, now));
  }
  co_return filter;
}

base::Task<Result<nostr::Filters>> read_filters(Runtime& runtime, const Context& context,
                                                QueryArguments arguments) {
  nostr::Filters filters;
  for (const std::string& text : arguments.filters) {
    auto filter = nostr::parse_filter(std::string_view(text));
    if (!filter) co_return std::unexpected(base::in_context("-f", filter.error()));
    filters.push_back(*std::move(filter));
  }
  if (arguments.has_flags()) {
    CO_TRY(nostr::Filter filter, co_await filter_of_flags(runtime, context, arguments));
    filters.push_back(std::move(filter));
  }
  if (filters.empty()) filters.push_back({.limit = 500});
  co_return filters;
}

/// Relays that do not search answer as if nothing had been searched for: they are not asked.
/// The relays that are left; each other one is named.
base::Task<std::vector<std::string>> relays_that_search(Runtime& runtime, const Context& context,
                                                        std::vector<std::string> relays) {
  constexpr int kSearchNip = 50;
  std::vector<std::string> out;
  for (const std::string& relay : relays) {
    const auto document = co_await runtime.pool.information(relay);
    if (!document)
      progress(context, fmt::format("{}: whether it searches is not known: {}", relay,
                                    document.error().detail));
    else if (std::ranges::find(document->info.supported_nips, kSearchNip) ==
             document->info.supported_nips.end())
      progress(context, fmt::format("{}: does not search (NIP-50); --force asks it all the same", relay));
    else
      out.push_back(relay);
  }
  co_return out;
}

/// Leaves out the relays that cannot answer; whether any were left out.
base::Task<bool> drop_relays_without_search(Runtime& runtime, const Context& context,
                                            QueryArguments& arguments,
                                            const nostr::Filters& filters) {
  const bool searches = std::ranges::any_of(
      filters, [](const nostr::Filter& filter) { return filter.search.has_value(); });
  if (!searches || arguments.force) co_return false;
  const std::size_t before = arguments.relays.size();
  arguments.relays = co_await relays_that_search(runtime, context, arguments.relays);
  co_return arguments.relays.size() < before;
}

// ---- req ---------------------------------------------------------------------------------------

base::Task<int> print_stored(Runtime& runtime, const Context& context, QueryArguments arguments,
                             nostr::Filters filters) {
  const nostr::FetchResult result =
      co_await runtime.pool.fetch(arguments.relays, std::move(filters), arguments.timeout);
  for (const nostr::EventPtr& event : result.events) fmt::print("{}\n", nostr::to_json(*event));
  std::fflush(stdout);
  for (const auto& [relay, why] : result.failed)
    progress(context, fmt::format("{}: {}", relay, why));
  if (result.failed.empty()) co_return kOk;
  co_return result.complete.empty() ? kFailed : kPartial;
}

void print_batch(std::span<const nostr::Delivery> batch) {
  for (const nostr::Delivery& delivery : batch)
    fmt::print("{}\n", nostr::to_json(*delivery.event));
  std::fflush(stdout);
}

/// Prints what comes until a signal ends it.
base::Task<int> print_stream(Runtime& runtime, const Context& context, QueryArguments arguments,
                             nostr::Filters filters) {
  base::Signal ended(runtime.loop);
  bool over = false;
  runtime.loop.on_signal([&](int) {
    over = true;
    ended.notify();
  });
  const auto subscription = runtime.pool.subscribe(
      arguments.relays, std::move(filters),
      {.on_events = print_batch,
       .on_eose = {},
       .on_closed = [&context](const std::string& relay, const std::string& message) {
         progress(context, fmt::format("{}: {}", relay, message));
       }});
  while (!over) co_await ended.wait_for(std::chrono::hours{1});
  co_return kInterrupted;
}

base::Task<int> request(Runtime& runtime, const Context& context, QueryArguments arguments) {
  int code = kOk;
  auto filters = co_await read_filters(runtime, context, arguments);
  bool left_out = false;
  if (filters)
    left_out = co_await drop_relays_without_search(runtime, context, arguments, *filters);
  if (!filters)
    code = report_usage(context, filters.error());
  else if (arguments.relays.empty())
    code = report(context, {Errc::kUnsupported, "none of the relays searches", "--force asks them all the same"});
  else if (arguments.stream)
    code = co_await print_stream(runtime, context, arguments, *std::move(filters));
  else
    code = co_await print_stored(runtime, context, arguments, *std::move(filters));
  if (code == kOk && left_out) code = kPartial;
  co_await runtime.pool.stop();
  co_return code;
}

// ---- count -------------------------------------------------------------------------------------

struct Counting {
  base::Signal answered;
  std::vector<std::optional<Result<nostr::CountAnswer>>> answers;  ///< in the order of the relays
  std::size_t open = answers.size();
};

/// `counting` lives in a frame that waits for this task.
base::Task<void> count_one(Runtime& runtime, std::string relay, nostr::Filters filters,
                           std::chrono::seconds limit, Counting& counting, std::size_t place) {
  counting.answers[place] =
      co_await runtime.pool.count(std::move(relay), std::move(filters), limit);
  if (--counting.open == 0) counting.answered.notify();
}

/// One line for what several relays count together, each author once; without registers of two
/// relays nothing can be said.
void print_together(const std::vector<std::optional<Result<nostr::CountAnswer>>>& answers) {
  nostr::HyperLogLog all;
  std::size_t relays = 0;
  for (const auto& answer : answers)
    if (answer && *answer && (*answer)->hll) {
      all.merge(*(*answer)->hll);
      ++relays;
    }
  if (relays > 1)
    print_json({{"relays", relays}, {"distinct_authors", all.estimate()}, {"approximate", true}});
}

base::Task<int> count_each(Runtime& runtime, const Context& context, QueryArguments arguments) {
  auto filters = co_await read_filters(runtime, context, arguments);
  if (!filters) {
    co_await runtime.pool.stop();
    co_return report_usage(context, filters.error());
  }
  const std::size_t relays = arguments.relays.size();
  Counting counting{.answered = base::Signal(runtime.loop), .answers = std::vector<std::optional<Result<nostr::CountAnswer>>>(relays)};
  base::Scope scope(runtime.loop);
  for (std::size_t i = 0; i < relays; ++i)
    scope.spawn("count", count_one(runtime, arguments.relays[i], *filters, arguments.timeout,
                                   counting, i));
  while (counting.open > 0) co_await counting.answered.wait_for(std::chrono::hours{1});
  co_await scope.stop();
  std::size_t failed = 0;
  for (std::size_t i = 0; i < relays; ++i) {
    const Result<nostr::CountAnswer>& answer = *counting.answers[i];
    if (answer) {
      base::json::Value line{{"relay", arguments.relays[i]}, {"count", answer->count}};
      if (answer->approximate) line["approximate"] = true;
      print_json(line);
    } else {
      ++failed;
      report(context, base::in_context(arguments.relays[i], answer.error()));
    }
  }
  print_together(counting.answers);
  co_await runtime.pool.stop();
  co_return failed == 0 ? kOk : failed == relays ? kFailed : kPartial;
}

// ---- flags -------------------------------------------------------------------------------------

using Query = base::Task<int> (*)(Runtime&, const Context&, QueryArguments);

int run_query(const Context& context, const QueryArguments& arguments, Query query) {
  Runtime runtime;
  if (!arguments.signer.any())
    return runtime.loop.run_until_complete(query(runtime, context, arguments));
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer&) {
    return query(runtime, context, arguments);
  });
}

CLI::App* add_query(CLI::App& app, QueryArguments& arguments, const std::string& name,
                    const std::string& description) {
  auto* command = app.add_subcommand(name, description);
  command->add_option("relays", arguments.relays, "Relay URLs")->required();
  const auto repeat = [&](const char* flag, auto& value, const char* text) {
    return command->add_option(flag, value, std::string(text) + " (repeat)")
        ->allow_extra_args(false);
  };
  repeat("-f,--filter", arguments.filters, "Filter as JSON");
  repeat("-k,--kind", arguments.kinds, "Kind")->check(CLI::Range(0, 65535));
  repeat("-i,--id", arguments.ids, "Event id: note1…, nevent1…, hex");
  repeat("-a,--author", arguments.authors, "Author: npub, hex or bob@example.com");
  repeat("-e", arguments.e_tags, "Refers to this event");
  repeat("-p", arguments.p_tags, "Names this person");
  repeat("-d", arguments.d_tags, "Has this identifier (d tag)");
  repeat("-t", arguments.tags, "Tag condition x=value");
  command->add_option("--since", arguments.since, "Not older: 2h, 3d, a date or a Unix time")
      ->type_name("TIME");
  command->add_option("--until", arguments.until, "Not newer")->type_name("TIME");
  command->add_option("-l,--limit", arguments.limit, "At most so many stored events");
  add_duration(*command, "--timeout", arguments.timeout, "How long to wait for each relay");
  add_signer_flags(*command, arguments.signer, "Answer AUTH with this key");
  return command;
}

}  // namespace

void add_req_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<QueryArguments>();
  auto* req = add_query(app, *arguments, "req",
                        "Print events that match, one JSON per line, until all stored ones came");
  req->add_option("--search", arguments->search, "Words, for relays that search (NIP-50)");
  req->add_flag("--force", arguments->force, "Search also where the relay does not offer it");
  req->add_flag("--stream", arguments->stream, "Go on with live events until interrupted");
  req->footer(
      "Examples:\n"
      "  sovereign req ws://127.0.0.1:7777 -k 1 -t t=news --since 2h --limit 10\n"
      "  sovereign req ws://127.0.0.1:7777 -a $NPUB --until 2026-01-01\n"
      "  sovereign req ws://127.0.0.1:7777 -f '{\"kinds\":[1],\"limit\":10}' | sovereign verify\n"
      "  sovereign req ws://127.0.0.1:7777 -k 1 | sovereign publish ws://127.0.0.1:7777\n"
      "  sovereign req ws://127.0.0.1:7777 -k 1 --stream");
  req->callback([=, &context] {
    *chosen = [=, &context] { return run_query(context, *arguments, request); };
  });

  auto counting = std::make_shared<QueryArguments>();
  auto* count =
      add_query(app, *counting, "count", "Ask relays how many events match (NIP-45)");
  count->footer(
      "Examples:\n"
      "  sovereign count ws://127.0.0.1:7777 -k 1 --since 7d\n"
      "  sovereign count ws://127.0.0.1:7777 -f '{\"kinds\":[1]}' --json");
  count->callback([=, &context] {
    *chosen = [=, &context] { return run_query(context, *counting, count_each); };
  });
}

}  // namespace node::cli
