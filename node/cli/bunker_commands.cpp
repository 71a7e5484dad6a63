// bunker: a signer for ordinary clients over relays (NIP-46), and what its clients may do.
#include <csignal>

#include <fmt/format.h>

#include "node/bunker_app.h"
#include "node/bunker_views.h"
#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/service.h"
#include "node/key_file.h"
#include "nostr/nips/nip19.h"
#include "storage/schema.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;
using storage::BunkerVerdict;

constexpr std::size_t kMaxUriFile = 16'384;

struct ServeArguments {
  std::string key_file;
  std::vector<std::string> relays;
  std::string allow, ask, deny;
  std::string nostrconnect;
  std::chrono::seconds ask_for{900};
};

struct ClientArguments {
  std::string client;
  std::string verdict;
  std::string permissions;
  bool all = false;
};

// ---- serving -----------------------------------------------------------------------------------

Result<BunkerOptions> options_of(const ServeArguments& arguments) {
  BunkerOptions options{.relays = arguments.relays, .rules = {}, .ask_for = arguments.ask_for};
  const auto add = [&](const std::string& text, BunkerVerdict verdict) -> Result<void> {
    TRY(const auto rules, read_bunker_rules(text, verdict));
    options.rules.insert(options.rules.end(), rules.begin(), rules.end());
    return {};
  };
  // The stricter word wins where two flags name the same.
  TRY(add(arguments.allow, BunkerVerdict::kAllow));
  TRY(add(arguments.ask, BunkerVerdict::kAsk));
  TRY(add(arguments.deny, BunkerVerdict::kDeny));
  return options;
}

Result<std::optional<nostr::NostrConnectUri>> read_pairing(const std::string& file) {
  if (file.empty()) return std::nullopt;
  TRY(const std::string text, read_input(file, kMaxUriFile));
  TRY(auto uri, nostr::parse_nostrconnect_uri(std::string_view(text).substr(0, text.find_first_of(" \r\n"))));
  return uri;
}

Result<void> print_ready(const Context& context, BunkerApp& app, bool invited) {
  Value out = {{"pubkey", app.identity().hex()},
               {"npub", nostr::encode_npub(app.identity())},
               {"signer", app.signer_key().hex()}};
  if (!invited) {
    TRY(const std::string uri, app.bunker().invite());
    out["bunker"] = uri;
  }
  if (context.json)
    print_json(out);
  else
    print_line(invited ? "ready " + app.signer_key().hex() : out["bunker"].get<std::string>());
  progress(context, "signs as " + nostr::encode_npub(app.identity()));
  return {};
}

int serve(const Context& context, const ServeArguments& arguments) {
  auto options = options_of(arguments);
  if (!options) return report_usage(context, options.error());
  auto pairing = read_pairing(arguments.nostrconnect);
  if (!pairing) return report(context, pairing.error());
  BunkerSettings settings{.home = context.home(), .key = std::nullopt, .bunker = *std::move(options)};
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    settings.key = *std::move(key);
  }
  Runtime runtime;
  auto app = BunkerApp::create(runtime, std::move(settings));
  if (!app) return report(context, app.error());
  Result<void> told;
  Service service(runtime.loop);
  auto ended = service.run({.start = [&] { return (*app)->start(); },
                            .ready =
                                [&] {
                                  if (*pairing) told = (*app)->bunker().accept(**pairing);
                                  if (told) told = print_ready(context, **app, pairing->has_value());
                                  if (!told) service.finish();
                                },
                            .stop = [&] { return (*app)->stop(); }});
  if (!ended) return report(context, ended.error());
  if (!told) return report(context, told.error());
  return *ended == SIGINT ? kInterrupted : kOk;
}

// ---- its clients -------------------------------------------------------------------------------

/// From the running process, or, when none runs, in its database.
Result<Value> ask(const Home& home, const std::string& method, const Value& params) {
  auto answer = control_call(home.control_socket(), method, params, kControlPatience);
  if (answer || answer.error().code != Errc::kUnavailable) return answer;
  TRY(const auto db, storage::open_database(home.database().string()));
  storage::BunkerRows rows(*db);
  return answer_bunker(rows, method, params, base::SystemClock().now());
}

void print_client(const Context& context, const Value& client) {
  if (context.json) return print_json(client);
  print_foreign(fmt::format("{}  {:<8}  {}  seen {}", base::json::string_or(client, "client"),
                            base::json::string_or(client, "state"),
                            base::json::string_or(client, "name", "-"),
                            base::format_utc(base::unix_time(base::json::int_or(client, "seen")))));
  for (const auto& [what, verdict] : client.at("rules").items())
    print_foreign(fmt::format("  {:<6} {}", verdict.get<std::string>(), what));
}

