// One member of a group as a process that a test may kill: the library's own node, with a transport key
// that it prints, so that the test can read what it says.
//
//   frost_party GROUP SHARE RELAY HOME cosign
//   frost_party GROUP SHARE RELAY HOME sign SEED FROM TO
//
// Prints `transport HEX`, then `ready`; as a requester `signed N SIGNATURE` for each hash of SEED/N.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "frostr/threshold_signer.h"
#include "node/identity.h"
#include "node/runtime.h"
#include "nostr/base/log.h"
#include "storage/schema.h"

namespace {

constexpr std::uint32_t kRequester = 1;

struct Arguments {
  std::string group, share, relay, home, role, seed;
  int from = 0;
  int to = 0;
};

template <class T>
T must(base::Result<T> result) {
  if (!result) {
    fmt::print(stderr, "error: {}\n", result.error().detail);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

base::Task<void> sign_all(frostr::BifrostNode& node, Arguments arguments) {
  frostr::ThresholdSigner signer(node);
  for (int i = arguments.from; i < arguments.to;) {
    const auto hash = nostr::sha256(fmt::format("{}/{}", arguments.seed, i));
    const auto outcome = must(co_await signer.sign_hash(hash));
    if (const auto* signature = std::get_if<nostr::Signature>(&outcome)) {
      say(fmt::format("signed {} {}", i, signature->hex()));
      ++i;
    } else if (const auto* refused = std::get_if<frostr::Refused>(&outcome)) {
      must(base::Result<void>(base::fail(base::Errc::kDenied, refused->reason)));
    }
  }
}

base::Task<void> take_part(frostr::BifrostNode& node, Arguments arguments) {
  // Without a relay it goes on trying.
  (void)co_await node.start();
  say("ready");
  if (arguments.role == "sign") co_await sign_all(node, arguments);
  for (;;) co_await base::sleep_for(std::chrono::hours(1));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 9) return 2;
  Arguments arguments{argv[1], argv[2], argv[3], argv[4], argv[5]};
  if (argc == 9) {
    arguments.seed = argv[6];
    arguments.from = std::atoi(argv[7]);
    arguments.to = std::atoi(argv[8]);
  }
  base::set_log_level(base::LogLevel::kWarn);
  node::Runtime runtime;
  auto identity = must(node::load_identity(arguments.group, arguments.share, ""));
  const auto db = must(storage::open_database(arguments.home + "/sovereign.db"));
  auto transport = nostr::SecretKey::generate(runtime.rng);
  say("transport " + base::hex_encode(transport.expose()));
  frostr::BifrostOptions options{.relays = {arguments.relay}};
  options.coordinates = arguments.role == "sign";
  if (!options.coordinates) {
    options.policy.requesters = {{kRequester, std::nullopt, /*blind=*/true}};
    options.policy.max_per_hour = 1'000'000;
  }
  options.ping_timeout = std::chrono::milliseconds(1'500);
  options.transport_key = std::move(transport);
  const auto node = must(frostr::BifrostNode::create(
      {runtime.loop, runtime.pool, *db, runtime.clock, runtime.rng}, std::move(identity.group),
      std::move(identity.share), std::move(options)));
  runtime.loop.run_until_complete(take_part(*node, std::move(arguments)));
  return 0;
}
