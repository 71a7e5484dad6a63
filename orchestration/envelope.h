// Envelopes: how a stranger's words enter a model's context — named, bounded, unable to break out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "nostr/event/event.h"
#include "orchestration/trigger.h"

namespace orchestration {

/// Where foreign text comes from, as the envelope's attributes tell the model.
struct Provenance {
  std::string source;  ///< "event", "dm", "file", "operator", …
  std::string author;  ///< npub, path, …; may be empty
  Trust trust = Trust::kStranger;
  std::string id;      ///< event id in hex; may be empty
};

inline constexpr std::size_t kMaxEnvelopeBytes = 16'384;

/// `<untrusted source="…" author="…" trust="…" id="…">` + text + `</untrusted>`. In text and
/// attributes `&`, `<`, `>` and quotes become entities, invalid UTF-8 becomes U+FFFD, and control,
/// bidi and invisible tag characters become visible `\u{…}`, so no text can close the envelope or
/// hide in it. Longer text is cut at a character, with a notice inside saying how much is missing.
std::string enclose(const Provenance& from, std::string_view text,
                    std::size_t max_bytes = kMaxEnvelopeBytes);

/// An event as a model reads it: kind, time, author and id as attributes, its content enclosed.
std::string enclose(const nostr::Event& event, Trust trust, std::size_t max_bytes = kMaxEnvelopeBytes);

/// The sentence of the system prompt that tells what an envelope is.
std::string_view envelope_rule();

/// At most `max_bytes` of `text`, cut between characters.
std::string_view cut_utf8(std::string_view text, std::size_t max_bytes);

}  // namespace orchestration
