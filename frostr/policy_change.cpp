// Comparing policies key by key.
#include "frostr/policy_change.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace frostr {
namespace {

using enum Direction;

class Comparison {
 public:
  Comparison(const Policy& before, const Policy& after) : before_(before), after_(after) {}

  std::vector<PolicyChange> run() {
    members("operators", before_.operators, after_.operators, kOther);
    number("quorum", before_.quorum, after_.quorum, /*more=*/kTighter);
    number("approval_ttl", before_.approval_ttl.count(), after_.approval_ttl.count(), kLooser);
    members("decisions_from", before_.decisions_from, after_.decisions_from, kLooser);
    asking();
    if (before_.level != after_.level)
      add("level", level_name(before_.level), level_name(after_.level),
          after_.level > before_.level ? kLooser : kTighter);
    verdict("default", before_.unlisted, after_.unlisted);
    number("max_per_hour", before_.max_per_hour, after_.max_per_hour, kLooser);
    number("lease_ttl", before_.lease_ttl.count(), after_.lease_ttl.count(), kTighter);
    requesters();
    kinds();
    patterns("content.never", before_.content_never, after_.content_never, /*more=*/kTighter);
    spending();
    quiet();
    ecdh();
    members("relays.follow", before_.follow_relays, after_.follow_relays, kOther);
    members("relays.auth", before_.auth_relays, after_.auth_relays, kLooser);
    if (before_.publish_anchors != after_.publish_anchors)
      add("audit.publish", before_.publish_anchors, after_.publish_anchors,
          after_.publish_anchors ? kTighter : kLooser);
    return std::move(changes_);
  }

 private:
  template <class From, class To>
  void add(std::string_view key, const From& from, const To& to, Direction direction) {
    changes_.push_back({fmt::format("{} {} → {}", key, from, to), direction});
  }

  static Direction opposite(Direction direction) {
    return direction == kLooser ? kTighter : direction == kTighter ? kLooser : kOther;
  }

  template <class Number>
  void number(std::string_view key, Number from, Number to, Direction more) {
    if (from != to) add(key, from, to, to > from ? more : opposite(more));
  }

  /// A limit of which 0 means none at all.
  template <class Number>
  void limit(std::string_view key, Number from, Number to) {
    if (from == to) return;
    const bool looser = to == 0 || (from != 0 && to > from);
    add(key, from, to, looser ? kLooser : kTighter);
  }

  void amount(std::string_view key, std::optional<Msat> from, std::optional<Msat> to) {
    if (from == to) return;
    const auto text = [](std::optional<Msat> value) {
      return value ? fmt::to_string(value->value) : std::string("none");
    };
    add(key, text(from), text(to), !to || (from && *to > *from) ? kLooser : kTighter);
  }

  void verdict(std::string_view key, Rule from, Rule to) {
    if (from != to) add(key, rule_name(from), rule_name(to), to < from ? kLooser : kTighter);
  }

  /// Lists as sets: `more` is the direction of one more member.
  template <class Item>
  void members(std::string_view key, const std::vector<Item>& from, const std::vector<Item>& to,
               Direction more) {
    const auto has = [](const std::vector<Item>& list, const Item& item) {
      return std::ranges::find(list, item) != list.end();
    };
    const auto added = std::ranges::count_if(to, [&](const Item& x) { return !has(from, x); });
    const auto gone = std::ranges::count_if(from, [&](const Item& x) { return !has(to, x); });
    if (added == 0 && gone == 0) return;
    const Direction direction = added == 0 ? opposite(more) : gone == 0 ? more : kOther;
    changes_.push_back({fmt::format("{} +{} -{}", key, added, gone), direction});
  }

  void patterns(std::string_view key, const std::vector<Pattern>& from,
                const std::vector<Pattern>& to, Direction more) {
    members(key, texts(from), texts(to), more);
  }
  static std::vector<std::string> texts(const std::vector<Pattern>& patterns) {
    std::vector<std::string> out;
    for (const Pattern& pattern : patterns) out.push_back(pattern.text());
    return out;
  }

  /// A list that, when present, is all that is allowed.
  template <class Item>
  void only(std::string_view key, const std::optional<std::vector<Item>>& from,
            const std::optional<std::vector<Item>>& to) {
    if (from && to) return members(key, *from, *to, kLooser);
    if (from.has_value() != to.has_value())
      add(key, from ? "a list" : "all", to ? "a list" : "all", to ? kTighter : kLooser);
  }

  void requesters() {
    for (const Requester& now : after_.requesters)
      if (before_.requester(now.idx) == nullptr)
        changes_.push_back({fmt::format("requesters {} added", now.idx), kLooser});
    for (const Requester& was : before_.requesters) {
      const Requester* now = after_.requester(was.idx);
      const std::string key = fmt::format("requesters {}", was.idx);
      if (now == nullptr) {
        changes_.push_back({key + " removed", kTighter});
        continue;
      }
      if (was.runner != now->runner) changes_.push_back({key + " runner", kOther});
      if (was.blind != now->blind)
        add(key + " blind", was.blind, now->blind, now->blind ? kLooser : kTighter);
      if (was.needs_lease != now->needs_lease)
        add(key + " lease", was.needs_lease, now->needs_lease,
            now->needs_lease ? kTighter : kLooser);
      only(key + " kinds", was.kinds, now->kinds);
      limit(key + " max_per_hour", was.max_per_hour, now->max_per_hour);
    }
  }

