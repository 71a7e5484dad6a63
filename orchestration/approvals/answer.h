// What an operator's words mean: the text and reaction grammar of approvals. Pure.
//
// Deliberately lopsided: approval is exact ("yes K7QF-2M9X" and nothing else), denial is read from
// the first word alone, so "yes but only 100" approves nothing and "no, too much" denies.
// Source: NIP-SA approval through ordinary clients; NIP-25 for reactions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orchestration {

/// What one message says, before anybody asks whether its author may say it.
enum class AnswerKind {
  kApprove,      ///< exactly a word of consent, next to at most one code
  kDeny,         ///< begins with a word of refusal
  kDenyAll,      ///< a bare refusal, bound to nothing: it closes every open question
  kUnknownCode,  ///< holds something shaped like a code that nobody was given
  kAmbiguous,    ///< holds several known codes
  kUnbound,      ///< a word of consent that names no question; deserves a hint while one is open
  kComment,      ///< anything else; deserves one hint
};

struct AnswerText {
  AnswerKind kind = AnswerKind::kComment;
  std::optional<std::string> code;  ///< in its shown form "XXXX-XXXX"
};

/// Reads `text` against the codes this author has been shown (shown form). At most 4 000 bytes are
/// looked at; longer text is a comment. Quoted lines ("> …", and ours, "| …") are skipped, so that a
/// client that quotes the question does not answer it twice over; so are the mentions ("@name",
/// "nostr:npub1…") that clients put in front of replies, and what phones put into texts: curly
/// quotes, long dashes, spaces of no width.
/// `bound` says whether the message already refers to one question by an `e` tag: it lets a code be
/// left out.
AnswerText read_answer(std::string_view text, const std::vector<std::string>& codes, bool bound);

enum class ReactionKind { kApprove, kDeny, kOther };

/// Reads the content of a kind 7 event. The whole content must be one emoji of either list, or
/// "", "+" or "-"; variation selectors and skin tones are ignored.
ReactionKind read_reaction(std::string_view content);

}  // namespace orchestration
