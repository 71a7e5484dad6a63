// What the database costs: inserts in batches, and filter queries over a large event table.
//
//   bench_storage [events=1000000] [batch=1000] [directory=.] [cache_kib]
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "nostr/crypto/hash.h"
#include "storage/budgets.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"

namespace {

using namespace storage;  // a program of its own: nothing includes this file

constexpr std::size_t kAuthors = 200;
constexpr UnixTime kNow = base::unix_time(2'000'000'000);

using bench::figure;
using bench::must;

double wall_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(now).count();
}

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// 32 bytes that look random; nothing here checks signatures.
template <class Fixed>
Fixed bytes_of(std::uint64_t seed) {
  return Fixed(nostr::sha256(std::to_string(seed)).array());
}

PublicKey author(std::size_t i) {
  return bytes_of<PublicKey>(i % kAuthors);
}

/// Event number i: a note of 120 characters with 2.6 indexed tags on average, like a busy relay's
/// mix.
Event make_event(std::size_t i) {
  std::mt19937_64 random(i);
  Event event;
  event.id = bytes_of<EventId>(i + 1'000'000'007);
  event.pubkey = author(random());
  event.created_at =
      base::unix_time(1'600'000'000 + static_cast<std::int64_t>(i * 30 + random() % 600));
  const auto pick = random() % 10;
  event.kind = pick < 6   ? nostr::kinds::kTextNote
               : pick < 9 ? nostr::kinds::kReaction
                          : nostr::kinds::kRepost;
  if (random() % 10 < 8)
    event.tags.push_back({"e", bytes_of<EventId>(random() % (i + 1)).hex(), "wss://r"});
  for (auto n = random() % 3; n > 0; --n) event.tags.push_back({"p", author(random()).hex()});
  if (random() % 10 < 8) event.tags.push_back({"t", fmt::format("topic{}", random() % 500)});
  event.content = std::string(120, 'x');
  event.sig = nostr::Signature::from_bytes(base::Bytes(64, 1)).value();
  return event;
}

/// Inserts everything; the rate of the whole, and of the last fifth, when the indexes are large.
void fill(EventDb& events, std::size_t total, std::size_t batch_size) {
  double wall = 0;
  double cpu = 0;
  double early_wall = 0;
  std::size_t early = 0;
  std::vector<Event> batch;
  for (std::size_t done = 0; done < total; done += batch.size()) {
    batch.clear();
    for (std::size_t i = 0; i < batch_size && done + i < total; ++i)
      batch.push_back(make_event(done + i));
    const double wall_start = wall_us();
    const double cpu_start = cpu_us();
    must(events.insert_batch(batch, kNow));
    wall += wall_us() - wall_start;
    cpu += cpu_us() - cpu_start;
    if (done + batch.size() > total * 4 / 5) continue;
    early_wall = wall;
    early = done + batch.size();
  }
  const auto count = static_cast<double>(total);
  figure("storage_insert_rate", count * 1e6 / wall, "events/s", "50000");
  figure("storage_insert_cpu", cpu / count, "us");
  figure("storage_insert_rate_last_fifth",
         static_cast<double>(total - early) * 1e6 / (wall - early_wall), "events/s");
}

struct Times {
  double wall = 0;  ///< ms
  double cpu = 0;   ///< ms; what is left of a p99 where other programs want the machine too
};

/// Prints and returns the p99.
Times measure(std::string_view name, const std::function<std::size_t(std::size_t)>& run) {
  constexpr std::size_t kRounds = 1000;
  std::vector<double> wall;
  std::vector<double> cpu;
  for (std::size_t i = 0; i < kRounds; ++i) {
    const double wall_start = wall_us();
    const double cpu_start = cpu_us();
    (void)run(i);
    cpu.push_back((cpu_us() - cpu_start) / 1000);
    wall.push_back((wall_us() - wall_start) / 1000);
  }
  const Times p99{bench::percentile(wall, 99), bench::percentile(cpu, 99)};
  figure(fmt::format("storage_{}_p50", name), bench::median(wall), "ms");
  figure(fmt::format("storage_{}_p99", name), p99.wall, "ms");
  figure(fmt::format("storage_{}_cpu_p99", name), p99.cpu, "ms");
  return p99;
}

void query_all(EventDb& events, std::size_t total) {
  std::mt19937_64 random(3);
  const auto ask = [&](nostr::Filter filter) {
    filter.limit = 100;
    return must(events.query({filter}, 100, kNow)).size();
  };
  Times worst;
  const auto barred = [&](std::string_view name,
                          const std::function<std::size_t(std::size_t)>& run) {
    const Times p99 = measure(name, run);
    worst = {std::max(worst.wall, p99.wall), std::max(worst.cpu, p99.cpu)};
  };
  barred("author_kind", [&](std::size_t) {
    return ask({.authors = {author(random())}, .kinds = {nostr::kinds::kTextNote}});
  });
  barred("author_kind_until", [&](std::size_t) {
    const auto until =
        base::unix_time(1'600'000'000 + static_cast<std::int64_t>(random() % (total * 30)));
    return ask({.authors = {author(random())}, .kinds = {nostr::kinds::kTextNote}, .until = until});
  });
  barred("tag_p_kind", [&](std::size_t) {
    return ask({.kinds = {nostr::kinds::kReaction}, .tags = {{'p', {author(random()).hex()}}}});
  });
  barred("tag_t", [&](std::size_t) {
    return ask({.tags = {{'t', {fmt::format("topic{}", random() % 500)}}}});
  });
  barred("tag_e", [&](std::size_t) {
    return ask({.tags = {{'e', {bytes_of<EventId>(random() % total).hex()}}}});
  });
  figure("storage_query_p99", worst.wall, "ms", "3");
  figure("storage_query_cpu_p99", worst.cpu, "ms", "3");

  measure("author", [&](std::size_t) { return ask({.authors = {author(random())}}); });
  measure("20_authors_2_kinds", [&](std::size_t) {
    nostr::Filter filter{.kinds = {nostr::kinds::kTextNote, nostr::kinds::kReaction}};
    for (int i = 0; i < 20; ++i) filter.authors.push_back(author(random()));
    return ask(filter);
  });
  measure("kind", [&](std::size_t) { return ask({.kinds = {nostr::kinds::kTextNote}}); });
  measure("everything", [&](std::size_t) { return ask({}); });
  measure("id", [&](std::size_t) {
    return ask({.ids = {bytes_of<EventId>(random() % total + 1'000'000'007)}});
  });
  measure("has_id", [&](std::size_t) -> std::size_t {
    return must(events.has(bytes_of<EventId>(random() % total + 1'000'000'007))) ? 1 : 0;
  });
}

void durable_commits(Db& db) {
  Budgets budgets(db);
  std::size_t next = 0;
  measure("reserve_settle_2_fsync", [&](std::size_t) -> std::size_t {
    const auto row =
        must(budgets.reserve({.key = std::to_string(next++),
                              .purpose = "bench",
                              .amount = Msat{10},
                              .scopes = {{.key = "node", .window = storage::Window::kDay}, {.key = "tick:1"}}},
                             kNow));
    must(budgets.settle(row.id, Msat{5}, kNow));
    return 1;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t total = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t batch = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000;
  const std::filesystem::path directory = argc > 3 ? argv[3] : ".";
  DbOptions options{.cache_kib = 64 << 10, .checkpoint_pages = 16'000};  // as `sovereign relay` has them
  if (argc > 4) options.cache_kib = std::atoi(argv[4]);
  const std::filesystem::path path = directory / "bench_storage.db";
  const auto clean = [&] {
    for (const char* end : {"", "-wal", "-shm", ".lock"})
      std::filesystem::remove(path.string() + end);
  };
  clean();
  {
    auto db = must(open_database(path.string(), options));
    EventDb events(*db);
    fill(events, total, batch);
    query_all(events, total);
    durable_commits(*db);
    figure("storage_bytes_per_event",
           static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(total),
           "bytes");
  }
  clean();
  return 0;
}
