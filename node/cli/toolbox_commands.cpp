// The toolbox: event, req, count, publish, verify, encode, decode, key — commands that pipe
// together.
#include <atomic>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/event/filter.h"
#include "nostr/nips/nip19.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kRelayPatience{30};

// ---- verify ------------------------------------------------------------------------------------

Result<void> check_line(std::string_view line) {
  TRY(const nostr::Event event, nostr::parse_event(line));
  return nostr::check(event);
}

int verify_stdin(const Context& context) {
  std::uint64_t valid = 0;
  std::uint64_t invalid = 0;
  std::string line;
  for (std::uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Result<void> checked = check_line(line);
    if (checked) {
      ++valid;
      continue;
    }
    ++invalid;
    if (context.json)
      fmt::print(stderr, "{}\n",
                 base::json::dump({{"line", number},
                                   {"error", base::errc_name(checked.error().code)},
                                   {"detail", checked.error().detail}}));
    else
      fmt::print(stderr, "line {}: {}\n", number,
                 base::escape_for_terminal(checked.error().detail));
  }
  print_json({{"valid", valid}, {"invalid", invalid}});
  return invalid == 0 ? kOk : kFailed;
}

// ---- publishing --------------------------------------------------------------------------------

std::string_view state_name(nostr::PublishOutcome::State state) {
  switch (state) {
    case nostr::PublishOutcome::State::kAccepted:
      return "accepted";
    case nostr::PublishOutcome::State::kRejected:
      return "rejected";
    case nostr::PublishOutcome::State::kUnknown:
      return "unknown";
  }
  return "unknown";
}

struct PublishCounts {
  std::size_t accepted = 0;
  std::size_t total = 0;
  int exit_code() const { return accepted == total ? kOk : accepted == 0 ? kFailed : kPartial; }
};

base::Task<PublishCounts> publish_all(Runtime& runtime, std::vector<std::string> relays,
                                      std::vector<nostr::Event> events, bool to_stderr) {
  PublishCounts counts;
  for (nostr::Event& event : events) {
    const std::string id = event.id.hex();
    const auto outcomes = co_await runtime.pool.publish(relays, std::move(event));
    for (const nostr::PublishOutcome& outcome : outcomes) {
      ++counts.total;
      if (outcome.state == nostr::PublishOutcome::State::kAccepted) ++counts.accepted;
      const std::string line = base::json::dump({{"id", id},
                                                 {"relay", outcome.relay},
                                                 {"status", state_name(outcome.state)},
                                                 {"reason", outcome.message}});
      if (to_stderr)
        fmt::print(stderr, "{}\n", line);
      else
        print_line(line);
    }
  }
  co_await runtime.pool.stop();
  co_return counts;
}

int publish_stdin(const Context& context, const std::vector<std::string>& relays) {
  std::vector<nostr::Event> events;
  std::string line;
  bool bad = false;
  for (std::uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto event = nostr::parse_event(line);
    if (!event) {
      report(context, base::in_context(fmt::format("line {}", number), event.error()));
      bad = true;
      continue;
    }
    events.push_back(*std::move(event));
  }
  Runtime runtime;
  const PublishCounts counts =
      runtime.loop.run_until_complete(publish_all(runtime, relays, std::move(events), false));
  if (bad) return counts.accepted > 0 ? kPartial : kFailed;
  return counts.exit_code();
}

// ---- event -------------------------------------------------------------------------------------

struct EventArguments {
  unsigned kind = 1;
  std::string content;
  std::vector<std::string> tags;       // name=value[;value…]
  std::vector<std::string> json_tags;  // ["name","value"]
  std::int64_t created_at = 0;
  std::string key_file;
  std::vector<std::string> relays;
};

Result<nostr::Tags> read_tags(const EventArguments& arguments) {
  nostr::Tags tags;
  for (const std::string& text : arguments.tags) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Errc::kInvalid, fmt::format("-t {}: expected name=value", text));
    nostr::Tag tag{text.substr(0, equals)};
    for (std::size_t at = equals + 1;;) {
      const std::size_t end = text.find(';', at);
      tag.push_back(text.substr(at, end == std::string::npos ? end : end - at));
      if (end == std::string::npos) break;
      at = end + 1;
    }
    tags.push_back(std::move(tag));
  }
  for (const std::string& text : arguments.json_tags) {
    TRY(const Value value, base::json::parse(text));
    if (!value.is_array() || value.empty())
      return fail(Errc::kInvalid, fmt::format("--tag {}: expected a JSON array of strings", text));
    nostr::Tag tag;
    for (const Value& item : value) {
      if (!item.is_string())
        return fail(Errc::kInvalid, fmt::format("--tag {}: every element is a string", text));
      tag.push_back(item.get<std::string>());
    }
    tags.push_back(std::move(tag));
  }
  return tags;
}

