// A recursive descent over the characters, as bash reads them.
#include "orchestration/shell/parse.h"

#include <algorithm>
#include <array>
#include <optional>

#include "nostr/base/utf8.h"

namespace orchestration {
namespace {

constexpr int kMaxNesting = 16;
constexpr std::size_t kMaxCommands = 256;

constexpr std::array<std::string_view, 13> kTransparent = {
    "!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "time"};
constexpr std::array<std::string_view, 5> kBeyondUs = {"case", "function", "select", "coproc", "[["};

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_meta(char c) {
  return is_blank(c) || c == '\n' || c == ';' || c == '&' || c == '|' || c == '<' || c == '>' ||
         c == '(' || c == ')';
}
bool is_name_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Parser {
 public:
  Parser(std::string_view text, ShellLine& out, int depth) : text_(text), out_(out), depth_(depth) {}

  void run() {
    list();
    if (!done()) give_up("an unexpected \")\"");
  }

  /// Operators, keywords or groups were seen: this is more than one plain command.
  bool compound() const { return compound_; }

 private:
  bool done() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void note(std::string why) {
    if (out_.opaque.empty()) out_.opaque = std::move(why);
  }
  /// Stops reading: what follows can mean anything.
  void give_up(std::string why) {
    note(std::move(why));
    at_ = text_.size();
  }

  void skip_blanks() {
    for (;;) {
      if (is_blank(peek()) && !done())
        ++at_;
      else if (starts("\\\n"))
        at_ += 2;
      else
        return;
    }
  }

  /// Commands up to the end or an unmatched ")".
  void list() {
    for (;;) {
      skip_blanks();
      if (done() || peek() == ')') return;
      const char c = peek();
      if (c == '\n') {
        newline();
      } else if (c == ';' || c == '&' || c == '|') {
        if (c == '&' && peek(1) == '>') {
          command();
          continue;
        }
        compound_ = true;
        ++at_;
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        command();
      }
    }
  }

  void newline() {
    ++at_;
    if (!done()) compound_ = true;
    for (const auto& [delimiter, strip] : here_) skip_here_document(delimiter, strip);
    here_.clear();
  }

  void skip_here_document(const std::string& delimiter, bool strip) {
    while (!done()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view row = text_.substr(at_, end - at_);
      at_ = std::min(end + 1, text_.size());
      if (strip) row.remove_prefix(std::min(row.find_first_not_of('\t'), row.size()));
      if (row == delimiter) return;
    }
  }

  void group() {
    compound_ = true;
    if (peek(1) == '(') return give_up("arithmetic in (( ))");
    ++at_;
    if (++depth_ > kMaxNesting) return give_up("deep nesting");
    list();
    --depth_;
    if (peek() != ')' || done()) return give_up("an unclosed group");
    ++at_;
  }

  void command() {
    if (out_.commands.size() >= kMaxCommands) return give_up("too many commands");
    SimpleCommand command;
    for (;;) {
      skip_blanks();
      if (done()) break;
      const char c = peek();
      if (c == '\n' || c == ';' || c == '|' || c == ')') break;
      if (c == '&' && peek(1) != '>') break;
      if (c == '(') {
        if (!command.words.empty() || !command.assignments.empty())
          give_up("a function or an array");
        else
          group();
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        break;
      }
      if (is_redirect()) {
        redirect(command);
        continue;
      }
      if (command.words.empty() && assignment(command)) continue;
      if (!word_or_keyword(command)) break;
    }
    if (!command.words.empty() || !command.assignments.empty() || !command.redirects.empty())
      out_.commands.push_back(std::move(command));
  }

  /// Reads one word into `command`; false when a keyword ended what could be a command.
  bool word_or_keyword(SimpleCommand& command) {
    const std::size_t start = at_;
    const bool first = command.words.empty() && command.assignments.empty();
    Word word = read_word();
    const std::string_view raw = text_.substr(start, at_ - start);
    if (first && is_one_of(kBeyondUs, raw)) {
      give_up("\"" + std::string(raw) + "\"");
      return false;
    }
    if (first && raw == "for") {
      compound_ = true;
      for_header();
      return true;
    }
    if (first && is_one_of(kTransparent, raw)) {
      compound_ = true;
      return true;
    }
    if (raw.starts_with('{') && !done() && (peek() == '<' || peek() == '>'))
      give_up("a redirection that names a variable");
    if (command.words.empty() && (word.dynamic || word.glob))
      note("a command whose name is computed");
    command.words.push_back(std::move(word));
    return true;
  }

  void for_header() {
    skip_blanks();
    if (peek() == '(') return give_up("arithmetic in (( ))");
    read_word();  // the variable; its uses are expansions and known as such
    for (;;) {
      skip_blanks();
      if (done() || peek() == ';' || peek() == '\n') return;
      if (is_meta(peek())) return give_up("a for loop");
      read_word();
    }
  }

  bool assignment(SimpleCommand& command) {
    std::size_t end = at_;
    if (!is_name_start(peek()) || done()) return false;
    while (end < text_.size() && (is_name_start(text_[end]) || is_digit(text_[end]))) ++end;
    std::string name(text_.substr(at_, end - at_));
    if (end < text_.size() && text_[end] == '[') {
      give_up("an array");
      return true;
    }
    if (end < text_.size() && text_[end] == '+') ++end;
    if (end >= text_.size() || text_[end] != '=') return false;
    at_ = end + 1;
    if (peek() == '(' && !done()) {
      give_up("an array");
      return true;
    }
    command.assignments.emplace_back(std::move(name), read_word());
    return true;
  }

  /// Whether a redirection begins here, after optional digits.
  bool is_redirect() const {
    std::size_t at = at_;
    while (at < text_.size() && is_digit(text_[at])) ++at;
    if (at < text_.size() && (text_[at] == '<' || text_[at] == '>')) return true;
    return starts("&>");
  }

  void redirect(SimpleCommand& command) {
    while (is_digit(peek()) && !done()) ++at_;
    if (starts("<(") || starts(">(")) {
      ++at_;
      note("process substitution");
      group();
      command.words.push_back({.text = "", .dynamic = true});
      return;
    }
    static constexpr std::pair<std::string_view, Redirect::Kind> kOperators[] = {
        {"&>>", Redirect::Kind::kWrite},     {"&>", Redirect::Kind::kWrite},
        {"<<<", Redirect::Kind::kHere},      {"<<-", Redirect::Kind::kHere},
        {"<<", Redirect::Kind::kHere},       {"<>", Redirect::Kind::kReadWrite},
        {"<&", Redirect::Kind::kDuplicate},  {">&", Redirect::Kind::kDuplicate},
        {">>", Redirect::Kind::kWrite},      {">|", Redirect::Kind::kWrite},
        {">", Redirect::Kind::kWrite},       {"<", Redirect::Kind::kRead}};
    for (const auto& [text, kind] : kOperators) {
      if (!starts(text)) continue;
      at_ += text.size();
      skip_blanks();
      if (done() || is_meta(peek())) return give_up("a redirection without a target");
      Word target = read_word();
      if (text == "<<" || text == "<<-") {
        note("a here-document");
        here_.emplace_back(target.text, text == "<<-");
      }
      Redirect made{kind, std::move(target)};
      // `>&name` writes a file; `>&2`, `>&-` and `2>&1-` do not.
      const std::string& name = made.target.text;
      const bool descriptor =
          !made.target.dynamic && !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return is_digit(c) || c == '-';
          });
      if (kind == Redirect::Kind::kDuplicate && !descriptor)
        made.kind = text == ">&" ? Redirect::Kind::kWrite : Redirect::Kind::kRead;
      command.redirects.push_back(std::move(made));
      return;
    }
  }

