// sovereign-soak: a feed on a relay that misbehaves at random. Every event that the relay has accepted
// must reach the handler, once, and memory must stay where it is.
//
//   sovereign-soak [--seconds 600] [--rate 1000] [--seed 1]    exit 1 if an event was lost or came twice
//   sovereign-soak --flood 1000000                             forged events; none may reach a handler
#include <sys/resource.h>

#include <charconv>
#include <cmath>
#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "node/runtime.h"
#include "nostr/client/feed.h"
#include "nostr/crypto/keys.h"
#include "tools/bench/scratch.h"

namespace {

using namespace std::chrono_literals;
using bench::Child;
using bench::Scratch;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxInFlight = 2'000;
constexpr std::size_t kFloodOfOneReq = 20'000;  // what the relay's fault sends at most
constexpr auto kTick = 10ms;
constexpr auto kHangGuard = 180s;
constexpr std::int64_t kLongRun = 300;          // seconds, after which all caches are full
constexpr double kFlat = 1.10;                  // growth of the second half that is noise
constexpr double kFlatMb = 4;

struct Arguments {
  std::int64_t seconds = 600;
  std::int64_t rate = 1'000;
  std::uint64_t seed = 1;
  std::uint64_t flood = 0;
  std::string program = SOVEREIGN_PROGRAM;
};

double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Finds out soon what is wrong: a run is short.
nostr::PoolOptions alert() {
  nostr::PoolOptions options;
  options.backoff_initial = 50ms;
  options.backoff_max = 1s;
  options.connection.canary_after = 2s;
  options.connection.canary_timeout = 2s;
  options.connection.eose_timeout = 5s;
  options.connection.retry_initial = 200ms;
  options.connection.retry_max = 1s;
  options.leave_for = 1ms;
  return options;
}

/// A relay as a process of its own, so that this one's memory is the client's.
struct RelayProcess {
  RelayProcess(const Arguments& arguments, const std::string& faults) {
    std::ofstream(dir.path / "faults.toml") << faults;
    child = std::make_unique<Child>(
        std::vector<std::string>{arguments.program, "relay", "--listen", "127.0.0.1:0", "--db",
                                 dir.path / "relay.db", "--faults", dir.path / "faults.toml"},
        dir.path / "log");
    const std::string line = child->first_line();
    CHECK(line.starts_with("listening "));
    url = line.substr(10);
  }
  Scratch dir;
  std::unique_ptr<Child> child;
  std::string url;
};

/// Everything that ends or disturbs a connection, each some times in a run, and small disorder all the
/// time. Nothing that takes an event away for good: who withholds events cannot be found out.
std::string disorder(const Arguments& arguments) {
  const double frames = double(arguments.seconds * arguments.rate);
  const double seldom = std::clamp(double(arguments.seconds) / 60, 1.0, 10.0) / frames;
  std::string out = fmt::format("seed = {}\n", arguments.seed);
  const auto rule = [&out](std::string_view fault, std::string_view verb, std::string_view direction,
                           double probability, std::string_view more = "") {
    out += fmt::format(
        "[[rule]]\nfault = \"{}\"\nverb = \"{}\"\ndirection = \"{}\"\nprobability = {:.9f}\n{}\n",
        fault, verb, direction, probability, more);
  };
  rule("reset", "EVENT", "out", seldom);
  rule("close", "EVENT", "out", seldom);
  rule("half-open", "EVENT", "out", seldom);
  rule("closed", "EVENT", "out", seldom, "message = \"error: shutting down idle subscription\"");
  rule("stop-reading", "EVENT", "in", seldom, "lasting_ms = 500");
  rule("restart", "EVENT", "in", seldom, "pause_ms = 300");
  rule("drop", "EOSE", "out", 0.005);
  rule("flip-ok", "OK", "out", 0.001);
  rule("drop", "OK", "out", 0.0005);
  rule("unmatched", "EVENT", "out", 0.0005, "kind = 4");
  rule("duplicate", "EVENT", "out", 0.01);
  rule("delay", "EVENT", "out", 0.0005, "by_ms = 20\njitter_ms = 20");
  rule("reorder", "EVENT", "out", 0.001, "by_ms = 20");
  return out;
}

// ---- the soak ----------------------------------------------------------------------------------

/// One publisher, one feed, and how often each event came.
class Soak {
 public:
  Soak(node::Runtime& runtime, const Arguments& arguments, std::string relay)
      : runtime_(runtime),
        arguments_(arguments),
        relay_(std::move(relay)),
        sender_(runtime.loop, runtime.net, runtime.workers, runtime.clock, runtime.rng, alert()),
        key_(nostr::SecretKey::generate(runtime.rng)),
        came_(static_cast<std::size_t>(arguments.seconds * arguments.rate)),
        scope_(runtime.loop) {}