int make_event(const Context& context, const EventArguments& arguments) {
  const std::filesystem::path key_path = arguments.key_file.empty()
                                             ? context.home().node_key_file()
                                             : std::filesystem::path(arguments.key_file);
  auto key = load_key_file(key_path);
  if (!key) {
    if (key.error().code == Errc::kNotFound && arguments.key_file.empty()) {
      report(context, {Errc::kNotFound, "no key to sign with",
                       "--key-file FILE, or make a node home with `sovereign init`"});
      return kUsage;
    }
    return report(context, key.error());
  }
  auto tags = read_tags(arguments);
  if (!tags) {
    report(context, tags.error());
    return kUsage;
  }
  base::SystemRng rng;
  const base::UnixTime at =
      arguments.created_at > 0 ? base::unix_time(arguments.created_at) : base::SystemClock().now();
  const nostr::Event event = nostr::sign_event(
      {static_cast<nostr::Kind>(arguments.kind), at, *std::move(tags), arguments.content}, *key,
      rng);
  print_line(nostr::to_json(event));
  if (arguments.relays.empty()) return kOk;
  Runtime runtime;
  return runtime.loop.run_until_complete(publish_all(runtime, arguments.relays, {event}, true))
      .exit_code();
}

// ---- req and count -----------------------------------------------------------------------------

struct ReqArguments {
  std::vector<std::string> relays;
  std::vector<std::string> filters;
  bool stream = false;
  std::string key_file;
};

Result<nostr::Filters> read_filters(const std::vector<std::string>& texts) {
  nostr::Filters filters;
  for (const std::string& text : texts) {
    auto filter = nostr::parse_filter(std::string_view(text));
    if (!filter) return std::unexpected(base::in_context("-f", filter.error()));
    filters.push_back(*std::move(filter));
  }
  if (filters.empty()) filters.push_back({.limit = 500});
  return filters;
}

base::Task<int> fetch_stored(Runtime& runtime, const Context& context,
                             std::vector<std::string> relays, nostr::Filters filters) {
  const nostr::FetchResult result =
      co_await runtime.pool.fetch(relays, std::move(filters), kRelayPatience);
  for (const nostr::EventPtr& event : result.events) fmt::print("{}\n", nostr::to_json(*event));
  std::fflush(stdout);
  for (const auto& [relay, why] : result.failed)
    progress(context, fmt::format("{}: {}", relay, why));
  co_await runtime.pool.stop();
  if (result.failed.empty()) co_return kOk;
  co_return result.complete.empty() ? kFailed : kPartial;
}

int stream_events(Runtime& runtime, const std::vector<std::string>& relays,
                  const nostr::Filters& filters) {
  auto subscription =
      runtime.pool.subscribe(relays, filters,
                             {.on_events =
                                  [](std::span<const nostr::Delivery> batch) {
                                    for (const nostr::Delivery& delivery : batch)
                                      fmt::print("{}\n", nostr::to_json(*delivery.event));
                                    std::fflush(stdout);
                                  },
                              .on_eose = {},
                              .on_closed = {}});
  runtime.loop.on_signal([&](int) { runtime.loop.stop(); });
  runtime.loop.run();
  subscription.reset();
  runtime.loop.run_until_complete(runtime.pool.stop());
  return kInterrupted;
}

int request(const Context& context, const ReqArguments& arguments) {
  auto filters = read_filters(arguments.filters);
  if (!filters) {
    report(context, filters.error());
    return kUsage;
  }
  Runtime runtime;
  std::optional<nostr::KeySigner> signer;
  if (!arguments.key_file.empty()) {
    auto key = load_key_file(arguments.key_file);
    if (!key) return report(context, key.error());
    signer.emplace(*std::move(key), runtime.clock, runtime.rng);
    runtime.pool.set_auth("", &*signer);
  }
  if (arguments.stream) return stream_events(runtime, arguments.relays, *filters);
  return runtime.loop.run_until_complete(
      fetch_stored(runtime, context, arguments.relays, *std::move(filters)));
}

base::Task<int> count_each(Runtime& runtime, const Context& context,
                           std::vector<std::string> relays, nostr::Filters filters) {
  std::size_t failed = 0;
  for (const std::string& relay : relays) {
    auto count = co_await runtime.pool.count(relay, filters, kRelayPatience);
    if (count) {
      print_json({{"relay", relay}, {"count", *count}});
    } else {
      ++failed;
      report(context, base::in_context(relay, count.error()));
    }
  }
  co_await runtime.pool.stop();
  co_return failed == 0 ? kOk : failed == relays.size() ? kFailed : kPartial;
}

