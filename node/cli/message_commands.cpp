// dm send, dm list: private messages for people and scripts, NIP-17 first, NIP-04 on request.
#include <map>
#include <set>

#include <fmt/format.h>
#include <re2/re2.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/key_file.h"
#include "node/runtime.h"
#include "nostr/client/directory.h"
#include "nostr/client/paging.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip59.h"
#include "nostr/signer/key_signer.h"

namespace node::cli {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMaxListed = 200'000;  // wraps of one relay: anybody can send them

struct SendArguments {
  std::string to;
  std::string text;
  std::string key_file;
  std::vector<std::string> relays;
  bool legacy = false;
};

struct ListArguments {
  std::string key_file;
  std::vector<std::string> relays;
  std::string from;
  std::string match;
  bool wait = false;
  std::chrono::seconds timeout{60};
};

/// Where `to` reads private messages; empty when they publish no inbox.
base::Task<std::vector<std::string>> inbox_of(Runtime& runtime, nostr::PublicKey to, std::vector<std::string> relays) {
  nostr::RelayDirectory directory(runtime.pool, runtime.clock, std::move(relays));
  std::vector<nostr::PublicKey> people{to};
  co_await directory.locate(std::move(people), nostr::kinds::kDmRelays, kPatience);
  co_return directory.book().dm_relays(to);
}

struct Outgoing {
  nostr::EventId id;
  nostr::Event envelope;
};

Result<Outgoing> seal(const SendArguments& arguments, const nostr::SecretKey& key, const nostr::PublicKey& to,
                      Runtime& runtime) {
  const base::UnixTime now = runtime.clock.now();
  if (arguments.legacy) {
    TRY(const nostr::SharedX shared, nostr::ecdh(key, to));
    nostr::Event event = nostr::sign_event(
        {nostr::kinds::kLegacyDm, now, {{"p", to.hex()}}, nostr::nip04_encrypt(shared, arguments.text, runtime.rng)},
        key, runtime.rng);
    const nostr::EventId id = event.id;
    return Outgoing{id, std::move(event)};
  }
  const nostr::UnsignedEvent rumor = nostr::build_private_message(
      {.from = key.public_key(), .to = {to}, .subject = "", .refs = {}, .text = arguments.text, .at = now});
  TRY(nostr::Event wrap, nostr::wrap_rumor(rumor, key, to, now, runtime.rng));
  return Outgoing{nostr::compute_id(rumor), std::move(wrap)};
}

base::Task<int> send_message(Runtime& runtime, const Context& context, SendArguments arguments,
                             const nostr::SecretKey& key) {
  const auto found = co_await find_person(runtime, context, arguments.to);
  if (!found) {
    co_await runtime.pool.stop();
    co_return report(context, found.error());
  }
  const nostr::PublicKey to = *found;
  std::vector<std::string> relays = arguments.relays;
  if (!arguments.legacy) {
    const std::vector<std::string> inbox = co_await inbox_of(runtime, to, arguments.relays);
    if (inbox.empty()) {
      co_await runtime.pool.stop();
      co_return report(context, {Errc::kNotFound, "the recipient publishes no inbox relays (kind 10050)",
                                 "ask them to, or send --legacy (NIP-04)"});
    }
    relays = inbox;
  }
  auto outgoing = seal(arguments, key, to, runtime);
  if (!outgoing) {
    co_await runtime.pool.stop();
    co_return report(context, outgoing.error());
  }
  const auto outcomes = co_await runtime.pool.publish(relays, outgoing->envelope);
  co_await runtime.pool.stop();
  std::size_t accepted = 0;
  Value states = Value::array();
  for (const nostr::PublishOutcome& outcome : outcomes) {
    const bool ok = outcome.state == nostr::PublishOutcome::State::kAccepted;
    if (ok) ++accepted;
    states.push_back({{"relay", outcome.relay},
                      {"accepted", ok},
                      {"status", nostr::state_name(outcome.state)},
                      {"reason", outcome.message}});
  }
  print_json({{"id", outgoing->id.hex()}, {"envelope", outgoing->envelope.id.hex()}, {"relays", states}});
  co_return accepted == outcomes.size() ? kOk : accepted == 0 ? kFailed : kPartial;
}

/// One readable message, whichever way it came.
struct Message {
  nostr::EventId id;
  nostr::PublicKey from;
  base::UnixTime at;
  std::string text;
  nostr::EventId envelope;
  int kind = 14;
};

std::optional<Message> open_message(const nostr::Event& event, const nostr::SecretKey& key) {
  if (event.kind == nostr::kinds::kGiftWrap) {
    auto rumor = nostr::unwrap(event, key);
    if (!rumor || rumor->event.kind != nostr::kinds::kPrivateMessage) return std::nullopt;
    return Message{rumor->id, rumor->event.pubkey, rumor->event.created_at, rumor->event.content, event.id, 14};
  }
  auto shared = nostr::ecdh(key, event.pubkey);
  if (!shared) return std::nullopt;
  auto text = nostr::nip04_decrypt(*shared, event.content);
  if (!text) return std::nullopt;
  return Message{event.id, event.pubkey, event.created_at, *std::move(text), event.id, 4};
}

Value to_value(const Message& message) {
  return {{"id", message.id.hex()},
          {"from", message.from.hex()},
          {"created_at", base::to_unix(message.at)},
          {"kind", message.kind},
          {"text", message.text},
          {"envelope", message.envelope.hex()}};
}

class Reader {
 public:
  Reader(const nostr::SecretKey& key, const ListArguments& arguments, std::optional<nostr::PublicKey> from)
      : key_(key), pattern_(arguments.match, RE2::Quiet), from_(from) {}

