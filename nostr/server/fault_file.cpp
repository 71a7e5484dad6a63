// One table of faults, each with the keys it takes and how it is built; everything else in a [[rule]]
// says which frames are meant.
#include "nostr/server/fault_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "nostr/base/suggest.h"

namespace nostr {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using Words = std::vector<std::string>;

constexpr std::size_t kMaxFileBytes = 262'144;
constexpr std::size_t kMaxRules = 1'000;
constexpr std::int64_t kMaxCount = 1'000'000'000;
constexpr std::int64_t kMaxMilliseconds = 86'400'000;
constexpr std::int64_t kMaxSeconds = 100 * 365 * std::int64_t{86'400};

/// One table of the file, with where it is for errors ("faults.toml: rule 3").
class Section {
 public:
  Section(const toml::table& table, std::string where) : table_(table), where_(std::move(where)) {}

  std::string at(std::string_view key) const { return fmt::format("{}: {}", where_, key); }
  const std::string& where() const { return where_; }
  bool has(std::string_view key) const { return table_.contains(key); }
  const toml::table& raw() const { return table_; }

  Result<void> only(const Words& known) const {
    for (const auto& [key, value] : table_) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      return fail(Errc::kInvalid,
                  fmt::format("{}: unknown key, line {}", at(key.str()), value.source().begin.line),
                  base::did_you_mean(key.str(), known));
    }
    return {};
  }

  Result<std::int64_t> integer(std::string_view key, std::int64_t fallback, std::int64_t low,
                               std::int64_t high) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_integer();
    if (value == nullptr) return fail(Errc::kInvalid, at(key) + " is not an integer");
    if (value->get() < low || value->get() > high)
      return fail(Errc::kInvalid,
                  fmt::format("{} is {}, allowed are {} to {}", at(key), value->get(), low, high));
    return value->get();
  }
  Result<std::uint64_t> count(std::string_view key, std::uint64_t fallback, std::int64_t low = 1) const {
    TRY(const std::int64_t value, integer(key, static_cast<std::int64_t>(fallback), low, kMaxCount));
    return static_cast<std::uint64_t>(value);
  }
  Result<milliseconds> time(std::string_view key, std::int64_t fallback) const {
    TRY(const std::int64_t value, integer(key, fallback, 0, kMaxMilliseconds));
    return milliseconds{value};
  }
  Result<double> fraction(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return 1.0;
    const auto value = node->value<double>();
    if (!node->is_number() || !value || *value < 0 || *value > 1)
      return fail(Errc::kInvalid, at(key) + " is no number from 0 to 1");
    return *value;
  }
  Result<bool> boolean(std::string_view key, bool fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_boolean();
    if (value == nullptr) return fail(Errc::kInvalid, at(key) + " is not true or false");
    return value->get();
  }
  Result<std::string> text(std::string_view key, std::string_view fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::string(fallback);
    const auto* value = node->as_string();
    if (value == nullptr) return fail(Errc::kInvalid, at(key) + " is not a string");
    return value->get();
  }
  /// A text that is one of `words`; the fallback may be another.
  Result<std::string> word(std::string_view key, const Words& words, std::string_view fallback) const {
    TRY(const std::string value, text(key, fallback));
    if (value == fallback || std::ranges::find(words, value) != words.end()) return value;
    return fail(Errc::kInvalid, fmt::format("{} is none of {}", at(key), fmt::join(words, ", ")),
                base::did_you_mean(value, words));
  }
  Result<std::vector<Kind>> kinds(std::string_view key, std::vector<Kind> fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto* list = node->as_array();
    if (list == nullptr) return fail(Errc::kInvalid, at(key) + " is not a list");
    std::vector<Kind> out;
    for (const toml::node& entry : *list) {
      const auto* kind = entry.as_integer();
      if (kind == nullptr || kind->get() < 0 || kind->get() > UINT16_MAX)
        return fail(Errc::kInvalid, at(key) + " holds something that is no kind from 0 to 65535");
      out.push_back(static_cast<Kind>(kind->get()));
    }
    return out;
  }

 private:
  const toml::table& table_;
  std::string where_;
};

// --- the faults ---

struct FaultWord {
  std::string name;
  Words keys;             ///< besides those of every rule
  std::string direction;  ///< the only one it makes sense in; empty for either
  std::string verb;       ///< the frames it is about unless the rule says so
  bool needs_frame;       ///< so CONNECT has no use for it
  std::function<Result<Fault>(const Section&)> build;
};

