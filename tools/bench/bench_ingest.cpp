// Ingest against the raw bound: frames to verified and deduplicated events on all cores, compared
// with threads × (key parse + schnorrsig_verify) of the linked library in the same run.
//
// Prints a table for people, and one JSON object a line with --json.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "nostr/base/loop.h"
#include "nostr/base/workers.h"
#include "nostr/client/intake.h"
#include "nostr/client/verify_pool.h"
#include "nostr/event/message.h"

namespace {

using Steady = std::chrono::steady_clock;
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
    Tags tags{{"e", rng.hex(32), "wss://relay.example", "root"}, {"p", rng.hex(32)}, {"t", "bench"}};
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

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// Events per second of nothing but key parse and signature check, on every thread at once.
double raw_rate(const Corpus& corpus, std::size_t threads) {
  const auto start = Steady::now();
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
  return static_cast<double>(corpus.events.size()) / seconds_since(start);
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

  /// Feeds every frame as the net thread would and returns the wall time in seconds.
  double feed(const Corpus& corpus) {
    std::size_t handled = 0;
    delivered_count_ = 0;
    const auto intake = std::make_shared<Intake>(
        loop_, workers_, verifier_, IntakeLimits{}, [&](IntakeBatch batch) {
          for (const IntakeItem& item : batch.items)
            if (const auto* event = std::get_if<IntakeEvent>(&item))
              if (delivered_->insert(event->event->id)) ++delivered_count_;
          handled += batch.counts.verified + batch.counts.duplicates + batch.counts.bad() +
                     batch.counts.dropped;
          if (handled == corpus.frames.size()) loop_.stop();
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
  base::Loop& loop_;
  base::Workers& workers_;
  std::shared_ptr<VerifyPool> verifier_;
  std::shared_ptr<DeliveredIds> delivered_;
  SubTablePtr table_;
  std::size_t delivered_count_ = 0;
};

struct Metric {
  std::string name;
  double value;
  std::string bar;
  std::string unit;
};

void print(const std::vector<Metric>& metrics, bool json) {
  for (const Metric& m : metrics) {
    if (json)
      fmt::print("{{\"metric\":\"{}\",\"value\":{:.3f},\"bar\":\"{}\",\"unit\":\"{}\"}}\n", m.name,
                 m.value, m.bar, m.unit);
    else
      fmt::print("{:<44} {:>12.3f} {:<10} bar {}\n", m.name, m.value, m.unit, m.bar);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Ratio to the bound, by wall time and by CPU time (which a busy machine disturbs less), and
/// microseconds of CPU per second copy. Rounds alternate between the two sides.
void measure(std::size_t authors, const std::string& label, const std::string& bar,
             std::vector<Metric>& out) {
  base::Loop loop;
  base::Workers workers;
  const Corpus corpus = make_corpus(authors);
  std::vector<double> ratios;
  std::vector<double> cpu_ratios;
  std::vector<double> rates;
  std::vector<double> copies;
  for (int round = 0; round < 5; ++round) {
    const double cpu_at_start = cpu_seconds();
    const double raw = raw_rate(corpus, workers.size());
    const double raw_cpu = cpu_seconds() - cpu_at_start;
    const auto verifier = std::make_shared<VerifyPool>(4 * kEvents, EventLimits{});
    Run run(loop, workers, verifier);
    const double cpu_before_feed = cpu_seconds();
    const double rate = static_cast<double>(kEvents) / run.feed(corpus);
    cpu_ratios.push_back(raw_cpu / (cpu_seconds() - cpu_before_feed));
    if (run.delivered_count() != kEvents) {
      fmt::print(stderr, "error: {} of {} events were delivered\n", run.delivered_count(), kEvents);
      std::exit(1);
    }
    ratios.push_back(rate / raw);
    rates.push_back(rate);
    const double before = cpu_seconds();
    run.feed(corpus);
    copies.push_back((cpu_seconds() - before) * 1e6 / static_cast<double>(kEvents));
  }
  out.push_back({"ingest_ratio_" + label, median(ratios), bar, "x"});
  out.push_back({"ingest_cpu_ratio_" + label, median(cpu_ratios), bar, "x"});
  out.push_back({"ingest_rate_" + label, median(rates), "-", "events/s"});
  out.push_back({"second_copy_" + label, median(copies), "<= 2", "us CPU"});
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  std::vector<Metric> metrics;
  measure(200, "200_authors", ">= 0.98", metrics);
  measure(kEvents, "distinct_authors", ">= 0.92", metrics);
  print(metrics, json);
  return 0;
}