  /// Prints the message if it is wanted and new; whether it was.
  bool take(const nostr::Event& event) {
    auto message = open_message(event, key_);
    if (!message || (from_ && message->from != *from_) || !seen_.insert(message->id).second) return false;
    if (!RE2::PartialMatch(message->text, pattern_)) return false;
    print_json(to_value(*message));
    return true;
  }

 private:
  const nostr::SecretKey& key_;
  RE2 pattern_;
  std::optional<nostr::PublicKey> from_;
  std::set<nostr::EventId> seen_;
};

nostr::Filters inbox_filters(const nostr::PublicKey& self) {
  return {{.kinds = {nostr::kinds::kGiftWrap, nostr::kinds::kLegacyDm}, .tags = {{'p', {self.hex()}}}}};
}

base::Task<int> list_once(Runtime& runtime, const Context& context, const ListArguments& arguments, Reader& reader,
                          nostr::PublicKey self) {
  // Wraps are dated at random, so the newest page of them is not the newest messages: all are read.
  std::map<std::pair<base::UnixTime, nostr::EventId>, nostr::EventPtr> events;
  std::size_t failed = 0;
  for (const std::string& relay : arguments.relays) {
    nostr::HistorySink sink = [&events](std::span<const nostr::EventPtr> page) {
      for (const nostr::EventPtr& event : page) events.emplace(std::pair{event->created_at, event->id}, event);
      return true;
    };
    nostr::Filter filter = inbox_filters(self).front();
    const auto read = co_await nostr::read_history(runtime.pool, relay, std::move(filter),
                                                   {.max_events = kMaxListed, .page_patience = kPatience, .tries = 1}, std::move(sink));
    if (read) continue;
    ++failed;
    progress(context, read.error().detail);
  }
  co_await runtime.pool.stop();
  for (const auto& [place, event] : events) reader.take(*event);
  co_return failed == 0 ? kOk : failed == arguments.relays.size() ? kFailed : kPartial;
}

base::Task<int> wait_for_match(Runtime& runtime, const Context& context, const ListArguments& arguments,
                               Reader& reader, nostr::PublicKey self) {
  base::Signal found(runtime.loop);
  bool matched = false;
  auto subscription = runtime.pool.subscribe(
      arguments.relays, inbox_filters(self),
      {.on_events =
           [&](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) {
               if (matched || !reader.take(*delivery.event)) continue;
               matched = true;
               found.notify();
             }
           },
       .on_eose = {},
       .on_closed = {}});
  co_await found.wait_for(arguments.timeout);
  subscription.reset();
  co_await runtime.pool.stop();
  if (matched) co_return kOk;
  co_return report(context, {Errc::kTimeout, fmt::format("no such message within {} s", arguments.timeout.count()), ""});
}

