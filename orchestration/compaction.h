// Compaction: a long conversation summed up by its model, so that it can go on in a window it has filled.
//
// What the model says of it is its own word and stands in an envelope: it may have read anything. What must not
// get lost or be made up — the request, acts that happened, tasks under way, lists, money — the node puts in.
#pragma once

#include <string>
#include <vector>

#include "nostr/base/money.h"
#include "orchestration/transcript.h"
#include "orchestration/trigger.h"

namespace orchestration {

/// Asks for the summary: the last message of the request that makes it.
std::string summary_question();

/// What the node itself knows of a session.
struct SessionFacts {
  std::vector<CallRecord> acts;    ///< calls with an effect on the outside
  std::vector<std::string> tasks;  ///< a line for each that is under way
  std::size_t calls = 0;
  base::Msat spent;
};

/// The message that takes the place of what is summed up. `context` is what a session is told of its
/// surroundings when it begins: it is told again.
std::string summary_message(const Trigger& trigger, const std::string& context, const std::string& summary,
                            const SessionFacts& facts);

}  // namespace orchestration
