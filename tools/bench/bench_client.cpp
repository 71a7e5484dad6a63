// The client end to end: REQ to EOSE of many events from relays on loopback, all verified; the
// command line, the library, three relays at once, and peers in the same run.
//
//   bench_client PROGRAM [events=20000] [rounds=3] [NAME='COMMAND ARGUMENT…']…
//
// Peers are run with the relay's URL and the number of events behind their arguments. Inside the run
// the program calls itself as `bench_client --library EVENTS URL…`.
#include <charconv>
#include <functional>
#include <sstream>
#include <string>

#include "node/runtime.h"
#include "nostr/base/log.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"
#include "tools/bench/scratch.h"

namespace {

using bench::figure;
using bench::must;

constexpr std::size_t kAuthors = 200;

/// About 830 bytes a frame with three tags, as ordinary notes have.
std::vector<nostr::Event> make_events(std::size_t count) {
  base::SeededRng rng(1);
  std::vector<nostr::SecretKey> keys;
  for (std::size_t i = 0; i < kAuthors; ++i) keys.push_back(nostr::SecretKey::generate(rng));
  std::vector<nostr::Event> out;
  for (std::size_t i = 0; i < count; ++i) {
    nostr::Tags tags{
        {"e", rng.hex(32), "wss://relay.example", "root"}, {"p", rng.hex(32)}, {"t", "bench"}};
    nostr::Draft draft{1, base::unix_time(1'700'000'000 + static_cast<std::int64_t>(i)),
                       std::move(tags), "note " + std::to_string(i) + " " + std::string(200, 'x')};
    out.push_back(sign_event(std::move(draft), keys[i % kAuthors], rng));
  }
  return out;
}

void write_database(const std::filesystem::path& path, const std::vector<nostr::Event>& events) {
  const auto db = must(storage::open_database(path));
  must(storage::EventDb(*db).insert_batch(events, base::unix_time(1'800'000'000)));
}

/// A relay as a process of its own, so that what it uses is not counted.
struct RelayProcess {
  RelayProcess(const std::string& program, const std::filesystem::path& db,
               const std::filesystem::path& log)
      : child({program, "relay", "--listen", "127.0.0.1:0", "--db", db}, log) {
    const std::string line = child.first_line();
    constexpr std::string_view kReady = "listening ";
    if (!line.starts_with(kReady)) {
      fmt::print(stderr, "error: the relay did not start\n");
      std::exit(1);
    }
    url = line.substr(kReady.size());
  }
  bench::Child child;
  std::string url;
};

// ---- the library, in a process of its own
// --------------------------------------------------------

int run_library(std::size_t events, std::vector<std::string> relays) {
  node::Runtime runtime;
  std::size_t received = 0;
  std::size_t complete = 0;
  nostr::Filter filter{.kinds = {1}};
  auto subscription = runtime.pool.subscribe(
      relays, {filter},
      {.on_events = [&](std::span<const nostr::Delivery> batch) { received += batch.size(); },
       .on_eose =
           [&](const std::string&) {
             if (++complete == relays.size()) runtime.loop.stop();
           },
       .on_closed = [](const std::string&, const std::string&) { std::exit(1); }});
  runtime.loop.run();
  if (received != events) {
    fmt::print(stderr, "error: {} of {} events arrived\n", received, events);
    return 1;
  }
  std::_Exit(0);  // the figure is about the work, not about taking everything down
}

// ---- measuring
// -----------------------------------------------------------------------------------

struct Used {
  std::vector<double> wall;  ///< seconds
  std::vector<double> cpu;   ///< seconds
  std::vector<double> rss;   ///< MB

  void add(double seconds, const rusage& usage) {
    wall.push_back(seconds);
    cpu.push_back(bench::cpu_seconds(usage));
    rss.push_back(static_cast<double>(usage.ru_maxrss) / 1024);
  }
  void print(const std::string& name) const {
    figure(name + "_cpu", bench::median(cpu), "s");
    figure(name + "_wall", bench::median(wall), "s");
    figure(name + "_rss", bench::median(rss), "MB");
  }
};

void run_program(const std::vector<std::string>& argv, std::size_t want_lines,
                 const std::filesystem::path& log, Used& used) {
  const auto start = bench::Steady::now();
  bench::Child child(argv, log);
  const std::size_t lines = child.count_lines();
  const rusage usage = child.finish();
  used.add(bench::seconds_since(start), usage);
  if (lines == want_lines) return;
  fmt::print(stderr, "error: {} printed {} lines, expected {}\n", argv[0], lines, want_lines);
  std::exit(1);
}

/// Somebody else's client.
struct Peer {
  std::string name;
  std::vector<std::string> argv;

  /// From "NAME=COMMAND ARGUMENT…".
  explicit Peer(const std::string& text) : name(text.substr(0, text.find('='))) {
    std::istringstream words(text.substr(std::min(name.size() + 1, text.size())));
    for (std::string word; words >> word;) argv.push_back(word);
  }
};

void run_peer(Peer peer, const std::string& url, const std::string& events,
              const std::filesystem::path& log, const Used& ours) {
  peer.argv.insert(peer.argv.end(), {url, events});
  Used used;
  run_program(peer.argv, 0, log, used);
  const std::string label = "client_" + peer.name;
  used.print(label);
  figure(label + "_cpu_ratio", bench::median(used.cpu) / bench::median(ours.cpu), "x");
  figure(label + "_wall_ratio", bench::median(used.wall) / bench::median(ours.wall), "x");
}

int measure(const std::string& self, const std::string& program, std::size_t events, int rounds,
            const std::vector<Peer>& peers) {
  bench::Scratch scratch;
  const auto log = scratch.path / "log";
  const auto first_db = scratch.path / "relay-0.db";
  write_database(first_db, make_events(events));
  for (const char* copy : {"relay-1.db", "relay-2.db"})
    std::filesystem::copy_file(first_db, scratch.path / copy);
  RelayProcess one(program, first_db, log);
  RelayProcess two(program, scratch.path / "relay-1.db", log);
  RelayProcess three(program, scratch.path / "relay-2.db", log);

  const std::string count = std::to_string(events);
  Used command, library, from_three;
  for (int round = 0; round < rounds; ++round) {
    run_program(
        {program, "req", one.url, "-f", fmt::format(R"({{"kinds":[1],"limit":{}}})", events)},
        events, log, command);
    run_program({self, "--library", count, one.url}, 0, log, library);
    run_program({self, "--library", count, one.url, two.url, three.url}, 0, log, from_three);
  }
  command.print("client_req");
  library.print("client_library");
  from_three.print("client_three");
  figure("client_three_cpu_ratio", bench::median(from_three.cpu) / bench::median(library.cpu), "x",
         "1.06");
  for (const Peer& peer : peers) run_peer(peer, one.url, count, log, command);
  return 0;
}

std::size_t number(const char* text) {
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  base::set_log_level(base::LogLevel::kError);
  const std::vector<std::string> args(argv, argv + argc);
  if (argc > 3 && args[1] == "--library")
    return run_library(number(argv[2]), {args.begin() + 3, args.end()});
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_client PROGRAM [events] [rounds] [NAME=COMMAND]…\n");
    return 2;
  }
  const std::size_t events = argc > 2 ? number(argv[2]) : 20'000;
  const int rounds = argc > 3 ? static_cast<int>(number(argv[3])) : 3;
  std::vector<Peer> peers;
  for (std::size_t i = 4; i < args.size(); ++i) peers.emplace_back(args[i]);
  return measure(std::filesystem::read_symlink("/proc/self/exe"), args[1], events,
                 std::max(1, rounds), peers);
}
