// event: sign one event from flags and print it; with --relay also publish it.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/publishing.h"
#include "node/cli/signer_flags.h"
#include "node/runtime.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip13.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip22.h"
#include "nostr/nips/nip40.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMaxRelays = 16;  // asked for the event that is answered

struct EventArguments {
  std::optional<unsigned> kind;        // default 1, or 1111 below what is no text note
  std::string content;
  std::vector<std::string> tags;       // name=value[;value…]
  std::vector<std::string> json_tags;  // ["name","value"]
  std::string created_at;
  std::string expires;
  std::string reply_to;
  std::vector<std::string> mentions;
  int pow = 0;  // leading zero bits of the id
  SignerFlags signer;
  PublishFlags publish;
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

/// The event that `name` (note, nevent or hex) points at, from the relays it names and those given.
base::Task<Result<nostr::EventPtr>> find_event(Runtime& runtime, std::string name,
                                               std::vector<std::string> relays) {
  CO_TRY(const nostr::EventId id, nostr::parse_event_id(name));
  if (auto entity = nostr::decode_entity(name))
    if (const auto* pointer = std::get_if<nostr::EventPointer>(&*entity))
      for (const std::string& hint : pointer->relays)
        if (relays.size() < kMaxRelays) relays.push_back(hint);
  if (relays.empty())
    co_return fail(Errc::kInvalid, "nowhere to look for the event to answer",
                   "--relay URL, or an nevent that names one");
  nostr::Filters filters{{.ids = {id}, .limit = 1}};
  const nostr::FetchResult found =
      co_await runtime.pool.fetch(relays, std::move(filters), kPatience);
  if (found.events.empty())
    co_return fail(Errc::kNotFound, "the event to answer is on none of these relays");
  co_return found.events.front();
}

/// Tags and kind of an answer: NIP-10 below a text note, NIP-22 below anything else.
Result<void> make_reply(const nostr::Event& parent, const EventArguments& arguments,
                        const nostr::PublicKey& self, nostr::Draft& draft) {
  const bool note = parent.kind == nostr::kinds::kTextNote;
  const nostr::Kind kind = note ? nostr::kinds::kTextNote : nostr::kinds::kComment;
  if (arguments.kind && *arguments.kind != kind)
    return fail(Errc::kInvalid,
                fmt::format("an answer to kind {} is of kind {}", parent.kind, kind), "leave -k out");
  draft.kind = kind;
  const std::string hint =
      arguments.publish.relays.empty() ? "" : arguments.publish.relays.front();
  draft.tags = note ? nostr::reply_tags(parent, hint, self) : nostr::comment_tags(parent, hint);
  return {};
}

void mention(nostr::Draft& draft, const nostr::PublicKey& key) {
  const std::string hex = key.hex();
  for (const nostr::Tag& tag : draft.tags)
    if (tag.size() > 1 && tag[0] == "p" && tag[1] == hex) return;
  draft.tags.push_back({"p", hex});
}

base::Task<Result<nostr::Draft>> make_draft(Runtime& runtime, const Context& context,
                                            EventArguments arguments, nostr::PublicKey self) {
  const base::UnixTime now = runtime.clock.now();
  nostr::Draft draft{.kind = static_cast<nostr::Kind>(arguments.kind.value_or(1)),
                     .created_at = now};
  if (!arguments.created_at.empty()) {
    CO_TRY(draft.created_at, parse_past(arguments.created_at, now));
  }
  CO_TRY(draft.content, read_text(arguments.content));
  if (!arguments.reply_to.empty()) {
    CO_TRY(const nostr::EventPtr parent,
           co_await find_event(runtime, arguments.reply_to, arguments.publish.relays));
    CO_TRY(make_reply(*parent, arguments, self, draft));
  }
  CO_TRY(nostr::Tags tags, read_tags(arguments));
  draft.tags.insert(draft.tags.end(), tags.begin(), tags.end());
  CO_TRY(const auto mentioned, co_await find_people(runtime, context, arguments.mentions));
  for (const nostr::PublicKey& key : mentioned) mention(draft, key);
  if (!arguments.expires.empty()) {
    CO_TRY(const base::UnixTime at, parse_future(arguments.expires, now));
    draft.tags.push_back(nostr::expiration_tag(at));
  }
  co_return draft;
}

/// Runs on a worker until the target is met.
nostr::UnsignedEvent mine(nostr::UnsignedEvent event, int bits) {
  constexpr std::uint64_t kTries = 1u << 20;
  nostr::Miner miner(std::move(event), bits);
  for (;;)
    if (auto mined = miner.mine(kTries)) return *std::move(mined);
}

/// `draft` with a nonce tag that gives its id `bits` leading zeros (NIP-13).
base::Task<nostr::Draft> with_work(Runtime& runtime, nostr::Draft draft, nostr::PublicKey self,
                                   int bits) {
  nostr::UnsignedEvent event = nostr::with_author(std::move(draft), self);
  std::function<nostr::UnsignedEvent()> work = [event = std::move(event), bits] {
    return mine(event, bits);
  };
  nostr::UnsignedEvent mined =
      co_await base::offload<nostr::UnsignedEvent>(runtime.loop, runtime.workers, std::move(work));
  co_return nostr::Draft{mined.kind, mined.created_at, std::move(mined.tags),
                         std::move(mined.content)};
}

base::Task<int> make_event(Runtime& runtime, const Context& context, EventArguments arguments,
                           nostr::Signer& signer) {
  auto draft = co_await make_draft(runtime, context, arguments, signer.public_key());
  if (!draft) {
    co_await runtime.pool.stop();
    co_return report_usage(context, draft.error());
  }
  if (arguments.pow > 0)
    draft = co_await with_work(runtime, *std::move(draft), signer.public_key(), arguments.pow);
  auto event = co_await signer.sign(*std::move(draft));
  if (!event) {
    co_await runtime.pool.stop();
    co_return report(context, event.error());
  }
  print_line(nostr::to_json(*event));
  Sender sender(runtime, context, arguments.publish, OutcomesTo::kStderr);
  if (!arguments.publish.relays.empty()) co_await sender.add(*std::move(event));
  co_return co_await sender.finish();
}

int run_event(const Context& context, EventArguments arguments) {
  if (!arguments.signer.any()) {
    const std::filesystem::path node_key = context.home().node_key_file();
    std::error_code error;
    if (!std::filesystem::exists(node_key, error)) {
      report(context, {Errc::kNotFound, "no key to sign with",
                       "--key-file FILE, or make a node home with `sovereign init`"});
      return kUsage;
    }
    arguments.signer.key_file = node_key.string();
  }
  Runtime runtime;
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return make_event(runtime, context, arguments, signer);
  });
}

}  // namespace

