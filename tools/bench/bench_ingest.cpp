// Ingest against the raw bound: frames to verified and deduplicated events on all cores, compared
// with threads × (key parse + schnorrsig_verify) of the linked library in the same run; the same
// with every event stored as it arrives.
//
//   bench_ingest [rounds=7]
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "nostr/client/intake.h"
#include "nostr/client/verify_pool.h"
#include "nostr/event/message.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"
#include "tools/bench/scratch.h"

namespace {

using bench::cpu_seconds;
using bench::median;
using bench::must;
using bench::seconds_since;
using bench::Steady;
using namespace nostr;

constexpr std::size_t kEvents = 20'000;

struct Corpus {
  std::vector<Event> events;
  std::vector<Frame> frames;
};

/// About 830 bytes a frame with three tags, as ordinary notes have.
Corpus make_corpus(std::size_t authors) {
  base::SeededRng rng(authors);
  std::vector<SecretKey> keys;
  for (std::size_t i = 0; i < authors; ++i) keys.push_back(SecretKey::generate(rng));
  Corpus out;
  for (std::size_t i = 0; i < kEvents; ++i) {
    Tags tags{
        {"e", rng.hex(32), "wss://relay.example", "root"}, {"p", rng.hex(32)}, {"t", "bench"}};
    Draft draft{1, base::unix_time(1'700'000'000 + static_cast<std::int64_t>(i)), std::move(tags),
                "note " + std::to_string(i) + " " + std::string(200, 'x')};
    out.events.push_back(sign_event(std::move(draft), keys[i % authors], rng));
    const std::string text = relay_event_frame("s1", out.events.back());
    auto frame = std::make_shared<std::string>();
    frame->reserve(text.size() + 64);
    *frame = text;
    out.frames.push_back(std::move(frame));
  }
  return out;
}

/// Nothing but key parse and signature check, on every thread at once.
void check_raw(const Corpus& corpus, std::size_t threads) {
  std::vector<std::thread> pool;
  for (std::size_t t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      for (std::size_t i = t; i < corpus.events.size(); i += threads) {
        const Event& event = corpus.events[i];
        bool good = verify(event.pubkey, Sha256(event.id.array()), event.sig);
        benchmark::DoNotOptimize(good);
      }
    });
  for (std::thread& thread : pool) thread.join();
}

/// One connection's intake from the net thread's call to the app thread's batch.
class Run {
 public:
  Run(base::Loop& loop, base::Workers& workers, std::shared_ptr<VerifyPool> verifier)
      : loop_(loop), workers_(workers), verifier_(std::move(verifier)) {
    Filter filter;
    filter.kinds = {1};
    delivered_ = std::make_shared<DeliveredIds>(4 * kEvents);
    auto table = std::make_shared<SubTable>();
    table->live.emplace("s1", std::make_shared<const Target>(Target{1, {filter}, delivered_}));
    table_ = std::move(table);
  }

