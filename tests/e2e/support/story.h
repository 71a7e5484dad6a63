// Story: the steps of the main job that most tests share, told on a World.
#pragma once

#include "tests/e2e/support/world.h"

namespace e2e {

/// What the operator has been asked.
struct Asked {
  nostr::Event mention;
  Message message;          ///< the one with the code
  std::string code;         ///< "XXXX-XXXX"
  nostr::PublicKey asker;   ///< service key of a co-signer
  int cosigner = 0;         ///< its share's index
};

/// A stranger mentions the agent. The same words in the same second are the same event.
nostr::Event mention(World& world, const std::string& text = "Hello Scout, are you there?");
/// The code in the last lines of a question, or "".
std::string code_in(const std::string& text);
/// Waits for the question about the answer to `mention`.
Asked await_question(World& world, const nostr::Event& mention);
/// The two above.
Asked mention_and_await_question(World& world, const std::string& text = "Hello Scout, are you there?");

/// The agent's replies on the relays now.
std::vector<nostr::Event> replies(World& world);
nostr::Event await_reply(World& world);
/// The node's report (39211) on the tick that `mention` caused.
nostr::Event await_result(World& world, const nostr::Event& mention);
/// Waits for the message "CODE outcome…" of the asker.
Message await_receipt(World& world, const Asked& asked, const std::string& outcome);
/// How many messages of any asker tell an outcome of `code`.
std::size_t receipts(World& world, const std::string& code);
/// The value of a tag, or "".
std::string tag(const nostr::Event& event, std::string_view name);

/// Fails the test unless everything that `mention` caused is whole: one reply under the group's key,
/// one report that says success, its trajectory complete and valid, one receipt.
void expect_told_once(World& world, const nostr::Event& mention);
/// Runs `trajectory verify` on the session the report names.
void expect_valid_trajectory(World& world, const nostr::Event& result);

}  // namespace e2e
