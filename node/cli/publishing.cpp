// Publishing side by side, and what is printed of it.
#include "node/cli/publishing.h"

#include <fmt/format.h>

#include "node/cli/flags.h"
#include "nostr/base/log.h"
#include "nostr/event/message.h"

namespace node::cli {
namespace {

constexpr std::size_t kSideBySide = 16;

}  // namespace

void add_publish_flags(CLI::App& command, PublishFlags& flags) {
  command.add_option("--quorum", flags.quorum,
                     "How many relays must accept an event; default all of them");
  add_duration(command, "--timeout", flags.timeout, "How long to wait for each relay's answer");
}

Sender::Sender(Runtime& runtime, const Context& context, PublishFlags flags, OutcomesTo to)
    : runtime_(runtime),
      context_(context),
      flags_(std::move(flags)),
      to_(to),
      landed_(runtime.loop),
      scope_(runtime.loop) {}

base::Task<void> Sender::add(nostr::Event event) {
  while (under_way_ >= kSideBySide) co_await landed_.wait_for(std::chrono::hours{1});
  ++under_way_;
  ++events_;
  scope_.spawn("publish", send(std::move(event)));
}

base::Task<void> Sender::send(nostr::Event event) {
  const nostr::EventId id = event.id;
  const auto outcomes =
      co_await runtime_.pool.publish(flags_.relays, std::move(event), {.limit = flags_.timeout});
  std::size_t accepted = 0;
  for (const nostr::PublishOutcome& outcome : outcomes) {
    if (outcome.state == nostr::PublishOutcome::State::kAccepted) ++accepted;
    print(id, outcome);
  }
  accepted_ += accepted;
  if (accepted >= (flags_.quorum == 0 ? outcomes.size() : flags_.quorum)) ++reached_;
  --under_way_;
  landed_.notify();
}

base::Task<int> Sender::finish() {
  while (under_way_ > 0) co_await landed_.wait_for(std::chrono::hours{1});
  co_await scope_.stop();
  co_await runtime_.pool.stop();
  co_return reached_ == events_ ? kOk : accepted_ == 0 ? kFailed : kPartial;
}

void Sender::print(const nostr::EventId& id, const nostr::PublishOutcome& outcome) const {
  const std::string_view status = nostr::state_name(outcome.state);
  if (to_ == OutcomesTo::kStderr && !context_.json)
    return progress(context_, fmt::format("{:<8}  {}  {}", status, outcome.relay, outcome.message));
  const base::json::Value line = {{"id", id.hex()},
                                  {"relay", outcome.relay},
                                  {"status", status},
                                  {"prefix", nostr::reason_name(outcome.reason)},
                                  {"reason", outcome.message}};
  if (to_ == OutcomesTo::kStdout) return print_json(line);
  fmt::print(stderr, "{}\n", base::json::dump(line));
}

}  // namespace node::cli
