// One pass over tags and text; malformed HTML is read as browsers would roughly do.
#include "orchestration/tools/html_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace orchestration {
namespace {

constexpr std::array<std::string_view, 6> kSkipped = {"script", "style", "noscript", "template", "svg", "iframe"};
constexpr std::array<std::string_view, 30> kBlocks = {
    "p", "div", "br", "hr", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6",
    "section", "article", "header", "footer", "nav", "main", "aside", "form", "pre", "blockquote", "title", "figure"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kEntities = {{
    {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", " "}, {"copy", "©"},
    {"mdash", "—"}, {"ndash", "–"}, {"hellip", "…"}, {"rsquo", "’"}, {"lsquo", "‘"}, {"ldquo", "“"}, {"rdquo", "”"}}};
constexpr std::size_t kMaxLink = 300;

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

/// Decodes the entity at text[at] == '&' into `out` and returns the bytes it took; 0 when it is none.
std::size_t entity(std::string_view text, std::size_t at, std::string& out) {
  const std::size_t end = text.find(';', at);
  if (end == text.npos || end - at > 10 || end == at + 1) return 0;
  std::string_view name = text.substr(at + 1, end - at - 1);
  if (name[0] == '#') {
    name.remove_prefix(1);
    const bool hex = name.starts_with('x') || name.starts_with('X');
    if (hex) name.remove_prefix(1);
    std::uint32_t code = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (error != std::errc{} || stop != name.data() + name.size()) return 0;
    append_utf8(out, code);
    return end - at + 1;
  }
  for (const auto& [known, value] : kEntities) {
    if (known != name) continue;
    out += value;
    return end - at + 1;
  }
  return 0;
}

struct Tag {
  std::string name;
  bool closes = false;
  std::string href;
};

class Reader {
 public:
  explicit Reader(std::string_view html) : html_(html) {}

  std::string read() {
    while (at_ < html_.size()) {
      if (html_[at_] == '<' && at_ + 1 < html_.size() && begins_tag(html_[at_ + 1]))
        markup();
      else
        text();
    }
    while (!out_.empty() && is_space(out_.back())) out_.pop_back();
    return std::move(out_);
  }

 private:
  static bool begins_tag(char c) { return c == '!' || c == '/' || c == '?' || (lower(c) >= 'a' && lower(c) <= 'z'); }

  void text() {
    std::string piece;
    if (html_[at_] == '&') {
      const std::size_t taken = entity(html_, at_, piece);
      at_ += taken == 0 ? 1 : taken;
      if (taken == 0) piece = "&";
      return put(piece);
    }
    put(html_.substr(at_++, 1));
  }

  void put(std::string_view piece) {
    if (pre_ > 0) {
      out_ += piece;
      return;
    }
    if (piece.size() == 1 && is_space(piece[0])) {
      space_ = true;
      return;
    }
    if (space_ && !out_.empty() && out_.back() != '\n') out_ += ' ';
    space_ = false;
    out_ += piece;
  }

  void line_break() {
    space_ = false;
    while (!out_.empty() && out_.back() == ' ') out_.pop_back();
    // At most one empty line.
    if (!out_.empty() && !out_.ends_with("\n\n")) out_ += '\n';
  }

  void markup() {
    if (html_.substr(at_).starts_with("<!--")) {
      const std::size_t end = html_.find("-->", at_ + 4);
      at_ = end == html_.npos ? html_.size() : end + 3;
      return;
    }
    const Tag tag = read_tag();
    if (!tag.closes && is_one_of(kSkipped, tag.name)) return skip_to_end_of(tag.name);
    if (tag.name == "pre") pre_ = tag.closes ? 0 : 1;
    if (is_one_of(kBlocks, tag.name)) line_break();
    if (tag.name == "li" && !tag.closes) put("- ");
    if ((tag.name == "td" || tag.name == "th") && !tag.closes) put("\t");
    if (tag.name != "a") return;
    if (!tag.closes) {
      link_ = tag.href;
    } else if (!link_.empty()) {
      space_ = true;
      put("(" + link_ + ")");
      link_.clear();
    }
  }

  /// Reads to the ">" that ends the tag, quotes respected.
  Tag read_tag() {
    Tag tag;
    ++at_;
    if (at_ < html_.size() && html_[at_] == '/') {
      tag.closes = true;
      ++at_;
    }
    const std::size_t start = at_;
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>' && html_[at_] != '/') ++at_;
    tag.name = lowered(html_.substr(start, std::min<std::size_t>(at_ - start, 32)));
    const std::size_t attributes = at_;
    char quote = '\0';
    for (; at_ < html_.size(); ++at_) {
      const char c = html_[at_];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        break;
      }
    }
    if (tag.name == "a" && !tag.closes) tag.href = href_in(html_.substr(attributes, at_ - attributes));
    at_ = std::min(at_ + 1, html_.size());
    return tag;
  }

  static std::string href_in(std::string_view attributes) {
    const std::string folded = lowered(attributes);
    auto at = folded.find("href=");
    if (at == folded.npos) return "";
    at += 5;
    if (at >= attributes.size()) return "";
    const char quote = attributes[at];
    const bool quoted = quote == '"' || quote == '\'';
    const std::size_t start = quoted ? at + 1 : at;
    const std::size_t end = std::min(quoted ? attributes.find(quote, start) : attributes.find_first_of(" \t\n>", start),
                                     attributes.size());
    std::string out;
    const std::string_view raw = attributes.substr(start, std::min(end - start, kMaxLink));
    for (std::size_t i = 0; i < raw.size();) {
      const std::size_t taken = raw[i] == '&' ? entity(raw, i, out) : 0;
      if (taken == 0) out += raw[i];
      i += std::max<std::size_t>(taken, 1);
    }
    return out.starts_with('#') || out.starts_with("javascript:") ? "" : out;
  }

  void skip_to_end_of(const std::string& name) {
    while (at_ < html_.size()) {
      at_ = std::min(html_.find("</", at_), html_.size());
      if (lowered(html_.substr(std::min(at_ + 2, html_.size()), name.size())) == name) {
        at_ = std::min(html_.find('>', at_), html_.size() - 1) + 1;
        return;
      }
      at_ = std::min(at_ + 2, html_.size());
    }
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::string out_;
  std::string link_;
  int pre_ = 0;
  bool space_ = false;
};

}  // namespace

std::string html_to_text(std::string_view html) { return Reader(html).read(); }

}  // namespace orchestration
