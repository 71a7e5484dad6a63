// Permission gate, autonomy gate, truncator and logger.
#include "orchestration/hooks/tool_hooks.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "orchestration/envelope.h"

namespace orchestration {
namespace {

Decision::Verdict verdict_of(Permit permit) {
  switch (permit) {
    case Permit::kAllow:
      return Decision::Verdict::kContinue;
    case Permit::kAsk:
      return Decision::Verdict::kAsk;
    case Permit::kDeny:
      return Decision::Verdict::kBlock;
  }
  return Decision::Verdict::kBlock;
}

/// What the call would spend by its own word; a payment is held to it.
base::Msat stated_cost(const ToolInvocation& call) {
  if (call.action != ActionClass::kPay) return {};
  return base::to_msat({base::json::int_or(call.params, "amount_sats")});
}

/// The part of `text` after its first `from` bytes, starting at a character.
std::string_view tail_utf8(std::string_view text, std::size_t from) {
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) ++from;
  return text.substr(from);
}

/// What is kept of a text that is too long.
struct Ends {
  std::string head;
  std::string tail;
};

Ends ends_of(std::string_view text, std::size_t max_bytes) {
  std::string_view head = cut_utf8(text, max_bytes * 7 / 10);
  std::string_view tail = tail_utf8(text, text.size() - (max_bytes - max_bytes * 7 / 10));
  // A line end near the cut reads better than half a line; far away it would lose too much.
  if (const auto at = head.rfind('\n'); at != head.npos && at > head.size() / 2)
    head = head.substr(0, at + 1);
  if (const auto at = tail.find('\n'); at != tail.npos && at < tail.size() / 2)
    tail = tail.substr(at + 1);
  return {std::string(head), std::string(tail)};
}

std::string notice(std::size_t size, const Ends& ends) {
  return fmt::format("\n[{} of {} bytes left out here]\n", size - ends.head.size() - ends.tail.size(), size);
}

constexpr std::string_view kEnvelopeEnd = "\n</untrusted>";

/// The opening tag of the envelope that `text` ends in; "" when it ends in none. Foreign text holds no "<".
std::string_view open_envelope(std::string_view text) {
  const auto open = text.rfind("<untrusted ");
  if (open == text.npos) return "";
  const auto end = text.find('>', open);
  if (end == text.npos || text.find("</untrusted>", end) != text.npos) return "";
  return text.substr(open, end - open + 1);
}

}  // namespace

Hook permission_gate(Permissions permissions, NodeRules node) {
  Hook hook{.name = "permission", .priority = 100, .guarded = true};
  hook.decide_tool = [permissions = std::move(permissions),
                      node = std::move(node)](const ToolInvocation& call) {
    PermissionAnswer answer = evaluate(permissions, node,
                                       {.tool = call.tool,
                                        .capability = call.capability,
                                        .sign_kind = call.sign_kind,
                                        .subject = call.subject});
    return Decision{verdict_of(answer.permit), std::move(answer.reason)};
  };
  return hook;
}

Hook autonomy_gate(AutonomyRules rules) {
  Hook hook{.name = "autonomy", .priority = 90, .guarded = true};
  hook.decide_tool = [rules = std::move(rules)](const ToolInvocation& call) {
    switch (need(rules, call.action, stated_cost(call))) {
      case Need::kAuto:
        return Decision{};
      case Need::kAsk:
        return Decision{.verdict = Decision::Verdict::kAsk,
                        .reason = fmt::format("{} asks for {}", nipsa::autonomy_name(rules.level),
                                              action_class_name(call.action)),
                        .each_time = rules.always_ask.contains(call.action)};
      case Need::kDeny:
        return Decision{Decision::Verdict::kBlock,
                        fmt::format("{} is never allowed here", action_class_name(call.action))};
    }
    return Decision{Decision::Verdict::kBlock, "no rule"};
  };
  return hook;
}

std::string truncate_middle(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  const Ends ends = ends_of(text, max_bytes);
  return ends.head + notice(text.size(), ends) + ends.tail;
}

std::string truncate_output(std::string_view text, std::size_t max_bytes, std::string_view where) {
  if (text.size() <= max_bytes) return std::string(text);
  Ends ends = ends_of(text, max_bytes);
  std::string between = notice(text.size(), ends);
  if (!where.empty()) between.insert(between.size() - 2, where);
  // A cut inside a tag leaves no half of one.
  if (const auto tag = ends.head.rfind('<'); tag != ends.head.npos && ends.head.find('>', tag) == ends.head.npos)
    ends.head.resize(tag);
  const std::size_t from = text.size() - ends.tail.size();
  if (const auto tag = text.substr(0, from).rfind('<'); tag != text.npos)
    if (const auto end = text.find('>', tag); end != text.npos && end >= from) ends.tail = text.substr(end + 1);
  if (!open_envelope(ends.head).empty()) between = std::string(kEnvelopeEnd) + between;
  const std::string_view reopened = open_envelope(text.substr(0, text.size() - ends.tail.size()));
  if (!reopened.empty()) between += std::string(reopened) + "\n";
  return ends.head + between + ends.tail;
}

std::string slice_output(std::string_view text, std::size_t from, std::size_t size) {
  std::size_t begin = std::min(from, text.size());
  std::size_t end = begin + std::min(size, text.size() - begin);
  const auto inside_character = [&](std::size_t at) { return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  while (inside_character(begin)) ++begin;
  while (end > begin && inside_character(end)) --end;
  // The tag that a place is inside of, if it is.
  const auto tag_at = [&](std::size_t at) {
    const auto open = text.substr(0, at).rfind('<');
    return open != text.npos && text.find('>', open) != text.npos && text.find('>', open) >= at ? open : text.npos;
  };
  if (const auto open = tag_at(begin); open != text.npos) begin = text.find('>', open) + 1;
  if (const auto open = tag_at(end); open != text.npos) end = open;
  if (end <= begin) return "";
  std::string out(open_envelope(text.substr(0, begin)));
  if (!out.empty()) out += "\n";
  out += text.substr(begin, end - begin);
  if (!open_envelope(text.substr(0, end)).empty()) out += kEnvelopeEnd;
  return out;
}

Hook output_truncator(storage::Outputs* outputs, const base::Clock& clock, std::size_t max_bytes) {
  Hook hook{.name = "truncate", .priority = 50, .guarded = true};
  hook.transform_tool = [outputs, &clock, max_bytes](const ToolInvocation& call, ToolOutput& output) {
    if (output.content.size() <= max_bytes) return;
    std::string where;
    // A slice of what is kept already is not kept again.
    if (outputs != nullptr && call.tool != "read_output") {
      const auto number = outputs->put(call.session, call.tool, output.content, clock.now());
      if (number) where = fmt::format("; read_output with number {} and from {} shows it", *number, max_bytes * 7 / 10);
      else LOG(kError, "tool", "cannot keep an output", {{"session", call.session}, {"detail", number.error().detail}});
    }
    output.content = truncate_output(output.content, max_bytes, where);
  };
  return hook;
}

Hook tool_logger() {
  Hook hook{.name = "tool-log", .priority = 1};
  hook.observe_tool = [](const ToolInvocation& call, const ToolOutput& output) {
    LOG(kDebug, "tool", "finished",
        {{"session", call.session},
         {"tool", call.tool},
         {"outcome", std::string(tool_outcome_name(output.outcome))},
         {"bytes", fmt::to_string(output.content.size())}});
  };
  return hook;
}

}  // namespace orchestration
