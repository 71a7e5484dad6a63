// Rendering of questions; see render.h for the rules.
#include "orchestration/approvals/render.h"

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "nipsa/kinds.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip10.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip34.h"
#include "nostr/nips/nip65.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxRelayShown = 80;  // bytes of a relay hint; a longer one is shown as part of its tag
constexpr std::size_t kMaxReasonChars = 200;
constexpr std::string_view kQuoteMark = "| ";
constexpr std::size_t kMaxBodyChars =
    kMaxPartChars - 10;  // of a part, beside "[NN/NN]\n" and the mark

std::string kind_phrase(nostr::Kind kind) {
  switch (kind) {
    case nostr::kinds::kMetadata:
      return "CHANGE ITS PROFILE";
    case nostr::kinds::kTextNote:
      return "PUBLISH A NOTE";
    case nostr::kinds::kFollows:
      return "CHANGE WHOM IT FOLLOWS";
    case nostr::kinds::kDeletion:
      return "DELETE what it published";
    case nostr::kinds::kRepost:
      return "REPOST";
    case nostr::kinds::kReaction:
      return "REACT";
    case nostr::kinds::kComment:
      return "COMMENT";
    case nostr::kinds::kPatch:
      return "PUBLISH A PATCH";
    case nostr::kinds::kZapRequest:
      return "SEND A ZAP (money)";
    case nipsa::kinds::kCreditIntent:
      return "ASK FOR A CREDIT";
    case nipsa::kinds::kCreditSpend:
      return "SPEND FROM A CREDIT (money)";
    case nipsa::kinds::kAuthResponse:
      return "PROVE TO SOMEBODY that its key is held";
    case nipsa::kinds::kGoals:
      return "TELL EVERYBODY ITS GOALS";
    case nipsa::kinds::kDelegation:
      return "LET ANOTHER AGENT ACT FOR IT";
    case nostr::kinds::kRelayList:
      return "CHANGE ITS RELAYS";
    default:
      return "SIGN AN EVENT";
  }
}

/// Whether the last line of `part` is foreign and goes on behind it.
bool ends_inside_quote(std::string_view part) {
  if (part.ends_with('\n')) return false;
  const std::size_t line = part.rfind('\n');
  return part.substr(line == part.npos ? 0 : line + 1).starts_with(kQuoteMark);
}

/// Cuts into pieces of at most kMaxBodyChars characters, at line ends where there are any. A
/// foreign line that is longer keeps its mark in every piece: cut loose, it could pass for one of
/// ours.
std::vector<std::string> split_parts(std::string_view text) {
  std::vector<std::string> parts;
  bool quoted = false;
  while (!text.empty()) {
    std::size_t bytes = 0;
    std::size_t last_line_end = 0;
    for (std::size_t chars = 0; bytes < text.size() && chars < kMaxBodyChars; ++chars) {
      ++bytes;
      while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
        ++bytes;
      if (text[bytes - 1] == '\n') last_line_end = bytes;
    }
    if (bytes < text.size() && last_line_end > 0) bytes = last_line_end;
    parts.push_back((quoted ? std::string(kQuoteMark) : "") + std::string(text.substr(0, bytes)));
    quoted = ends_inside_quote(parts.back());
    text.remove_prefix(bytes);
  }
  return parts;
}

bool is_code_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/// Takes out what has the form of an approval code: in the agent's own words it could only mislead.
std::string without_codes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 0;
    while (length < text.size() && is_code_char(text[length])) ++length;
    const std::string_view word = text.substr(0, std::max<std::size_t>(length, 1));
    const bool shown_form = word.size() == 9 && word[4] == '-';
    const bool typed_form = word.size() == 8 && word.find_first_of("0123456789") != word.npos;
    if ((shown_form || typed_form) && nipsa::fold_code(word))
      out += "…";
    else
      out += word;
    text.remove_prefix(word.size());
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string flat;
  for (char c : text.substr(0, 4 * kMaxReasonChars))
    flat += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  std::string safe = base::escape_for_terminal(flat);
  if (count_chars(safe) > kMaxReasonChars) {
    safe = split_parts(safe).front();
    safe.resize(std::min<std::size_t>(safe.size(), kMaxReasonChars));
    while (!safe.empty() && (static_cast<unsigned char>(safe.back()) & 0xC0) == 0x80)
      safe.pop_back();
    if (!safe.empty() && static_cast<unsigned char>(safe.back()) >= 0xC0) safe.pop_back();
    safe += "…";
  }
  return safe;
}