base::Task<int> read_messages(Runtime& runtime, const Context& context, const ListArguments& arguments,
                              const nostr::SecretKey& key) {
  std::optional<nostr::PublicKey> from;
  if (!arguments.from.empty()) {
    auto found = co_await find_person(runtime, context, arguments.from);
    if (!found) {
      co_await runtime.pool.stop();
      co_return report(context, base::in_context("--from", found.error()));
    }
    from = *found;
  }
  Reader reader(key, arguments, from);
  const nostr::PublicKey self = key.public_key();
  if (arguments.wait) co_return co_await wait_for_match(runtime, context, arguments, reader, self);
  co_return co_await list_once(runtime, context, arguments, reader, self);
}

int list_messages(const Context& context, const ListArguments& arguments) {
  auto key = load_key_file(arguments.key_file);
  if (!key) return report(context, key.error());
  if (!RE2(arguments.match, RE2::Quiet).ok()) {
    report(context, {Errc::kInvalid, "--match is no regular expression", "RE2 syntax, e.g. 'yes [0-9A-Z]{4}-[0-9A-Z]{4}'"});
    return kUsage;
  }
  Runtime runtime;
  nostr::KeySigner signer(key->clone(), runtime.clock, runtime.rng);
  runtime.pool.set_auth("", &signer);
  return runtime.loop.run_until_complete(read_messages(runtime, context, arguments, *key));
}

int send(const Context& context, SendArguments arguments) {
  auto key = load_key_file(arguments.key_file);
  if (!key) return report(context, key.error());
  auto text = read_text(arguments.text);
  if (!text) return report(context, text.error());
  arguments.text = *std::move(text);
  Runtime runtime;
  nostr::KeySigner signer(key->clone(), runtime.clock, runtime.rng);
  runtime.pool.set_auth("", &signer);
  return runtime.loop.run_until_complete(send_message(runtime, context, std::move(arguments), *key));
}

}  // namespace

void add_message_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* dm = app.add_subcommand("dm", "Send and read private messages");
  dm->require_subcommand(1);

  auto sending = std::make_shared<SendArguments>();
  auto* send_command = dm->add_subcommand("send", "Send a private message (NIP-17) to the recipient's inbox relays");
  send_command->add_option("to", sending->to, "npub, nprofile, hex or bob@example.com")->required();
  send_command->add_option("text", sending->text, "The message; @FILE reads a file, - stdin, @@ begins a text with @")->required();
  send_command->add_option("--key-file", sending->key_file, "The sender's key")->required();
  send_command->add_option("--relay", sending->relays, "Where to look up the inbox (repeat)")->required()->allow_extra_args(false);
  send_command->add_flag("--legacy", sending->legacy, "NIP-04 to --relay instead");
  send_command->footer(
      "Examples:\n"
      "  sovereign dm send $NPUB 'hello there' --key-file me.key --relay ws://127.0.0.1:7777\n"
      "  echo 'a longer story' | sovereign dm send $NPUB - --key-file me.key --relay "
      "ws://127.0.0.1:7777");
  send_command->callback([=, &context] { *chosen = [=, &context] { return send(context, *sending); }; });

  auto listing = std::make_shared<ListArguments>();
  auto* list_command = dm->add_subcommand("list", "Print received messages, one JSON per line");
  list_command->add_option("--key-file", listing->key_file, "The recipient's key")->required();
  list_command->add_option("--relay", listing->relays, "Inbox relay (repeat)")->required()->allow_extra_args(false);
  list_command->add_option("--from", listing->from, "Only this sender: npub, hex or bob@example.com");
  list_command->add_option("--match", listing->match, "Only texts this RE2 expression is found in");
  list_command->add_flag("--wait", listing->wait, "Wait for the first such message, stored or new");
  add_duration(*list_command, "--timeout", listing->timeout, "How long to wait, then exit 124");
  list_command->footer(
      "Examples:\n"
      "  sovereign dm list --key-file me.key --relay ws://127.0.0.1:7777\n"
      "  sovereign dm list --key-file me.key --relay ws://127.0.0.1:7777 --from $NPUB --match hello "
      "--wait --timeout 10s");
  list_command->callback([=, &context] { *chosen = [=, &context] { return list_messages(context, *listing); }; });
}

}  // namespace node::cli
