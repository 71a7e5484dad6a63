// FROST end to end: members of a group over a relay on loopback, databases on disk, nonces ready. All
// in one process, so larger groups share the time of one thread; a 2-of-3 pays for itself only.
//
//   bench_frost_e2e [rounds]
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "frostr/threshold_signer.h"
#include "nipsa/tick.h"
#include "nostr/base/log.h"
#include "nostr/base/workers.h"
#include "nostr/server/relay.h"
#include "storage/events.h"
#include "storage/schema.h"
#include "tools/bench/figure.h"
#include "tools/bench/scratch.h"

namespace {

using bench::must;
using bench::Scratch;
using Clock = bench::Steady;
using std::chrono::milliseconds;

struct World {
  World(std::uint32_t threshold, std::uint32_t members)
      : relay_db(must(storage::open_database(":memory:"))),
        store(*relay_db),
        relay(must(nostr::Relay::start(loop, net, store, clock, rng, {}))),
        dealt(must(frostr::deal(rng, threshold, members))),
        runner(nostr::SecretKey::generate(rng)) {}

  Scratch scratch;
  base::Loop loop;
  nostr::NetThread net;
  base::Workers workers;
  base::SystemClock clock;
  base::SystemRng rng;
  std::unique_ptr<storage::Db> relay_db;
  storage::EventDb store;
  std::unique_ptr<nostr::Relay> relay;
  frostr::Dealt dealt;
  nostr::SecretKey runner;
};

struct Member {
  Member(World& world, std::size_t idx)
      : db(must(storage::open_database(world.scratch.path / fmt::format("{}.db", idx)))),
        pool(world.loop, world.net, world.workers, world.clock, world.rng) {
    frostr::BifrostOptions options;
    options.relays = {world.relay->url()};
    options.coordinates = idx == 1;
    options.follow = idx != 1;
    options.max_requests_per_second = 1'000'000;  // one requester alone comes faster than the bound
    if (idx != 1) {
      options.policy.requesters = {{.idx = 1, .runner = world.runner.public_key()}};
      options.policy.kinds[1].verdict = frostr::Rule::kSign;
      options.policy.max_per_hour = 1'000'000;
    }
    node = must(frostr::BifrostNode::create(
        {world.loop, pool, *db, world.clock, world.rng}, world.dealt.group,
        world.dealt.shares.at(idx - 1).clone(), std::move(options)));
  }
  std::unique_ptr<storage::Db> db;
  nostr::Pool pool;
  std::unique_ptr<frostr::BifrostNode> node;
};

void print(std::string_view metric, const std::vector<double>& samples, std::string_view bar) {
  bench::figure(fmt::format("{}_p50", metric), bench::median(samples), "ms", bar);
  bench::figure(fmt::format("{}_p99", metric), bench::percentile(samples, 99), "ms");
}

double ms_since(Clock::time_point start) {
  return bench::seconds_since(start) * 1000;
}

base::Task<void> measure_signing(World& world, frostr::ThresholdSigner& signer, int rounds) {
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    nostr::UnsignedEvent event{
        signer.public_key(), world.clock.now(), 1, {}, fmt::format("note {}", i)};
    const auto start = Clock::now();
    const auto outcome = must(co_await signer.sign_with_context(std::move(event), {}));
    samples.push_back(ms_since(start));
    if (const auto* none = std::get_if<frostr::Unavailable>(&outcome)) fmt::print(stderr, "{}\n", none->why);
    CHECK(std::holds_alternative<frostr::Signed>(outcome));
  }
  const bool usual = world.dealt.group.threshold() == 2;
  print(usual ? "frost_sign_e2e" : fmt::format("frost_sign_e2e_{}of{}", world.dealt.group.threshold(),
                                               world.dealt.group.members().size()),
        samples, usual ? "4" : bench::kNoBar);
}

base::Task<void> measure_ecdh(World& world, Member& member, frostr::ThresholdSigner& signer,
                              int rounds) {
  nipsa::TickRequest request;
  request.d = nipsa::random_d("tick-", world.rng);
  request.agent = signer.public_key();
  request.slot = nipsa::slot_of_manual(world.rng);
  const auto draft =
      must(nipsa::build_tick_request(request, world.runner.public_key(), world.clock.now()));
  const auto claim = nostr::sign_event(draft, world.runner, world.rng);
  const auto published = co_await member.pool.publish({world.relay->url()}, claim);
  CHECK(published.front().state == nostr::PublishOutcome::State::kAccepted);
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    (void)must(co_await signer.ecdh(signer.public_key(), {"self", claim.id, {}}));
    samples.push_back(ms_since(start));
  }
  print("frost_ecdh_e2e", samples, "4");
}

base::Task<void> run(World& world, int rounds) {
  std::vector<std::unique_ptr<Member>> others;
  for (std::size_t idx = 2; idx <= world.dealt.group.threshold(); ++idx) {
    others.push_back(std::make_unique<Member>(world, idx));
    must(co_await others.back()->node->start());
  }
  Member node(world, 1);
  must(co_await node.node->start());
  frostr::ThresholdSigner signer(*node.node);
  for (std::size_t idx = 2; idx <= world.dealt.group.threshold(); ++idx)
    must(co_await node.node->ping(frostr::ShareIndex{static_cast<std::uint32_t>(idx)}));
  co_await measure_signing(world, signer, rounds);
  if (world.dealt.group.threshold() == 2) co_await measure_ecdh(world, node, signer, rounds);
  co_await node.node->stop();
  co_await node.pool.stop();
  for (const auto& member : others) {
    co_await member->node->stop();
    co_await member->pool.stop();
  }
}

void measure(std::uint32_t threshold, std::uint32_t members, int rounds) {
  World world(threshold, members);
  world.loop.run_until_complete(run(world, rounds));
}

}  // namespace

int main(int argc, char** argv) {
  base::set_log_level(base::LogLevel::kWarn);
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 500;
  measure(2, 3, rounds);
  measure(3, 5, std::max(1, rounds / 2));
  measure(10, 15, std::max(1, rounds / 10));
  return 0;
}
