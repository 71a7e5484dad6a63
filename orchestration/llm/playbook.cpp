// Rules, what makes them fire, and the templates they speak in. The state is the conversation itself:
// which rules have fired is found by replaying it, so a restart changes nothing.
#include "orchestration/llm/playbook.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <re2/re2.h>
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "nostr/base/suggest.h"
#include "nostr/nips/nip19.h"
#include "orchestration/names.h"

namespace orchestration {
namespace {

using base::Errc;
using base::json::Value;

constexpr std::size_t kMaxBytes = 1u << 20;
constexpr std::size_t kMaxRules = 1000;

enum class On {
  kMention,
  kDm,
  kHeartbeat,
  kManual,
  kDelegation,
  kJob,
  kTask,
  kTool,
  kDenied,
  kExpired,
  kNews
};
constexpr Name<On> kOn[] = {{On::kMention, "mention"},     {On::kDm, "dm"},
                            {On::kHeartbeat, "heartbeat"}, {On::kDelegation, "delegation"},
                            {On::kTool, "tool"},           {On::kDenied, "denied"},
                            {On::kExpired, "expired"},     {On::kTask, "task"},
                            {On::kNews, "news"},           {On::kManual, "manual"},
                            {On::kJob, "job"}};
constexpr std::string_view kRuleKeys[] = {"on", "author", "match", "step", "call", "say"};
constexpr std::string_view kCallKeys[] = {"tool", "args"};
constexpr std::string_view kTopKeys[] = {"rule"};
constexpr std::string_view kVariables[] = {"author", "author_npub", "content", "event_id",
                                           "tool_result", "turn", "trigger", "tick"};

constexpr std::string_view kBuiltin = R"toml(# The built-in playbook: what the agent does when no model is configured.
# Copy it to a file, change it, and name the file as `playbook` in your backend's section.
#
# on     what woke this turn: mention, dm, heartbeat, manual, job, task; after a tool call: tool, denied, expired; when
#        tasks that were handed out have ended: news
# author only this author (npub or hex)          match  only if this RE2 is found in the text
# step   only in this model turn, from 0         call   { tool, args }      say  text that ends it
# Templates: {{author}} {{author_npub}} {{content}} {{event_id}} {{tool_result}} {{turn}} {{trigger}} {{tick}}

[[rule]]
on = "mention"
call = { tool = "reply", args = { content = "You wrote: \"{{content}}\". I am an agent whose key is split among several machines: this answer was signed by more than one of them.", reason = "answer a mention" } }

[[rule]]
on = "dm"
call = { tool = "send_dm", args = { to = "{{author}}", content = "I read your message. Mention me in a public note and I answer there.", reason = "answer a private message" } }

[[rule]]
on = "denied"
say = "The operator said no; nothing was published."

[[rule]]
on = "expired"
say = "Nobody answered in time; nothing was published."

[[rule]]
on = "tool"
say = "Done: {{tool_result}}"

[[rule]]
on = "heartbeat"
say = "Nothing to do."
)toml";

On outcome_event(const Message& result) {
  if (result.role == Role::kUser) return On::kNews;
  switch (result.outcome) {
    case ToolOutcome::kDenied: return On::kDenied;
    case ToolOutcome::kExpired: return On::kExpired;
    case ToolOutcome::kOk:
    case ToolOutcome::kError:
    case ToolOutcome::kInvalid: return On::kTool;
  }
  return On::kTool;
}

On trigger_event(TriggerKind kind) {
  switch (kind) {
    case TriggerKind::kMention: return On::kMention;
    case TriggerKind::kDm: return On::kDm;
    case TriggerKind::kHeartbeat: return On::kHeartbeat;
    case TriggerKind::kManual: return On::kManual;
    case TriggerKind::kDelegation:
      return On::kDelegation;
    case TriggerKind::kJob:
      return On::kJob;
    case TriggerKind::kTask: return On::kTask;
  }
  return On::kHeartbeat;
}

bool is_trigger(On on) {
  return on == On::kMention || on == On::kDm || on == On::kHeartbeat || on == On::kManual ||
         on == On::kDelegation || on == On::kJob || on == On::kTask;
}

/// What answered the model's last turn, if the conversation up to `end` ends with such a thing: a tool's result, or
/// news. The first two messages are the prompt and what woke it.
const Message* answer_before(const Request& request, std::size_t end) {
  if (end == 0) return nullptr;
  const Message& last = request.messages[end - 1];
  return last.role == Role::kTool || (last.role == Role::kUser && end > 2) ? &last : nullptr;
}

std::unexpected<base::Error> fail_at(const toml::source_region& where, std::string detail, std::string hint = {}) {
  return base::fail(Errc::kInvalid, fmt::format("playbook line {}: {}", where.begin.line, detail), std::move(hint));
}

template <std::size_t N>
base::Result<void> check_keys(const toml::table& table, const std::string_view (&known)[N]) {
  for (const auto& [key, value] : table) {
    if (std::find(std::begin(known), std::end(known), key.str()) != std::end(known)) continue;
    return fail_at(key.source(), fmt::format("unknown key \"{}\"", key.str()),
                   base::did_you_mean(key.str(), {std::begin(known), std::end(known)}));
  }
  return {};
}

/// The words of `{{word}}` in `text`, all of which must exist.
base::Result<void> check_template(const toml::source_region& where, std::string_view text) {
  for (std::size_t at = text.find("{{"); at != text.npos; at = text.find("{{", at + 2)) {
    const std::size_t end = text.find("}}", at);
    if (end == text.npos) return fail_at(where, "a template is opened with {{ and never closed");
    const std::string_view word = text.substr(at + 2, end - at - 2);
    if (std::find(std::begin(kVariables), std::end(kVariables), word) != std::end(kVariables)) continue;
    return fail_at(where, fmt::format("unknown template {{{{{}}}}}", word),
                   base::did_you_mean(word, {std::begin(kVariables), std::end(kVariables)}));
  }
  return {};
}

base::Result<Value> to_value(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    TRY(check_template(node.source(), text->get()));
    return Value(text->get());
  }
  if (const auto* number = node.as_integer()) return Value(number->get());
  if (const auto* flag = node.as_boolean()) return Value(flag->get());
  if (const auto* list = node.as_array()) {
    Value out = Value::array();
    for (const toml::node& item : *list) {
      TRY(Value value, to_value(item));
      out.push_back(std::move(value));
    }
    return out;
  }
  if (const auto* table = node.as_table()) {
    Value out = Value::object();
    for (const auto& [key, item] : *table) {
      TRY(Value value, to_value(item));
      out[std::string(key.str())] = std::move(value);
    }
    return out;
  }
  return fail_at(node.source(), "only text, whole numbers, true/false, lists and tables can be arguments");
}

