// policy.toml through toml++: one reader per table, each of which knows all its keys.
#include "frostr/policy_file.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "nostr/base/suggest.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip65.h"

namespace frostr {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::int64_t kMaxRate = 1'000'000;
constexpr std::size_t kMaxFileBytes = 262'144;
constexpr std::size_t kMaxList = 256;

/// One table of the file with its name for errors ("ecdh", "kinds.1").
class Section {
 public:
  Section(const toml::table& table, std::string file, std::string name)
      : table_(table), file_(std::move(file)), name_(std::move(name)) {}

  std::string where(std::string_view key) const {
    return name_.empty() ? fmt::format("{}: {}", file_, key)
                         : fmt::format("{}: {}.{}", file_, name_, key);
  }

  Result<void> only(const std::vector<std::string_view>& known) const {
    for (const auto& [key, value] : table_) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      return fail(
          Errc::kInvalid,
          fmt::format("{}: unknown key, line {}", where(key.str()), value.source().begin.line),
          base::did_you_mean(key.str(), {known.begin(), known.end()}));
    }
    return {};
  }

  Result<std::int64_t> integer(std::string_view key, std::int64_t fallback, std::int64_t low,
                               std::int64_t high) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_integer();
    if (value == nullptr) return fail(Errc::kInvalid, where(key) + " is not an integer");
    if (value->get() < low || value->get() > high)
      return fail(Errc::kInvalid, fmt::format("{} is {}, allowed are {} to {}", where(key),
                                              value->get(), low, high));
    return value->get();
  }

  Result<bool> boolean(std::string_view key, bool fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto* value = node->as_boolean();
    if (value == nullptr) return fail(Errc::kInvalid, where(key) + " is not true or false");
    return value->get();
  }

  Result<std::optional<std::string>> text(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::optional<std::string>();
    const auto* value = node->as_string();
    if (value == nullptr) return fail(Errc::kInvalid, where(key) + " is not a string");
    return std::optional<std::string>(value->get());
  }

  /// The index in `words` of a string member; `fallback` when absent.
  Result<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& words,
                             std::size_t fallback) const {
    TRY(const auto value, text(key));
    if (!value) return fallback;
    const auto it = std::ranges::find(words, std::string_view(*value));
    if (it != words.end()) return static_cast<std::size_t>(it - words.begin());
    return fail(Errc::kInvalid, fmt::format("{} is none of {}", where(key), fmt::join(words, ", ")),
                base::did_you_mean(*value, {words.begin(), words.end()}));
  }

  Result<std::vector<std::string>> strings(std::string_view key) const {
    std::vector<std::string> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    const auto* list = node->as_array();
    if (list == nullptr) return fail(Errc::kInvalid, where(key) + " is not a list");
    if (list->size() > kMaxList)
      return fail(Errc::kInvalid,
                  fmt::format("{} has {} entries, limit {}", where(key), list->size(), kMaxList));
    for (const toml::node& entry : *list) {
      const auto* value = entry.as_string();
      if (value == nullptr)
        return fail(Errc::kInvalid, where(key) + " holds something that is not a string");
      out.push_back(value->get());
    }
    return out;
  }

  Result<nostr::PublicKey> key_of(std::string_view key, const std::string& value) const {
    auto parsed = nostr::parse_public_key(value);
    if (!parsed) return std::unexpected(base::in_context(where(key), std::move(parsed).error()));
    if (!nostr::is_on_curve(*parsed)) return fail(Errc::kInvalid, where(key) + " is no public key");
    return *parsed;
  }

  Result<std::vector<nostr::PublicKey>> keys(std::string_view key) const {
    TRY(const auto texts, strings(key));
    std::vector<nostr::PublicKey> out;
    for (const std::string& value : texts) {
      TRY(const auto parsed, key_of(key, value));
      if (std::ranges::find(out, parsed) != out.end())
        return fail(Errc::kInvalid, where(key) + " names one key twice");
      out.push_back(parsed);
    }
    return out;
  }

  Result<std::vector<std::string>> relays(std::string_view key) const {
    TRY(const auto texts, strings(key));
    std::vector<std::string> out;
    for (const std::string& value : texts) {
      if (!nostr::is_relay_url(value))
        return fail(Errc::kInvalid, where(key) + " holds something that is no ws:// or wss:// URL");
      std::string url = nostr::normalize_relay_url(value);
      if (std::ranges::find(out, url) == out.end()) out.push_back(std::move(url));
    }
    return out;
  }

  Result<std::vector<Pattern>> patterns(std::string_view key) const {
    TRY(const auto texts, strings(key));
    std::vector<Pattern> out;
    for (const std::string& text : texts) {
      auto compiled = Pattern::compile(text);
      if (!compiled)
        return std::unexpected(base::in_context(where(key), std::move(compiled).error()));
      out.push_back(*std::move(compiled));
    }
    return out;
  }

  /// An amount; nullopt when absent.
  Result<std::optional<Msat>> msat(std::string_view key) const {
    if (table_.get(key) == nullptr) return std::optional<Msat>();
    TRY(const auto value, integer(key, 0, 0, base::kMaxMsat.value));
    return std::optional(Msat{value});
  }

  bool has(std::string_view key) const { return table_.get(key) != nullptr; }

  Result<std::optional<Section>> table(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::optional<Section>();
    const auto* inner = node->as_table();
    if (inner == nullptr) return fail(Errc::kInvalid, where(key) + " is not a table");
    return std::optional<Section>(std::in_place, *inner, file_, std::string(key));
  }

  const toml::table& raw() const { return table_; }
  const std::string& file() const { return file_; }

 private:
  const toml::table& table_;
  std::string file_;
  std::string name_;
};