  /// Feeds every frame as the net thread would, stores what arrives in `store` if there is one, and
  /// returns the wall time in seconds.
  double feed(const Corpus& corpus, storage::EventDb* store = nullptr) {
    std::size_t handled = 0;
    std::vector<Event> unsaved;
    delivered_count_ = 0;
    const auto intake = std::make_shared<Intake>(
        loop_, workers_, verifier_, IntakeLimits{}, [&](IntakeBatch batch) {
          for (const IntakeItem& item : batch.items) {
            const auto* event = std::get_if<IntakeEvent>(&item);
            if (event == nullptr || !delivered_->insert(event->event->id)) continue;
            ++delivered_count_;
            if (store != nullptr) unsaved.push_back(*event->event);
          }
          handled += batch.counts.verified + batch.counts.duplicates + batch.counts.bad() +
                     batch.counts.dropped;
          const bool last = handled == corpus.frames.size();
          if (unsaved.size() >= kStoreBatch || (last && !unsaved.empty())) {
            must(store->insert_batch(unsaved, base::unix_time(1'800'000'000)));
            unsaved.clear();
          }
          if (last) loop_.stop();
        });
    intake->set_table(table_);
    const auto start = Steady::now();
    std::thread net([&] {
      for (const Frame& frame : corpus.frames) intake->on_frame(frame);
    });
    loop_.run();
    const double seconds = seconds_since(start);
    net.join();
    intake->shut();
    return seconds;
  }
  std::size_t delivered_count() const { return delivered_count_; }

 private:
  static constexpr std::size_t kStoreBatch = 500;

  base::Loop& loop_;
  base::Workers& workers_;
  std::shared_ptr<VerifyPool> verifier_;
  std::shared_ptr<DeliveredIds> delivered_;
  SubTablePtr table_;
  std::size_t delivered_count_ = 0;
};

void want_all(const Run& run) {
  if (run.delivered_count() == kEvents) return;
  fmt::print(stderr, "error: {} of {} events were delivered\n", run.delivered_count(), kEvents);
  std::exit(1);
}

/// What one side of a comparison took, by wall time and by CPU time, which a busy machine disturbs
/// less.
struct Cost {
  double wall = 0;
  double cpu = 0;
};

template <class Work>
Cost cost_of(Work work) {
  const double cpu = cpu_seconds();
  const auto start = Steady::now();
  work();
  return {seconds_since(start), cpu_seconds() - cpu};
}

/// Where the CPU time of an ingest goes: each stage alone and on one thread, as a share of `whole`.
void print_stages(const Corpus& corpus, double whole, const std::string& label) {
  double named = 0;
  const auto stage = [&](std::string_view name, auto work) {
    const double cpu = cost_of(work).cpu;
    named += cpu;
    bench::figure(fmt::format("ingest_share_{}_{}", name, label), 100 * cpu / whole, "%");
  };
  std::vector<EventPtr> events;
  std::vector<Sha256> hashes;
  std::unordered_map<PublicKey, std::optional<VerifyingKey>, base::FixedBytesHash> keys;
  SeenEvents seen(4 * kEvents);
  stage("read", [&] {
    for (const Frame& frame : corpus.frames) benchmark::DoNotOptimize(peek_event_frame(*frame));
  });
  stage("parse", [&] {
    for (const Frame& frame : corpus.frames) {
      RelayMessage message = must(parse_relay_message_in_place(*frame));
      events.push_back(std::make_shared<const Event>(
          std::move(std::get<from_relay::EventMessage>(message).event)));
    }
  });
  stage("dedupe", [&] {
    for (const EventPtr& event : events) {
      benchmark::DoNotOptimize(seen.look(event->id));
      seen.add(event);
    }
  });
  stage("hash", [&] {
    std::string canonical;
    for (const EventPtr& event : events) {
      canonical.clear();
      append_canonical(*event, canonical);
      hashes.push_back(sha256(canonical));
    }
  });
  stage("keys", [&] {
    for (const EventPtr& event : events)
      if (const auto [it, fresh] = keys.try_emplace(event->pubkey); fresh)
        it->second = VerifyingKey::parse(event->pubkey);
  });
  stage("verify", [&] {
    for (std::size_t i = 0; i < events.size(); ++i)
      benchmark::DoNotOptimize(keys.at(events[i]->pubkey)->verify(hashes[i], events[i]->sig));
  });
  bench::figure("ingest_share_batch_" + label, 100 * (whole - named) / whole, "%");
}

/// Ratios to the bound. Rounds alternate between the sides.
void measure(std::size_t authors, const std::string& label, std::string_view bar,
             std::string_view stored_bar, int rounds) {
  base::Loop loop;
  base::Workers workers;
  const Corpus corpus = make_corpus(authors);
  bench::Scratch scratch;
  std::vector<double> wall, cpu, whole, stored_wall, stored_cpu, rates, overhead, copies;
  for (int round = 0; round < rounds; ++round) {
    const Cost raw = cost_of([&] { check_raw(corpus, workers.size()); });

    Run run(loop, workers, std::make_shared<VerifyPool>(4 * kEvents, EventLimits{}));
    const Cost ours = cost_of([&] { run.feed(corpus); });
    want_all(run);
    wall.push_back(raw.wall / ours.wall);
    cpu.push_back(raw.cpu / ours.cpu);
    whole.push_back(ours.cpu);
    rates.push_back(static_cast<double>(kEvents) / ours.wall);
    overhead.push_back((ours.cpu - raw.cpu) * 1e6 / static_cast<double>(kEvents));
    copies.push_back(cost_of([&] { run.feed(corpus); }).cpu * 1e6 / static_cast<double>(kEvents));

    const auto db = must(storage::open_database(scratch.path / fmt::format("{}.db", round)));
    storage::EventDb store(*db);
    Run storing(loop, workers, std::make_shared<VerifyPool>(4 * kEvents, EventLimits{}));
    const Cost stored = cost_of([&] { storing.feed(corpus, &store); });
    want_all(storing);
    stored_wall.push_back(raw.wall / stored.wall);
    stored_cpu.push_back(raw.cpu / stored.cpu);
  }
  bench::figure("ingest_ratio_" + label, median(wall), "x", bar);
  bench::figure("ingest_cpu_ratio_" + label, median(cpu), "x", bar);
  bench::figure("ingest_overhead_" + label, median(overhead), "us CPU");
  bench::figure("ingest_rate_" + label, median(rates), "events/s");
  bench::figure("second_copy_" + label, median(copies), "us CPU", "2");
  bench::figure("ingest_stored_ratio_" + label, median(stored_wall), "x", stored_bar);
  bench::figure("ingest_stored_cpu_ratio_" + label, median(stored_cpu), "x", stored_bar);
  print_stages(corpus, median(whole), label);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  measure(200, "200_authors", "0.98", "0.75", rounds);
  measure(kEvents, "distinct_authors", "0.92", "0.68", rounds);
  return 0;
}