template <class T>
std::function<Result<Fault>(const Section&)> plain() {
  return [](const Section&) -> Result<Fault> { return T{}; };
}
template <class T>
std::function<Result<Fault>(const Section&)> with_message(std::string_view fallback) {
  return [fallback](const Section& rule) -> Result<Fault> {
    TRY(std::string message, rule.text("message", fallback));
    return T{std::move(message)};
  };
}
template <class T>
std::function<Result<Fault>(const Section&)> with_count(std::string_view key, std::uint64_t fallback) {
  return [key, fallback](const Section& rule) -> Result<Fault> {
    TRY(const std::uint64_t count, rule.count(key, fallback));
    return T{static_cast<std::size_t>(count)};
  };
}
template <class T>
std::function<Result<Fault>(const Section&)> with_time(std::string_view key, std::int64_t fallback) {
  return [key, fallback](const Section& rule) -> Result<Fault> {
    TRY(const milliseconds time, rule.time(key, fallback));
    return T{time};
  };
}

Result<Fault> build_delay(const Section& rule) {
  TRY(const milliseconds by, rule.time("by_ms", 100));
  TRY(const milliseconds jitter, rule.time("jitter_ms", 0));
  return fault::Delay{by, jitter};
}
Result<Fault> build_say(const Section& rule) {
  TRY(std::string frame, rule.text("frame", ""));
  if (frame.empty()) return fail(Errc::kInvalid, rule.at("frame") + " is missing");
  return fault::Say{std::move(frame)};
}
Result<Fault> build_unmatched(const Section& rule) {
  TRY(const std::int64_t kind, rule.integer("kind", 1, 0, UINT16_MAX));
  return fault::Unmatched{static_cast<Kind>(kind)};
}
Result<Fault> build_close(const Section& rule) {
  TRY(const milliseconds after, rule.time("wait_ms", 0));
  return fault::Disconnect{after, false};
}
Result<Fault> build_reset(const Section& rule) {
  TRY(const milliseconds after, rule.time("wait_ms", 0));
  return fault::Disconnect{after, true};
}
Result<Fault> build_restart(const Section& rule) {
  TRY(const milliseconds after, rule.time("wait_ms", 0));
  TRY(const milliseconds pause, rule.time("pause_ms", 0));
  return fault::Restart{after, pause};
}

