// One frame's way through the rules: each that hits changes what is left of it, answers it, or adds
// to it; what comes out is put in order behind the delays of earlier frames.
#include "nostr/server/faults.h"

#include <algorithm>
#include <utility>

#include "nostr/base/json.h"
#include "nostr/event/message.h"

namespace nostr {
namespace {

constexpr std::size_t kMaxRemembered = 4'096;  ///< counters of one rule, events awaiting their OK
constexpr std::size_t kMaxFlood = 20'000;

using base::json::Value;

std::size_t index_of(Direction direction) {
  return direction == Direction::kIn ? 0 : 1;
}

std::string text_at(const Value& array, std::size_t index) {
  return index < array.size() && array[index].is_string() ? array[index].get<std::string>() : "";
}

std::optional<Kind> kind_of(const Value& event) {
  const std::int64_t kind = base::json::int_or(event, "kind", -1);
  if (kind < 0 || kind > UINT16_MAX) return std::nullopt;
  return static_cast<Kind>(kind);
}

void append_kinds(const Value& filter, std::vector<Kind>& out) {
  const auto kinds = base::json::get_array(filter, "kinds");
  if (!kinds) return;
  for (const Value& kind : *kinds)
    if (kind.is_number_unsigned() && kind <= UINT16_MAX) out.push_back(kind.get<Kind>());
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
}

}  // namespace

/// What the rules look at in a frame. Empty where the frame has no such thing.
struct FaultEngine::Subject {
  std::string verb;
  std::string sub;
  std::string id;
  std::vector<Kind> kinds;

  static Subject of(const std::string& frame, Direction direction) {
    Subject out;
    const auto parsed = base::json::parse(frame, {.max_bytes = kMaxNegFrameBytes, .max_depth = 16});
    if (!parsed || !parsed->is_array() || parsed->empty()) return out;
    out.verb = text_at(*parsed, 0);
    if (parsed->size() < 2) return out;
    const bool is_event_in = direction == Direction::kIn && (out.verb == "EVENT" || out.verb == "AUTH");
    if (is_event_in) {
      out.take_event((*parsed)[1]);
    } else if (out.verb == "OK") {
      out.id = text_at(*parsed, 1);
    } else if (out.verb != "NOTICE" && out.verb != "AUTH") {
      out.sub = text_at(*parsed, 1);
      if (direction == Direction::kOut && out.verb == "EVENT" && parsed->size() > 2)
        out.take_event((*parsed)[2]);
      if (direction == Direction::kIn)
        for (std::size_t i = 2; i < parsed->size(); ++i) append_kinds((*parsed)[i], out.kinds);
    }
    return out;
  }

 private:
  void take_event(const Value& event) {
    id = base::json::string_or(event, "id");
    if (const auto kind = kind_of(event)) kinds = {*kind};
  }
};

/// The state of one frame between two rules.
struct FaultEngine::Passage {
  FaultEngine& engine;
  const Context& context;
  const Subject& subject;
  Connection& connection;
  std::optional<std::string> frame;  ///< what is left of it
  milliseconds delay{0};             ///< in order
  milliseconds overtaken{0};         ///< out of order
  milliseconds per_copy{0};
  std::size_t copies = 1;
  std::vector<std::string> said;      ///< to the client, instead of or after the frame
  std::vector<std::string> told;      ///< to the relay
  std::vector<Effect> controls = {};

  void say(std::string text) { said.push_back(std::move(text)); }
  void answer(std::string text) {
    frame.reset();
    say(std::move(text));
  }
  EventId id() const { return EventId::from_hex(subject.id).value_or(EventId{}); }
  template <class T>
  void control(milliseconds after, T what) {
    controls.push_back({after, std::move(what)});
  }

