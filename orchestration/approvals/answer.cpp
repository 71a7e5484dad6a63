// The grammar of answers; see answer.h for why it is lopsided.
#include "orchestration/approvals/answer.h"

#include <algorithm>
#include <array>

#include "nipsa/digest.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxAnswerBytes = 4'000;

constexpr std::array kApproveWords = {"yes", "y",  "ok", "okay", "approve", "approved", "allow",
                                      "+",   "+1", "👍", "✅",   "✔",       "🤙"};
constexpr std::array kDenyWords = {"no",    "n",    "deny",   "denied", "reject", "rejected",
                                   "block", "stop", "cancel", "-",      "-1",     "👎",
                                   "❌",    "✖",    "🚫",     "⛔",     "🛑",
                                   "nope",  "never", "don't", "dont",   "decline", "declined"};
/// What people say before they refuse. Before a yes it makes the yes inexact.
constexpr std::array kLeadIns = {"please", "sorry", "hm", "hmm", "wait", "oh", "well", "actually"};
constexpr std::array kApproveReactions = {"", "+", "👍", "✅", "✔", "☑", "👌", "🆗", "🤙"};
constexpr std::array kDenyReactions = {"-", "👎", "❌", "✖", "❎", "🚫", "⛔", "🛑"};

template <std::size_t N>
bool contains(const std::array<const char*, N>& words, std::string_view word) {
  return std::any_of(words.begin(), words.end(), [&](const char* w) { return word == w; });
}

bool starts_at(std::string_view text, std::size_t i, std::string_view what) {
  return text.substr(i, what.size()) == what;
}

/// Drops variation selector 16 and the five skin tones: clients add them at will.
std::string plain_emoji(std::string_view text) {
  constexpr std::array<std::string_view, 6> kModifiers = {"\xEF\xB8\x8F",     "\xF0\x9F\x8F\xBB",
                                                          "\xF0\x9F\x8F\xBC", "\xF0\x9F\x8F\xBD",
                                                          "\xF0\x9F\x8F\xBE", "\xF0\x9F\x8F\xBF"};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto* modifier = std::find_if(kModifiers.begin(), kModifiers.end(),
                                        [&](std::string_view m) { return starts_at(text, i, m); });
    if (modifier != kModifiers.end()) {
      i += modifier->size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

struct Spelt {
  std::string_view as;
  std::string_view means;
};
/// What keyboards and clients put into a text without being asked.
constexpr std::array kSpellings = {
    Spelt{"\xE2\x80\x9C", "\""}, Spelt{"\xE2\x80\x9D", "\""}, Spelt{"\xE2\x80\x9E", "\""},
    Spelt{"\xC2\xAB", "\""},     Spelt{"\xC2\xBB", "\""},     Spelt{"\xE2\x80\x98", "'"},
    Spelt{"\xE2\x80\x99", "'"},  Spelt{"\xC2\xA0", " "},      Spelt{"\xE2\x80\x87", " "},
    Spelt{"\xE2\x80\xAF", " "},  Spelt{"\xE2\x80\xA8", "\n"}, Spelt{"\xE2\x80\xA9", "\n"},
    Spelt{"\xE2\x80\x8B", ""},   Spelt{"\xE2\x80\x8C", ""},   Spelt{"\xE2\x81\xA0", ""},
    Spelt{"\xEF\xBB\xBF", ""},   Spelt{"\xE2\x80\x90", "-"},  Spelt{"\xE2\x80\x91", "-"},
    Spelt{"\xE2\x80\x92", "-"},  Spelt{"\xE2\x80\x93", "-"},  Spelt{"\xE2\x80\x94", "-"},
    Spelt{"\xE2\x88\x92", "-"}};

std::string plain_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto* spelt = std::find_if(kSpellings.begin(), kSpellings.end(),
                                     [&](const Spelt& s) { return starts_at(text, i, s.as); });
    if (spelt == kSpellings.end()) {
      out += text[i++];
    } else {
      out += spelt->means;
      i += spelt->as.size();
    }
  }
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_wrapping(char c) {
  return c == '.' || c == ',' || c == '!' || c == '"' || c == '\'' || c == '`' || c == ':' ||
         c == ';' || c == '(' || c == ')' || c == '*' || c == '_' || c == '[' || c == ']';
}

std::string_view strip_wrapping(std::string_view token) {
  while (!token.empty() && is_wrapping(token.front())) token.remove_prefix(1);
  while (!token.empty() && is_wrapping(token.back())) token.remove_suffix(1);
  return token;
}

/// Whom a reply is addressed to, as clients write it in front of the words.
bool is_mention(std::string_view token) {
  return token.starts_with("nostr:") || (token.starts_with('@') && token.size() > 1);
}

/// Lower-case tokens of the lines that are not quotations.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  bool line_start = true;
  bool quoted = false;
  auto flush = [&] {
    if (auto bare = strip_wrapping(token); !bare.empty() && !is_mention(bare))
      tokens.emplace_back(bare);
    token.clear();
  };
  for (char c : text) {
    if (c == '\n') {
      flush();
      line_start = true;
      quoted = false;
    } else if (is_space(c)) {
      flush();
    } else {
      if (line_start) quoted = c == '>' || c == '|';
      line_start = false;
      if (!quoted) token += lower(c);
    }
  }
  flush();
  return tokens;
}

