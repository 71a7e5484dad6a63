// From a reply to values: one JSON object, or text behind markers.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "orchestration/programs/render.h"

namespace orchestration {
namespace {

using base::json::Value;

constexpr std::size_t kMaxReply = 1u << 20;
constexpr std::string_view kDone = "completed";

/// The first balanced {…} of `text`, strings respected; npos lengths when it never closes.
std::string_view first_object(std::string_view text) {
  const std::size_t from = text.find('{');
  if (from == text.npos) return {};
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '{') {
      ++depth;
    } else if (!quoted && c == '}' && --depth == 0) {
      return text.substr(from, i - from + 1);
    }
  }
  return {};
}

Parsed parse_object(const Signature& signature, std::string_view text) {
  Parsed out{.values = Value::object()};
  const std::string_view object = first_object(text);
  if (object.empty()) {
    out.issues = {{"answer", "is no JSON object"}};
    return out;
  }
  const std::size_t after = static_cast<std::size_t>(object.data() - text.data()) + object.size();
  if (text.find('{', after) != text.npos) {
    out.issues = {{"answer", "holds more than one JSON object"}};
    return out;
  }
  auto parsed = base::json::parse(object, {.max_bytes = kMaxReply});
  if (!parsed) {
    out.issues = {{"answer", "is broken JSON, or names a member twice"}};
    return out;
  }
  out.issues = fit_outputs(signature, *parsed, out.values);
  return out;
}

/// The name in a marker line of this request, or "".
std::string_view marked(std::string_view line, const RenderOptions& options) {
  constexpr std::string_view kOpen = "[[ ## ";
  const std::string close = fmt::format(":{} ## ]]", options.suffix);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
  if (!line.starts_with(kOpen) || !line.ends_with(close) || line.size() < kOpen.size() + close.size()) return {};
  return line.substr(kOpen.size(), line.size() - kOpen.size() - close.size());
}

std::string_view without_fence(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  if (from == text.npos || !text.substr(from).starts_with("```")) return text;
  const std::size_t end = text.rfind("```");
  return end > from ? text.substr(0, end) : text;
}

Parsed parse_markers(const Signature& signature, const RenderOptions& options, std::string_view text) {
  Parsed out{.values = Value::object()};
  Value raw = Value::object();
  std::set<std::string> repeated;
  std::string* current = nullptr;
  text = without_fence(text);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == text.npos ? "" : text.substr(end + 1);
    const std::string name(marked(line, options));
    if (name == kDone) break;
    if (name.empty()) {
      if (current) (*current += line) += '\n';
      continue;
    }
    if (raw.contains(name)) {
      repeated.insert(name);
      current = nullptr;
      continue;
    }
    raw[name] = "";
    current = raw[name].get_ptr<std::string*>();
  }
  // Text becomes typed here; fit_outputs() then judges what stands there as it does for JSON.
  for (const Field& field : signature.outputs) {
    const auto found = raw.find(field.name);
    if (found == raw.end()) continue;
    auto value = read_text(field, found->get_ref<const std::string&>());
    if (value) {
      *found = *std::move(value);
    } else if (!field.required && found->get_ref<const std::string&>().find_first_not_of(" \r\n\t") == std::string::npos) {
      raw.erase(found);
    } else {
      out.issues.push_back({field.name, value.error().detail});
      raw.erase(found);
    }
  }
  for (FieldIssue& issue : fit_outputs(signature, raw, out.values)) {
    const bool known = std::ranges::any_of(out.issues, [&](const FieldIssue& one) { return one.field == issue.field; });
    if (!known) out.issues.push_back(std::move(issue));
  }
  for (const std::string& name : repeated) out.issues.push_back({name.substr(0, 64), "stands there twice"});
  return out;
}

}  // namespace

Parsed parse_reply(const Signature& signature, const RenderOptions& options, std::string_view text) {
  if (text.size() > kMaxReply) return {.values = Value::object(), .issues = {{"answer", "is over 1 MiB"}}};
  return options.form == Form::kSchema ? parse_object(signature, text) : parse_markers(signature, options, text);
}

std::string repair_request(const std::vector<FieldIssue>& issues, const RenderOptions& options) {
  constexpr std::size_t kNamed = 12;
  std::string out = "That answer cannot be used:\n";
  for (std::size_t i = 0; i < issues.size() && i < kNamed; ++i)
    out += fmt::format("- {} {}\n", issues[i].field, issues[i].what);
  out += options.form == Form::kSchema ? "Answer again, whole, with one JSON object and nothing else."
                                       : "Answer again, whole, every field below its marker line.";
  return out;
}

}  // namespace orchestration