  void operator()(const fault::Drop&) { frame.reset(); }
  void operator()(const fault::Delay& fault) {
    delay += fault.by;
    if (fault.jitter > milliseconds{0})
      delay += milliseconds(engine.rng_.below(static_cast<std::uint64_t>(fault.jitter.count()) + 1));
  }
  void operator()(const fault::Reorder& fault) { overtaken += fault.by; }
  void operator()(const fault::Duplicate& fault) { copies += fault.copies; }
  void operator()(const fault::Corrupt& fault) {
    // Only ASCII by ASCII: a websocket with broken UTF-8 is closed before anybody reads the frame.
    for (std::size_t i = 0; i < fault.characters && frame && !frame->empty(); ++i) {
      char& c = (*frame)[engine.rng_.below(frame->size())];
      if (static_cast<unsigned char>(c) < 0x80) c = c == '~' ? '!' : '~';
    }
  }
  void operator()(const fault::Truncate& fault) {
    if (!frame || fault.keep >= frame->size()) return;
    std::size_t end = fault.keep;
    while (end > 0 && (static_cast<unsigned char>((*frame)[end]) & 0xc0) == 0x80) --end;
    frame->resize(end);
  }
  void operator()(const fault::Throttle& fault) {
    if (frame) delay += milliseconds(frame->size() * 1'000 / std::max<std::size_t>(fault.bytes_per_second, 1));
  }
  void operator()(const fault::Forge&) {
    auto parsed = frame ? parse_relay_message(*frame) : base::Result<RelayMessage>(from_relay::Notice{});
    auto* message = parsed ? std::get_if<from_relay::EventMessage>(&*parsed) : nullptr;
    if (message == nullptr) return;
    message->event.content += " (forged)";
    frame = relay_event_frame(message->sub, message->event);
  }
  void operator()(const fault::FlipOk& fault) {
    if (const auto ok = ok_in_frame()) frame = ok_frame(ok->id, !ok->accepted, fault.message);
  }
  void operator()(const fault::WrongId&) {
    if (const auto ok = ok_in_frame())
      frame = ok_frame(EventId(engine.rng_.bytes<EventId::kSize>()), ok->accepted, ok->message);
  }
  std::optional<from_relay::Ok> ok_in_frame() const {
    if (!frame) return std::nullopt;
    const auto parsed = parse_relay_message(*frame);
    if (!parsed || !std::holds_alternative<from_relay::Ok>(*parsed)) return std::nullopt;
    return std::get<from_relay::Ok>(*parsed);
  }

  void operator()(const fault::Say& fault) {
    std::string text = fault.frame;
    replace_all(text, "{sub}", subject.sub);
    replace_all(text, "{id}", subject.id);
    answer(std::move(text));
  }
  void operator()(const fault::Notice& fault) { answer(notice_frame(fault.message)); }
  void operator()(const fault::Closed& fault) {
    told.push_back(close_frame(subject.sub));
    answer(closed_frame(subject.sub, fault.message));
  }
  void operator()(const fault::Reject& fault) { answer(ok_frame(id(), false, fault.message)); }
  void operator()(const fault::Swallow&) { answer(ok_frame(id(), true, "")); }
  void operator()(const fault::NegError& fault) { answer(neg_error_frame(subject.sub, fault.message)); }
  void operator()(const fault::DemandAuth&) {
    constexpr std::string_view kDemand = "auth-required: this relay wants to know who you are";
    if (context.authenticated || !frame) return;
    if (subject.verb == "EVENT") return answer(ok_frame(id(), false, kDemand));
    if (subject.verb == "NEG-OPEN") return answer(neg_error_frame(subject.sub, kDemand));
    if (subject.verb == "REQ" || subject.verb == "COUNT") answer(closed_frame(subject.sub, kDemand));
  }

  void operator()(const fault::Unmatched& fault) {
    say(relay_event_frame(subject.sub, sign_event({.kind = fault.kind,
                                                   .created_at = context.wall_clock,
                                                   .tags = {},
                                                   .content = "nobody asked for this"},
                                                  engine.stranger_, engine.rng_)));
  }
  void operator()(const fault::Flood& fault) {
    Event event{.id = {}, .pubkey = engine.stranger_.public_key(), .created_at = context.wall_clock,
                .kind = 1, .tags = {}, .content = "flood", .sig = {}};
    for (std::size_t i = 0; i < std::min(fault.events, kMaxFlood); ++i) {
      event.id = EventId(engine.rng_.bytes<EventId::kSize>());
      say(relay_event_frame(subject.sub, event));
    }
  }
  void operator()(const fault::RotateChallenge& fault) {
    control(fault.after, effect::RotateChallenge{});
  }
  void operator()(const fault::HalfOpen& fault) { control(fault.after, effect::HalfOpen{}); }
  void operator()(const fault::StopReading& fault) {
    control(milliseconds{0}, effect::StopReading{fault.lasting});
  }
  void operator()(const fault::Disconnect& fault) {
    control(fault.after, effect::Disconnect{fault.reset});
  }
  void operator()(const fault::Restart& fault) { control(fault.after, effect::Restart{fault.pause}); }

  /// When something may go in `direction`, from now; then all behind it waits for `busy` more.
  milliseconds slot(Direction direction, milliseconds busy) {
    milliseconds& until = connection.busy_until[index_of(direction)];
    until = std::max(until, context.now) + busy;
    return until - context.now;
  }

  std::vector<Effect> finish() {
    std::vector<Effect> out;
    if (frame) {
      const milliseconds at = slot(context.direction, delay) + overtaken;
      for (std::size_t i = 0; i < copies; ++i) {
        if (context.direction == Direction::kIn)
          out.push_back({at, effect::ToRelay{*frame}});
        else
          out.push_back({at, effect::ToClient{*frame}});
      }
    }
    for (std::string& text : told)
      out.push_back({slot(Direction::kIn, milliseconds{0}), effect::ToRelay{std::move(text)}});
    // What stands for a delayed frame is as late as that would have been.
    const bool takes_its_place = !frame && !said.empty();
    if (!said.empty()) {
      const milliseconds at = slot(Direction::kOut, takes_its_place ? delay : milliseconds{0});
      for (std::string& text : said) out.push_back({at, effect::ToClient{std::move(text)}});
    }
    std::ranges::move(controls, std::back_inserter(out));
    return out;
  }
};

FaultEngine::FaultEngine(std::uint64_t seed) : rng_(seed), stranger_(SecretKey::generate(rng_)) {}

FaultEngine::RuleId FaultEngine::add(FaultRule rule) {
  rules_.emplace(++last_rule_, Rule{.rule = std::move(rule), .counts = {}});
  return last_rule_;
}

bool FaultEngine::remove(RuleId id) {
  return rules_.erase(id) > 0;
}

void FaultEngine::clear() {
  rules_.clear();
}

std::uint64_t FaultEngine::hits(RuleId id) const {
  const auto found = rules_.find(id);
  return found == rules_.end() ? 0 : found->second.hits;
}

bool FaultEngine::is_hit(Rule& rule, const Subject& subject, const Context& context,
                         const Connection& connection) {
  const FaultMatch& match = rule.rule.match;
  const milliseconds age = context.now - connection.began;
  const auto is_wanted = [&match](Kind kind) { return std::ranges::find(match.kinds, kind) != match.kinds.end(); };
  if (match.verb.empty() ? subject.verb == kConnectVerb : match.verb != subject.verb) return false;
  if (match.direction != context.direction && subject.verb != kConnectVerb) return false;
  if (!match.sub.empty() && match.sub != subject.sub) return false;
  if (!match.kinds.empty() && std::ranges::none_of(subject.kinds, is_wanted)) return false;
  if (match.connection.value_or(connection.number) != connection.number) return false;
  if (connection.number < match.from_connection) return false;
  if (age < match.after || (match.lasting && age >= match.after + *match.lasting)) return false;

  std::string scope;
  if (match.per != FaultMatch::Scope::kRelay) scope = std::to_string(connection.number);
  if (match.per == FaultMatch::Scope::kSubscription) scope += "/" + subject.sub;
  if (rule.counts.size() >= kMaxRemembered && !rule.counts.contains(scope)) rule.counts.clear();
  Rule::Count& count = rule.counts[scope];
  ++count.matches;
  if (match.nth != 0 && count.matches != match.nth) return false;
  if (match.every != 0 && count.matches % match.every != 0) return false;
  if (match.times != 0 && count.hits >= match.times) return false;
  constexpr std::uint64_t kOne = 1u << 30;
  if (match.probability < 1 &&
      static_cast<double>(rng_.below(kOne)) >= match.probability * static_cast<double>(kOne))
    return false;
  ++count.hits;
  ++rule.hits;
  return true;
}

std::vector<Effect> FaultEngine::apply(const Context& context, Connection& connection,
                                       const Subject& subject, std::optional<std::string> frame) {
  Passage passage{.engine = *this, .context = context, .subject = subject,
                  .connection = connection, .frame = std::move(frame), .said = {}, .told = {}};
  const bool had_frame = passage.frame.has_value();
  for (auto& [id, rule] : rules_) {
    if (had_frame && !passage.frame) break;  // dropped or answered: nothing left to meet
    if (is_hit(rule, subject, context, connection)) std::visit(passage, rule.rule.fault);
  }
  return passage.finish();
}

std::vector<Effect> FaultEngine::on_connect(ConnectionId connection, milliseconds now,
                                            UnixTime wall_clock) {
  Connection& made = connections_[connection];
  made = Connection{.number = ++last_number_, .began = now, .published = {}};
  const Context context{.connection = connection, .now = now, .wall_clock = wall_clock};
  Subject subject;
  subject.verb = kConnectVerb;
  return apply(context, made, subject, std::nullopt);
}

std::vector<Effect> FaultEngine::on_frame(const Context& context, std::string frame) {
  Connection& connection = connections_[context.connection];
  Subject subject = Subject::of(frame, context.direction);
  auto& published = connection.published;
  if (context.direction == Direction::kIn && subject.verb == "EVENT" && !subject.kinds.empty()) {
    if (published.size() >= kMaxRemembered) published.clear();
    published[subject.id] = subject.kinds.front();
  } else if (subject.verb == "OK") {
    const auto node = published.extract(subject.id);
    if (!node.empty()) subject.kinds = {node.mapped()};
  }
  return apply(context, connection, subject, std::move(frame));
}

void FaultEngine::on_disconnect(ConnectionId connection) {
  connections_.erase(connection);
}

}  // namespace nostr