// ---- encode and decode -------------------------------------------------------------------------

Result<std::string> encode_entity(const std::string& type, const std::string& value,
                                  const std::vector<std::string>& relays) {
  if (type == "npub" || type == "nprofile") {
    TRY(const nostr::PublicKey key, nostr::parse_public_key(value));
    return type == "npub" ? nostr::encode_npub(key) : nostr::encode_nprofile({key, relays});
  }
  if (type == "note" || type == "nevent") {
    TRY(const nostr::EventId id, nostr::parse_event_id(value));
    return type == "note" ? nostr::encode_note(id) : nostr::encode_nevent({id, relays, {}, {}});
  }
  if (type == "naddr") {
    TRY(nostr::Address address, nostr::parse_address(value));
    return nostr::encode_naddr({std::move(address), relays});
  }
  return fail(Errc::kInvalid, fmt::format("cannot encode \"{}\"", type),
              "one of npub, nprofile, note, nevent, naddr");
}

Value describe(const nostr::Address& address) {
  return {{"kind", address.kind}, {"pubkey", address.pubkey.hex()}, {"identifier", address.d}};
}

struct EntityToJson {
  Value operator()(const nostr::PublicKey& key) const {
    return {{"type", "npub"}, {"pubkey", key.hex()}};
  }
  Value operator()(const nostr::SecretKey& key) const {
    // The secret itself stays where it is: decoding says whose it is.
    return {{"type", "nsec"}, {"pubkey", key.public_key().hex()}};
  }
  Value operator()(const nostr::EventId& id) const { return {{"type", "note"}, {"id", id.hex()}}; }
  Value operator()(const nostr::ProfilePointer& p) const {
    return {{"type", "nprofile"}, {"pubkey", p.pubkey.hex()}, {"relays", p.relays}};
  }
  Value operator()(const nostr::EventPointer& p) const {
    Value out = {{"type", "nevent"}, {"id", p.id.hex()}, {"relays", p.relays}};
    if (p.author) out["author"] = p.author->hex();
    if (p.kind) out["kind"] = *p.kind;
    return out;
  }
  Value operator()(const nostr::AddressPointer& p) const {
    Value out = describe(p.address);
    out["type"] = "naddr";
    out["relays"] = p.relays;
    return out;
  }
  Value operator()(const nostr::RelayPointer& p) const {
    return {{"type", "nrelay"}, {"relay", p.url}};
  }
};

int decode(const Context& context, const std::string& text) {
  auto entity = nostr::decode_entity(text);
  if (entity) {
    print_json(std::visit(EntityToJson{}, *entity));
    return kOk;
  }
  if (auto key = nostr::PublicKey::from_hex(text)) {
    print_json({{"type", "hex"}, {"hex", text}, {"npub", nostr::encode_npub(*key)}});
    return kOk;
  }
  return report(context, entity.error());
}

// ---- key ---------------------------------------------------------------------------------------

void print_key(const Context& context, const nostr::PublicKey& key, const std::string& file) {
  const std::string npub = nostr::encode_npub(key);
  if (context.json)
    print_json({{"pubkey", key.hex()}, {"npub", npub}, {"file", file}});
  else
    print_line(fmt::format("{}\n{}", npub, key.hex()));
}

int new_key(const Context& context, const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error))
    return report(context, {Errc::kConflict, fmt::format("{} exists already", file),
                            "keys are never overwritten"});
  base::SystemRng rng;
  const nostr::SecretKey key = nostr::SecretKey::generate(rng);
  if (auto saved = save_key_file(file, key); !saved) return report(context, saved.error());
  print_key(context, key.public_key(), file);
  return kOk;
}

int show_key(const Context& context, const std::string& file) {
  auto key = load_key_file(file);
  if (!key) return report(context, key.error());
  print_key(context, key->public_key(), file);
  return kOk;
}

void add_event(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<EventArguments>();
  auto* command =
      app.add_subcommand("event", "Sign an event and print it; with --relay also publish it");
  command->add_option("-k,--kind", arguments->kind, "Event kind")->check(CLI::Range(0, 65535));
  command->add_option("-c,--content", arguments->content, "Content");
  command->add_option("-t", arguments->tags, "Tag as name=value[;value…]")->allow_extra_args(false);
  command->add_option("--tag", arguments->json_tags, "Tag as a JSON array")
      ->allow_extra_args(false);
  command->add_option("--created-at", arguments->created_at, "Unix time; default now");
  command->add_option("--key-file", arguments->key_file,
                      "Signing key; default the home's node key");
  command->add_option("--relay", arguments->relays, "Publish to this relay (repeat)")
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n  sovereign event -k 1 -c hello --key-file me.key\n"
      "  sovereign event -c hi -t p=PUBKEY --key-file me.key --relay wss://relay.example");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return make_event(context, *arguments); }; });
}

