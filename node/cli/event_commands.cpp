// event: sign one event from flags and print it; with --relay also publish it.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/publishing.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

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

}  // namespace

void add_event_commands(CLI::App& app, Context& context, Action* chosen) {
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

}  // namespace node::cli