const std::vector<std::string_view> kRules{"sign", "ask", "proof", "refuse"};
const std::vector<std::string_view> kLevels{"supervised", "bounded", "autonomous"};
const std::vector<std::string_view> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

Result<std::uint32_t> read_rate(const Section& section, std::string_view key) {
  TRY(const auto rate, section.integer(key, 0, 1, kMaxRate));
  return static_cast<std::uint32_t>(rate);
}

Result<nostr::Kind> read_kind_number(const std::string& where, std::string_view text) {
  nostr::Kind kind = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), kind);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Errc::kInvalid, where + " is not a kind", "write [kinds.1], [kinds.30023], …");
  return kind;
}

Result<std::vector<nostr::Kind>> read_kind_list(const Section& section, std::string_view key) {
  std::vector<nostr::Kind> out;
  const auto* list = section.raw().get(key)->as_array();
  if (list == nullptr || list->size() > kMaxList)
    return fail(Errc::kInvalid, section.where(key) + " is not a list of kinds");
  for (const toml::node& entry : *list) {
    const auto* value = entry.as_integer();
    if (value == nullptr || value->get() < 0 || value->get() > 0xffff)
      return fail(Errc::kInvalid, section.where(key) + " holds something that is not a kind");
    out.push_back(static_cast<nostr::Kind>(value->get()));
  }
  return out;
}