void add_req(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ReqArguments>();
  auto* command = app.add_subcommand(
      "req", "Print events that match, one JSON per line, until all stored ones came");
  command->add_option("relays", arguments->relays, "Relay URLs")->required();
  command->add_option("-f,--filter", arguments->filters, "Filter as JSON (repeat)")
      ->allow_extra_args(false);
  command->add_flag("--stream", arguments->stream, "Go on with live events until interrupted");
  command->add_option("--key-file", arguments->key_file, "Answer AUTH with this key");
  command->footer(
      "Examples:\n  sovereign req wss://relay.example -f '{\"kinds\":[1],\"limit\":10}'\n"
      "  sovereign req ws://127.0.0.1:7777 -f '{}' --stream | sovereign verify");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return request(context, *arguments); }; });

  auto counting = std::make_shared<ReqArguments>();
  auto* count = app.add_subcommand("count", "Ask relays how many events match (NIP-45)");
  count->add_option("relays", counting->relays, "Relay URLs")->required();
  count->add_option("-f,--filter", counting->filters, "Filter as JSON (repeat)")
      ->allow_extra_args(false);
  count->callback([=, &context] {
    *chosen = [=, &context] {
      auto filters = read_filters(counting->filters);
      if (!filters) {
        report(context, filters.error());
        return static_cast<int>(kUsage);
      }
      Runtime runtime;
      return runtime.loop.run_until_complete(
          count_each(runtime, context, counting->relays, *filters));
    };
  });
}

void add_codecs(CLI::App& app, Context& context, Action* chosen) {
  struct EncodeArguments {
    std::string type, value;
    std::vector<std::string> relays;
  };
  auto encoding = std::make_shared<EncodeArguments>();
  auto* encode = app.add_subcommand("encode", "Write a key, id or address as a NIP-19 name");
  encode->add_option("type", encoding->type, "npub, nprofile, note, nevent or naddr")->required();
  encode->add_option("value", encoding->value, "Hex, kind:pubkey:d, or another name")->required();
  encode->add_option("--relay", encoding->relays, "Relay hint (repeat)")->allow_extra_args(false);
  encode->callback([=, &context] {
    *chosen = [=, &context] {
      auto text = encode_entity(encoding->type, encoding->value, encoding->relays);
      if (!text) return report(context, text.error());
      print_line(*text);
      return static_cast<int>(kOk);
    };
  });

  auto text = std::make_shared<std::string>();
  auto* decoding =
      app.add_subcommand("decode", "Say what a NIP-19 name, nostr: URI or hex key holds");
  decoding->add_option("name", *text, "npub1…, nevent1…, nostr:…")->required();
  decoding->callback([=, &context] { *chosen = [=, &context] { return decode(context, *text); }; });
}

void add_keys(CLI::App& app, Context& context, Action* chosen) {
  auto* key = app.add_subcommand("key", "Make and show ordinary keys");
  key->require_subcommand(1);
  auto file = std::make_shared<std::string>();
  auto* fresh = key->add_subcommand("new", "Make a key in a new file, mode 0600");
  fresh->add_option("file", *file, "Where to write it")->required();
  fresh->callback([=, &context] { *chosen = [=, &context] { return new_key(context, *file); }; });
  auto* show = key->add_subcommand("show", "Print the public key of a key file");
  show->add_option("file", *file, "The key file")->required();
  show->callback([=, &context] { *chosen = [=, &context] { return show_key(context, *file); }; });
}

}  // namespace

void add_toolbox_commands(CLI::App& app, Context& context, Action* chosen) {
  add_event(app, context, chosen);
  add_req(app, context, chosen);
  auto relays = std::make_shared<std::vector<std::string>>();
  auto* publish =
      app.add_subcommand("publish", "Send events from stdin (one JSON per line) to relays");
  publish->add_option("relays", *relays, "Relay URLs")->required();
  publish->callback(
      [=, &context] { *chosen = [=, &context] { return publish_stdin(context, *relays); }; });
  auto* verify = app.add_subcommand("verify", "Check ids and signatures of events from stdin");
  verify->callback([=, &context] { *chosen = [=, &context] { return verify_stdin(context); }; });
  add_codecs(app, context, chosen);
  add_keys(app, context, chosen);
}

}  // namespace node::cli
