// What an operator reads before deciding: the action itself, whole, made safe to look at. Pure.
//
// Facts come first and are computed here from what would really be signed or done. Foreign text is
// escaped and every line of it starts with "| ", so nothing inside can pass for one of our lines —
// least of all for the two lines that carry the code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/json.h"
#include "nostr/event/event.h"

namespace orchestration {

/// The longest question a person is asked to read, in characters of the description.
inline constexpr std::size_t kMaxQuestionChars = 4'000;
/// One message; longer questions are sent in numbered parts, the code last.
inline constexpr std::size_t kMaxPartChars = 700;

/// Who asks for what, apart from the action's own text.
struct QuestionFrame {
  std::string agent_name;
  base::UnixTime now;
  base::UnixTime expires;
  std::string code;    ///< shown form
  std::string reason;  ///< the agent's words; one line of them is shown, last, as a quotation
  bool needs_proof = false;  ///< a typed yes is not enough
  std::int64_t others_open = 0;  ///< questions that wait besides this one
};

/// The event that would be signed: what kind of statement it is, whom it names, every tag, the
/// whole content.
std::string describe_event(const nostr::UnsignedEvent& event);
/// A local action: its class, price and every parameter.
std::string describe_action(std::string_view action_class, const base::json::Value& params,
                            std::int64_t sats);

/// Number of characters (not bytes) of `text`: what kMaxQuestionChars counts.
std::size_t count_chars(std::string_view text);

/// The messages to send, in order. The last one ends in exactly one line "yes CODE" and one line
/// "no CODE"; where a typed yes is not enough, only in "no CODE". kLimit ("too-long-to-show") when `description` is over kMaxQuestionChars.
base::Result<std::vector<std::string>> render_question(const QuestionFrame& frame,
                                                       std::string_view description);

/// The line by which all may see that something waits: what kind of thing and its price, nothing of
/// what it says.
std::string render_mention(const QuestionFrame& frame, std::string_view action_class, std::int64_t sats);

/// Foreign text made safe: control, bidi and invisible characters escaped, each line prefixed "| ".
std::string quote_foreign(std::string_view text);

}  // namespace orchestration
