// sovereign-wallet-service: lightning wallets for trying and testing, behind relays, by NIP-47. The
// coins are make-believe; invoices, encryption and events are real. The script of faults it may play:
// tests/orchestration/support/wallet_service.h
//
//   sovereign-wallet-service --relay URL --node NAME=MSAT… [--invoice NAME=MSAT]… [--script FILE]
//                            [--fee MSAT] [--nip04]
//
// It prints `wallet NAME nostr+walletconnect://…` for each node and `invoice NAME lnbcrt…` for each
// invoice, then `ready`. The script is for the first node. At its end (SIGTERM, SIGINT) it prints
// {"payments":N,"balances":{NAME:MSAT,…}}.
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "nostr/base/number.h"
#include "tests/orchestration/support/wallet_host.h"

namespace {

using Amount = std::pair<std::string, base::Msat>;

struct Arguments {
  std::vector<std::string> relays;
  std::vector<Amount> nodes;
  std::vector<Amount> invoices;
  std::string script;
  base::Msat fee;
  bool nip04 = false;
};

std::optional<Amount> parse_amount(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == text.npos) return std::nullopt;
  const auto msat = base::parse_msat(text.substr(equals + 1));
  if (!msat) return std::nullopt;
  return Amount(text.substr(0, equals), *msat);
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--nip04") {
      out.nip04 = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    const std::string value = argv[i];
    if (flag == "--relay") {
      out.relays.push_back(value);
    } else if (flag == "--node" || flag == "--invoice") {
      const auto amount = parse_amount(value);
      if (!amount) return std::nullopt;
      (flag == "--node" ? out.nodes : out.invoices).push_back(*amount);
    } else if (flag == "--script") {
      out.script = value;
    } else if (flag == "--fee") {
      const auto msat = base::parse_msat(value);
      if (!msat) return std::nullopt;
      out.fee = *msat;
    } else {
      return std::nullopt;
    }
  }
  if (out.relays.empty() || out.nodes.empty()) return std::nullopt;
  return out;
}

base::Result<std::vector<wallet_service::Rule>> load_rules(const std::string& path) {
  if (path.empty()) return std::vector<wallet_service::Rule>{};
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return base::fail(base::Errc::kIo, path + " cannot be read");
  TRY(const base::json::Value script, base::json::parse(text.str()));
  return wallet_service::parse_rules(script);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments) {
    std::cerr << "usage: sovereign-wallet-service --relay URL --node NAME=MSAT… "
                 "[--invoice NAME=MSAT]… [--script FILE] [--fee MSAT] [--nip04]\n";
    return 2;
  }
  const auto rules = load_rules(arguments->script);
  if (!rules) {
    std::cerr << "sovereign-wallet-service: " << rules.error().detail << "\n";
    return 1;
  }
  const auto has_node = [&](const std::string& name) {
    return std::ranges::any_of(arguments->nodes, [&](const Amount& n) { return n.first == name; });
  };
  for (const auto& [node, msat] : arguments->invoices)
    if (!has_node(node)) {
      std::cerr << "sovereign-wallet-service: there is no node " << node << "\n";
      return 2;
    }

  // Blocked before any thread starts, so that sigwait() below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  wallet_service::HostOptions options{.relays = arguments->relays,
                                      .nodes = arguments->nodes,
                                      .rules = *rules,
                                      .fee = arguments->fee,
                                      .service = {}};
  if (arguments->nip04) options.service.encryptions = {nostr::WalletEncryption::kNip04};
  const auto host = wallet_service::WalletHost::start(std::move(options));
  for (const auto& [node, msat] : arguments->nodes)
    std::cout << "wallet " << node << " " << host->uri(node) << "\n";
  for (const auto& [node, msat] : arguments->invoices)
    std::cout << "invoice " << node << " " << host->make_invoice(node, msat) << "\n";
  std::cout << "ready" << std::endl;
  int caught = 0;
  sigwait(&signals, &caught);
  base::json::Value balances = base::json::Value::object();
  for (const auto& [node, msat] : arguments->nodes) balances[node] = host->balance(node).value;
  std::cout << base::json::dump({{"payments", host->payments()}, {"balances", balances}})
            << std::endl;
  return 0;
}
