// From a paid order to a tick, and from the tick's last words to the customer.
#include "node/job_shop.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/tick.h"
#include "node/tick_runner.h"
#include "node/treasury.h"
#include "nostr/base/log.h"
#include "orchestration/envelope.h"
#include "orchestration/transcript.h"
#include "storage/sessions.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using storage::TickPhase;
using storage::TickRow;

constexpr std::chrono::milliseconds kTickLook{1'000};
constexpr std::chrono::seconds kWalletLook{2};
constexpr std::size_t kMaxResult = 60'000;  // what NIP-44 takes, with room for an end
// Why it failed is the operator's to read; the customer learns that it did.
constexpr std::string_view kNotDone = "the work could not be finished";

}  // namespace

struct JobShop::Counter {
  explicit Counter(const JobConfig& job) : config(job), hour(job.max_per_hour) {}
  JobConfig config;
  HourlyCap hour;
  std::unique_ptr<orchestration::JobProvider> provider;
};

std::string job_text(const nostr::JobRequest& job) {
  std::string out;
  for (const nostr::JobInput& input : job.inputs)
    out += fmt::format("{}{}{}\n", input.marker, input.marker.empty() ? "" : ": ", input.data);
  for (const nostr::JobParam& param : job.params)
    out += fmt::format("parameter {}: {}\n", param.name, fmt::join(param.values, ", "));
  if (!job.output.empty()) out += fmt::format("wished for as {}\n", job.output);
  return out;
}

Result<void> check_job(const nostr::JobRequest& job) {
  if (job.inputs.empty()) return fail(Errc::kInvalid, "there is no input");
  for (const nostr::JobInput& input : job.inputs)
    if (input.type != nostr::JobInputType::kText)
      return fail(Errc::kInvalid, "only inputs of the type text are worked on");
  if (job_text(job).size() > kMaxJobText)
    return fail(Errc::kInvalid, fmt::format("an order has at most {} bytes", kMaxJobText));
  return {};
}

JobShop::JobShop(Deps deps, const std::vector<JobConfig>& jobs, std::vector<std::string> relays)
    : deps_(deps), changed_(deps.runtime.loop), scope_(deps.runtime.loop) {
  for (const JobConfig& job : jobs) {
    if (!job.enabled) continue;
    Counter& counter = *counters_.emplace_back(std::make_unique<Counter>(job));
    counter.provider = std::make_unique<orchestration::JobProvider>(
        orchestration::JobProvider::Deps{deps_.runtime.pool, deps_.db, deps_.node.key(),
                                         deps_.runtime.clock, deps_.runtime.rng,
                                         [this]() -> orchestration::WalletClient* {
                                           return deps_.treasury.wallet_client().value_or(nullptr);
                                         }},
        orchestration::JobOffer{.kind = static_cast<nostr::Kind>(job.kind),
                                .name = job.name,
                                .about = job.about,
                                .price = job.price,
                                .relays = relays,
                                .max_open = job.max_open,
                                .max_per_customer = job.max_per_customer,
                                .admit =
                                    [this, &counter] {
                                      const bool room =
                                          counter.hour.take(deps_.runtime.clock.now());
                                      if (!room && counter.hour.should_tell())
                                        LOG(kWarn, "jobs", "the orders of this hour are taken",
                                            {{"job", counter.config.name}});
                                      return room;
                                    },
                                .check = check_job},
        [this](orchestration::JobTask task) { return work(std::move(task)); });
  }
}

JobShop::~JobShop() = default;

void JobShop::start() {
  for (const auto& counter : counters_) scope_.spawn("job offer", open(*counter));
}

base::Task<void> JobShop::stop() {
  co_await scope_.stop();
  for (const auto& counter : counters_) co_await counter->provider->stop();
}

base::Task<void> JobShop::open(Counter& counter) {
  const JobConfig& job = counter.config;
  if (job.price.value > 0 && !deps_.treasury.wallet_client()) {
    LOG(kWarn, "jobs", "not offered while there is no wallet to be paid to",
        {{"job", job.name}, {"hint", "sovereign wallet connect"}});
    while (!deps_.treasury.wallet_client()) co_await base::sleep_for(kWalletLook);
  }
  if (auto opened = co_await counter.provider->start(); !opened)
    LOG(kError, "jobs", "not offered", {{"job", job.name}, {"detail", opened.error().detail}});
  else
    LOG(kInfo, "jobs", "offered",
        {{"job", job.name},
         {"kind", std::to_string(job.kind)},
         {"price_msat", std::to_string(job.price.value)}});
}

/// A restart comes by here again: then the tick is under way, or has ended.
base::Task<Result<std::string>> JobShop::work(orchestration::JobTask task) {
  const std::string slot = nipsa::slot_of_event(task.request);
  {
    CO_TRY(storage::Tx tx, storage::Tx::begin(deps_.db, storage::Durability::kFull));
    CO_TRY(deps_.runner.plan(slot, orchestration::TriggerKind::kJob, task.request));
    CO_TRY(tx.commit());
  }
  deps_.runner.wake();
  storage::Ticks ticks(deps_.db);
  for (;;) {
    CO_TRY(const auto row, ticks.get(slot));
    if (!row) co_return fail(Errc::kInternal, std::string(kNotDone));
    if (row->phase == TickPhase::kDone || row->phase == TickPhase::kLost ||
        row->phase == TickPhase::kFailed)
      co_return outcome(*row);
    co_await changed_.wait_for(kTickLook);
  }
}

/// What the agent said last, if that is where it wanted to end.
Result<std::string> JobShop::outcome(const TickRow& tick) {
  const auto no = [&](const std::string& why) {
    LOG(kWarn, "jobs", "an order could not be done", {{"tick", tick.slot}, {"why", why}});
    return fail(Errc::kUnavailable, std::string(kNotDone));
  };
  storage::Sessions sessions(deps_.db);
  const auto rows = sessions.of_tick(tick.slot);
  if (!rows || rows->empty()) return no(tick.note.empty() ? "no session" : tick.note);
  if (rows->front().state != storage::SessionState::kEnded) return no(rows->front().note);
  orchestration::Transcript transcript(sessions, rows->front().id);
  if (auto read = transcript.load(); !read) return no(read.error().detail);
  const auto& messages = transcript.messages();
  if (messages.empty() || messages.back().ending ||
      messages.back().message.role != orchestration::Role::kAssistant ||
      messages.back().message.content.empty())
    return no(tick.note.empty() ? "it said nothing" : tick.note);
  return std::string(orchestration::cut_utf8(messages.back().message.content, kMaxResult));
}

}  // namespace node
