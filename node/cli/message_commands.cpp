// dm send, dm list: private messages for people and scripts, NIP-17 first, NIP-04 on request.
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>
#include <re2/re2.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/signer_flags.h"
#include "node/runtime.h"
#include "nostr/client/directory.h"
#include "nostr/client/paging.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip59.h"
#include "nostr/signer/gift_wrap.h"

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
  SignerFlags signer;
  std::vector<std::string> relays;
  bool legacy = false;
};

struct ListArguments {
  SignerFlags signer;
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

base::Task<Result<Outgoing>> seal(Runtime& runtime, SendArguments arguments, nostr::Signer& signer,
                                  nostr::PublicKey to) {
  const base::UnixTime now = runtime.clock.now();
  if (arguments.legacy) {
    CO_TRY(std::string content, co_await signer.nip04_encrypt(to, arguments.text));
    nostr::Draft draft{nostr::kinds::kLegacyDm, now, {{"p", to.hex()}}, std::move(content)};
    CO_TRY(nostr::Event event, co_await signer.sign(std::move(draft)));
    const nostr::EventId id = event.id;
    co_return Outgoing{id, std::move(event)};
  }
  nostr::UnsignedEvent rumor = nostr::build_private_message(
      {.from = signer.public_key(), .to = {to}, .subject = "", .refs = {}, .text = arguments.text, .at = now});
  const nostr::EventId id = nostr::compute_id(rumor);
  CO_TRY(nostr::Event wrap, co_await nostr::wrap_with(signer, std::move(rumor), to, now, runtime.rng));
  co_return Outgoing{id, std::move(wrap)};
}

base::Task<int> send_message(Runtime& runtime, const Context& context, SendArguments arguments,
                             nostr::Signer& signer) {
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
  auto outgoing = co_await seal(runtime, arguments, signer, to);
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

base::Task<std::optional<Message>> open_message(nostr::Event event, nostr::Signer& reader) {
  if (event.kind == nostr::kinds::kGiftWrap) {
    auto rumor = co_await nostr::unwrap_with(reader, event);
    if (!rumor || rumor->event.kind != nostr::kinds::kPrivateMessage) co_return std::nullopt;
    co_return Message{rumor->id, rumor->event.pubkey, rumor->event.created_at, rumor->event.content, event.id, 14};
  }
  auto text = co_await reader.nip04_decrypt(event.pubkey, event.content);
  if (!text) co_return std::nullopt;
  co_return Message{event.id, event.pubkey, event.created_at, *std::move(text), event.id, 4};
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
  Reader(nostr::Signer& signer, const ListArguments& arguments, std::optional<nostr::PublicKey> from)
      : signer_(signer), pattern_(arguments.match, RE2::Quiet), from_(from) {}

  /// Prints the message if it is wanted and new; whether it was.
  base::Task<bool> take(nostr::EventPtr event) {
    auto message = co_await open_message(*event, signer_);
    if (!message || (from_ && message->from != *from_) || !seen_.insert(message->id).second) co_return false;
    if (!RE2::PartialMatch(message->text, pattern_)) co_return false;
    print_json(to_value(*message));
    co_return true;
  }

 private:
  nostr::Signer& signer_;
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
  for (const auto& [place, event] : events) co_await reader.take(event);
  co_await runtime.pool.stop();
  co_return failed == 0 ? kOk : failed == arguments.relays.size() ? kFailed : kPartial;
}

base::Task<int> wait_for_match(Runtime& runtime, const Context& context, const ListArguments& arguments,
                               Reader& reader, nostr::PublicKey self) {
  base::Signal came(runtime.loop);
  std::deque<nostr::EventPtr> waiting;  // read in turn: a remote signer takes its time
  auto subscription = runtime.pool.subscribe(
      arguments.relays, inbox_filters(self),
      {.on_events =
           [&](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch)
               if (waiting.size() < kMaxListed) waiting.push_back(delivery.event);
             came.notify();
           },
       .on_eose = {},
       .on_closed = {}});
  const auto deadline = std::chrono::steady_clock::now() + arguments.timeout;
  bool matched = false;
  while (!matched) {
    if (!waiting.empty()) {
      nostr::EventPtr next = std::move(waiting.front());
      waiting.pop_front();
      matched = co_await reader.take(std::move(next));
      continue;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !co_await came.wait_for(left)) break;
  }
  subscription.reset();
  co_await runtime.pool.stop();
  if (matched) co_return kOk;
  co_return report(context, {Errc::kTimeout, fmt::format("no such message within {} s", arguments.timeout.count()), ""});
}

base::Task<int> read_messages(Runtime& runtime, const Context& context, ListArguments arguments,
                              nostr::Signer& signer) {
  std::optional<nostr::PublicKey> from;
  if (!arguments.from.empty()) {
    auto found = co_await find_person(runtime, context, arguments.from);
    if (!found) {
      co_await runtime.pool.stop();
      co_return report(context, base::in_context("--from", found.error()));
    }
    from = *found;
  }
  Reader reader(signer, arguments, from);
  const nostr::PublicKey self = signer.public_key();
  if (arguments.wait) co_return co_await wait_for_match(runtime, context, arguments, reader, self);
  co_return co_await list_once(runtime, context, arguments, reader, self);
}

int list_messages(const Context& context, const ListArguments& arguments) {
  if (!RE2(arguments.match, RE2::Quiet).ok()) {
    report(context, {Errc::kInvalid, "--match is no regular expression", "RE2 syntax, e.g. 'yes [0-9A-Z]{4}-[0-9A-Z]{4}'"});
    return kUsage;
  }
  Runtime runtime;
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return read_messages(runtime, context, arguments, signer);
  });
}

int send(const Context& context, SendArguments arguments) {
  auto text = read_text(arguments.text);
  if (!text) return report(context, text.error());
  arguments.text = *std::move(text);
  Runtime runtime;
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return send_message(runtime, context, arguments, signer);
  });
}

}  // namespace

void add_message_commands(CLI::App& app, Context& context, Action* chosen) {
  auto* dm = app.add_subcommand("dm", "Send and read private messages");
  dm->require_subcommand(1);

  auto sending = std::make_shared<SendArguments>();
  auto* send_command = dm->add_subcommand("send", "Send a private message (NIP-17) to the recipient's inbox relays");
  send_command->add_option("to", sending->to, "npub, nprofile, hex or bob@example.com")->required();
  send_command->add_option("text", sending->text, "The message; @FILE reads a file, - stdin, @@ begins a text with @")->required();
  add_signer_flags(*send_command, sending->signer, "The sender's key");
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
  add_signer_flags(*list_command, listing->signer, "The recipient's key");
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