int show(const Context& context, const Result<Value>& answer) {
  if (!answer) return report(context, answer.error());
  if (!answer->is_array()) {
    print_client(context, *answer);
    return kOk;
  }
  for (const Value& client : *answer) print_client(context, client);
  if (answer->empty()) progress(context, "no client is paired");
  return kOk;
}

int show_uri(const Context& context) {
  const auto answer =
      control_call(context.home().control_socket(), "bunker-uri", Value::object(), kControlPatience);
  if (!answer) {
    const int code = report(context, answer.error());
    return answer.error().code == Errc::kUnavailable ? kNotRunning : code;
  }
  if (context.json)
    print_json(*answer);
  else
    print_line(base::json::string_or(*answer, "bunker"));
  return kOk;
}

void add_client_commands(CLI::App& bunker, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ClientArguments>();
  auto* uri = bunker.add_subcommand("uri", "Print a new bunker:// text, which lets one client in");
  uri->footer("Examples:\n  sovereign bunker uri --home vault\n  sovereign bunker uri --home vault | sovereign qr -");
  uri->callback([=, &context] { *chosen = [&context] { return show_uri(context); }; });

  auto* list = bunker.add_subcommand("list", "Who is paired, and what each may do");
  list->add_flag("--all", arguments->all, "Also those that were revoked");
  list->footer("Examples:\n  sovereign bunker list --home vault\n  sovereign bunker list --home vault --all --json");
  list->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "bunker-list", {{"all", arguments->all}}));
    };
  });

  auto* rule = bunker.add_subcommand("rule", "Change what one client may do");
  rule->add_option("client", arguments->client, "npub or hex, as `bunker list` shows it")->required();
  rule->add_option("verdict", arguments->verdict, "allow, ask or deny")
      ->required()
      ->check(CLI::IsMember({"allow", "ask", "deny"}));
  rule->add_option("what", arguments->permissions, "sign_event:1,nip44_encrypt,…")->required();
  rule->footer(
      "Examples:\n"
      "  sovereign bunker rule $NPUB allow sign_event:1,nip44_encrypt --home vault\n"
      "  sovereign bunker rule $NPUB deny sign_event:0 --home vault");
  rule->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "bunker-rule",
                               {{"client", arguments->client},
                                {"verdict", arguments->verdict},
                                {"permissions", arguments->permissions}}));
    };
  });

  auto* revoke = bunker.add_subcommand("revoke", "Send a client away: it gets no answer any more");
  revoke->add_option("client", arguments->client, "npub or hex, as `bunker list` shows it")->required();
  revoke->footer("Examples:\n  sovereign bunker revoke $NPUB --home vault");
  revoke->callback([=, &context] {
    *chosen = [=, &context] {
      return show(context, ask(context.home(), "bunker-revoke", {{"client", arguments->client}}));
    };
  });
}

}  // namespace

void add_bunker_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ServeArguments>();
  auto* bunker = app.add_subcommand("bunker", "Sign for ordinary clients over relays (NIP-46)");
  bunker->require_subcommand(0, 1);
  bunker->add_option("--key-file", arguments->key_file,
                     "Whose signer it is; default: the group of this node home, through its co-signers");
  bunker->add_option("--relay", arguments->relays, "Where clients find it (repeat); default the node home's")
      ->allow_extra_args(false);
  bunker->add_option("--allow", arguments->allow,
                     "What a newly paired client may do unasked: sign_event:1,nip44_decrypt,…");
  bunker->add_option("--ask", arguments->ask, "What is asked about, as is all that no flag names");
  bunker->add_option("--deny", arguments->deny, "What it may not do");
  bunker->add_option("--nostrconnect", arguments->nostrconnect,
                     "File with a client's nostrconnect:// text, - for stdin: pair with that client");
  add_duration(*bunker, "--ask-for", arguments->ask_for, "How long a question stays open");
  bunker->footer(
      "It prints a bunker:// text that lets one client in; `sovereign pending` and `approve` answer\n"
      "what it asks.\n"
      "Examples:\n"
      "  sovereign bunker --home vault --key-file me.key --relay ws://127.0.0.1:7777 --allow sign_event:1\n"
      "  sovereign bunker --home agent\n"
      "  sovereign bunker --home vault --key-file me.key --relay ws://127.0.0.1:7777 --nostrconnect app.txt");
  add_client_commands(*bunker, context, chosen);
  bunker->callback([=, &context] {
    if (bunker->get_subcommands().empty())
      *chosen = [=, &context] { return serve(context, *arguments); };
  });
}

}  // namespace node::cli