  Word read_word() {
    Word word;
    bool open_brace = false;
    bool open_bracket = false;
    const std::size_t start = at_;
    if (peek() == '~' && !done()) tilde(word);
    while (!done() && !is_meta(peek())) {
      const char c = peek();
      switch (c) {
        case '\\':
          if (peek(1) == '\n') {
            // A keyword or operator could be put together across it.
            note("a word continued on the next line");
            at_ += 2;
          } else if (at_ + 1 >= text_.size()) {
            give_up("an unterminated escape");
          } else {
            word.text += peek(1);
            at_ += 2;
          }
          break;
        case '\'': single_quoted(word); break;
        case '"': double_quoted(word); break;
        case '$':
        case '`': expansion(word, /*quoted=*/false); break;
        default:
          if (c == '*' || c == '?') word.glob = true;
          if (c == '[') open_bracket = true;
          if (c == ']' && open_bracket) word.glob = true;
          if (c == '{') open_brace = true;
          word.text += c;
          ++at_;
      }
    }
    const std::string_view raw = text_.substr(start, at_ - start);
    if (open_brace && raw.contains('}') && (raw.contains(',') || raw.contains("..")))
      word.dynamic = true;
    return word;
  }

  void tilde(Word& word) {
    const std::size_t end = at_ + 1;
    if (end >= text_.size() || text_[end] == '/' || is_meta(text_[end]))
      word.tilde = true;
    else
      word.dynamic = true;
  }