/// Says in words of ours what a tag of a note means, where nothing is left out by that. A tag that
/// holds anything else is shown as it stands: what is approved is the whole event.
class TagTeller {
 public:
  explicit TagTeller(const nostr::UnsignedEvent& event) {
    if (event.kind != nostr::kinds::kTextNote) return;
    parent_ = nostr::parse_thread(event.tags).parent;
    for (const nostr::Tag& tag : event.tags)
      if (const auto person = named(tag)) named_.push_back(*person);
    is_note_ = true;
  }

  /// "" when it has to be shown as it stands.
  std::string tell(const nostr::Tag& tag) const {
    if (!is_note_) return "";
    if (const auto person = named(tag)) return "naming " + nostr::encode_npub(*person);
    return tell_parent(tag);
  }

 private:
  static std::optional<nostr::PublicKey> named(const nostr::Tag& tag) {
    if (tag.size() != 2 || tag[0] != "p") return std::nullopt;
    const auto key = nostr::PublicKey::from_hex(tag[1]);
    return key ? std::optional(*key) : std::nullopt;
  }

  /// ["e", ID, RELAY, "root" or "reply", AUTHOR]: the last two may be missing.
  std::string tell_parent(const nostr::Tag& tag) const {
    if (!parent_ || tag.size() < 2 || tag.size() > 5 || tag[0] != "e" || tag[1] != parent_->id.hex()) return "";
    if (tag.size() > 3 && tag[3] != "root" && tag[3] != "reply") return "";
    if (tag.size() > 4 && std::ranges::none_of(named_, [&](const nostr::PublicKey& key) { return key.hex() == tag[4]; })) return "";
    std::string out = "in reply to " + nostr::encode_note(parent_->id);
    const std::string relay = tag.size() > 2 ? tag[2] : "";
    if (relay.empty()) return out;
    // A place, and not a text that somebody hid in one.
    if (!nostr::is_relay_url(relay) || relay.size() > kMaxRelayShown || relay != base::escape_for_terminal(relay)) return "";
    return out + "\non " + relay;
  }

  bool is_note_ = false;
  std::optional<nostr::EventRef> parent_;
  std::vector<nostr::PublicKey> named_;
};

std::string time_left(base::UnixTime now, base::UnixTime expires) {
  const auto left = expires > now ? expires - now : base::seconds{0};
  if (left < base::seconds{120}) return fmt::format("in {} s", left.count());
  return fmt::format("in {} min", left.count() / 60);
}

}  // namespace

std::size_t count_chars(std::string_view text) {
  std::size_t chars = 0;
  for (char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++chars;
  return chars;
}

std::string quote_foreign(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += kQuoteMark;
    out += base::escape_for_terminal(text.substr(at, end - at));
    out += '\n';
    at = end + 1;
  }
  return out;
}

std::string describe_event(const nostr::UnsignedEvent& event) {
  std::string out = fmt::format("{} (kind {})\n", kind_phrase(event.kind), event.kind);
  std::string others;
  const TagTeller teller(event);
  for (const nostr::Tag& tag : event.tags) {
    if (const std::string told = teller.tell(tag); !told.empty())
      out += told + "\n";
    else
      others += quote_foreign(base::json::dump(base::json::Value(tag)));
  }
  if (!others.empty()) out += "tags:\n" + others;
  if (event.content.empty()) return out + "no text\n";
  return out + "text:\n" + quote_foreign(event.content);
}

