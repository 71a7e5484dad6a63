// Checking evidence, as somebody who trusts none of it would.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip19.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip59.h"
#include "orchestration/approvals/answer.h"
#include "orchestration/approvals/evidence.h"
#include "orchestration/approvals/heard.h"
#include "orchestration/approvals/render.h"
#include "orchestration/envelope.h"

namespace orchestration {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using nostr::Event;
using nostr::EventId;
using nostr::PublicKey;
using storage::Answer;
using storage::Signal;

constexpr std::size_t kMaxEntries = 1'000;  // of each list
constexpr std::size_t kMaxShown = 200;      // bytes of an answer in a line
constexpr std::chrono::seconds kSkewPast{120};

/// An embedded document read as what it should be.
template <class Parse>
auto read_member(const Value& object, const char* key, Parse parse)
    -> decltype(parse(std::string_view())) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_object())
    return fail(Errc::kInvalid, fmt::format("there is no \"{}\"", key));
  return parse(base::json::dump(object[key]));
}

Result<Event> read_event(const Value& object, const char* key) {
  return read_member(object, key, [](std::string_view json) { return nostr::parse_event(json); });
}

/// A signed event; an error says whether id or signature is wrong.
Result<Event> read_signed(const Value& object, const char* key) {
  TRY(Event event, read_event(object, key));
  TRY(nostr::check(event));
  return event;
}

template <class Key>
Result<Key> read_key(const Value& object, std::string_view name) {
  TRY(const std::string text, base::json::get_string(object, name));
  return Key::from_hex(text);
}

template <std::size_t N>
Result<base::Secret<N>> read_secret(const Value& object, std::string_view name) {
  TRY(const std::string text, base::json::get_string(object, name));
  TRY(const base::Bytes bytes, base::hex_decode(text));
  if (bytes.size() != N)
    return fail(Errc::kInvalid, fmt::format("{} is {} bytes, {} are needed", name, bytes.size(), N));
  return base::Secret<N>(std::span<const std::uint8_t, N>(bytes.data(), N));
}

std::string short_name(const PublicKey& key) {
  return nostr::encode_npub(key).substr(0, 14) + "…";
}

/// One answer of the bundle, as far as it could be authenticated.
struct Voice {
  Signal signal;
  Standing standing = Standing::kBroken;
};

class Examination {
 public:
  Examination(const Value& bundle, const std::vector<PublicKey>& operators)
      : bundle_(bundle), operators_(operators) {}

  Result<EvidenceReport> run() {
    if (!bundle_.is_object() || base::json::string_or(bundle_, "format") != kEvidenceFormat)
      return fail(Errc::kInvalid, "this is no evidence of an approval",
                  "sovereign approval show CODE --evidence writes it");
    for (const char* list : {"presentations", "signals", "decisions", "operators"}) {
      TRY(const Value entries, base::json::get_array(bundle_, list));
      if (entries.size() > kMaxEntries)
        return fail(Errc::kLimit, fmt::format("more than {} {}", kMaxEntries, list));
    }
    read_roster();
    examine_request();
    examine_action();
    index_presentations();
    for (const Value& entry : bundle_["signals"]) examine_signal(entry);
    conclude();
    for (const Value& entry : bundle_["decisions"]) examine_decision(entry);
    return std::move(report_);
  }

 private:
  void note(Standing standing, std::string what, std::string why) {
    broken_ = broken_ || standing == Standing::kBroken;
    report_.lines.push_back({standing, std::move(what), std::move(why)});
  }
  void broken(std::string what, const base::Error& error) {
    note(Standing::kBroken, std::move(what), error.detail);
  }