  base::Task<bool> run() {
    listen();
    const auto start = Steady::now();
    const auto end = start + std::chrono::seconds(arguments_.seconds);
    const auto period = std::chrono::seconds(std::max<std::int64_t>(arguments_.seconds / 20, 1));
    auto next_line = start + period;
    double halfway = 0;
    for (auto now = start; now < end; now = Steady::now()) {
      const double passed = std::chrono::duration<double>(now - start).count();
      publish_until(static_cast<std::size_t>(passed * double(arguments_.rate)));
      if (now >= next_line) {
        tell(passed);
        next_line += period;
      }
      if (halfway == 0 && passed * 2 >= double(arguments_.seconds)) halfway = resident_mb();
      co_await base::sleep_for(kTick);
    }
    const double after = resident_mb();
    for (const auto guard = end + kHangGuard; Steady::now() < guard && delivered_ < accepted_ + in_flight_;)
      co_await base::sleep_for(kTick);
    tell(std::chrono::duration<double>(Steady::now() - start).count());
    feed_.reset();
    co_await scope_.stop();
    co_await sender_.stop();
    co_await runtime_.pool.stop();
    co_return conclude(halfway, after);
  }

 private:
  void listen() {
    nostr::FeedOptions options{.overlap = 30s};
    options.paging.page_patience = 4s;
    options.retry_first = 200ms;
    options.retry_last = 2s;
    const std::vector<std::string> relays{relay_};
    feed_ = std::make_unique<nostr::Feed>(
        runtime_.pool, runtime_.clock, relays,
        nostr::Filters{{.authors = {key_.public_key()}, .kinds = {1}}},
        nostr::FeedCallbacks{.on_events = [this](std::span<const nostr::Delivery> batch) {
          for (const nostr::Delivery& delivery : batch) count(*delivery.event);
          return true;
        }},
        options);
  }

  void count(const nostr::Event& event) {
    std::size_t number = 0;
    std::from_chars(event.content.data(), event.content.data() + event.content.size(), number);
    if (number >= came_.size()) return;
    if (came_[number]++ == 0)
      ++delivered_;
    else
      ++twice_;
  }

  /// What could not be sent in its time, because the relay was away, is not made up for.
  void publish_until(std::size_t target) {
    for (; due_ < target; ++due_) {
      if (in_flight_ >= kMaxInFlight || published_ == came_.size()) continue;
      ++in_flight_;
      scope_.spawn("publish", publish(published_++));
    }
  }

  base::Task<void> publish(std::size_t number) {
    const nostr::Event event = nostr::sign_event(
        {1, runtime_.clock.now(), {}, fmt::format("{} of a soak", number)}, key_, runtime_.rng);
    for (;;) {
      std::vector<std::string> relays{relay_};
      const auto outcomes = co_await sender_.publish(std::move(relays), event, {.limit = 3s});
      if (outcomes.front().state == nostr::PublishOutcome::State::kAccepted) break;
      ++refusals_;
      co_await base::sleep_for(100ms);
    }
    --in_flight_;
    ++accepted_;
  }

