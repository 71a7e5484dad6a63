// Mutations of tags, of JSON members and of plain text.
#include "tests/nipsa/mutation.h"

#include <algorithm>
#include <array>

#include "nostr/base/json.h"

namespace nipsa_test {
namespace {

using base::json::Value;

/// What stands where a number, a key, a word or a date should.
constexpr std::array<std::string_view, 36> kValues{
    "", " ", "0", "1", "-1", "+5", "007", "1e3", "10.0", "0x10", "2", "255", "256", "65536", "4294967296",
    "2100000000000001", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "1760000000000", "253402300800", "true", "TRUE", "approved", "none", "unknown", ":", "::", "39230::",
    "33400:xyz:echo", "\n", "\t\"\\", "\xff\xfe", "\xed\xa0\x80", "é\xcc\x81", "npub1xyz"};
constexpr std::array<std::string_view, 14> kMembers{
    "0",     "-1",   "1.5", "1e400", "18446744073709551616", "null", "true",       "[]",
    "[[1]]", "{}",   "\"\"", "\"x\"", "NaN",                 "\"\\ud800\""};

template <class List>
std::string_view any_of(const List& list, base::Rng& rng) {
  return list[rng.below(list.size())];
}

std::string hex(base::Rng& rng) {
  std::string out = rng.hex(32);
  switch (rng.below(5)) {
    case 0:
      out.pop_back();
      break;
    case 1:
      out += "ab";
      break;
    case 2:
      for (char& c : out)
        if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
      break;
    case 3:
      out[rng.below(out.size())] = 'g';
      break;
    default:
      break;
  }
  return out;
}

std::string value(base::Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      return hex(rng);
    case 1:
      return std::string(1 + rng.below(2'000), 'x');
    case 2:
      return std::string(rng.below(40) == 0 ? 70'000 : 300, '9');
    default:
      return std::string(any_of(kValues, rng));
  }
}

/// A character of `text` changed, one taken away or one too many.
void nudge(std::string& text, base::Rng& rng) {
  if (text.empty()) {
    text = value(rng);
    return;
  }
  const std::size_t at = rng.below(text.size());
  switch (rng.below(3)) {
    case 0:
      text[at] = static_cast<char>(rng.below(256));
      break;
    case 1:
      text.erase(at, 1);
      break;
    default:
      text.insert(at, 1, static_cast<char>('0' + rng.below(75)));
  }
}

void damage_tag(nostr::Tags& tags, base::Rng& rng) {
  if (tags.empty()) tags.push_back({"d", "x"});
  const std::size_t at = rng.below(tags.size());
  switch (rng.below(11)) {
    case 0:
      tags.erase(tags.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      tags.push_back(tags[at]);
      break;
    case 2:
      tags.push_back(tags[at]);
      tags.back().resize(2);
      tags.back()[1] = value(rng);
      break;
    case 3:
      tags[at].resize(1);
      break;
    case 4:
      tags[at] = {""};
      break;
    case 5:
      std::swap(tags[at], tags[rng.below(tags.size())]);
      break;
    case 6:
      tags[at].resize(52, "x");
      break;
    case 7:
      if (rng.below(20) == 0) tags.resize(201, {"x", "y"});
      else tags[at][0] = value(rng).substr(0, 8);
      break;
    case 8:
      nudge(tags[at][rng.below(tags[at].size())], rng);
      break;
    default:
      tags[at].resize(std::max<std::size_t>(2, tags[at].size()));
      tags[at][1 + rng.below(tags[at].size() - 1)] = value(rng);
  }
}

/// Every value inside `value`, itself included.
void collect(Value& value, std::vector<Value*>& out) {
  out.push_back(&value);
  if (!value.is_structured()) return;
  for (auto& inner : value) collect(inner, out);
}

std::string with_damaged_member(const std::string& text, base::Rng& rng) {
  auto parsed = base::json::parse(text);
  if (!parsed) return mutated_text(text, rng);
  std::vector<Value*> all;
  collect(*parsed, all);
  Value& at = *all[rng.below(all.size())];
  // A mark that no JSON writer would take stands in for texts it would not write.
  constexpr std::string_view kMark = "\"@@here@@\"";
  const bool object = at.is_object() && !at.empty();
  auto member = at.begin();
  if (object) std::advance(member, static_cast<std::ptrdiff_t>(rng.below(at.size())));
  const std::string name = object ? member.key() : "";
  if (object && rng.below(3) == 0) {
    at.erase(name);
    return base::json::dump(*parsed);
  }
  Value& target = object ? at[name] : at;
  const std::string before = base::json::dump(target);
  target = std::string(kMark.substr(1, kMark.size() - 2));
  std::string out = base::json::dump(*parsed);
  std::string instead(any_of(kMembers, rng));
  if (object && rng.below(3) == 0)
    instead = before + ",\"" + name + "\":" + instead;  // given twice
  else if (rng.below(12) == 0)
    instead = std::string(33, '[') + std::string(33, ']');
  return out.replace(out.find(kMark), kMark.size(), instead);
}

void damage_content(std::string& content, base::Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      content.clear();
      break;
    case 1:
      content = value(rng);
      break;
    case 2:
      content += value(rng);
      break;
    case 3:
      content = mutated_text(std::move(content), rng);
      break;
    default:
      content = with_damaged_member(content, rng);
  }
}

}  // namespace

std::string mutated_text(std::string text, base::Rng& rng) {
  if (text.empty()) return value(rng);
  const std::size_t at = rng.below(text.size());
  switch (rng.below(5)) {
    case 0:
      text.resize(at);
      break;
    case 1:
      text.insert(at, value(rng));
      break;
    case 2:
      text.erase(at, rng.below(20));
      break;
    case 3:
      text.insert(at, text.substr(rng.below(text.size()), 40));
      break;
    default:
      nudge(text, rng);
  }
  return text;
}

nostr::Event mutated(const nostr::Event& event, base::Rng& rng) {
  nostr::Event out = event;
  for (auto wrongs = 1 + rng.below(3); wrongs > 0; --wrongs) {
    const auto which = rng.below(20);
    if (which < 12) damage_tag(out.tags, rng);
    else if (which < 18) damage_content(out.content, rng);
    else if (which == 18) out.created_at = base::unix_time(static_cast<std::int64_t>(rng.below(1ull << 48)));
    else if (rng.below(4) == 0) out.kind = static_cast<nostr::Kind>(rng.below(65'536));
  }
  return out;
}

nostr::Event with_a_flipped_bit(const nostr::Event& event, base::Rng& rng) {
  nostr::Event out = event;
  const auto flip = [&](std::uint8_t* bytes, std::size_t size) {
    const auto bit = rng.below(size * 8);
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1u << (bit % 8)));
  };
  switch (rng.below(3)) {
    case 0:
      flip(out.id.data(), out.id.kSize);
      break;
    case 1:
      flip(out.pubkey.data(), out.pubkey.kSize);
      break;
    default:
      flip(out.sig.data(), out.sig.kSize);
  }
  return out;
}

}  // namespace nipsa_test