const std::vector<FaultWord>& fault_words() {
  using namespace fault;
  static const std::vector<FaultWord> kWords{
      {"drop", {}, "", "", true, plain<Drop>()},
      {"delay", {"by_ms", "jitter_ms"}, "", "", true, build_delay},
      {"reorder", {"by_ms"}, "", "", true, with_time<Reorder>("by_ms", 100)},
      {"duplicate", {"copies"}, "", "", true, with_count<Duplicate>("copies", 1)},
      {"corrupt", {"characters"}, "", "", true, with_count<Corrupt>("characters", 1)},
      {"truncate", {"keep_bytes"}, "", "", true, with_count<Truncate>("keep_bytes", 10)},
      {"throttle", {"bytes_per_second"}, "", "", true, with_count<Throttle>("bytes_per_second", 1'000)},
      {"forge", {}, "out", "EVENT", true, plain<Forge>()},
      {"flip-ok", {"message"}, "out", "OK", true, with_message<FlipOk>("error: a fault rule says so")},
      {"wrong-id", {}, "out", "OK", true, plain<WrongId>()},
      {"say", {"frame"}, "", "", true, build_say},
      {"notice", {"message"}, "", "", true, with_message<Notice>("error: a fault rule says so")},
      {"closed", {"message"}, "", "REQ", true, with_message<Closed>("error: a fault rule says so")},
      {"reject", {"message"}, "in", "EVENT", true, with_message<Reject>("blocked: a fault rule says so")},
      {"swallow", {}, "in", "EVENT", true, plain<Swallow>()},
      {"neg-error", {"message"}, "in", "NEG-OPEN", true, with_message<NegError>("blocked: this query is too big")},
      {"demand-auth", {}, "in", "", true, plain<DemandAuth>()},
      {"unmatched", {"kind"}, "", "EOSE", true, build_unmatched},
      {"flood", {"events"}, "", "EOSE", true, with_count<Flood>("events", 1'000)},
      {"rotate-challenge", {"wait_ms"}, "", "", false, with_time<RotateChallenge>("wait_ms", 0)},
      {"half-open", {"wait_ms"}, "", "", false, with_time<HalfOpen>("wait_ms", 0)},
      {"stop-reading", {"lasting_ms"}, "", "", false, with_time<StopReading>("lasting_ms", 1'000)},
      {"close", {"wait_ms"}, "", "", false, build_close},
      {"reset", {"wait_ms"}, "", "", false, build_reset},
      {"restart", {"wait_ms", "pause_ms"}, "", "", false, build_restart},
  };
  return kWords;
}

// --- a rule ---

struct Verb {
  std::string_view name;
  bool in;
  bool out;
};
constexpr std::array<Verb, 15> kVerbs{{
    {"EVENT", true, true},   {"REQ", true, false},      {"CLOSE", true, false},
    {"AUTH", true, true},    {"COUNT", true, true},     {"NEG-OPEN", true, false},
    {"NEG-MSG", true, true}, {"NEG-CLOSE", true, false}, {"OK", false, true},
    {"EOSE", false, true},   {"CLOSED", false, true},   {"NOTICE", false, true},
    {"NEG-ERR", false, true}, {kConnectVerb, true, true}, {"", true, true},
}};

const Verb& verb_called(std::string_view name) {
  return *std::ranges::find(kVerbs, name, &Verb::name);
}

Words verb_names() {
  Words out;
  for (const Verb& verb : kVerbs)
    if (!verb.name.empty()) out.emplace_back(verb.name);
  return out;
}

Result<FaultMatch> parse_match(const Section& rule, const FaultWord& word) {
  FaultMatch out;
  TRY(out.verb, rule.word("verb", verb_names(), word.verb));
  const Verb& verb = verb_called(out.verb);
  if (word.needs_frame && out.verb == kConnectVerb)
    return fail(Errc::kInvalid, fmt::format("{} needs a frame, CONNECT is none", rule.at(word.name)),
                "use it with the AUTH frame that every connection begins with");
  // The one direction there is for this fault, or for this verb; else what the client receives.
  const std::string usual = !word.direction.empty() ? word.direction : verb.out ? "out" : "in";
  TRY(const std::string direction, rule.word("direction", {"in", "out"}, usual));
  out.direction = direction == "in" ? Direction::kIn : Direction::kOut;
  if (!word.direction.empty() && direction != word.direction)
    return fail(Errc::kInvalid, fmt::format("{} is only possible with direction = \"{}\"",
                                            rule.at(word.name), word.direction));
  if (out.direction == Direction::kIn ? !verb.in : !verb.out)
    return fail(Errc::kInvalid, fmt::format("{} frames never go {}", rule.at(out.verb),
                                            direction == "in" ? "in, to the relay" : "out, to the client"));
  TRY(out.sub, rule.text("sub", ""));
  TRY(out.kinds, rule.kinds("kinds", {}));
  if (rule.has("connection")) {
    TRY(out.connection, rule.count("connection", 1));
  }
  TRY(out.from_connection, rule.count("from_connection", 1));
  TRY(out.after, rule.time("after_ms", 0));
  if (rule.has("for_ms")) {
    TRY(out.lasting, rule.time("for_ms", 0));
  }
  TRY(const std::string per, rule.word("per", {"relay", "connection", "subscription"}, "relay"));
  out.per = per == "connection"     ? FaultMatch::Scope::kConnection
            : per == "subscription" ? FaultMatch::Scope::kSubscription
                                    : FaultMatch::Scope::kRelay;
  TRY(out.nth, rule.count("nth", 0, 0));
  TRY(out.every, rule.count("every", 0, 0));
  TRY(out.times, rule.count("times", 0, 0));
  TRY(out.probability, rule.fraction("probability"));
  return out;
}

Result<FaultRule> parse_rule(const Section& rule) {
  Words names;
  for (const FaultWord& word : fault_words()) names.push_back(word.name);
  TRY(const std::string name, rule.word("fault", names, ""));
  if (name.empty())
    return fail(Errc::kInvalid, rule.at("fault") + " is missing", "for example fault = \"drop\"");
  const FaultWord& word = *std::ranges::find(fault_words(), name, &FaultWord::name);
  Words keys{"fault", "verb", "direction", "sub", "kinds", "connection", "from_connection", "after_ms",
             "for_ms", "per", "nth", "every", "times", "probability"};
  keys.insert(keys.end(), word.keys.begin(), word.keys.end());
  TRY(rule.only(keys));
  TRY(FaultMatch match, parse_match(rule, word));
  TRY(Fault fault, word.build(rule));
  return FaultRule{std::move(match), std::move(fault)};
}

Result<void> parse_rules(const toml::table& file, const std::string& name, RelayOptions& options) {
  const toml::node* node = file.get("rule");
  if (node == nullptr) return {};
  const auto* list = node->as_array();
  if (list == nullptr || (!list->empty() && !list->is_array_of_tables()))
    return fail(Errc::kInvalid, name + ": rule is not a list of tables", "each begins with [[rule]]");
  if (list->size() > kMaxRules)
    return fail(Errc::kLimit, fmt::format("{}: {} rules, limit {}", name, list->size(), kMaxRules));
  std::size_t number = 0;
  for (const toml::node& entry : *list) {
    const Section rule(*entry.as_table(), fmt::format("{}: rule {}", name, ++number));
    TRY(options.faults.emplace_back(), parse_rule(rule));
  }
  return {};
}

// --- the limits ---

struct CountLimit {
  std::string_view key;
  std::function<std::size_t&(SessionRules&)> value;
};

const std::vector<CountLimit>& count_limits() {
  static const std::vector<CountLimit> kLimits{
      {"max_event_bytes", [](SessionRules& r) -> std::size_t& { return r.limits.max_bytes; }},
      {"max_message_bytes", [](SessionRules& r) -> std::size_t& { return r.max_message_bytes; }},
      {"max_tags", [](SessionRules& r) -> std::size_t& { return r.limits.max_tags; }},
      {"max_tag_value_bytes", [](SessionRules& r) -> std::size_t& { return r.max_tag_value_bytes; }},
      {"max_subscriptions", [](SessionRules& r) -> std::size_t& { return r.max_subscriptions; }},
      {"max_sub_chars", [](SessionRules& r) -> std::size_t& { return r.max_sub_chars; }},
      {"max_filters", [](SessionRules& r) -> std::size_t& { return r.max_filters; }},
      {"max_tag_filters", [](SessionRules& r) -> std::size_t& { return r.max_tag_filters; }},
      {"max_results", [](SessionRules& r) -> std::size_t& { return r.max_results; }},
      {"max_neg_sessions", [](SessionRules& r) -> std::size_t& { return r.max_neg_sessions; }},
      {"max_neg_records", [](SessionRules& r) -> std::size_t& { return r.max_neg_records; }},
      {"neg_frame_bytes", [](SessionRules& r) -> std::size_t& { return r.neg_frame_bytes; }},
  };
  return kLimits;
}

Result<void> parse_seconds(const Section& section, std::string_view key,
                           std::optional<std::chrono::seconds>& out) {
  if (!section.has(key)) return {};
  TRY(const std::int64_t value, section.integer(key, 0, 0, kMaxSeconds));
  out = std::chrono::seconds{value};
  return {};
}

Result<void> parse_limits(const Section& section, SessionRules& rules) {
  Words keys{"max_future", "max_past", "max_ephemeral_age", "rejected_kinds", "auth_for_private",
             "private_kinds"};
  for (const CountLimit& limit : count_limits()) keys.emplace_back(limit.key);
  TRY(section.only(keys));
  for (const CountLimit& limit : count_limits()) {
    std::size_t& value = limit.value(rules);
    TRY(value, section.count(limit.key, value, 0));
  }
  std::optional<std::chrono::seconds> future = rules.max_future;
  TRY(parse_seconds(section, "max_future", future));
  rules.max_future = *future;
  TRY(parse_seconds(section, "max_past", rules.max_past));
  TRY(parse_seconds(section, "max_ephemeral_age", rules.max_ephemeral_age));
  TRY(rules.rejected_kinds, section.kinds("rejected_kinds", rules.rejected_kinds));
  TRY(rules.private_kinds, section.kinds("private_kinds", rules.private_kinds));
  TRY(rules.auth_for_private, section.boolean("auth_for_private", rules.auth_for_private));
  return {};
}

}  // namespace

SessionRules strfry_rules() {
  using std::chrono::seconds;
  SessionRules out;
  out.limits = {.max_bytes = 65'536, .max_tags = 2'000, .max_tag_elements = 2'000};
  out.max_message_bytes = 131'072;
  out.max_tag_value_bytes = 1'024;
  out.max_future = seconds{900};
  out.max_past = seconds{94'608'000};
  out.max_ephemeral_age = seconds{60};
  out.max_subscriptions = 200;
  out.max_sub_chars = 71;
  out.max_filters = 200;
  out.max_tag_filters = 3;
  out.max_results = 500;
  out.max_neg_sessions = 200;
  out.max_neg_records = 1'000'000;
  out.auth_for_private = true;
  return out;
}

Result<void> parse_fault_file(std::string_view text, const std::string& name, RelayOptions& options) {
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed)
    return fail(Errc::kInvalid,
                fmt::format("{}: {}, line {}", name, parsed.error().description(),
                            parsed.error().source().begin.line));
  const toml::table& table = parsed.table();
  const Section file(table, name);
  TRY(file.only({"seed", "profile", "limits", "rule"}));
  TRY(options.fault_seed, file.count("seed", options.fault_seed, 0));
  TRY(const std::string profile, file.word("profile", {"strfry"}, ""));
  if (profile == "strfry") options.rules = strfry_rules();
  if (const toml::node* limits = table.get("limits")) {
    if (!limits->is_table()) return fail(Errc::kInvalid, file.at("limits") + " is not a table");
    TRY(parse_limits(Section(*limits->as_table(), name + ": limits"), options.rules));
  }
  return parse_rules(table, name, options);
}

Result<void> load_fault_file(const std::string& path, RelayOptions& options) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kIo, path + ": cannot be read");
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes)
    return fail(Errc::kLimit, fmt::format("{}: over {} bytes", path, kMaxFileBytes));
  return parse_fault_file(text, path, options);
}

}  // namespace nostr