  /// The verdict of a kind whose address is free or taken, as far as the policy alone says.
  static Rule rule_of(const Policy& policy, nostr::Kind kind, bool taken) {
    const KindRule* own = policy.kind(kind);
    if (own == nullptr || !own->verdict) return built_in_rule(policy, kind, taken);
    if (policy.level == Level::kSupervised && !is_machinery(kind))
      return std::max(*own->verdict, Rule::kAsk);
    return *own->verdict;
  }

  void kinds() {
    std::set<nostr::Kind> named;
    for (const auto& [kind, rule] : before_.kinds) named.insert(kind);
    for (const auto& [kind, rule] : after_.kinds) named.insert(kind);
    const KindRule none;
    for (const nostr::Kind kind : named) {
      const KindRule& from = before_.kind(kind) != nullptr ? *before_.kind(kind) : none;
      const KindRule& to = after_.kind(kind) != nullptr ? *after_.kind(kind) : none;
      const auto key = [&](std::string_view name) { return fmt::format("kinds.{}.{}", kind, name); };
      verdict(key("verdict"), rule_of(before_, kind, true), rule_of(after_, kind, true));
      verdict(key("verdict (first)"), rule_of(before_, kind, false), rule_of(after_, kind, false));
      limit(key("max_per_hour"), from.max_per_hour, to.max_per_hour);
      limit(key("max_per_day"), from.max_per_day, to.max_per_day);
      limit(key("max_bytes"), from.max_bytes, to.max_bytes);
      limit(key("max_chars"), from.max_chars, to.max_chars);
      only(key("tags"), from.tags, to.tags);
      members(key("forbidden_tags"), from.forbidden_tags, to.forbidden_tags, kTighter);
      patterns(key("content_needs"), from.content_needs, to.content_needs, kTighter);
      patterns(key("content_never"), from.content_never, to.content_never, kTighter);
      if (from.licence != to.licence)
        changes_.push_back({key("licence"), from.licence.empty() ? kTighter
                                            : to.licence.empty() ? kLooser
                                                                 : kOther});
    }
  }

  void spending() {
    amount("spending.event_msat", before_.spending.per_event, after_.spending.per_event);
    amount("spending.hour_msat", before_.spending.per_hour, after_.spending.per_hour);
    amount("spending.day_msat", before_.spending.per_day, after_.spending.per_day);
    amount("spending.ask_above_msat", before_.spending.ask_above, after_.spending.ask_above);
  }

  void asking() {
    const AskingRule& from = before_.asking;
    const AskingRule& to = after_.asking;
    number("approvals.reaction_max", from.reaction_max, to.reaction_max, kLooser);
    number("approvals.hold", from.hold.count(), to.hold.count(), kTighter);
    if (from.public_mentions != to.public_mentions)
      add("approvals.public_mentions", from.public_mentions, to.public_mentions, kOther);
    members("approvals.signers", from.signers, to.signers, kOther);
  }

  void quiet() {
    const auto& from = before_.quiet;
    const auto& to = after_.quiet;
    if (from.has_value() != to.has_value()) {
      add("quiet", from ? "set" : "none", to ? "set" : "none", to ? kTighter : kLooser);
      return;
    }
    if (!from) return;
    verdict("quiet.verdict", from->verdict, to->verdict);
    const auto span = [](const QuietHours& hours) {
      return std::tie(hours.zone, hours.from, hours.to, hours.days);
    };
    if (span(from->hours) != span(to->hours))
      changes_.push_back({fmt::format("quiet {}-{} {} → {}-{} {}",
                                      format_clock_time(from->hours.from),
                                      format_clock_time(from->hours.to), from->hours.zone,
                                      format_clock_time(to->hours.from),
                                      format_clock_time(to->hours.to), to->hours.zone),
                          kOther});
  }

  void ecdh() {
    const EcdhPolicy& from = before_.ecdh;
    const EcdhPolicy& to = after_.ecdh;
    if (from.self != to.self) add("ecdh.self", from.self, to.self, to.self ? kLooser : kTighter);
    if (from.messages != to.messages)
      add("ecdh.messages", from.messages, to.messages, to.messages ? kLooser : kTighter);
    number("ecdh.max_per_hour", from.max_per_hour, to.max_per_hour, kLooser);
    number("ecdh.max_messages_per_hour", from.max_messages_per_hour, to.max_messages_per_hour,
           kLooser);
    members("ecdh.issuers", from.issuers, to.issuers, kLooser);
    members("ecdh.targets", from.targets, to.targets, kLooser);
  }

  const Policy& before_;
  const Policy& after_;
  std::vector<PolicyChange> changes_;
};

std::string_view direction_name(Direction direction) {
  switch (direction) {
    case kTighter:
      return "tighter";
    case kLooser:
      return "looser";
    case kOther:
      return "other";
  }
  return "other";
}

}  // namespace

std::vector<PolicyChange> compare(const Policy& before, const Policy& after) {
  return Comparison(before, after).run();
}

bool loosens(const std::vector<PolicyChange>& changes) {
  return std::ranges::any_of(
      changes, [](const PolicyChange& change) { return change.direction != kTighter; });
}

std::string describe(const std::vector<PolicyChange>& changes) {
  std::string out;
  for (const PolicyChange& change : changes)
    out += fmt::format("{}{} ({})", out.empty() ? "" : "; ", change.what,
                       direction_name(change.direction));
  return out;
}

}  // namespace frostr