void add_event_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<EventArguments>();
  auto* command =
      app.add_subcommand("event", "Sign an event and print it; with --relay also publish it");
  command->add_option("-k,--kind", arguments->kind, "Event kind; default 1")
      ->check(CLI::Range(0, 65535));
  command->add_option("-c,--content", arguments->content,
                      "Content; @FILE reads a file, - stdin, @@ begins a text with @");
  command->add_option("-t", arguments->tags, "Tag as name=value[;value…] (repeat)")
      ->allow_extra_args(false);
  command->add_option("--tag", arguments->json_tags, "Tag as a JSON array (repeat)")
      ->allow_extra_args(false);
  command->add_option("--reply-to", arguments->reply_to,
                      "Answer this event (note1…, nevent1…, hex): NIP-10, or NIP-22 if it is no note");
  command->add_option("--mention", arguments->mentions,
                      "Name somebody in a p tag: npub, hex or bob@example.com (repeat)")
      ->allow_extra_args(false);
  command->add_option("--expires", arguments->expires, "When relays forget it: 2h, 3d or a date")
      ->type_name("TIME");
  command->add_option("--pow", arguments->pow,
                      "Mine an id with so many leading zero bits (NIP-13); 20 take about a second")
      ->check(CLI::Range(1, 40));
  command->add_option("--created-at", arguments->created_at, "Date, Unix time or 2h ago; default now")
      ->type_name("TIME");
  add_signer_flags(*command, arguments->signer, "Signing key; default the home's node key");
  command->add_option("--relay", arguments->publish.relays, "Publish to this relay (repeat)")
      ->allow_extra_args(false);
  add_publish_flags(*command, arguments->publish);
  command->footer(
      "Examples:\n"
      "  sovereign event -c hello --key-file me.key\n"
      "  sovereign event -c hello --key-file me.key --relay ws://127.0.0.1:7777 --quorum 1\n"
      "  echo 'from a pipe' | sovereign event -c - --expires 2h -t t=news --key-file me.key\n"
      "  sovereign event -c 'worth something' --pow 12 --key-file me.key\n"
      "  sovereign event -c 'I agree' --reply-to $NOTE --mention $NPUB --key-file me.key --relay "
      "ws://127.0.0.1:7777");
  command->callback(
      [=, &context] { *chosen = [=, &context] { return run_event(context, *arguments); }; });
}

}  // namespace node::cli
