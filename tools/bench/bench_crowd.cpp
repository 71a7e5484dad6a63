// A node with many of everything: what a relay and an agent more cost it, and that it does a thousand tasks.
// Real processes; prints one JSON line per figure: {"metric","value","unit","bar"}.
//
//   bench_crowd PROGRAM [orders]     each order is eight tasks; 125 make the thousand
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "node/runtime.h"
#include "nostr/base/log.h"
#include "nostr/server/relay.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"
#include "tools/bench/scratch.h"

namespace {

using bench::Child;
using bench::figure;
using bench::must;
namespace fs = std::filesystem;

constexpr int kRelays = 50;
constexpr int kFewRelays = 3;
constexpr int kAgents = 200;
constexpr int kBuiltin = 7;
constexpr int kTasksPerOrder = 8;
constexpr int kOrderKinds = 24;  // together they reach every agent
constexpr int kOrdersAtATime = 50;

/// A relay in this process.
struct Served {
  explicit Served(node::Runtime& runtime)
      : db(must(storage::open_database(":memory:"))),
        store(*db),
        relay(must(nostr::Relay::start(runtime.loop, runtime.net, store, runtime.clock, runtime.rng, {}))) {}
  std::unique_ptr<storage::Db> db;
  storage::EventDb store;
  std::unique_ptr<nostr::Relay> relay;
};

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::trunc) << text;
}

std::string worker(int number) { return fmt::format("worker-{:03}", number % (kAgents - kBuiltin)); }

/// An order of kind N hands out eight tasks, to eight agents; each of them is done at once.
std::string playbook() {
  std::string out = "[[rule]]\non = \"task\"\nsay = \"It is done.\"\n";
  for (int order = 0; order < kOrderKinds; ++order)
    for (int task = 0; task < kTasksPerOrder; ++task)
      out += fmt::format("[[rule]]\non = \"manual\"\nmatch = \"Order {:03}:\"\nstep = {}\n"
                         "call = {{ tool = \"background_task\", args = {{ agent = \"{}\", description = \"part {}\", "
                         "task = \"Do your part.\", outcome = \"it is done\" }} }}\n",
                         order, task, worker(order * kTasksPerOrder + task), task);
  return out;
}

struct Story {
  std::string program;
  bench::Scratch scratch;
  fs::path log = scratch.path / "log";

  fs::path home() const { return scratch.path / "agent"; }
  std::string path(const char* name) const { return (scratch.path / name).string(); }
  std::string run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program);
    return Child(arguments, log).first_line();
  }
  Child start_node() const { return Child({program, "--home", home().string(), "run"}, log); }
};

/// Turns the loop, on which the relays live, while `work` runs beside it.
void beside(node::Runtime& runtime, const std::function<void()>& work) {
  std::thread thread([&] {
    work();
    runtime.loop.post([&] { runtime.loop.stop(); });
  });
  runtime.loop.run();
  thread.join();
}

void set_up(const Story& story, const std::string& relay) {
  const std::string key = story.run({"-q", "key", "new", story.path("operator.key")});
  static_cast<void>(story.run({"-q", "--json", "frost", "deal", "-t", "2", "-n", "3", "--out", story.path("deal")}));
  const std::string made = story.run({"--json", "--home", story.home().string(), "init", "--group", story.path("deal/group.txt"),
                                      "--share", story.path("deal/share-1.txt"), "--relay", relay, "--operator", key});
  const std::string node_key = base::json::string_or(must(base::json::parse(made)), "node");
  const std::string guard = story.path("guard");
  static_cast<void>(story.run({"--home", guard, "cosigner", "init", "--group", story.path("deal/group.txt"), "--share",
                               story.path("deal/share-2.txt"), "--relay", relay, "--operator", key, "--runner", node_key}));
  // What a cautious operator allows in an hour is less than this takes in a minute.
  for (const char* limit : {"max_per_hour = 1200", "max_per_hour = 240"})
    replace_in(fs::path(guard) / "policy.toml", limit, "max_per_hour = 100000");
  std::ofstream(story.path("play.toml")) << playbook();
  const fs::path config = story.home() / "config.toml";
  std::ofstream(config, std::ios::app) << "\n[backends.crowd]\nkind = \"playbook\"\nplaybook = \"" << story.path("play.toml")
                                       << "\"\n\n[routes]\n\"*\" = [\"crowd\"]\n";
}