  void tell(double seconds) const {
    const nostr::RelayStatus status = runtime_.pool.status().at(0);
    fmt::print("{:5.0f} s  {} accepted  {} delivered  {} twice  {} refusals  {} connections  "
               "{} copies  {} bad  {:.1f} MB  {:.1f} CPU s\n",
               seconds, accepted_, delivered_, twice_, refusals_, status.connections,
               status.duplicates, status.rejected, resident_mb(), cpu_seconds());
    std::fflush(stdout);
  }

  bool conclude(double halfway, double after) const {
    const std::size_t lost = accepted_ + in_flight_ - std::min(delivered_, accepted_ + in_flight_);
    const bool flat = arguments_.seconds < kLongRun || after <= halfway * kFlat + kFlatMb;
    fmt::print("{} lost, {} twice, {:.1f} MB halfway, {:.1f} MB at the end{}\n", lost, twice_, halfway,
               after, flat ? "" : ": it grows");
    return lost == 0 && twice_ == 0 && in_flight_ == 0 && flat && delivered_ > 0;
  }

  node::Runtime& runtime_;
  const Arguments& arguments_;
  const std::string relay_;
  nostr::Pool sender_;
  const nostr::SecretKey key_;
  std::vector<std::uint8_t> came_;  ///< by number, how often
  std::unique_ptr<nostr::Feed> feed_;
  std::size_t due_ = 0, published_ = 0, in_flight_ = 0, accepted_ = 0, refusals_ = 0;
  std::size_t delivered_ = 0, twice_ = 0;
  base::Scope scope_;
};

// ---- the flood ---------------------------------------------------------------------------------

/// Comes back for more each time it has left, until the relay has sent `events`.
base::Task<bool> stand_flood(node::Runtime& runtime, std::string relay, std::uint64_t events) {
  std::size_t handled = 0;
  const double cpu = cpu_seconds();
  const double memory = resident_mb();
  const std::vector<std::string> relays{relay};
  nostr::Filters filters{{.kinds = {1}}};
  auto subscription = runtime.pool.subscribe(
      relays, std::move(filters),
      {.on_events = [&handled](std::span<const nostr::Delivery> batch) { handled += batch.size(); },
       .on_eose = {},
       .on_closed = {}});
  const std::uint64_t floods = (events + kFloodOfOneReq - 1) / kFloodOfOneReq;
  const auto guard = Steady::now() + kHangGuard;
  const auto left = [&runtime] {
    const auto status = runtime.pool.status();
    return status.empty() ? 0U : status.front().left;
  };
  while (left() < floods && Steady::now() < guard) co_await base::sleep_for(kTick);
  const std::uint64_t seen = left();
  subscription.reset();
  co_await runtime.pool.stop();
  const double grown = resident_mb() - memory;
  fmt::print("{} forged events in {} connections: {} reached a handler, {} signatures checked, "
             "{:.2f} CPU s, {:.1f} MB more resident\n",
             seen * kFloodOfOneReq, seen, handled, runtime.pool.verifications(), cpu_seconds() - cpu,
             grown);
  co_return handled == 0 && seen >= floods && grown < 64;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("A feed on a relay that misbehaves at random");
  app.add_option("--seconds", arguments.seconds, "How long events are published")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--rate", arguments.rate, "Events a second")->check(CLI::Range(1, 10'000));
  app.add_option("--seed", arguments.seed, "Of the relay's faults");
  app.add_option("--flood", arguments.flood, "Send so many forged events instead");
  app.add_option("--program", arguments.program, "The sovereign that serves as relay");
  CLI11_PARSE(app, argc, argv);

  node::Runtime runtime(alert());
  if (arguments.flood > 0) {
    const RelayProcess relay(arguments, "[[rule]]\nfault = \"flood\"\nevents = 20000\n");
    return runtime.loop.run_until_complete(stand_flood(runtime, relay.url, arguments.flood)) ? 0 : 1;
  }
  const RelayProcess relay(arguments, disorder(arguments));
  Soak soak(runtime, arguments, relay.url);
  return runtime.loop.run_until_complete(soak.run()) ? 0 : 1;
}