  void single_quoted(Word& word) {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == text_.npos) return give_up("an unterminated quote");
    word.text += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
  }

  void double_quoted(Word& word) {
    ++at_;
    while (!done() && peek() != '"') {
      if (peek() == '$' || peek() == '`') {
        expansion(word, /*quoted=*/true);
      } else if (peek() == '\\' && std::string_view("$`\"\\\n").contains(peek(1))) {
        if (peek(1) == '\n')
          note("a word continued on the next line");
        else
          word.text += peek(1);
        at_ += 2;
      } else {
        word.text += peek();
        ++at_;
      }
    }
    if (done()) return give_up("an unterminated quote");
    ++at_;
  }

  void expansion(Word& word, bool quoted) {
    if (peek() == '`') {
      word.dynamic = true;
      return backticks();
    }
    const char next = peek(1);
    if (next == '(') {
      word.dynamic = true;
      note("command substitution");
      ++at_;
      return group();
    }
    if (next == '{') {
      word.dynamic = true;
      const std::size_t end = text_.find('}', at_);
      if (end == text_.npos) return give_up("an unterminated expansion");
      const std::string_view body = text_.substr(at_ + 2, end - at_ - 2);
      if (body.find_first_of("`$\"'{\\") != body.npos) return give_up("a nested expansion");
      at_ = end + 1;
      return;
    }
    if (!quoted && (next == '\'' || next == '"')) return give_up("$'…' or $\"…\" quoting");
    if (is_name_start(next)) {
      word.dynamic = true;
      for (++at_; !done() && (is_name_start(peek()) || is_digit(peek())); ++at_) {
      }
      return;
    }
    if (is_digit(next) || (next != '\0' && std::string_view("?$#@*!-").contains(next))) {
      word.dynamic = true;
      at_ += 2;
      return;
    }
    if (next == '[') return give_up("arithmetic in $[ ]");
    word.text += '$';
    ++at_;
  }

  void backticks() {
    note("command substitution");
    std::string inner;
    for (++at_; !done() && peek() != '`'; ++at_) {
      if (peek() == '\\' && std::string_view("$`\\").contains(peek(1)) && peek(1) != '\0') ++at_;
      inner += peek();
    }
    if (done()) return give_up("an unterminated quote");
    ++at_;
    compound_ = true;
    if (depth_ >= kMaxNesting) return give_up("deep nesting");
    Parser(inner, out_, depth_ + 1).run();
  }

  std::string_view text_;
  ShellLine& out_;
  int depth_;
  std::size_t at_ = 0;
  bool compound_ = false;
  std::vector<std::pair<std::string, bool>> here_;  ///< delimiters of bodies that begin at the next line
};

bool holds_control(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
  });
}

}  // namespace

ShellLine parse_shell(std::string_view line) {
  ShellLine out;
  if (line.size() > kMaxShellLine) {
    out.opaque = "more than 64 KiB";
  } else if (holds_control(line)) {
    out.opaque = "control bytes";
  } else if (!base::is_utf8(line)) {
    out.opaque = "bytes that are no UTF-8";
  } else {
    Parser parser(line, out, 0);
    parser.run();
    out.plain = out.opaque.empty() && !parser.compound() && out.commands.size() == 1 &&
                out.commands[0].assignments.empty() && out.commands[0].redirects.empty() &&
                std::all_of(out.commands[0].words.begin(), out.commands[0].words.end(),
                            [](const Word& word) { return word.literal(); });
  }
  return out;
}

}  // namespace orchestration
