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
  kComment,      ///< anything else; deserves one hint
};

struct Answer {
  AnswerKind kind = AnswerKind::kComment;
  std::optional<std::string> code;  ///< in its shown form "XXXX-XXXX"
};

/// Reads `text` against the codes this author has been shown (shown form). At most 4 000 bytes are
/// looked at; longer text is a comment. Quoted lines ("> …") are skipped, so that a client that
/// quotes the question does not answer it twice over.
/// `bound` says whether the message already refers to one question by an `e` tag: it lets a code be
/// left out.
Answer read_answer(std::string_view text, const std::vector<std::string>& codes, bool bound);

enum class ReactionKind { kApprove, kDeny, kOther };

/// Reads the content of a kind 7 event. The whole content must be one emoji of either list, or
/// "", "+" or "-"; variation selectors and skin tones are ignored.
ReactionKind read_reaction(std::string_view content);

/// Folds what a person typed to the shown form of a code: case, dash, O→0, I and L→1.
/// nullopt unless eight Crockford characters remain.
std::optional<std::string> fold_code(std::string_view token);

/// Whether a code could be misread as a decision word, or could not be told from plain words
/// because it holds no digit. Such a code is not issued.
bool code_is_misleading(std::string_view shown);

}  // namespace orchestration
