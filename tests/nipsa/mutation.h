// Makes malformed events out of well-formed ones: the same seed, the same events.
#pragma once

#include "nostr/base/rng.h"
#include "nostr/event/event.h"

namespace nipsa_test {

/// `event` with one to three things wrong in its tags, content, kind or date: dropped, given twice,
/// of another type, too long, out of range, no UTF-8. Id and signature stay those of `event`.
nostr::Event mutated(const nostr::Event& event, base::Rng& rng);
/// `event` with one bit of its id, author or signature changed, and nothing else.
nostr::Event with_a_flipped_bit(const nostr::Event& event, base::Rng& rng);
/// JSON text with one thing wrong in it.
std::string mutated_text(std::string text, base::Rng& rng);

}  // namespace nipsa_test
