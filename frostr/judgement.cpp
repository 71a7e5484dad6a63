// The judgement: who asks, what it is, what the rules of its kind say, what it costs, and whether
// the operator has spoken.
#include "frostr/judgement.h"

#include <algorithm>

#include <fmt/format.h>

#include "frostr/shapes.h"
#include "nipsa/digest.h"

namespace frostr {
namespace {

constexpr base::seconds kApprovedPast{86'400 + 300};  // the longest approval plus the usual window

std::size_t count_chars(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string requester_text(const Requester& requester) {
  return fmt::format("member {}", requester.idx);
}

std::string_view lease_text(const LeaseFact& lease) {
  switch (lease.state) {
    case LeaseFact::State::kNone:
      return "held by nobody";
    case LeaseFact::State::kHeld:
      return "held by the process that asks";
    case LeaseFact::State::kByOther:
      return "held by another process";
  }
  return "";
}

/// One judgement under way. Each check notes what it looked at, and returns the refusal or nothing.
class Judgement {
 public:
  Judgement(const Policy& policy, const nostr::UnsignedEvent& event, std::size_t json_bytes,
            const SignFacts& facts, Trace* trace)
      : policy_(policy),
        event_(event),
        own_(policy.kind(event.kind)),
        json_bytes_(json_bytes),
        facts_(facts),
        trace_(trace) {
    verdict_.digest = nipsa::event_digest(event);
  }

  Verdict run() {
    using Check = Refusal (Judgement::*)();
    for (const Check check : {&Judgement::requester, &Judgement::lease, &Judgement::author,
                              &Judgement::never_signed, &Judgement::size, &Judgement::rule,
                              &Judgement::tags, &Judgement::content, &Judgement::licence,
                              &Judgement::money, &Judgement::rates})
      if (auto refusal = (this->*check)()) return refuse(*std::move(refusal));
    if (facts_.signed_before) return repeat();
    id_ = nostr::compute_id(event_);
    for (const Check check : {&Judgement::shape, &Judgement::head})
      if (auto refusal = (this->*check)()) return refuse(*std::move(refusal));
    return rule_ == Rule::kSign ? unasked() : asked();
  }

 private:
  template <class Value>
  void note(std::string_view rule, Value value, std::string_view result) {
    if (trace_ != nullptr)
      trace_->push_back({std::string(rule), std::string(value()), std::string(result)});
  }
  template <class Value>
  Refusal noted(std::string_view rule, Value value, Refusal refusal) {
    note(rule, std::move(value), refusal ? std::string_view(*refusal) : "pass");
    return refusal;
  }
  std::string own_name(std::string_view key) const {
    return fmt::format("kinds.{}.{}", event_.kind, key);
  }
  /// Nothing that was decided before is decided again.
  bool is_settled() const { return facts_.signed_before || facts_.word == OperatorWord::kApproved; }

  Refusal requester() {
    const auto& kinds = facts_.requester.kinds;
    Refusal refusal;
    if (kinds && std::ranges::find(*kinds, event_.kind) == kinds->end())
      refusal = fmt::format("kind-not-for-requester: kind {} by member {}", event_.kind,
                            facts_.requester.idx);
    return noted("requester", [&] { return requester_text(facts_.requester); }, std::move(refusal));
  }

  Refusal lease() {
    return noted("lease", [&] { return lease_text(facts_.lease); },
                 lease_refusal(facts_.requester, facts_.lease));
  }

  Refusal author() {
    Refusal refusal;
    if (event_.pubkey != facts_.group) refusal = "wrong-author: not the group key";
    return noted("author", [&] { return event_.pubkey.hex(); }, std::move(refusal));
  }

  Refusal never_signed() {
    Refusal refusal;
    if (is_never_signed(event_.kind)) refusal = fmt::format("never-signed: kind {}", event_.kind);
    return noted("never signed", [&] { return fmt::format("kind {}", event_.kind); },
                 std::move(refusal));
  }

  Refusal size() {
    const bool own = own_ != nullptr && own_->max_bytes != 0;
    const std::size_t limit = own ? std::min(own_->max_bytes, kMaxEventBytes) : kMaxEventBytes;
    const auto value = [&] { return fmt::format("{} bytes, limit {}", json_bytes_, limit); };
    Refusal refusal;
    if (json_bytes_ > limit) refusal = "too-large-to-cosign: " + value();
    return noted(own ? own_name("max_bytes") : "size", value, std::move(refusal));
  }

  /// The rule after the file's exception, the level, the amount, the hour and the node's own wish,
  /// each of which is only allowed to move it in its direction.
  Refusal rule() {
    rule_ = is_state_part(event_) ? Rule::kSign
                                  : built_in_rule(policy_, event_.kind, facts_.address_taken);
    note("kind",
         [&] {
           return fmt::format("kind {}, level {}{}", event_.kind, level_name(policy_.level),
                              facts_.address_taken ? ", something stands at its address" : "");
         },
         rule_name(rule_));
    own_verdict();
    ask_above();
    auto refusal = quiet_hours();
    if (facts_.ask_wanted && !is_machinery(event_)) stricter("node", "the node asks", Rule::kAsk);
    if (refusal) return refusal;
    if (rule_ == Rule::kRefuse) return fmt::format("kind-not-allowed: kind {}", event_.kind);
    return std::nullopt;
  }

  void own_verdict() {
    if (own_ == nullptr || !own_->verdict) return;
    rule_ = *own_->verdict;
    note(own_name("verdict"), [&] { return std::string(rule_name(rule_)); }, rule_name(rule_));
    if (policy_.level == Level::kSupervised && !is_machinery(event_))
      stricter("level", "supervised", Rule::kAsk);
  }

  void stricter(std::string_view rule, std::string_view why, Rule at_least) {
    rule_ = std::max(rule_, at_least);
    note(rule, [&] { return std::string(why); }, rule_name(rule_));
  }

  void ask_above() {
    const auto limit = policy_.spending.ask_above;
    if (!limit || !moves_money(event_.kind)) return;
    const auto amount = amount_of(event_);
    if (amount && *amount <= *limit) return;
    stricter("spending.ask_above_msat",
             amount ? fmt::format("{} msat, above {}", amount->value, limit->value) : "no amount",
             Rule::kAsk);
  }

  Refusal quiet_hours() {
    if (!policy_.quiet || is_machinery(event_)) return std::nullopt;
    const QuietRule& quiet = *policy_.quiet;
    const auto until = quiet.hours.until(facts_.now);
    if (!until) {
      note("quiet", [&] { return "not at " + quiet.hours.local(facts_.now); }, "pass");
      return std::nullopt;
    }
    const std::string span = fmt::format("until {}", quiet.hours.local(*until));
    if (is_settled()) {
      note("quiet", [&] { return span + ", but it is settled"; }, "pass");
      return std::nullopt;
    }
    if (quiet.verdict != Rule::kRefuse) {
      stricter("quiet", span, quiet.verdict);
      return std::nullopt;
    }
    return noted("quiet", [&] { return span; }, "quiet-hours: " + span);
  }

  Refusal tags() {
    if (own_ == nullptr || (!own_->tags && own_->forbidden_tags.empty())) return std::nullopt;
    Refusal refusal;
    for (const nostr::Tag& tag : event_.tags) {
      const std::string_view name =
          tag.empty() ? std::string_view() : std::string_view(tag.front());
      if ((own_->tags && !contains(*own_->tags, name)) || contains(own_->forbidden_tags, name)) {
        refusal = fmt::format("tag-not-allowed: {}", name.substr(0, 32));
        break;
      }
    }
    return noted(own_name("tags"), [&] { return fmt::format("{} tags", event_.tags.size()); },
                 std::move(refusal));
  }

  Refusal content() {
    if (own_ != nullptr && own_->max_chars != 0) {
      const std::size_t chars = count_chars(event_.content);
      const auto value = [&] {
        return fmt::format("{} characters, limit {}", chars, own_->max_chars);
      };
      Refusal refusal;
      if (chars > own_->max_chars) refusal = "content-too-long: " + value();
      if (noted(own_name("max_chars"), value, refusal)) return refusal;
    }
    if (!is_machinery(event_))
      if (auto refusal = absent("content.never", policy_.content_never)) return refusal;
    if (own_ == nullptr) return std::nullopt;
    if (auto refusal = absent(own_name("content_never"), own_->content_never)) return refusal;
    for (const Pattern& pattern : own_->content_needs) {
      Refusal refusal;
      if (!pattern.found_in(event_.content))
        refusal = "content-not-allowed: a pattern it needs is missing";
      if (noted(own_name("content_needs"), [&] { return pattern.text(); }, refusal)) return refusal;
    }
    return std::nullopt;
  }

  Refusal absent(const std::string& rule, const std::vector<Pattern>& patterns) {
    for (const Pattern& pattern : patterns) {
      Refusal refusal;
      if (pattern.found_in(event_.content))
        refusal = "content-not-allowed: it holds a forbidden pattern";
      if (noted(rule, [&] { return pattern.text(); }, refusal)) return refusal;
    }
    return std::nullopt;
  }

  Refusal licence() {
    if (own_ == nullptr || own_->licence.empty()) return std::nullopt;
    const auto value = [&] {
      return fmt::format("{} is {}", own_->licence, licence_state_name(facts_.licence));
    };
    Refusal refusal;
    if (facts_.licence != LicenceState::kLive) refusal = "no-live-licence: " + value();
    return noted(own_name("licence"), value, std::move(refusal));
  }

  Refusal money() {
    const SpendingLimits& limits = policy_.spending;
    if (!moves_money(event_.kind) || !limits.any()) return std::nullopt;
    const auto amount = amount_of(event_);
    if (!amount)
      return noted("spending", [] { return "no amount"; },
                   "amount-unknown: limits hold, and the event names no single amount");
    if (limits.per_event && *amount > *limits.per_event) {
      const auto value = [&] {
        return fmt::format("{} msat, limit {}", amount->value, limits.per_event->value);
      };
      return noted("spending.event_msat", value, "amount-over-limit: " + value());
    }
    if (auto refusal = within("hour", limits.per_hour, facts_.spent_last_hour, *amount))
      return refusal;
    return within("day", limits.per_day, facts_.spent_last_day, *amount);
  }

  Refusal within(std::string_view window, std::optional<Msat> limit, Msat spent, Msat amount) {
    if (!limit) return std::nullopt;
    const auto value = [&] {
      return fmt::format("{} msat on top of {} in the last {}, limit {}", amount.value, spent.value,
                         window, limit->value);
    };
    Refusal refusal;
    // Both are at most kMaxMsat: written so that no sum can overflow.
    if (spent > *limit || amount > *limit - spent) refusal = "spending-limit: " + value();
    return noted(fmt::format("spending.{}_msat", window), value, std::move(refusal));
  }

  Refusal rates() {
    struct Rate {
      std::string name;
      std::uint32_t count;
      std::uint32_t limit;  ///< 0: none
      std::string_view span;
    };
    const KindRule none;
    const KindRule& own = own_ != nullptr ? *own_ : none;
    for (const Rate& rate :
         {Rate{"max_per_hour", facts_.signed_last_hour, policy_.max_per_hour, "an hour"},
          Rate{"requesters.max_per_hour", facts_.requester_last_hour,
               facts_.requester.max_per_hour, "an hour by this member"},
          Rate{own_name("max_per_hour"), facts_.kind_last_hour, own.max_per_hour,
               "of this kind an hour"},
          Rate{own_name("max_per_day"), facts_.kind_last_day, own.max_per_day,
               "of this kind a day"},
          Rate{"repeats", facts_.repeats_last_hour, kMaxRepeats, "repetitions an hour"}}) {
      if (rate.limit == 0) continue;
      Refusal refusal;
      if (rate.count >= rate.limit)
        refusal = fmt::format("rate-limited: {} {}", rate.limit, rate.span);
      const auto value = [&] {
        return fmt::format("{} so far, limit {}", rate.count, rate.limit);
      };
      if (noted(rate.name, value, refusal)) return refusal;
    }
    return std::nullopt;
  }

  Refusal shape() {
    return noted("shape", [&] { return fmt::format("{} tags", event_.tags.size()); },
                 check_shape(policy_, event_, facts_, id_));
  }

  Refusal head() {
    if (!facts_.head) return std::nullopt;
    Refusal refusal;
    if (event_.created_at <= facts_.head->created_at)
      refusal = fmt::format("not-newer-than-head: head is at {}",
                            base::to_unix(facts_.head->created_at));
    return noted("head", [&] { return facts_.head->id.hex(); }, std::move(refusal));
  }

  /// The same id again adds nothing to what already left; only a denial since then stops it.
  Verdict repeat() {
    note("signed before", [] { return "exactly this event"; }, "pass");
    if (rule_ != Rule::kSign && facts_.word == OperatorWord::kDenied)
      return refuse("denied: the operator said no");
    return sign();
  }

  Verdict unasked() {
    if (auto refusal = stamp(kStampPast)) return refuse(*std::move(refusal));
    return sign();
  }

  Refusal stamp(base::seconds past) {
    return noted("created_at",
                 [&] {
                   return fmt::format("{} s from now",
                                      (event_.created_at - facts_.now).count());
                 },
                 out_of_window(event_, facts_.now, past));
  }

  /// The part that concerns what the operator said.
  Verdict asked() {
    if (facts_.word == OperatorWord::kDenied) return refuse("denied: the operator said no");
    if (facts_.word == OperatorWord::kApproved) return approved();
    if (facts_.rendered_chars > kMaxRenderedChars)
      return refuse(fmt::format("too-long-to-show: {} characters, limit {}", facts_.rendered_chars,
                                kMaxRenderedChars));
    if (event_.created_at > facts_.now + kStampFuture)
      return refuse("created-at-out-of-window: in the future");
    verdict_.outcome = Verdict::Outcome::kAsk;
    verdict_.needs_proof = rule_ == Rule::kProof;
    note("verdict",
         [&] {
           return policy_.operators.empty() ? "no operator is configured: nobody can say yes"
                  : verdict_.needs_proof    ? "an operator has to sign a yes"
                                            : "the operator has not spoken";
         },
         rule_name(rule_));
    return verdict_;
  }

  Verdict approved() {
    note("operator", [&] { return facts_.word_is_signed ? "a signed yes" : "a yes"; }, "pass");
    if (rule_ == Rule::kProof && !facts_.word_is_signed)
      return refuse("proof-required: the yes must be a 39213 that an operator signed");
    if (facts_.bound && *facts_.bound != id_)
      return refuse("already-consumed: by event " + facts_.bound->hex());
    if (auto refusal = stamp(kApprovedPast)) return refuse(*std::move(refusal));
    verdict_.by_approval = true;
    return sign();
  }

  Verdict refuse(std::string reason) {
    verdict_.outcome = Verdict::Outcome::kRefuse;
    note("verdict", [&] { return reason; }, "refuse");
    verdict_.reason = std::move(reason);
    return verdict_;
  }

  Verdict sign() {
    verdict_.outcome = Verdict::Outcome::kSign;
    note("verdict", [&] { return verdict_.by_approval ? "by approval" : "unasked"; }, "sign");
    return verdict_;
  }

  const Policy& policy_;
  const nostr::UnsignedEvent& event_;
  const KindRule* own_;
  std::size_t json_bytes_;
  const SignFacts& facts_;
  Trace* trace_;
  Rule rule_ = Rule::kRefuse;
  nostr::EventId id_;
  Verdict verdict_;
};

}  // namespace

std::optional<std::string> lease_refusal(const Requester& requester, const LeaseFact& lease) {
  if (lease.state == LeaseFact::State::kByOther)
    return fmt::format("lease-held: until {}", base::to_unix(lease.until));
  if (lease.state == LeaseFact::State::kNone && requester.needs_lease)
    return "lease-needed: this member is served only as its runner";
  return std::nullopt;
}

Verdict judge(const Policy& policy, const nostr::UnsignedEvent& event, std::size_t json_bytes,
              const SignFacts& facts, Trace* trace) {
  return Judgement(policy, event, json_bytes, facts, trace).run();
}

Verdict judge_blind(const Policy& policy, const nostr::Sha256& hash, const SignFacts& facts) {
  Verdict verdict{.digest = hash};
  const Requester& requester = facts.requester;
  if (!requester.blind) {
    verdict.reason = "blind: send the event, not only its hash";
  } else if (auto refusal = lease_refusal(requester, facts.lease)) {
    verdict.reason = *std::move(refusal);
  } else if (facts.signed_last_hour >= policy.max_per_hour ||
             (requester.max_per_hour != 0 && facts.requester_last_hour >= requester.max_per_hour)) {
    verdict.reason = "rate-limited";
  } else {
    verdict.outcome = Verdict::Outcome::kSign;
  }
  return verdict;
}

bool may_be_stale_view(std::string_view reason) {
  return reason.starts_with("no-live-claim") || reason.starts_with("stale-prev") ||
         reason.starts_with("no-live-licence");
}

}  // namespace frostr
