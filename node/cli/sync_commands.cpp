// sync: makes a database or a file and relays hold the same events.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/event_file.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/base/log.h"
#include "nostr/client/sync.h"
#include "nostr/nips/nip65.h"
#include "nostr/signer/key_signer.h"
#include "storage/schema.h"
#include "storage/sync_events.h"

namespace node::cli {
namespace {

using base::json::Value;
using nostr::SyncDirection;
using nostr::SyncReport;

constexpr std::chrono::seconds kProgressEvery{1};

struct SyncArguments {
  std::vector<std::string> relays;
  std::vector<std::string> filters;
  std::string database;
  std::string file;
  std::string key_file;
  bool up = false;
  bool down = false;
  bool both = false;

  SyncDirection direction() const {
    return both || (up && down) ? SyncDirection::kBoth
           : up                 ? SyncDirection::kUp
                                : SyncDirection::kDown;
  }
};

/// The counts of every filter at one relay together.
void add(SyncReport& sum, const SyncReport& part) {
  sum.reconciled = sum.reconciled || part.reconciled;
  if (!part.refusal.empty()) sum.refusal = part.refusal;
  if (!part.last_refusal.empty()) sum.last_refusal = part.last_refusal;
  sum.local = std::max(sum.local, part.local);
  sum.downloaded += part.downloaded;
  sum.unavailable += part.unavailable;
  sum.uploaded += part.uploaded;
  sum.refused += part.refused;
  sum.to_upload += part.to_upload;
  if (part.error) sum.error = part.error;
}

Value to_value(const SyncReport& report) {
  Value out = {{"relay", report.relay},
               {"complete", report.is_complete()},
               {"method", report.reconciled ? "negentropy" : "pages"},
               {"downloaded", report.downloaded},
               {"unavailable", report.unavailable},
               {"uploaded", report.uploaded},
               {"refused", report.refused}};
  if (!report.refusal.empty()) out["why_pages"] = report.refusal;
  if (!report.last_refusal.empty()) out["reason"] = report.last_refusal;
  if (report.error) out["error"] = report.error->detail;
  return out;
}

std::string to_text(const SyncReport& report) {
  std::string out = fmt::format("{}: {} down, {} up", report.relay, report.downloaded, report.uploaded);
  if (report.unavailable > 0) out += fmt::format(", {} not sent", report.unavailable);
  if (report.refused > 0) out += fmt::format(", {} refused ({})", report.refused, report.last_refusal);
  if (!report.refusal.empty()) out += fmt::format("; by pages: {}", report.refusal);
  if (report.error) out += "; failed: " + report.error->detail;
  return out;
}

/// Says on stderr how far a sync has come, once a second.
class Ticker {
 public:
  explicit Ticker(const Context& context) : context_(context) {}
  void operator()(const SyncReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + kProgressEvery;
    progress(context_, base::escape_for_terminal(fmt::format(
                           "{}: {} down, {} of {} up", report.relay, report.downloaded,
                           report.uploaded, report.to_upload)));
  }

