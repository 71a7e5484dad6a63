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

const std::vector<std::string_view> kRules{"sign", "ask", "refuse"};
const std::vector<std::string_view> kLevels{"supervised", "bounded", "autonomous"};

Result<Requester> read_requester(const Section& section) {
  TRY(section.only({"idx", "runner", "blind"}));
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

Result<void> read_kind(const Section& section, nostr::Kind kind, Policy& policy) {
  TRY(section.only({"verdict", "max_per_hour", "max_bytes"}));
  KindRule rule;
  TRY(const auto verdict, section.choice("verdict", kRules, kRules.size()));
  if (verdict < kRules.size()) rule.verdict = static_cast<Rule>(verdict);
  TRY(const auto rate, section.integer("max_per_hour", 0, 1, kMaxRate));
  rule.max_per_hour = static_cast<std::uint32_t>(rate);
  TRY(const auto bytes, section.integer("max_bytes", 0, 64, kMaxEventBytes));
  rule.max_bytes = static_cast<std::size_t>(bytes);
  if (is_never_signed(kind) && rule.verdict != Rule::kRefuse)
    return fail(Errc::kInvalid,
                fmt::format("{}: the group never signs kind {}", section.where("verdict"), kind),
                "remove the table; messages go out under the node's key");
  if (policy.level == Level::kSupervised && rule.verdict == Rule::kSign)
    return fail(Errc::kInvalid, section.where("verdict") + " is sign, but level is supervised",
                "set level = \"bounded\" or verdict = \"ask\"");
  policy.kinds.emplace(kind, rule);
  return {};
}

Result<void> read_kinds(const Section& root, Policy& policy) {
  TRY(const auto kinds, root.table("kinds"));
  if (!kinds) return {};
  for (const auto& [key, value] : kinds->raw()) {
    const std::string_view text = key.str();
    nostr::Kind kind = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), kind);
    if (error != std::errc() || end != text.data() + text.size())
      return fail(Errc::kInvalid, kinds->where(text) + " is not a kind",
                  "write [kinds.1], [kinds.30023], …");
    const auto* table = value.as_table();
    if (table == nullptr) return fail(Errc::kInvalid, kinds->where(text) + " is not a table");
    TRY(read_kind(Section(*table, root.file(), fmt::format("kinds.{}", text)), kind, policy));
  }
  return {};
}

Result<void> read_ecdh(const Section& root, Policy& policy) {
  TRY(const auto ecdh, root.table("ecdh"));
  if (!ecdh) return {};
  TRY(ecdh->only({"self", "messages", "max_per_hour", "issuers", "targets"}));
  TRY(policy.ecdh.self, ecdh->boolean("self", policy.ecdh.self));
  TRY(policy.ecdh.messages, ecdh->boolean("messages", policy.ecdh.messages));
  TRY(const auto rate, ecdh->integer("max_per_hour", policy.ecdh.max_per_hour, 0, kMaxRate));
  policy.ecdh.max_per_hour = static_cast<std::uint32_t>(rate);
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
                 "max_per_hour", "requesters", "kinds", "ecdh", "relays"}));
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
  TRY(read_requesters(root, policy));
  TRY(read_kinds(root, policy));
  TRY(read_ecdh(root, policy));
  TRY(read_relays(root, policy));
  return policy;
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", \"" : "\"") + item + "\"";
  return out + "]";
}

std::string key_list(const std::vector<nostr::PublicKey>& keys) {
  std::vector<std::string> texts;
  for (const auto& key : keys) texts.push_back(nostr::encode_npub(key));
  return quoted_list(texts);
}

std::string requester_text(const Requester& requester) {
  return fmt::format("[[requesters]]\nidx = {}\n{}blind = \"{}\"\n\n", requester.idx,
                     requester.runner
                         ? fmt::format("runner = \"{}\"\n", nostr::encode_npub(*requester.runner))
                         : std::string("# runner = \"npub1…\"\n"),
                     requester.blind ? "allow" : "refuse");
}

constexpr std::string_view kHead =
    R"(# What this co-signer signs. Read when it starts; a mistake is an error that names line and key.
# Keys are npub or 64 hex characters.

# Whose word decides when an event needs approval, how many of them must say yes, and for how long
# (seconds, 60 to 86400) a question stays open.
operators = {operators}
quorum = 1
approval_ttl = 900

# Service keys of other co-signers whose published decision (kind 39213) counts like our own.
decisions_from = {decisions_from}

# How much the agent may do unasked. The node can only be stricter.
#   supervised  everything said to the world asks, whatever [kinds.N] says
#   bounded     it asks unless its kind below says sign
#   autonomous  notes, reactions and comments (kinds 1, 7, 1111) are signed without asking
level = "{level}"

# Kinds without a rule: refuse, or ask.
default = "refuse"

# Signatures of all kinds together.
max_per_hour = 1200

# Who may ask: a member of the group by its share's number, and the node key that runs the agent.
# Only claims (39210) by `runner` open the state. `blind` requests carry a hash and no event: allow
# gives that member any signature at all.
)";

constexpr std::string_view kTail =
    R"(# Built in: state (39201) once a tick, trajectory heads (39230), and the first 0, 10002, 10050, 39200
# and 39202 are signed; later ones, 39203, 1, 5, 6, 7, 1111, 9734 and 30023 ask; 4, 13, 1059, 24133
# and 27235 are never signed. A table changes one kind:
# [kinds.7]
# verdict = "sign"        # sign, ask or refuse
# max_per_hour = 30
# max_bytes = 2000

[ecdh]
# Help to open the agent's own state, for a running tick.
self = true
# Help to open strangers' messages to the group key.
messages = false
max_per_hour = 240
# Who may issue licences that name content keys, and single keys allowed by name without a tick.
issuers = []
targets = []

[relays]
# Where heads, claims and questions are read, and the relays for which AUTH (22242) is signed.
follow = {relays}
auth = {relays}
)";

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

std::string write_policy(const PolicySeed& seed) {
  std::string out = fmt::format(kHead, fmt::arg("operators", key_list(seed.operators)),
                                fmt::arg("decisions_from", key_list(seed.decisions_from)),
                                fmt::arg("level", level_name(seed.level)));
  for (const Requester& requester : seed.requesters) out += requester_text(requester);
  return out + fmt::format(kTail, fmt::arg("relays", quoted_list(seed.relays)));
}

}  // namespace frostr