/// "K7QF" "2M9X" typed with a space counts as one code.
bool is_half_code(std::string_view token) {
  return token.size() == 4 && std::all_of(token.begin(), token.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

/// What a person typed, in the shown form of a code.
std::optional<std::string> shown_code(std::string_view token) {
  const auto folded = nipsa::fold_code(token);
  if (!folded) return std::nullopt;
  return nipsa::format_code(*folded);
}

bool has_code_form(std::string_view token) {
  return token.size() == 9 && token[4] == '-';
}

/// The word that decides whether the text refuses.
std::string_view first_word(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (!contains(kLeadIns, word)) return word;
  return {};
}

struct Found {
  std::vector<std::string> codes;
  std::vector<std::string> rest;
  bool unknown = false;
};

Found split_codes(const std::vector<std::string>& tokens, const std::vector<std::string>& known) {
  auto is_known = [&](const std::string& code) {
    return std::find(known.begin(), known.end(), code) != known.end();
  };
  Found found;
  auto add = [&](std::string code) {
    if (std::find(found.codes.begin(), found.codes.end(), code) == found.codes.end())
      found.codes.push_back(std::move(code));
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (auto code = shown_code(tokens[i]); code && is_known(*code)) {
      add(*code);
      continue;
    }
    if (i + 1 < tokens.size() && is_half_code(tokens[i]) && is_half_code(tokens[i + 1])) {
      if (auto code = shown_code(tokens[i] + tokens[i + 1]); code && is_known(*code)) {
        add(*code);
        ++i;
        continue;
      }
    }
    if (has_code_form(tokens[i]) && shown_code(tokens[i])) found.unknown = true;
    found.rest.push_back(tokens[i]);
  }
  return found;
}

}  // namespace

AnswerText read_answer(std::string_view text, const std::vector<std::string>& codes, bool bound) {
  if (text.size() > kMaxAnswerBytes) return {};
  const Found found = split_codes(tokens_of(plain_text(plain_emoji(text))), codes);
  if (found.codes.size() > 1) return {AnswerKind::kAmbiguous, std::nullopt};
  std::optional<std::string> code;
  if (!found.codes.empty()) code = found.codes.front();
  if (found.unknown && !code) return {AnswerKind::kUnknownCode, std::nullopt};

  const bool refers = code.has_value() || bound;
  if (contains(kDenyWords, first_word(found.rest))) {
    if (refers) return {AnswerKind::kDeny, code};
    // Only a message that is nothing but a refusal closes everything: "no idea yet" does not.
    const bool bare =
        found.rest.size() == 1 || (found.rest.size() == 2 && found.rest.back() == "all");
    return {bare ? AnswerKind::kDenyAll : AnswerKind::kComment, std::nullopt};
  }
  if (!found.unknown && found.rest.size() == 1 && contains(kApproveWords, found.rest.front()))
    return {refers ? AnswerKind::kApprove : AnswerKind::kUnbound, code};
  return {AnswerKind::kComment, code};
}

ReactionKind read_reaction(std::string_view content) {
  if (content.size() > 64) return ReactionKind::kOther;
  std::string_view trimmed = content;
  while (!trimmed.empty() && is_space(trimmed.front())) trimmed.remove_prefix(1);
  while (!trimmed.empty() && is_space(trimmed.back())) trimmed.remove_suffix(1);
  const std::string plain = plain_emoji(trimmed);
  if (contains(kApproveReactions, plain)) return ReactionKind::kApprove;
  if (contains(kDenyReactions, plain)) return ReactionKind::kDeny;
  return ReactionKind::kOther;
}

}  // namespace orchestration