/// The node's own agents, in files; the primary may hand tasks to all of them.
void write_agents(const Story& story) {
  std::string all;
  fs::create_directories(story.home() / "agents");
  for (int i = 0; i < kAgents - kBuiltin; ++i) {
    std::ofstream(story.home() / "agents" / (worker(i) + ".toml"))
        << "purpose = \"does its part\"\nprompt = \"You are one of many, and do your part.\"\ntools = [\"search_events\"]\n";
    all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", worker(i));
  }
  std::ofstream(story.home() / "agents" / "sisyphus.toml") << "delegates_to = [" << all << "]\n";
}

double idle_mb(const Story& story) {
  const Child node = story.start_node();
  std::this_thread::sleep_for(std::chrono::seconds{6});
  return node.memory("RssAnon");
}

void measure_relays(const Story& story, const std::vector<std::unique_ptr<Served>>& relays) {
  const auto with = [&](int count) {
    std::string list = "relays = [";
    for (int i = 1; i < count; ++i) list += fmt::format("\"{}\", ", relays[static_cast<std::size_t>(i)]->relay->url());
    return list;
  };
  const fs::path config = story.home() / "config.toml";
  replace_in(config, "relays = [", with(kFewRelays));
  const double few = idle_mb(story);
  replace_in(config, with(kFewRelays), with(kRelays));
  const double many = idle_mb(story);
  replace_in(config, with(kRelays), "relays = [");
  figure("node_rss_anon_per_relay", (many - few) * 1024 / (kRelays - kFewRelays), "KB", "300");
}

void measure_tasks(const Story& story, int orders) {
  write_agents(story);
  const Child node = story.start_node();
  std::this_thread::sleep_for(std::chrono::seconds{6});
  const double before = node.memory("RssAnon");
  if (before == 0) {
    fmt::print(stderr, "bench_crowd: the node does not run\n");
    std::exit(1);
  }
  const std::string home = story.home().string();
  const auto start = bench::Steady::now();
  for (int from = 0; from < orders; from += kOrdersAtATime) {
    std::vector<std::string> ids;
    for (int i = from; i < std::min(from + kOrdersAtATime, orders); ++i)
      ids.push_back(story.run({"-q", "--home", home, "task", "new", "--detach", fmt::format("Order {:03}: number {}.", i % kOrderKinds, i)}));
    for (const std::string& id : ids) static_cast<void>(Child({story.program, "-q", "--home", home, "task", "watch", id}, story.log).count_lines());
  }
  const double seconds = bench::seconds_since(start);
  const double after = node.memory("RssAnon");
  int done = 0;
  Child list({story.program, "--json", "--home", home, "task", "list", "-n", "10000"}, story.log);
  for (std::string line = list.first_line(); !line.empty(); line = list.first_line())
    done += line.contains("\"id\":\"bg_") && line.contains("\"state\":\"completed\"") ? 1 : 0;
  figure("crowd_tasks_done_share", static_cast<double>(done) / (orders * kTasksPerOrder), "x", "1");
  figure("crowd_tasks_per_second", done / seconds, "/s");
  figure("node_rss_anon_per_agent", (after - before) * 1024 / kAgents, "KB", "60");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_crowd PROGRAM [orders]\n");
    return 2;
  }
  base::set_log_level(base::LogLevel::kError);
  const Story story{.program = argv[1]};
  const int orders = argc > 2 ? std::max(1, std::atoi(argv[2])) : 125;
  node::Runtime runtime;
  std::vector<std::unique_ptr<Served>> relays;
  for (int i = 0; i < kRelays; ++i) relays.push_back(std::make_unique<Served>(runtime));
  beside(runtime, [&] {
    set_up(story, relays[0]->relay->url());
    const Child guard({story.program, "--home", story.path("guard"), "cosigner"}, story.log);
    measure_relays(story, relays);
    measure_tasks(story, orders);
  });
  return 0;
}