std::string variable(std::string_view word, const Request& request, std::size_t turn, const Message* result) {
  const auto& event = request.trigger.event;
  if (word == "author") return event ? event->pubkey.hex() : "";
  if (word == "author_npub") return event ? nostr::encode_npub(event->pubkey) : "";
  if (word == "content") return event ? event->content : request.trigger.brief;
  if (word == "event_id") return event ? event->id.hex() : "";
  if (word == "tool_result") return result ? result->content : "";
  if (word == "turn") return std::to_string(turn);
  if (word == "trigger") return std::string(trigger_kind_name(request.trigger.kind));
  return request.trigger.tick;
}

/// Fills templates once: what is filled in is never read for templates again.
std::string fill_text(std::string_view text, const Request& request, std::size_t turn, const Message* result) {
  std::string out;
  for (;;) {
    const std::size_t at = text.find("{{");
    out += text.substr(0, at);
    if (at == text.npos) return out;
    const std::size_t end = text.find("}}", at);
    out += variable(text.substr(at + 2, end - at - 2), request, turn, result);
    text.remove_prefix(end + 2);
  }
}

Value fill_value(const Value& args, const Request& request, std::size_t turn, const Message* result) {
  if (args.is_string()) return fill_text(args.get_ref<const std::string&>(), request, turn, result);
  if (!args.is_structured()) return args;
  Value out = args;
  for (Value& item : out) item = fill_value(item, request, turn, result);
  return out;
}

}  // namespace

struct Playbook::Rule {
  On on = On::kMention;
  std::optional<nostr::PublicKey> author;
  std::unique_ptr<RE2> match;
  std::optional<std::int64_t> step;
  std::string tool;  ///< empty: `say`
  Value args = Value::object();
  std::string say;

  static base::Result<Rule> parse(const toml::table& table);
  bool fits(const Request& request, std::size_t turn, const Message* result) const;
};

