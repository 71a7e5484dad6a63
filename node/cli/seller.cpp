// A home at work as a seller, for the time of one command.
#include "node/cli/seller.h"

#include "node/control.h"
#include "node/key_file.h"
#include "nostr/nips/nip65.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kShopPatience{60};

/// The key named; else the service key of a co-signer's home; else the node's, made when there is none.
Result<nostr::SecretKey> seller_key(const Home& home, const std::string& key_file, base::Rng& rng) {
  if (!key_file.empty()) return load_key_file(key_file);
  std::error_code error;
  if (std::filesystem::exists(home.service_key_file(), error))
    return load_key_file(home.service_key_file());
  return load_or_create_key_file(home.node_key_file(), rng);
}

base::Task<Result<Value>> act_and_stop(Runtime& runtime, SkillSeller& seller, const SellerAct& act) {
  Result<Value> answer;
  if (auto started = co_await seller.start(); !started) answer = std::unexpected(std::move(started).error());
  else answer = co_await act(runtime, seller);
  co_await seller.stop();
  co_return answer;
}

}  // namespace

void add_seller_flags(CLI::App& command, SellerFlags& flags) {
  command.add_option("--key-file", flags.key_file,
                     "Who publishes and issues; default this home's service or node key");
  command.add_flag("--as-group", flags.as_group,
                   "The group of this home's share publishes and issues, as far as its co-signers let it");
  command.add_option("--relay", flags.relays, "Where it is published (repeat); default node.relays")
      ->allow_extra_args(false);
}

void add_blob_flag(CLI::App& command, SellerFlags& flags) {
  command.add_option("--blobs-at", flags.blobs_at,
                     "Where bodies over 16 KiB lie: the https:// address of this home's folder blobs");
}

Result<std::vector<std::string>> market_relays(const Config& config,
                                               const std::vector<std::string>& named) {
  std::vector<std::string> relays = named.empty() ? config.node.relays : named;
  if (relays.empty()) return fail(Errc::kInvalid, "no relay is named", "--relay URL");
  for (std::string& relay : relays) {
    if (!nostr::is_relay_url(relay))
      return fail(Errc::kInvalid, "\"" + relay + "\" is no relay URL", "ws:// or wss://");
    relay = nostr::normalize_relay_url(relay);
  }
  return relays;
}

Result<std::unique_ptr<SkillSeller>> open_seller(Runtime& runtime, const Home& home,
                                                 const Config& config, const SellerFlags& flags,
                                                 std::vector<std::string> relays) {
  if (flags.as_group && !flags.key_file.empty())
    return fail(Errc::kInvalid, "--as-group and --key-file name different sellers");
  if (flags.as_group) return SkillSeller::create_for_group(runtime, home, config, std::move(relays));
  TRY(home.ensure());
  TRY(nostr::SecretKey key, seller_key(home, flags.key_file, runtime.rng));
  return SkillSeller::create(runtime, home, std::move(key), std::move(relays));
}

Result<Value> ask_seller(const Context& context, const SellerFlags& flags, const Value& params,
                         const SellerAct& act) {
  auto answer = control_call(context.home().control_socket(), "seller", params, kShopPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  return with_seller(context, flags, act);
}

Result<Value> with_seller(const Context& context, const SellerFlags& flags, const SellerAct& act) {
  const Home home = context.home();
  TRY(const Config config, load_config(home));
  std::vector<std::string> relays;
  if (!flags.offline) {
    TRY(relays, market_relays(config, flags.relays));
  }
  Runtime runtime;
  TRY(const auto seller, open_seller(runtime, home, config, flags, std::move(relays)));
  seller->put_blobs_at(flags.blobs_at);
  return runtime.loop.run_until_complete(act_and_stop(runtime, *seller, act));
}

}  // namespace node::cli
