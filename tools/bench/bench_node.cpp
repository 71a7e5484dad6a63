// The whole program from outside: a tick without model time, resident memory, start-up.
// Real processes, one relay in this one. Prints one JSON line per figure:
// {"metric","value","unit","bar"}.
//
//   bench_node PROGRAM [ticks]
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "frostr/wire/credential.h"
#include "node/runtime.h"
#include "nostr/base/log.h"
#include "nostr/net/ws_server.h"
#include "nostr/server/relay.h"
#include "nostr/signer/key_signer.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"
#include "tools/bench/scratch.h"

namespace {

using bench::Child;
using bench::figure;
using bench::must;
using SteadyClock = bench::Steady;
namespace fs = std::filesystem;

double ms_since(SteadyClock::time_point start) {
  return bench::seconds_since(start) * 1000;
}

std::string run_once(const std::vector<std::string>& argv, const fs::path& log) {
  return Child(argv, log).first_line();
}

void append(const fs::path& file, std::string_view text) {
  std::ofstream(file, std::ios::app) << text;
}

/// Notes when the first REQ frame reaches a listening socket.
class FirstReq final : public nostr::WsServerHandler {
 public:
  void on_connect(nostr::ConnectionId, std::string) override {}
  void on_frame(nostr::ConnectionId, nostr::Frame frame) override {
    if (frame->starts_with("[\"REQ\"") && !seen_.exchange(true)) at_ = SteadyClock::now();
  }
  void on_disconnect(nostr::ConnectionId) override {}
  void on_drained(nostr::ConnectionId) override {}
  nostr::HttpResponse on_http(const nostr::HttpRequest&) override { return {}; }
  bool seen() const { return seen_; }
  SteadyClock::time_point at() const { return at_; }

 private:
  std::atomic<bool> seen_ = false;
  SteadyClock::time_point at_;
};

/// Sends a mention and waits until the group's reply is on the relay.
class Stranger {
 public:
  Stranger(node::Runtime& runtime, std::string relay, nostr::PublicKey agent)
      : runtime_(runtime),
        relay_(std::move(relay)),
        agent_(agent),
        key_(nostr::SecretKey::generate(runtime.rng)),
        answered_(runtime.loop) {
    nostr::Filter filter{.authors = {agent}, .kinds = {1}};
    replies_ = runtime.pool.subscribe(
        {relay_}, {filter},
        {.on_events = [this](auto batch) { on_replies(batch); }, .on_eose = {}, .on_closed = {}});
  }

  base::Task<double> mention(int number) {
    const nostr::Event event = nostr::sign_event(
        {1, runtime_.clock.now(), {{"p", agent_.hex()}}, fmt::format("hello {}", number)}, key_,
        runtime_.rng);
    waiting_for_ = event.id.hex();
    const auto start = SteadyClock::now();
    co_await runtime_.pool.publish({relay_}, event);
    while (!waiting_for_.empty()) {
      if (!co_await answered_.wait_for(std::chrono::seconds{20})) co_return -1;
    }
    co_return ms_since(start);
  }
  void close() { replies_.reset(); }

 private:
  void on_replies(std::span<const nostr::Delivery> batch) {
    for (const nostr::Delivery& delivery : batch)
      for (std::string_view id : nostr::tag_values(delivery.event->tags, "e"))
        if (id == waiting_for_) {
          waiting_for_.clear();
          answered_.notify();
        }
  }
  node::Runtime& runtime_;
  std::string relay_;
  nostr::PublicKey agent_;
  nostr::SecretKey key_;
  std::string waiting_for_;
  base::Signal answered_;
  std::unique_ptr<nostr::Subscription> replies_;
};

base::Task<std::vector<double>> run_ticks(Stranger& stranger, int ticks) {
  std::vector<double> times;
  for (int i = 0; i < ticks; ++i) {
    const double ms = co_await stranger.mention(i);
    if (ms < 0) break;
    times.push_back(ms);
    co_await base::sleep_for(std::chrono::milliseconds(150));  // lets the tick save its state
  }
  co_return times;
}

base::Task<void> settle() {
  co_await base::sleep_for(std::chrono::seconds{4});
}
base::Task<void> stop_pool(node::Runtime& runtime) {
  co_await runtime.pool.stop();
}

struct Story {
  std::string program;
  bench::Scratch scratch;
  fs::path log = scratch.path / "log";

