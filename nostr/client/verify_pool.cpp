// HOT PATH: frame → peek → seen-set → parse (2 µs) → filter → id (2 µs) → signature (60 µs).
// A known copy ends at the seen-set or, when its subscription lacks it, after parse and id.
#include "nostr/client/verify_pool.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "nostr/crypto/hash.h"
#include "nostr/crypto/keys.h"

namespace nostr {

namespace {

/// Parsed keys of recent authors, one per slot: a collision only costs the parse again.
class KeyCache {
 public:
  /// nullptr when `key` is not on the curve. Valid until the next call.
  const VerifyingKey* find(const PublicKey& key) {
    Slot& slot = slots_[base::FixedBytesHash{}(key) % slots_.size()];
    if (!slot.parsed || slot.key != key) {
      slot.parsed = VerifyingKey::parse(key);
      slot.key = key;
    }
    return slot.parsed ? &*slot.parsed : nullptr;
  }

 private:
  struct Slot {
    PublicKey key;
    std::optional<VerifyingKey> parsed;
  };
  std::array<Slot, 512> slots_;
};

/// What a frame may hold around an event: the verb and a subscription id.
constexpr std::size_t kEnvelopeBytes = 256;

Checked bad(Verdict verdict) { return {verdict, nullptr, nullptr, nullptr}; }

Checked good(TargetPtr target, EventPtr event) {
  return {Verdict::kEvent, std::move(target), std::move(event), nullptr};
}

/// Why an event is none that its REQ asked for.
Verdict mismatch(const Target& target, const Event& event) {
  return matches_any_but_for_tags(target.filters, event) ? Verdict::kOtherTags : Verdict::kUnmatched;
}

TargetPtr find_target(const SubTable& table, std::string_view sub) {
  const auto it = table.live.find(sub);
  return it == table.live.end() ? nullptr : it->second;
}

Verdict verdict_without_target(const SubTable& table, std::string_view sub) {
  const bool late = std::ranges::find(table.retired, sub) != table.retired.end();
  return late ? Verdict::kLate : Verdict::kUnmatched;
}

}  // namespace

struct VerifyPool::Scratch {
  std::string canonical;
  KeyCache keys;
};

VerifyPool::VerifyPool(std::size_t seen_capacity, EventLimits limits)
    : limits_(limits), seen_(seen_capacity) {}

VerifyPool::~VerifyPool() = default;

std::uint64_t VerifyPool::verifications() const { return verifications_.load(); }

std::unique_ptr<VerifyPool::Scratch> VerifyPool::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>();
}

void VerifyPool::give_back(std::unique_ptr<Scratch> scratch) {
  // One huge event must not pin its buffer for ever.
  if (scratch->canonical.capacity() > 65'536) scratch->canonical = {};
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
}

std::vector<Checked> VerifyPool::check(const std::vector<Frame>& frames, const SubTable& table) {
  auto scratch = borrow();
  std::vector<Checked> out(frames.size());
  std::vector<std::size_t> deferred;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto checked = check_one(frames[i], table, *scratch, Busy::kDefer);
    if (checked)
      out[i] = *std::move(checked);
    else
      deferred.push_back(i);
  }
  // Copies of what other threads were verifying: by now most of them are known.
  for (const std::size_t i : deferred) out[i] = *check_one(frames[i], table, *scratch, Busy::kWait);
  give_back(std::move(scratch));
  return out;
}

std::optional<Checked> VerifyPool::check_one(const Frame& frame, const SubTable& table,
                                             Scratch& scratch, Busy busy) {
  if (frame->size() > limits_.max_bytes + kEnvelopeBytes) return bad(Verdict::kMalformed);
  const auto peek = peek_event_frame(*frame);
  if (!peek) return check_unknown(frame, table, scratch);
  const TargetPtr target = find_target(table, peek->sub);
  if (!target) return bad(verdict_without_target(table, peek->sub));
  EventId id;
  if (!base::hex_decode_into(peek->id_hex, {id.data(), EventId::kSize})) return bad(Verdict::kMalformed);
  for (;;) {
    SeenEvents::Look look = seen_.look(id);
    switch (look.state) {
      case SeenEvents::State::kKnown:
        return check_known(frame, *peek, target, std::move(look), scratch);
      case SeenEvents::State::kClaimed:
        return check_claimed(frame, *peek, id, target, scratch);
      case SeenEvents::State::kInFlight:
        if (busy == Busy::kDefer) return std::nullopt;
        seen_.wait_settled(id);
    }
  }
}