base::Result<Playbook::Rule> Playbook::Rule::parse(const toml::table& table) {
  TRY(check_keys(table, kRuleKeys));
  Rule rule;
  const auto on = table["on"].value<std::string>();
  if (!on) return fail_at(table.source(), "a rule needs `on`", "on = \"mention\"");
  auto parsed = value_in(kOn, *on, "on");
  if (!parsed) return fail_at(table["on"].node()->source(), parsed.error().detail, parsed.error().hint);
  rule.on = *parsed;
  if (const auto author = table["author"]) {
    auto key = nostr::parse_public_key(author.value_or(std::string{}));
    if (!key) return fail_at(author.node()->source(), "author: " + key.error().detail, key.error().hint);
    rule.author = *key;
  }
  if (const auto match = table["match"]) {
    if (!match.is_string()) return fail_at(match.node()->source(), "match is no text");
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    rule.match = std::make_unique<RE2>(*match.value<std::string>(), options);
    if (!rule.match->ok()) return fail_at(match.node()->source(), "match: " + rule.match->error());
  }
  if (const auto step = table["step"]) {
    rule.step = step.value<std::int64_t>();
    if (!rule.step || *rule.step < 0) return fail_at(step.node()->source(), "step counts model turns from 0");
  }
  const auto say = table["say"];
  const auto call = table["call"];
  if (!!say == !!call) return fail_at(table.source(), "a rule needs either `call` or `say`");
  if (say) {
    if (!say.is_string()) return fail_at(say.node()->source(), "say is no text");
    rule.say = *say.value<std::string>();
    TRY(check_template(say.node()->source(), rule.say));
    return rule;
  }
  const toml::table* target = call.as_table();
  if (!target) return fail_at(call.node()->source(), "call is no table", "call = { tool = \"reply\", args = { … } }");
  TRY(check_keys(*target, kCallKeys));
  rule.tool = (*target)["tool"].value_or(std::string{});
  if (rule.tool.empty()) return fail_at(target->source(), "call names no tool");
  if (const toml::node* args = target->get("args")) {
    if (!args->is_table()) return fail_at(args->source(), "args is no table");
    TRY(rule.args, to_value(*args));
  }
  return rule;
}

bool Playbook::Rule::fits(const Request& request, std::size_t turn, const Message* result) const {
  if (step && static_cast<std::size_t>(*step) != turn) return false;
  if (is_trigger(on)) {
    if (on != trigger_event(request.trigger.kind) || (!step && turn != 0)) return false;
  } else if (!result || outcome_event(*result) != on) {
    return false;
  }
  const auto& event = request.trigger.event;
  if (author && (!event || event->pubkey != *author)) return false;
  if (!match) return true;
  const std::string& text = !is_trigger(on) ? result->content : event ? event->content : request.trigger.brief;
  return RE2::PartialMatch(text, *match);
}

Playbook::Playbook() = default;
Playbook::Playbook(Playbook&&) noexcept = default;
Playbook& Playbook::operator=(Playbook&&) noexcept = default;
Playbook::~Playbook() = default;

std::string_view Playbook::builtin_text() { return kBuiltin; }

base::Result<Playbook> Playbook::parse(std::string_view text) {
  if (text.size() > kMaxBytes) return base::fail(Errc::kLimit, "the playbook is over 1 MiB");
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) return fail_at(parsed.error().source(), std::string(parsed.error().description()));
  const toml::table& table = parsed.table();
  TRY(check_keys(table, kTopKeys));
  Playbook out;
  const toml::array* rules = table["rule"].as_array();
  if (!rules || rules->empty()) return base::fail(Errc::kInvalid, "the playbook has no [[rule]]");
  if (rules->size() > kMaxRules) return base::fail(Errc::kLimit, "the playbook has over 1000 rules");
  for (const toml::node& node : *rules) {
    const toml::table* rule = node.as_table();
    if (!rule) return fail_at(node.source(), "rule is no table", "write [[rule]]");
    TRY(auto made, Rule::parse(*rule));
    out.rules_.push_back(std::move(made));
  }
  return out;
}

base::Result<Playbook> Playbook::load(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return base::fail(Errc::kIo, "playbook " + path + " cannot be read");
  auto parsed = parse(text);
  if (!parsed) return std::unexpected(base::in_context(path, std::move(parsed).error()));
  return parsed;
}

const Playbook::Rule* Playbook::firing(const Request& request, std::size_t turn, std::size_t end,
                                       std::vector<bool>& fired) const {
  const Message* result = answer_before(request, end);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (fired[i] || !rules_[i].fits(request, turn, result)) continue;
    fired[i] = true;
    return &rules_[i];
  }
  return nullptr;
}

Message Playbook::next(const Request& request) const {
  std::vector<bool> fired(rules_.size());
  std::size_t turn = 0;
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    if (request.messages[i].role == Role::kAssistant) firing(request, turn++, i, fired);
  Message out{.role = Role::kAssistant};
  const Rule* rule = firing(request, turn, request.messages.size(), fired);
  if (!rule) return out;
  const Message* result = answer_before(request, request.messages.size());
  if (rule->tool.empty()) {
    out.content = fill_text(rule->say, request, turn, result);
    return out;
  }
  out.calls.push_back({.id = fmt::format("play{}", turn),
                       .name = rule->tool,
                       .arguments = base::json::dump(fill_value(rule->args, request, turn, result))});
  return out;
}

PlaybookBackend::PlaybookBackend(std::string id, Playbook playbook)
    : id_(std::move(id)), playbook_(std::move(playbook)) {}

base::Task<std::expected<Reply, ModelFailure>> PlaybookBackend::complete(Request request) {
  Reply reply;
  reply.message = playbook_.next(request);
  reply.finish = reply.message.calls.empty() ? Finish::kStop : Finish::kToolCalls;
  if (request.on_text && !reply.message.content.empty()) request.on_text(reply.message.content);
  co_return reply;
}

}  // namespace orchestration