  std::string path(const char* name) const { return (scratch.path / name).string(); }
  std::string deal() {
    const std::string out = run_once(
        {program, "-q", "--json", "frost", "deal", "-t", "2", "-n", "3", "--out", path("deal")},
        log);
    return base::json::string_or(must(base::json::parse(out)), "identity");
  }
  std::string init(const std::string& relay, const std::string& home,
                   const std::string& operator_key) {
    const std::string out = run_once(
        {program, "--json", "--home", path(home.c_str()), "init", "--group", path("deal/group.txt"),
         "--share", path("deal/share-1.txt"), "--relay", relay, "--operator", operator_key},
        log);
    return base::json::string_or(must(base::json::parse(out)), "node");
  }
};

void measure_start(Story& story, const std::string& operator_key) {
  nostr::NetThread net;
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    auto first = std::make_shared<FirstReq>();
    auto server = must(nostr::WsServer::listen(net, {}, first));
    const std::string home = fmt::format("start-{}", i);
    story.init(fmt::format("ws://127.0.0.1:{}", server->port()), home, operator_key);
    const auto start = SteadyClock::now();
    Child child({story.program, "--home", story.path(home.c_str()), "run"}, story.log);
    while (!first->seen() && ms_since(start) < 10'000)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    times.push_back(std::chrono::duration<double, std::milli>(first->at() - start).count());
  }
  figure("run_start_to_first_req_p50", bench::median(times), "ms", "60");
}

/// A relay in this process.
struct Served {
  explicit Served(node::Runtime& runtime)
      : db(must(storage::open_database(":memory:"))),
        store(*db),
        relay(must(nostr::Relay::start(runtime.loop, runtime.net, store, runtime.clock, runtime.rng,
                                       {}))) {}
  std::unique_ptr<storage::Db> db;
  storage::EventDb store;
  std::unique_ptr<nostr::Relay> relay;
};

/// Writes `to` for `from`, once, in a file of ours.
void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::trunc) << text;
}

/// What node and co-signer hold when nothing happens, on three relays and on one.
void measure_idle(Story& story, node::Runtime& runtime, const Child& cosigner) {
  const std::vector<std::unique_ptr<Served>> more = [&] {
    std::vector<std::unique_ptr<Served>> out;
    for (int i = 0; i < 2; ++i) out.push_back(std::make_unique<Served>(runtime));
    return out;
  }();
  const std::string one = "relays = [";
  std::string three = one;
  for (const auto& served : more) three += fmt::format("\"{}\", ", served->relay->url());
  replace_in(story.scratch.path / "agent/config.toml", one, three);
  {
    const Child node({story.program, "--home", story.path("agent"), "run"}, story.log);
    runtime.loop.run_until_complete(settle());
    figure("node_idle_rss_anon_3_relays", node.memory("RssAnon"), "MB", "8");
    figure("node_idle_rss_3_relays", node.memory("VmRSS"), "MB", "26");
  }
  figure("cosigner_idle_rss_anon", cosigner.memory("RssAnon"), "MB", "5");
  figure("cosigner_idle_rss", cosigner.memory("VmRSS"), "MB", "20");
  replace_in(story.scratch.path / "agent/config.toml", three, one);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_node PROGRAM [ticks]\n");
    return 2;
  }
  base::set_log_level(base::LogLevel::kError);
  Story story{.program = argv[1]};
  const auto ticks = static_cast<std::size_t>(argc > 2 ? std::max(1, std::atoi(argv[2])) : 40);

  node::Runtime runtime;
  Served served(runtime);
  const std::string url = served.relay->url();
  const std::string agent = story.deal();
  const std::string operator_key = nostr::SecretKey::generate(runtime.rng).public_key().hex();
  measure_start(story, operator_key);

  const std::string node_key = story.init(url, "agent", operator_key);
  for (const char* index : {"2", "3"}) {
    const std::string home = story.path("cosigner-") + index;
    run_once({story.program, "--home", home, "cosigner", "init", "--group",
              story.path("deal/group.txt"), "--share", story.path("deal/share-") + index + ".txt",
              "--relay", url, "--operator", operator_key, "--runner", node_key},
             story.log);
    append(fs::path(home) / "policy.toml",
           "\n[kinds.1]\nverdict = \"sign\"\nmax_per_hour = 1000\n");
  }
  const Child second({story.program, "--home", story.path("cosigner-2"), "cosigner"}, story.log);
  const Child third({story.program, "--home", story.path("cosigner-3"), "cosigner"}, story.log);
  measure_idle(story, runtime, second);

  const Child node({story.program, "--home", story.path("agent"), "run"}, story.log);
  Stranger stranger(runtime, url, must(nostr::PublicKey::from_hex(agent)));
  runtime.loop.run_until_complete(settle());
  const std::vector<double> times =
      runtime.loop.run_until_complete(run_ticks(stranger, static_cast<int>(ticks)));
  if (times.size() < ticks)
    fmt::print(stderr, "bench_node: only {} of {} mentions were answered\n", times.size(), ticks);
  if (!times.empty()) {
    figure("tick_p50", bench::median(times), "ms", "60");
    figure("tick_p99", bench::percentile(times, 99), "ms");
  }
  stranger.close();
  runtime.loop.run_until_complete(stop_pool(runtime));
  return times.size() == ticks ? 0 : 1;
}