/// The copy is of a verified event. What the frame says beyond the id is never believed: either the
/// verified event itself is handed on, or the copy is shown to be that event.
Checked VerifyPool::check_known(const Frame& frame, const EventFramePeek& peek,
                                const TargetPtr& target, SeenEvents::Look look, Scratch& scratch) {
  EventId id;
  if (look.recent) {
    id = look.recent->id;
  } else if (!base::hex_decode_into(peek.id_hex, {id.data(), EventId::kSize})) {
    return bad(Verdict::kMalformed);
  }
  if (target->delivered->contains(id)) return {Verdict::kDuplicate, target, nullptr, nullptr};
  if (look.recent) {
    if (!matches_any(target->filters, *look.recent)) return bad(mismatch(*target, *look.recent));
    return good(target, std::move(look.recent));
  }

  auto parsed = parse_relay_message_in_place(*frame, limits_);
  auto* message = parsed ? std::get_if<from_relay::EventMessage>(&*parsed) : nullptr;
  if (!message || message->sub != peek.sub || message->event.id != id) return bad(Verdict::kMalformed);
  auto event = std::make_shared<const Event>(std::move(message->event));
  if (!matches_any(target->filters, *event)) return bad(mismatch(*target, *event));
  // The id was signed with this very signature before, so a matching hash is proof enough. An
  // author may sign one event twice; another signature is checked in full.
  if (event->sig != look.signature) {
    if (!verify_event(*event, scratch)) return bad(Verdict::kForged);
  } else {
    scratch.canonical.clear();
    append_canonical(*event, scratch.canonical);
    if (sha256(scratch.canonical).array() != id.array()) return bad(Verdict::kForged);
  }
  return good(target, std::move(event));
}

/// This thread holds the claim on `id` and ends it on every path.
Checked VerifyPool::check_claimed(const Frame& frame, const EventFramePeek& peek, const EventId& id,
                                  const TargetPtr& target, Scratch& scratch) {
  auto refuse = [&](Verdict verdict) {
    seen_.release(id);
    return bad(verdict);
  };
  auto parsed = parse_relay_message_in_place(*frame, limits_);
  auto* message = parsed ? std::get_if<from_relay::EventMessage>(&*parsed) : nullptr;
  // A frame with two ids or two subscriptions would pass under one name and act under another.
  if (!message || message->sub != peek.sub || message->event.id != id)
    return refuse(Verdict::kMalformed);
  // The cheap check first: what nobody asked for is not worth a signature check.
  if (!matches_any(target->filters, message->event)) return refuse(mismatch(*target, message->event));
  if (!verify_event(message->event, scratch)) return refuse(Verdict::kForged);
  auto event = std::make_shared<const Event>(std::move(message->event));
  seen_.add(event);
  return good(target, std::move(event));
}

/// Frames the peek did not understand: every other message, and events in unusual spelling.
Checked VerifyPool::check_unknown(const Frame& frame, const SubTable& table, Scratch& scratch) {
  auto parsed = parse_relay_message_in_place(*frame, limits_);
  if (!parsed) return bad(Verdict::kMalformed);
  auto* message = std::get_if<from_relay::EventMessage>(&*parsed);
  if (!message) return {Verdict::kMessage, nullptr, nullptr, std::make_unique<RelayMessage>(*std::move(parsed))};
  const TargetPtr target = find_target(table, message->sub);
  if (!target) return bad(verdict_without_target(table, message->sub));
  if (!matches_any(target->filters, message->event)) return bad(mismatch(*target, message->event));
  if (!verify_event(message->event, scratch)) return bad(Verdict::kForged);
  auto event = std::make_shared<const Event>(std::move(message->event));
  seen_.add(event);
  return good(target, std::move(event));
}

bool VerifyPool::verify_event(const Event& event, Scratch& scratch) {
  scratch.canonical.clear();
  append_canonical(event, scratch.canonical);
  const Sha256 hash = sha256(scratch.canonical);
  if (hash.array() != event.id.array()) return false;
  const VerifyingKey* key = scratch.keys.find(event.pubkey);
  if (key == nullptr) return false;
  verifications_.fetch_add(1, std::memory_order_relaxed);
  const auto began = std::chrono::steady_clock::now();
  const bool holds = key->verify(hash, event.sig);
  times_.observe(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began));
  return holds;
}

}  // namespace nostr