 private:
  const Context& context_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + kProgressEvery;
};

/// The exit code; prints one object, or one line for each relay.
int conclude(const Context& context, const std::vector<SyncReport>& reports) {
  std::size_t complete = 0, failed = 0;
  Value views = Value::array();
  for (const SyncReport& report : reports) {
    complete += report.is_complete() ? 1 : 0;
    failed += report.error ? 1 : 0;
    if (context.json)
      views.push_back(to_value(report));
    else
      print_foreign(to_text(report));
  }
  if (context.json) print_json({{"relays", std::move(views)}});
  if (complete == reports.size()) return kOk;
  return failed == reports.size() ? kFailed : kPartial;
}

base::Task<int> sync_all(Runtime& runtime, const Context& context, nostr::LocalEvents& local,
                         std::vector<std::string> relays, nostr::Filters filters,
                         SyncDirection direction) {
  std::vector<SyncReport> sums(relays.size());
  for (std::size_t i = 0; i < relays.size(); ++i) sums[i].relay = relays[i];
  // What one relay has reaches the others too: all are read before any is written to.
  std::vector<SyncDirection> passes{direction};
  if (direction == SyncDirection::kBoth && relays.size() > 1)
    passes = {SyncDirection::kDown, SyncDirection::kUp};
  for (const SyncDirection pass : passes) {
    nostr::Syncer syncer(runtime.pool, runtime.clock, local, {.direction = pass});
    for (SyncReport& sum : sums)
      for (const nostr::Filter& filter : filters) {
        if (sum.error) continue;
        const SyncReport part = co_await syncer.sync(sum.relay, filter, Ticker(context));
        add(sum, part);
      }
  }
  co_await runtime.pool.stop();
  co_return conclude(context, sums);
}

/// What relays are compared with; the database, where it is one, is kept beside.
struct Local {
  std::unique_ptr<storage::Db> db;
  std::unique_ptr<storage::EventDb> table;
  std::unique_ptr<nostr::LocalEvents> events;
};

base::Result<Local> open_local(const Context& context, const SyncArguments& arguments,
                               const base::Clock& clock) {
  Local local;
  if (!arguments.file.empty()) {
    TRY(local.events, EventFile::open(arguments.file));
    return local;
  }
  std::string path = arguments.database;
  if (path.empty()) {
    const Home home = context.home();
    TRY(home.ensure());
    path = home.database().string();
  }
  TRY(local.db, storage::open_database(path));
  local.table = std::make_unique<storage::EventDb>(*local.db);
  local.events = std::make_unique<storage::SyncEvents>(*local.table, clock);
  return local;
}

base::Result<nostr::Filters> parse_filters(const std::vector<std::string>& texts) {
  nostr::Filters filters;
  for (const std::string& text : texts) {
    auto filter = nostr::parse_filter(std::string_view(text));
    if (!filter) return std::unexpected(base::in_context("-f", filter.error()));
    filters.push_back(*std::move(filter));
  }
  return filters;
}

int sync(const Context& context, const SyncArguments& arguments) {
  auto filters = parse_filters(arguments.filters);
  if (!filters) return report_usage(context, filters.error());
  for (const std::string& relay : arguments.relays)
    if (!nostr::is_relay_url(relay))
      return report_usage(context,
                          {base::Errc::kInvalid, relay + " is no relay URL", "ws:// or wss://"});
  Runtime runtime;
  auto local = open_local(context, arguments, runtime.clock);
  if (!local) return report(context, local.error());
  std::optional<nostr::KeySigner> signer;
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    signer.emplace(*std::move(key), runtime.clock, runtime.rng);
    runtime.pool.set_auth("", &*signer);
  }
  return runtime.loop.run_until_complete(sync_all(runtime, context, *local->events,
                                                  arguments.relays, *std::move(filters),
                                                  arguments.direction()));
}

}  // namespace

void add_sync_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<SyncArguments>();
  auto* command = app.add_subcommand(
      "sync", "Make a database or file and relays hold the same events (NIP-77, or by pages)");
  command->add_option("relays", arguments->relays, "Relay URLs")->required();
  command->add_option("-f,--filter", arguments->filters, "Which events, as a filter (repeat)")
      ->required()
      ->allow_extra_args(false);
  auto* database = command->add_option(
      "--db", arguments->database, "Database file, or :memory: to keep nothing; default the home's");
  command->add_option("--file", arguments->file, "A file with one event a line instead")
      ->excludes(database);
  command->add_option("--key-file", arguments->key_file, "Who answers NIP-42 challenges");
  command->add_flag("--down", arguments->down, "Fetch what we lack (the default)");
  command->add_flag("--up", arguments->up, "Publish what the relay lacks");
  command->add_flag("--both", arguments->both, "Both; all relays are read before any is written to");
  command->footer(
      "Examples:\n"
      "  sovereign sync ws://127.0.0.1:7777 -f '{\"kinds\":[0,1]}' --file backup.jsonl\n"
      "  sovereign sync ws://127.0.0.1:7777 -f '{\"kinds\":[1]}' --both --db notes.db\n"
      "With --both several relays end up with the same events, --db :memory: keeps none of them.\n"
      "A sync that was interrupted is started again: what has come is there.");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return sync(context, *arguments); }; });
}

}  // namespace node::cli