/// Amount and destination first, in words of ours.
std::string describe_payment(base::json::Value params) {
  const std::int64_t msat = base::json::int_or(params, "amount_msat");
  std::string out = fmt::format(
      "PAY {} to {}\n",
      msat % 1000 == 0 ? fmt::format("{} sats", msat / 1000) : fmt::format("{} msat", msat),
      one_line(base::json::string_or(params, "destination")));
  if (const std::int64_t fee = base::json::int_or(params, "fee_up_to_msat"); fee > 0)
    out += fmt::format("and a fee of up to {} msat\n", fee);
  for (const auto& limit : params.value("exceeds", base::json::Value::array()))
    if (limit.is_string())
      out += fmt::format("BEYOND A LIMIT: {}\n", one_line(limit.get<std::string>()));
  for (const char* told : {"amount_msat", "destination", "fee_up_to_msat", "exceeds"})
    params.erase(told);
  for (const auto& [key, value] : params.items())
    if (value.is_string() && !value.get<std::string>().empty())
      out += quote_foreign(key + ": " + value.get<std::string>());
  return out;
}

std::string describe_action(std::string_view action_class, const base::json::Value& params,
                            std::int64_t sats) {
  if ((action_class == "pay" || action_class == "purchase") && params.is_object()) return describe_payment(params);
  std::string out = fmt::format("{}\n", base::escape_for_terminal(action_class));
  if (sats > 0) out += fmt::format("cost: {} sats\n", sats);
  if (!params.is_object()) return out;
  for (const auto& [key, value] : params.items())
    out += quote_foreign(key + ": " +
                         (value.is_string() ? value.get<std::string>() : base::json::dump(value)));
  return out;
}

std::string render_mention(const QuestionFrame& frame, std::string_view action_class, std::int64_t sats) {
  return fmt::format(
      "{} waits for your yes or no ({}{}), until {}.\n"
      "What exactly is asked was sent to you privately; its code is {}.",
      one_line(frame.agent_name), base::escape_for_terminal(action_class),
      sats > 0 ? fmt::format(", {} sats", sats) : "", base::format_utc(frame.expires), frame.code);
}

base::Result<std::vector<std::string>> render_question(const QuestionFrame& frame,
                                                       std::string_view description) {
  if (const std::size_t chars = count_chars(description); chars > kMaxQuestionChars)
    return base::fail(
        base::Errc::kLimit,
        fmt::format("too-long-to-show: {} characters, limit is {}", chars, kMaxQuestionChars));
  const std::string head = fmt::format("{} asks to {}", one_line(frame.agent_name), description);
  std::string tail = fmt::format("expires {}, {}\n", base::format_utc(frame.expires),
                                 time_left(frame.now, frame.expires));
  if (!frame.reason.empty())
    tail += fmt::format("agent says: \"{}\"\n", one_line(without_codes(frame.reason)));
  if (frame.others_open > 0)
    tail += fmt::format("{} other{} open: answer list\n", frame.others_open,
                        frame.others_open == 1 ? " is" : "s are");
  if (frame.needs_proof)
    tail += fmt::format(
        "\nA yes has to be signed as an event (kind 39213), for example with\n"
        "sovereign approve {} --key-file FILE --relay URL\nA no may be typed:\nno {}",
        frame.code, frame.code);
  else
    tail += fmt::format("\nAnswer with one of these lines:\nyes {}\nno {}", frame.code, frame.code);

  if (count_chars(head) + count_chars(tail) + 1 <= kMaxPartChars)
    return std::vector{head + "\n" + tail};
  std::vector<std::string> parts = split_parts(head);
  parts.push_back(std::move(tail));
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i] = fmt::format("[{}/{}]\n{}", i + 1, parts.size(), parts[i]);
  return parts;
}

}  // namespace orchestration