Result<Requester> read_requester(const Section& section) {
  TRY(section.only({"idx", "runner", "blind", "lease", "kinds", "max_per_hour"}));
  Requester out;
  TRY(const auto idx, section.integer("idx", 0, 1, 0xffff'ffff));
  if (idx == 0) return fail(Errc::kInvalid, section.where("idx") + " is missing");
  out.idx = static_cast<std::uint32_t>(idx);
  TRY(const auto runner, section.text("runner"));
  if (runner) {
    TRY(out.runner, section.key_of("runner", *runner));
  }
  TRY(const auto blind, section.choice("blind", {"refuse", "allow"}, 0));
  out.blind = blind == 1;
  TRY(const auto lease, section.choice("lease", {"optional", "required"}, 0));
  out.needs_lease = lease == 1;
  if (out.needs_lease && !out.runner)
    return fail(Errc::kInvalid, section.where("lease") + " is required, but no runner is named",
                "a lease is proven with the runner's key");
  if (section.has("kinds")) {
    TRY(out.kinds, read_kind_list(section, "kinds"));
  }
  TRY(out.max_per_hour, read_rate(section, "max_per_hour"));
  return out;
}

Result<void> read_requesters(const Section& root, Policy& policy) {
  const toml::node* node = root.raw().get("requesters");
  if (node == nullptr) return {};
  const auto* list = node->as_array();
  if (list == nullptr || list->size() > kMaxList)
    return fail(Errc::kInvalid, root.where("requesters") + " is not a list of tables",
                "write each as [[requesters]]");
  for (const toml::node& entry : *list) {
    const auto* table = entry.as_table();
    if (table == nullptr) return fail(Errc::kInvalid, root.where("requesters") + " holds no table");
    TRY(auto requester, read_requester(Section(*table, root.file(), "requesters")));
    if (policy.requester(requester.idx) != nullptr)
      return fail(Errc::kInvalid,
                  fmt::format("{}: idx {} twice", root.where("requesters"), requester.idx));
    policy.requesters.push_back(requester);
  }
  return {};
}

Result<KindRule> read_kind_rule(const Section& section) {
  TRY(section.only({"verdict", "max_per_hour", "max_per_day", "max_bytes", "max_chars", "tags",
                    "forbidden_tags", "content_needs", "content_never", "licence"}));
  KindRule rule;
  TRY(const auto verdict, section.choice("verdict", kRules, kRules.size()));
  if (verdict < kRules.size()) rule.verdict = static_cast<Rule>(verdict);
  TRY(rule.max_per_hour, read_rate(section, "max_per_hour"));
  TRY(rule.max_per_day, read_rate(section, "max_per_day"));
  TRY(const auto bytes, section.integer("max_bytes", 0, 64, kMaxEventBytes));
  rule.max_bytes = static_cast<std::size_t>(bytes);
  TRY(const auto chars, section.integer("max_chars", 0, 1, kMaxEventBytes));
  rule.max_chars = static_cast<std::size_t>(chars);
  if (section.has("tags")) {
    TRY(rule.tags, section.strings("tags"));
  }
  TRY(rule.forbidden_tags, section.strings("forbidden_tags"));
  TRY(rule.content_needs, section.patterns("content_needs"));
  TRY(rule.content_never, section.patterns("content_never"));
  TRY(const auto licence, section.text("licence"));
  rule.licence = licence.value_or("");
  if (!rule.licence.empty() && !nostr::Address::parse(rule.licence))
    return fail(Errc::kInvalid, section.where("licence") + " is no address",
                "write the skill as \"33400:KEY:NAME\"");
  return rule;
}

/// What a kind's rule must not say, given the rest of the file.
Result<void> check_kind_rule(const Section& section, nostr::Kind kind, const KindRule& rule,
                             const Policy& policy) {
  if (is_never_signed(kind) && rule.verdict != Rule::kRefuse)
    return fail(Errc::kInvalid,
                fmt::format("{}: the group never signs kind {}", section.where("verdict"), kind),
                "remove the table; messages go out under the node's key");
  if (rule.verdict != Rule::kSign) return {};
  if (policy.level == Level::kSupervised)
    return fail(Errc::kInvalid, section.where("verdict") + " is sign, but level is supervised",
                "set level = \"bounded\" or verdict = \"ask\"");
  if (moves_money(kind) && !policy.spending.capped())
    return fail(Errc::kInvalid, section.where("verdict") + " is sign, but money has no limits",
                "set event_msat and day_msat in [spending]");
  return {};
}

Result<void> read_kinds(const Section& root, Policy& policy) {
  TRY(const auto kinds, root.table("kinds"));
  if (!kinds) return {};
  for (const auto& [key, value] : kinds->raw()) {
    TRY(const nostr::Kind kind, read_kind_number(kinds->where(key.str()), key.str()));
    const auto* table = value.as_table();
    if (table == nullptr) return fail(Errc::kInvalid, kinds->where(key.str()) + " is not a table");
    const Section section(*table, root.file(), fmt::format("kinds.{}", key.str()));
    TRY(KindRule rule, read_kind_rule(section));
    TRY(check_kind_rule(section, kind, rule, policy));
    policy.kinds.emplace(kind, std::move(rule));
  }
  return {};
}

Result<void> read_content(const Section& root, Policy& policy) {
  TRY(const auto content, root.table("content"));
  if (!content) return {};
  TRY(content->only({"never"}));
  TRY(policy.content_never, content->patterns("never"));
  return {};
}

Result<void> read_spending(const Section& root, Policy& policy) {
  TRY(const auto spending, root.table("spending"));
  if (!spending) return {};
  TRY(spending->only({"event_msat", "hour_msat", "day_msat", "ask_above_msat"}));
  TRY(policy.spending.per_event, spending->msat("event_msat"));
  TRY(policy.spending.per_hour, spending->msat("hour_msat"));
  TRY(policy.spending.per_day, spending->msat("day_msat"));
  TRY(policy.spending.ask_above, spending->msat("ask_above_msat"));
  return {};
}

Result<int> read_clock_time(const Section& section, std::string_view key) {
  TRY(const auto text, section.text(key));
  if (!text) return fail(Errc::kInvalid, section.where(key) + " is missing");
  auto minutes = parse_clock_time(*text);
  if (!minutes) {
    minutes.error().detail = section.where(key) + " " + minutes.error().detail;
    return std::unexpected(std::move(minutes).error());
  }
  return *minutes;
}

Result<void> read_quiet(const Section& root, Policy& policy) {
  TRY(const auto section, root.table("quiet"));
  if (!section) return {};
  TRY(section->only({"from", "to", "zone", "days", "verdict"}));
  QuietRule quiet;
  TRY(quiet.hours.from, read_clock_time(*section, "from"));
  TRY(quiet.hours.to, read_clock_time(*section, "to"));
  TRY(const auto zone, section->text("zone"));
  quiet.hours.zone = zone.value_or("UTC");
  if (!is_known_zone(quiet.hours.zone))
    return fail(Errc::kInvalid, section->where("zone") + " is no time zone this machine knows",
                "write a name like \"Europe/Berlin\"; see /usr/share/zoneinfo");
  if (section->has("days")) {
    quiet.hours.days.fill(false);
    TRY(const auto days, section->strings("days"));
    for (const std::string& day : days) {
      const auto it = std::ranges::find(kDays, std::string_view(day));
      if (it == kDays.end())
        return fail(Errc::kInvalid, section->where("days") + " holds something that is no day",
                    base::did_you_mean(day, {kDays.begin(), kDays.end()}));
      quiet.hours.days[static_cast<std::size_t>(it - kDays.begin())] = true;
    }
  }
  TRY(const auto verdict, section->choice("verdict", {"ask", "refuse"}, 1));
  quiet.verdict = verdict == 0 ? Rule::kAsk : Rule::kRefuse;
  policy.quiet = std::move(quiet);
  return {};
}

Result<void> read_asking(const Section& root, Policy& policy) {
  TRY(const auto section, root.table("approvals"));
  if (!section) return {};
  TRY(section->only({"reaction_max", "hold", "public_mentions", "signers"}));
  AskingRule& asking = policy.asking;
  TRY(asking.reaction_max,
      section->integer("reaction_max", asking.reaction_max, 0, 2'100'000'000'000'000));
  TRY(const auto hold, section->integer("hold", asking.hold.count(), 0, 600));
  asking.hold = base::seconds(hold);
  TRY(asking.public_mentions, section->boolean("public_mentions", asking.public_mentions));
  TRY(asking.signers, section->strings("signers"));
  return {};
}

Result<void> read_audit(const Section& root, Policy& policy) {
  TRY(const auto audit, root.table("audit"));
  if (!audit) return {};
  TRY(audit->only({"publish"}));
  TRY(policy.publish_anchors, audit->boolean("publish", policy.publish_anchors));
  return {};
}

Result<void> read_ecdh(const Section& root, Policy& policy) {
  TRY(const auto ecdh, root.table("ecdh"));
  if (!ecdh) return {};
  TRY(ecdh->only({"self", "messages", "max_per_hour", "max_messages_per_hour", "issuers", "targets"}));
  TRY(policy.ecdh.self, ecdh->boolean("self", policy.ecdh.self));
  TRY(policy.ecdh.messages, ecdh->boolean("messages", policy.ecdh.messages));
  TRY(const auto rate, ecdh->integer("max_per_hour", policy.ecdh.max_per_hour, 0, kMaxRate));
  policy.ecdh.max_per_hour = static_cast<std::uint32_t>(rate);
  TRY(const auto messages,
      ecdh->integer("max_messages_per_hour", policy.ecdh.max_messages_per_hour, 0, kMaxRate));
  policy.ecdh.max_messages_per_hour = static_cast<std::uint32_t>(messages);
  TRY(policy.ecdh.issuers, ecdh->keys("issuers"));
  TRY(policy.ecdh.targets, ecdh->keys("targets"));
  return {};
}

Result<void> read_relays(const Section& root, Policy& policy) {
  TRY(const auto relays, root.table("relays"));
  if (!relays) return {};
  TRY(relays->only({"follow", "auth"}));
  TRY(policy.follow_relays, relays->relays("follow"));
  TRY(policy.auth_relays, relays->relays("auth"));
  return {};
}

Result<Policy> read_root(const Section& root) {
  TRY(root.only({"operators", "quorum", "approval_ttl", "decisions_from", "level", "default",
                 "max_per_hour", "lease_ttl", "requesters", "kinds", "content", "spending", "quiet", "approvals",
                 "ecdh", "relays", "audit"}));
  Policy policy;
  TRY(policy.operators, root.keys("operators"));
  TRY(const auto quorum, root.integer("quorum", 1, 1, 16));
  policy.quorum = static_cast<std::uint32_t>(quorum);
  if (!policy.operators.empty() && policy.quorum > policy.operators.size())
    return fail(Errc::kInvalid,
                fmt::format("{} is {}, but there are {} operators", root.where("quorum"),
                            policy.quorum, policy.operators.size()));
  TRY(const auto ttl, root.integer("approval_ttl", 900, 60, 86'400));
  policy.approval_ttl = base::seconds(ttl);
  TRY(policy.decisions_from, root.keys("decisions_from"));
  TRY(const auto level, root.choice("level", kLevels, static_cast<std::size_t>(policy.level)));
  policy.level = static_cast<Level>(level);
  TRY(const auto unlisted, root.choice("default", {"refuse", "ask"}, 0));
  policy.unlisted = unlisted == 0 ? Rule::kRefuse : Rule::kAsk;
  TRY(const auto rate, root.integer("max_per_hour", policy.max_per_hour, 1, kMaxRate));
  policy.max_per_hour = static_cast<std::uint32_t>(rate);
  TRY(const auto lease, root.integer("lease_ttl", policy.lease_ttl.count(), 60, 3'600));
  policy.lease_ttl = base::seconds(lease);
  TRY(read_requesters(root, policy));
  TRY(read_spending(root, policy));  // before the kinds, which lean on its limits
  TRY(read_kinds(root, policy));
  TRY(read_content(root, policy));
  TRY(read_quiet(root, policy));
  TRY(read_asking(root, policy));
  TRY(read_ecdh(root, policy));
  TRY(read_relays(root, policy));
  TRY(read_audit(root, policy));
  return policy;
}

}  // namespace

base::Result<Policy> parse_policy(std::string_view toml, std::string_view name) {
  if (toml.size() > kMaxFileBytes)
    return fail(Errc::kInvalid,
                fmt::format("{} is {} bytes, limit {}", name, toml.size(), kMaxFileBytes));
  const toml::parse_result parsed = toml::parse(toml, name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Errc::kInvalid, fmt::format("{}: line {}: {}", name, error.source().begin.line,
                                            error.description()));
  }
  return read_root(Section(parsed.table(), std::string(name), ""));
}

}  // namespace frostr