  void read_roster() {
    required_ = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(base::json::int_or(bundle_, "required", 1), 1, 1'000));
    needs_proof_ = bundle_.value("needs_proof", Value(false)) == Value(true);
    created_ = base::unix_time(base::json::int_or(bundle_, "created_at"));
    expires_ = base::unix_time(base::json::int_or(bundle_, "expires_at"));
    if (!operators_.empty()) return;
    roster_given_ = false;
    for (const Value& entry : bundle_["operators"])
      if (auto key = PublicKey::from_hex(entry.is_string() ? entry.get<std::string>() : ""))
        operators_.push_back(*key);
    note(Standing::kClaimed, "operators",
         fmt::format("{} named by the bundle itself; give those you trust with --operator",
                     operators_.size()));
  }

  void examine_request() {
    auto event = read_signed(bundle_, "request");
    if (!event) return broken("request", event.error());
    auto request = nipsa::parse_approval_request(*event);
    if (!request) return broken("request", request.error());
    request_ = event->id;
    address_ = nostr::address_of(*event);
    guardian_ = request->guardian;
    report_.code = nipsa::format_code(nipsa::approval_code(event->id));
    const auto digest = read_key<nostr::Sha256>(bundle_, "digest");
    if (!digest || request->action_hash != *digest)
      return note(Standing::kBroken, "request", "its action_hash is not the digest of the bundle");
    digest_ = *digest;
    note(Standing::kProven, "request",
         fmt::format("{} is signed by {} and asks for this digest as {}", event->id.hex(),
                     short_name(event->pubkey), report_.code));
    if (base::json::string_or(bundle_, "code") != report_.code)
      note(Standing::kBroken, "code", "the bundle names another code than its request has");
  }

  /// The digest of what the bundle says was done, computed anew.
  Result<nostr::Sha256> digest_of_action(const Value& action) {
    if (action.contains("pubkey")) {
      TRY(const nostr::UnsignedEvent event, nostr::parse_unsigned_event(base::json::dump(action)));
      report_.action = describe_event(event);
      return nipsa::event_digest(event);
    }
    TRY(const PublicKey agent, read_key<PublicKey>(bundle_, "agent"));
    TRY(const std::string name, base::json::get_string(action, "action"));
    nipsa::LocalAction local{.agent = agent,
                             .tick = {},
                             .action = name,
                             .sats = base::Sat{base::json::int_or(action, "sats")},
                             .params = action.value("params", Value::object()),
                             .expires = base::unix_time(base::json::int_or(action, "expires"))};
    if (auto tick = EventId::from_hex(base::json::string_or(bundle_, "tick"))) local.tick = *tick;
    report_.action = describe_action(name, local.params, local.sats.value);
    auto digest = nipsa::action_digest(local);
    if (!digest) return fail(Errc::kInvalid, digest.error().detail);
    return *digest;
  }

  void examine_action() {
    if (!bundle_.contains("action") || !bundle_["action"].is_object())
      return note(Standing::kBroken, "action", "the bundle does not hold the action");
    auto digest = digest_of_action(bundle_["action"]);
    if (!digest) return broken("action", digest.error());
    if (digest_ && *digest == *digest_)
      note(Standing::kProven, "action", "has the digest that was asked for: " + digest->hex());
    else
      note(Standing::kBroken, "action", "is another than the one that was asked for");
  }

  /// Which messages showed the question. The id of a message is the hash of what it said, so an
  /// answer that names one names the code in it; that it was sent is only claimed.
  void index_presentations() {
    for (const Value& entry : bundle_["presentations"]) {
      auto message = read_member(entry, "message", [](std::string_view json) {
        return nostr::parse_unsigned_event(json);
      });
      if (!message) {
        broken("presentation", message.error());
        continue;
      }
      const EventId id = nostr::compute_id(*message);
      if (id.hex() != base::json::string_or(entry, "id")) {
        note(Standing::kBroken, "presentation", "its id is not that of the message");
        continue;
      }
      if (message->content.find(report_.code) != std::string::npos) shown_.insert(id);
      named_.insert(id);
    }
  }

  /// What an answer says, authenticated by signatures alone where that can be done.
  Result<std::optional<Heard>> authenticate(const Value& entry, Standing& standing) {
    standing = Standing::kProven;
    if (entry.contains("seal")) {
      TRY(const Event seal, read_signed(entry, "seal"));
      TRY(const Value keys, base::json::get_object(entry, "message_keys"));
      TRY(auto chacha_key, read_secret<32>(keys, "chacha_key"));
      TRY(auto chacha_nonce, read_secret<12>(keys, "chacha_nonce"));
      TRY(auto hmac_key, read_secret<32>(keys, "hmac_key"));
      TRY(const std::string json,
          nostr::nip44_open_with(
              {std::move(chacha_key), std::move(chacha_nonce), std::move(hmac_key)}, seal.content));
      TRY(const nostr::Rumor rumor, nostr::parse_rumor(json, seal.pubkey));
      TRY(const PublicKey asker, read_key<PublicKey>(bundle_, "asker"));
      auto heard = hear_rumor(rumor, asker);
      if (heard) heard->wrap_json = "sealed";  // said in private
      return heard;
    }
    TRY(const Event event, read_signed(entry, "event"));
    if (event.kind != nostr::kinds::kLegacyDm) return hear_open(event);
    standing = Standing::kClaimed;  // signed by its author, but only the two of them can read it
    return Heard{.id = event.id,
                 .author = event.pubkey,
                 .channel = "nip04",
                 .said_at = event.created_at,
                 .raw_json = nostr::to_json(event)};
  }

  /// Whether `heard` says on this question what the bundle says it does; a reason when it does not.
  std::string misfit(const Heard& heard, const Signal& signal) {
    const auto names_question = [&](const EventId& id) {
      return id == request_ || named_.contains(id);
    };
    const bool bound = std::any_of(heard.refers_to.begin(), heard.refers_to.end(), names_question) ||
                       (heard.address && heard.address == address_);
    if (signal.answer == Answer::kWithdraw) {
      const bool names = signal.refers_to && std::find(heard.refers_to.begin(), heard.refers_to.end(),
                                                       *signal.refers_to) != heard.refers_to.end();
      return names && signal.id == derived_id(heard.id, *signal.refers_to)
                 ? ""
                 : "it does not take back the answer it is said to";
    }
    if (heard.form == Heard::Form::kReaction) {
      if (!bound) return "it reacts to something else";
      const ReactionKind kind = read_reaction(heard.text);
      const bool fits = signal.answer == Answer::kApprove ? kind == ReactionKind::kApprove
                                                          : kind == ReactionKind::kDeny;
      return fits && signal.id == heard.id ? "" : "the reaction does not say so";
    }
    if (heard.form == Heard::Form::kOrder) {
      const bool stops = heard.order->order.kind == Order::Kind::kStop;
      return stops && signal.answer == Answer::kDeny && request_ &&
                     signal.id == derived_id(heard.id, *request_)
                 ? ""
                 : "the order says something else";
    }
    if (heard.form == Heard::Form::kDecision) {
      if (heard.decision->request != request_ || heard.decision->action_hash != digest_)
        return "it decides on something else";
      const bool approves = heard.decision->decision == nipsa::Decision::kApproved;
      return approves == (signal.answer == Answer::kApprove) && signal.id == heard.id
                 ? ""
                 : "the decision says the opposite";
    }
    const AnswerText answer = read_answer(heard.text, {report_.code}, bound);
    if (answer.kind == AnswerKind::kDenyAll && signal.answer == Answer::kDeny && request_)
      return signal.id == derived_id(heard.id, *request_) ? "" : "it is not named as it should be";
    const bool fits = signal.answer == Answer::kApprove ? answer.kind == AnswerKind::kApprove
                                                        : answer.kind == AnswerKind::kDeny;
    return fits && signal.id == heard.id ? "" : "the text does not say so";
  }

  /// Whether what was signed leads to the request by itself. A message without the code, an earlier
  /// part of a long question or one that only its reader can open, belongs to it by the asker's word.
  bool leads_to_request(const Heard& heard) const {
    if (heard.form != Heard::Form::kText && heard.form != Heard::Form::kReaction) return true;
    if (heard.address && heard.address == address_) return true;
    if (std::any_of(heard.refers_to.begin(), heard.refers_to.end(),
                    [&](const EventId& id) { return id == request_ || shown_.contains(id); }))
      return true;
    const AnswerText answer = read_answer(heard.text, {report_.code}, false);
    return answer.code.has_value() || answer.kind == AnswerKind::kDenyAll;
  }

  std::string untimely_or_unauthorised(const Heard& heard, const Signal& signal) {
    const bool decides = heard.form == Heard::Form::kDecision;
    const bool named = std::find(operators_.begin(), operators_.end(), heard.author) != operators_.end();
    if (!named && !(decides && heard.author == guardian_)) return "its author is no operator";
    if (heard.said_at > expires_ || heard.said_at < created_ - kSkewPast)
      return "it was not said while the question was open";
    if (needs_proof_ && signal.answer == Answer::kApprove && !(decides && named))
      return "this question needs a yes that an operator signs as 39213";
    return "";
  }

  Result<Signal> read_signal(const Value& entry) {
    Signal signal;
    TRY(signal.id, read_key<EventId>(entry, "id"));
    TRY(signal.author, read_key<PublicKey>(entry, "author"));
    signal.channel = base::json::string_or(entry, "channel");
    const auto answer = storage::enum_from<Answer>(base::json::string_or(entry, "answer"));
    const auto verdict =
        storage::enum_from<storage::SignalVerdict>(base::json::string_or(entry, "verdict"));
    if (!answer || !verdict) return fail(Errc::kInvalid, "its answer or verdict is no known word");
    signal.answer = *answer;
    signal.verdict = *verdict;
    if (auto target = read_key<EventId>(entry, "refers_to")) signal.refers_to = *target;
    return signal;
  }

  /// Only answers that counted are examined: what was set aside changes nothing.
  void examine_signal(const Value& entry) {
    auto signal = read_signal(entry);
    if (!signal) return broken("answer", signal.error());
    if (signal->verdict != storage::SignalVerdict::kAccepted || signal->answer == Answer::kNone)
      return;
    const std::string what = fmt::format("{} by {} ({})", storage::name_of(signal->answer),
                                         short_name(signal->author), signal->channel);
    signal->said_at = base::unix_time(base::json::int_or(entry, "said_at"));
    if (signal->channel == "cli") {
      note(Standing::kClaimed, what, "given at the machine that asked: nothing is signed");
      voices_.push_back({*std::move(signal), Standing::kClaimed});
      return;
    }
    Standing standing{};
    auto heard = authenticate(entry, standing);
    if (!heard) return broken(what, heard.error());
    if (!*heard) return note(Standing::kBroken, what, "it is of no kind that answers");
    if ((*heard)->author != signal->author)
      return note(Standing::kBroken, what, "somebody else signed it");
    // What is weighed comes from what was signed, never from what the bundle says of it.
    signal->said_at = (*heard)->said_at;
    const bool weak = (*heard)->form == Heard::Form::kReaction || (*heard)->is_public();
    signal->strength = weak ? storage::SignalStrength::kB : storage::SignalStrength::kA;
    if (standing == Standing::kProven)
      if (std::string why = misfit(**heard, *signal); !why.empty())
        return note(Standing::kBroken, what, std::move(why));
    if (std::string why = untimely_or_unauthorised(**heard, *signal); !why.empty())
      return note(Standing::kBroken, what, std::move(why));
    std::string why = "signed, but only the two who wrote to each other can read it";
    if (standing == Standing::kProven) {
      why = fmt::format("signed at {}: \"{}\"", base::format_utc((*heard)->said_at),
                        base::escape_for_terminal(cut_utf8((*heard)->text, kMaxShown)));
      if (!leads_to_request(**heard)) {
        standing = Standing::kClaimed;
        why += "; that it answers this question is the asker's word";
      }
    }
    note(standing, what, std::move(why));
    voices_.push_back({*std::move(signal), standing});
  }

  FoldOutcome fold(bool proven_only) const {
    std::vector<Signal> signals;
    for (const Voice& voice : voices_)
      if (!proven_only || voice.standing == Standing::kProven) signals.push_back(voice.signal);
    return fold_signals(signals, required_).outcome;
  }

  void conclude() {
    report_.outcome = fold(false);
    const bool proven = fold(true) == report_.outcome && report_.outcome != FoldOutcome::kOpen;
    report_.standing = broken_                     ? Standing::kBroken
                       : proven && roster_given_ ? Standing::kProven
                                                   : Standing::kClaimed;
    const std::string state = base::json::string_or(bundle_, "state");
    const bool approved = state == "approved" || state == "consumed";
    const bool fits = approved ? report_.outcome == FoldOutcome::kApproved
                      : state == "denied" ? report_.outcome == FoldOutcome::kDenied
                                          : true;
    if (fits) return;
    report_.standing = Standing::kBroken;
    note(Standing::kBroken, "outcome", "the answers do not amount to \"" + state + "\"");
  }

  /// The newest decision has to say what the answers amount to; earlier ones were overtaken.
  void examine_decision(const Value& entry) {
    Value holder = {{"decision", entry}};
    auto event = read_signed(holder, "decision");
    auto decision = event ? nipsa::parse_approval_decision(*event)
                          : Result<nipsa::ApprovalDecision>(std::unexpected(event.error()));
    if (!decision) {
      report_.standing = Standing::kBroken;
      return broken("decision", decision.error());
    }
    if (event->pubkey != guardian_ || decision->request != request_ ||
        decision->action_hash != digest_) {
      report_.standing = Standing::kBroken;
      return note(Standing::kBroken, "decision", "it is not the asker's word on this request");
    }
    note(Standing::kProven, "decision",
         fmt::format("{} says {}", event->id.hex(), nipsa::decision_name(decision->decision)));
  }

  const Value& bundle_;
  std::vector<PublicKey> operators_;
  bool roster_given_ = true;
  EvidenceReport report_;
  bool broken_ = false;
  std::optional<EventId> request_;
  std::optional<nostr::Address> address_;
  std::optional<PublicKey> guardian_;
  std::optional<nostr::Sha256> digest_;
  std::uint32_t required_ = 1;
  bool needs_proof_ = false;
  base::UnixTime created_;
  base::UnixTime expires_;
  std::set<EventId> named_;  ///< messages that showed a part of the question
  std::set<EventId> shown_;  ///< those that hold the code
  std::vector<Voice> voices_;
};

}  // namespace

std::string_view standing_name(Standing standing) {
  switch (standing) {
    case Standing::kProven:
      return "proven";
    case Standing::kClaimed:
      return "claimed";
    case Standing::kBroken:
      break;
  }
  return "broken";
}

Result<EvidenceReport> check_evidence(const Value& bundle,
                                      const std::vector<PublicKey>& operators) {
  return Examination(bundle, operators).run();
}

}  // namespace orchestration
