// Sending events from the command line: one outcome per event and relay.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "node/cli/command.h"
#include "node/runtime.h"
#include "nostr/event/event.h"

namespace node::cli {

/// Where events go and when that is enough.
struct PublishFlags {
  std::vector<std::string> relays;
  std::size_t quorum = 0;            ///< relays that must accept each event; 0: all of them
  std::chrono::seconds timeout{30};  ///< for each OK
};

/// Registers --quorum and --timeout.
void add_publish_flags(CLI::App& command, PublishFlags& flags);

/// How outcomes are written: JSON on stdout, or, when that carries the events themselves, for people
/// (JSON with --json) on stderr.
enum class OutcomesTo { kStdout, kStderr };

/// Publishes events side by side, at most a few at a time, and prints each outcome as it comes.
class Sender {
 public:
  /// All references outlive the sender.
  Sender(Runtime& runtime, const Context& context, PublishFlags flags, OutcomesTo to);

  /// Begins to publish `event`, once there is room.
  base::Task<void> add(nostr::Event event);
  /// Waits for every outcome, and stops the runtime's pool. kOk when each event reached its quorum,
  /// kFailed when no relay took anything, else kPartial.
  base::Task<int> finish();

 private:
  base::Task<void> send(nostr::Event event);
  void print(const nostr::EventId& id, const nostr::PublishOutcome& outcome) const;

  Runtime& runtime_;
  const Context& context_;
  const PublishFlags flags_;
  const OutcomesTo to_;
  base::Signal landed_;
  std::size_t under_way_ = 0;
  std::size_t events_ = 0;
  std::size_t reached_ = 0;   ///< events that reached their quorum
  std::size_t accepted_ = 0;  ///< pairs of event and relay
  base::Scope scope_;
};

}  // namespace node::cli
