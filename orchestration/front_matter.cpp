#include "orchestration/front_matter.h"

#include <fmt/format.h>

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMaxFile = 65'536;
constexpr std::size_t kMaxKeys = 64;

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \r");
  return from == text.npos ? std::string_view{} : text.substr(from, text.find_last_not_of(" \r") - from + 1);
}

std::unexpected<base::Error> at_line(std::size_t number, std::string_view what) {
  return fail(Errc::kInvalid, fmt::format("line {}: {}", number, what));
}

/// Takes the next line off `text`.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text = end == text.npos ? std::string_view{} : text.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<std::string> scalar(std::string_view text, std::size_t line) {
  text = trimmed(text);
  if (text.empty()) return std::string();
  const char first = text.front();
  if (first == '"' || first == '\'') {
    if (text.size() < 2 || text.back() != first || text.find('\\') != text.npos)
      return at_line(line, "a quoted value ends on its own line and holds no backslash");
    return std::string(text.substr(1, text.size() - 2));
  }
  if (std::string_view("|>{&*!%@`").find(first) != std::string_view::npos)
    return at_line(line, fmt::format("a value may not begin with {}; write it in quotes", first));
  if (const std::size_t comment = text.find(" #"); comment != text.npos) text = trimmed(text.substr(0, comment));
  return std::string(text);
}

Result<FrontValue> inline_value(std::string_view text, std::size_t line) {
  FrontValue out;
  text = trimmed(text);
  if (!text.starts_with('[')) {
    TRY(out.text, scalar(text, line));
    return out;
  }
  if (!text.ends_with(']')) return at_line(line, "a list in brackets ends on its own line");
  out.kind = FrontValue::Kind::kList;
  text = trimmed(text.substr(1, text.size() - 2));
  while (!text.empty()) {
    const std::size_t end = text.find(',');
    TRY(std::string item, scalar(text.substr(0, end), line));
    out.list.push_back(std::move(item));
    text = end == text.npos ? std::string_view{} : trimmed(text.substr(end + 1));
  }
  return out;
}

/// An indented line below a key without value.
Result<void> nested(FrontValue& into, std::string_view line, std::size_t number) {
  line = trimmed(line);
  if (line == "-" || line.starts_with("- ")) {
    if (into.kind == FrontValue::Kind::kMap) return at_line(number, "a list entry stands among named values");
    into.kind = FrontValue::Kind::kList;
    TRY(std::string item, scalar(line.substr(1), number));
    into.list.push_back(std::move(item));
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos || into.kind == FrontValue::Kind::kList) return at_line(number, "this is no list entry and no `key: value`");
  into.kind = FrontValue::Kind::kMap;
  TRY(std::string value, scalar(line.substr(colon + 1), number));
  if (!into.map.emplace(std::string(trimmed(line.substr(0, colon))), std::move(value)).second) return at_line(number, "the key stands there twice");
  return {};
}

bool closes(std::string_view line) { return trimmed(line) == "---"; }

}  // namespace

std::string FrontMatter::text(std::string_view key) const {
  const auto found = values.find(std::string(key));
  return found == values.end() || found->second.kind != FrontValue::Kind::kText ? "" : found->second.text;
}

Result<FrontMatter> parse_front_matter(std::string_view file) {
  if (file.size() > kMaxFile) return fail(Errc::kLimit, fmt::format("it is {} bytes, limit is {}", file.size(), kMaxFile));
  std::string_view rest = file;
  if (!closes(next_line(rest))) return at_line(1, "the file does not begin with ---");
  FrontMatter out;
  FrontValue* open = nullptr;
  for (std::size_t number = 2;; ++number) {
    if (rest.empty()) return at_line(number, "the front matter is never closed with ---");
    const std::string_view line = next_line(rest);
    if (closes(line)) break;
    if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
    if (line.find('\t') < line.find_first_not_of(" \t")) return at_line(number, "it is indented with a tab");
    const bool entry = line.starts_with("- ") && open;
    if (line.front() == ' ' || entry) {
      if (!open) return at_line(number, "it is indented below nothing");
      TRY(nested(*open, line, number));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos || colon == 0) return at_line(number, "this is no `key: value`");
    if (out.values.size() == kMaxKeys) return at_line(number, "there are too many keys");
    TRY(FrontValue value, inline_value(line.substr(colon + 1), number));
    const bool empty = trimmed(line.substr(colon + 1)).empty();
    const auto [at, fresh] = out.values.emplace(std::string(trimmed(line.substr(0, colon))), std::move(value));
    if (!fresh) return at_line(number, "the key stands there twice");
    open = empty ? &at->second : nullptr;
  }
  out.body = rest;
  return out;
}

Result<std::string> with_front_text(std::string_view file, std::string_view key, std::string_view value) {
  TRY(parse_front_matter(file));
  if (value.find_first_of("\r\n\"\\") != value.npos) return fail(Errc::kInvalid, "the value is more than a line, or holds quotes");
  const std::string line = fmt::format("{}: \"{}\"\n", key, value);
  std::string out;
  std::string_view rest = file;
  bool written = false;
  out += std::string(next_line(rest)) + "\n";
  while (!rest.empty()) {
    const std::string_view old = next_line(rest);
    if (closes(old)) {
      if (!written) out += line;
      out += "---\n";
      break;
    }
    const bool same = old.starts_with(key) && trimmed(old.substr(key.size())).starts_with(':');
    out += same ? line : std::string(old) + "\n";
    written = written || same;
  }
  return out + std::string(rest);
}

}  // namespace orchestration
