// What of a transcript a model reads, and how it is made to fit the model's window. Pure.
//
// The transcript itself is never shortened: limits, the record and a restart go by all of it.
#pragma once

#include <cstddef>
#include <vector>

#include "orchestration/transcript.h"

namespace orchestration {

/// The conversation as a model gets it: after a summary (TranscriptMessage::folds) that stands for what it
/// folds, and what follows is as it was.
std::vector<Message> prompt_of(const std::vector<TranscriptMessage>& transcript);

/// Bytes of all messages, as prompt_bytes() counts them.
std::size_t prompt_bytes(const std::vector<Message>& messages);

/// Takes from `messages` what is missed least until they have at most `max_bytes`, or nothing is left to take:
///   1. results that a later, equal call has replaced, what was written and read again since, and the
///      arguments of calls that failed long ago;
///   2. the middle of the largest results older than the last three exchanges;
///   3. the results of the last exchanges, one exchange after the other.
/// Every call stays with its answer, how it ended, and whatever is short: no act is forgotten. Whether it fits.
bool shrink(std::vector<Message>& messages, std::size_t max_bytes);

/// Where a summary made now would fold up to: the last exchanges stay as they are, three at most and those that
/// fit into `keep_bytes`. transcript.size() when none does.
std::size_t fold_point(const std::vector<TranscriptMessage>& transcript, std::size_t keep_bytes);

}  // namespace orchestration
