// The wire format (varints, bounds, ranges), the fingerprint, and the two roles.
#include "nostr/nips/nip77.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

namespace nostr {
namespace {

using base::ByteView;
using base::Bytes;
using base::Errc;
using base::fail;
using base::Result;

constexpr std::uint8_t kVersion = 0x61;
constexpr std::uint8_t kFirstVersion = 0x60;
constexpr std::uint8_t kLastVersion = 0x6f;
constexpr std::size_t kBuckets = 16;
constexpr std::size_t kStride = 32;  ///< items between two stored sums
constexpr std::size_t kMaxVarint = 10;
constexpr std::size_t kMaxBound = kMaxVarint + 1 + EventId::kSize;
constexpr std::size_t kMaxSkip = kMaxBound + 1;
constexpr std::size_t kMaxPrint = kMaxBound + 1 + NegFingerprint::kSize;
/// Room kept for the end of a message: what was skipped last, then one fingerprint for the rest.
constexpr std::size_t kTail = kMaxSkip + kMaxPrint;
/// The most that one range becomes: sixteen fingerprints or fewer than 32 ids, after a skip.
constexpr std::size_t kMaxSplit =
    kMaxSkip + std::max(kBuckets * kMaxPrint, kMaxBound + 2 + 2 * kBuckets * EventId::kSize);
static_assert(1 + kMaxSplit + kTail <= kMinNegFrame, "every message makes progress");

/// The end of a set: behind every item there can be.
constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();

/// A point between items: all with a lower timestamp, or with a lower id, come before it.
struct Bound {
  std::uint64_t timestamp = 0;
  EventId id;                  ///< the prefix, then zeros
  std::size_t prefix_size = 0; ///< bytes of `id` that are written

  static Bound infinity() { return {.timestamp = kInfinity}; }
  static Bound at(const NegItem& item, std::size_t prefix_size) {
    Bound out{.timestamp = static_cast<std::uint64_t>(base::to_unix(item.created_at)),
              .prefix_size = prefix_size};
    std::copy_n(item.id.data(), prefix_size, out.id.data());
    return out;
  }
  /// The shortest bound between two neighbours.
  static Bound between(const NegItem& before, const NegItem& after) {
    if (before.created_at != after.created_at) return at(after, 0);
    const auto differs = std::ranges::mismatch(before.id.array(), after.id.array()).in2;
    return at(after, static_cast<std::size_t>(differs - after.id.array().begin()) + 1);
  }
  friend auto operator<=>(const Bound& a, const Bound& b) {
    return std::tie(a.timestamp, a.id) <=> std::tie(b.timestamp, b.id);
  }
};

std::size_t index_of(const NegSet& set, std::size_t from, const Bound& bound) {
  // No event can be so late: kMaxCreatedAt is far below.
  if (bound.timestamp > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return set.size();
  return set.lower_bound(from, {base::unix_time(static_cast<std::int64_t>(bound.timestamp)), bound.id});
}

enum class Mode : std::uint8_t { kSkip = 0, kFingerprint = 1, kIds = 2 };

/// A part of the peer's message; views point into it.
struct Range {
  Bound lower;
  Bound upper;
  Mode mode = Mode::kSkip;
  ByteView payload;  ///< the fingerprint, or the ids one after the other
};

/// Base 128, most significant digit first, with the high bit on all digits but the last.
class Varint {
 public:
  explicit Varint(std::uint64_t value) {
    do {
      const std::uint8_t more = at_ == digits_.size() ? 0 : 0x80;
      digits_[--at_] = static_cast<std::uint8_t>(more | (value & 0x7f));
      value >>= 7;
    } while (value != 0);
  }
  ByteView view() const { return ByteView(digits_).subspan(at_); }

 private:
  std::array<std::uint8_t, kMaxVarint> digits_;
  std::size_t at_ = kMaxVarint;
};

// --- reading ---

class Reader {
 public:
  explicit Reader(ByteView message) : rest_(message) {}
  bool empty() const { return rest_.empty(); }

  Result<ByteView> bytes(std::size_t count) {
    if (rest_.size() < count) return fail(Errc::kInvalid, "negentropy message ends too early");
    const ByteView out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
  }

  Result<std::uint64_t> varint() {
    std::uint64_t out = 0;
    for (;;) {
      TRY(const ByteView digit, bytes(1));
      if (out >> 57 != 0) return fail(Errc::kInvalid, "negentropy number is over 64 bits");
      out = out << 7 | (digit[0] & 0x7f);
      if ((digit[0] & 0x80) == 0) return out;
    }
  }

  /// Timestamps are written as their distance from the one before, plus one; zero is infinity.
  Result<Bound> bound() {
    TRY(const std::uint64_t code, varint());
    if (code == 0 || last_ == kInfinity || code - 1 > kInfinity - last_)
      last_ = kInfinity;
    else
      last_ += code - 1;
    Bound out{.timestamp = last_};
    TRY(out.prefix_size, varint());
    if (out.prefix_size > EventId::kSize)
      return fail(Errc::kInvalid, "negentropy bound is over 32 bytes");
    TRY(const ByteView prefix, bytes(out.prefix_size));
    std::ranges::copy(prefix, out.id.data());
    return last_ == kInfinity ? Bound::infinity() : out;
  }

  Result<Range> range(const Bound& lower) {
    Range out{.lower = lower};
    TRY(out.upper, bound());
    if (out.upper < lower) return fail(Errc::kInvalid, "negentropy ranges are out of order");
    TRY(const std::uint64_t mode, varint());
    if (mode > static_cast<std::uint64_t>(Mode::kIds))
      return fail(Errc::kInvalid, "negentropy range has an unknown mode");
    out.mode = static_cast<Mode>(mode);
    if (out.mode == Mode::kFingerprint) {
      TRY(out.payload, bytes(NegFingerprint::kSize));
    } else if (out.mode == Mode::kIds) {
      TRY(const std::uint64_t count, varint());
      if (count > rest_.size() / EventId::kSize)
        return fail(Errc::kInvalid, "negentropy message ends within a list of ids");
      TRY(out.payload, bytes(count * EventId::kSize));
    }
    return out;
  }

 private:
  ByteView rest_;
  std::uint64_t last_ = 0;
};

/// The version byte, which must be one that negentropy may ever have.
Result<std::uint8_t> version_of(ByteView message) {
  if (message.empty() || message[0] < kFirstVersion || message[0] > kLastVersion)
    return fail(Errc::kInvalid, "message is no negentropy");
  return message[0];
}

// --- writing ---

/// A message under construction. Ranges are appended in order; skipped ones are joined and written
/// only when something follows them.
class Writer {
 public:
  Writer(const NegSet& set, std::size_t frame_bytes)
      : set_(set), frame_bytes_(std::max(frame_bytes, kMinNegFrame)), bytes_{kVersion} {}

  bool has_room_for_a_range() const { return room() >= kMaxSplit; }
  /// How many ids one more list can hold.
  std::size_t room_for_ids() const {
    const std::size_t around = kMaxSkip + kMaxBound + 1 + kMaxVarint;
    return room() < around ? 0 : (room() - around) / EventId::kSize;
  }

  void skip(const Bound& upper) { skipped_ = upper; }
  void ids(std::size_t begin, std::size_t end, const Bound& upper) {
    start(upper, Mode::kIds);
    append(Varint(end - begin));
    for (std::size_t i = begin; i < end; ++i) append(set_[i].id.view());
  }
  void fingerprint(std::size_t begin, std::size_t end, const Bound& upper) {
    start(upper, Mode::kFingerprint);
    append(set_.fingerprint(begin, end).view());
  }
  /// Describes [begin, end) anew: its ids when they are few, else the fingerprints of its parts.
  void split(std::size_t begin, std::size_t end, const Bound& upper) {
    const std::size_t count = end - begin;
    if (count < 2 * kBuckets) return ids(begin, end, upper);
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      const std::size_t size = count / kBuckets + (bucket < count % kBuckets ? 1 : 0);
      const std::size_t next = begin + size;
      fingerprint(begin, next, next == end ? upper : Bound::between(set_[next - 1], set_[next]));
      begin = next;
    }
  }
  /// Leaves everything from `begin` on for later messages.
  void postpone(std::size_t begin) { fingerprint(begin, set_.size(), Bound::infinity()); }

  /// Whether nothing but skipped ranges was written.
  bool is_empty() const { return bytes_.size() == 1; }
  Bytes take() { return std::move(bytes_); }

 private:
  std::size_t room() const {
    const std::size_t taken = bytes_.size() + kTail;
    return frame_bytes_ < taken ? 0 : frame_bytes_ - taken;
  }
  void start(const Bound& upper, Mode mode) {
    if (skipped_) {
      const Bound before = *std::exchange(skipped_, std::nullopt);
      start(before, Mode::kSkip);
    }
    append(Varint(upper.timestamp == kInfinity ? 0 : upper.timestamp - last_ + 1));
    last_ = upper.timestamp;
    append(Varint(upper.prefix_size));
    append(upper.id.view().first(upper.prefix_size));
    bytes_.push_back(static_cast<std::uint8_t>(mode));
  }
  void append(const Varint& number) { append(number.view()); }
  void append(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  const NegSet& set_;
  const std::size_t frame_bytes_;
  Bytes bytes_;
  std::uint64_t last_ = 0;
  std::optional<Bound> skipped_;
};

/// Walks the ranges of `message` and answers each; `on_ids(begin, end, range)` deals with lists of ids
/// and returns the index up to which it got. Ends early when the frame is full.
template <class OnIds>
Result<void> answer(const NegSet& set, ByteView message, Writer& out, OnIds on_ids) {
  Reader reader(message.subspan(1));
  Bound lower;
  std::size_t begin = 0;
  while (!reader.empty()) {
    TRY(const Range range, reader.range(lower));
    lower = range.upper;
    if (range.mode == Mode::kSkip) {
      out.skip(range.upper);
      continue;
    }
    begin = index_of(set, begin, range.lower);
    if (!out.has_room_for_a_range()) {
      out.postpone(begin);
      return {};
    }
    const std::size_t end = index_of(set, begin, range.upper);
    if (range.mode == Mode::kIds) {
      const std::size_t reached = on_ids(begin, end, range);
      if (reached < end) {
        out.postpone(reached);
        return {};
      }
    } else if (std::ranges::equal(range.payload, set.fingerprint(begin, end).view())) {
      out.skip(range.upper);
    } else {
      out.split(begin, end, range.upper);
    }
  }
  return {};
}

}  // namespace

// --- the set ---

namespace {

using Sum = std::array<std::uint64_t, 4>;
static_assert(std::endian::native == std::endian::little, "ids are summed as little-endian numbers");

Sum number_of(const EventId& id) {
  Sum out;
  std::memcpy(out.data(), id.data(), sizeof out);
  return out;
}

void add(Sum& sum, const Sum& other) {
  unsigned char carry = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t before = sum[i];
    sum[i] += other[i] + carry;
    carry = sum[i] < before || (carry != 0 && sum[i] == before) ? 1 : 0;
  }
}

/// Two's complement: what has to be added to take `sum` away.
Sum negated(Sum sum) {
  for (std::uint64_t& limb : sum) limb = ~limb;
  add(sum, {1, 0, 0, 0});
  return sum;
}

}  // namespace

NegSet::NegSet(std::vector<NegItem> items) : items_(std::move(items)) {
  std::ranges::sort(items_);
  const auto twice = std::ranges::unique(items_);
  items_.erase(twice.begin(), twice.end());
  sums_.reserve(items_.size() / kStride + 1);
  Sum sum{};
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i % kStride == 0) sums_.push_back(sum);
    add(sum, number_of(items_[i].id));
  }
  if (items_.size() % kStride == 0) sums_.push_back(sum);
}

std::size_t NegSet::lower_bound(std::size_t from, const NegItem& bound) const {
  const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(from);
  return static_cast<std::size_t>(std::lower_bound(begin, items_.end(), bound) - items_.begin());
}

NegSet::Sum NegSet::sum_before(std::size_t index) const {
  Sum out = sums_[index / kStride];
  for (std::size_t i = index - index % kStride; i < index; ++i) add(out, number_of(items_[i].id));
  return out;
}

NegFingerprint NegSet::fingerprint(std::size_t begin, std::size_t end) const {
  Sum sum = sum_before(end);
  add(sum, negated(sum_before(begin)));
  std::array<std::uint8_t, sizeof sum + kMaxVarint> input;
  std::memcpy(input.data(), sum.data(), sizeof sum);
  const Varint count(end - begin);
  std::ranges::copy(count.view(), input.data() + sizeof sum);
  const Sha256 hash = sha256(ByteView(input).first(sizeof sum + count.view().size()));
  NegFingerprint out;
  std::copy_n(hash.data(), NegFingerprint::kSize, out.data());
  return out;
}

// --- the two roles ---

Result<Bytes> neg_respond(const NegSet& set, ByteView message, std::size_t frame_bytes) {
  TRY(const std::uint8_t version, version_of(message));
  if (version != kVersion) return Bytes{kVersion};
  Writer out(set, frame_bytes);
  // The initiator finds the differences in a list of ids, so it needs all of ours in its range.
  TRY(answer(set, message, out, [&](std::size_t begin, std::size_t end, const Range& range) {
    const std::size_t reached = begin + std::min(end - begin, out.room_for_ids());
    out.ids(begin, reached, reached == end ? range.upper : Bound::at(set[reached], EventId::kSize));
    return reached;
  }));
  return out.take();
}

NegInitiator::NegInitiator(NegSet set, NegLimits limits)
    : set_(std::move(set)), limits_(limits), missing_there_(set_.size()) {}

Bytes NegInitiator::open() const {
  Writer out(set_, limits_.frame_bytes);
  out.split(0, set_.size(), Bound::infinity());
  return out.take();
}

/// What only one side has of the range [begin, end), of which the peer has `theirs`.
void NegInitiator::compare(std::size_t begin, std::size_t end, std::vector<EventId> theirs,
                           Step& step) {
  std::ranges::sort(theirs);
  const auto twice = std::ranges::unique(theirs);
  theirs.erase(twice.begin(), twice.end());
  std::vector<bool> is_ours(theirs.size());
  for (std::size_t i = begin; i < end; ++i) {
    const auto found = std::ranges::lower_bound(theirs, set_[i].id);
    if (found != theirs.end() && *found == set_[i].id) {
      is_ours[static_cast<std::size_t>(found - theirs.begin())] = true;
    } else if (!missing_there_[i]) {
      missing_there_[i] = true;
      step.have.push_back(set_[i].id);
    }
  }
  for (std::size_t i = 0; i < theirs.size(); ++i)
    if (!is_ours[i] && missing_here_.insert(theirs[i]).second) step.need.push_back(theirs[i]);
}

Result<NegInitiator::Step> NegInitiator::on_message(ByteView message) {
  TRY(const std::uint8_t version, version_of(message));
  if (version != kVersion)
    return fail(Errc::kUnsupported, "peer speaks negentropy version " +
                                        std::to_string(version - kFirstVersion) + ", we speak 1");
  Step step;
  Writer out(set_, limits_.frame_bytes);
  TRY(answer(set_, message, out, [&](std::size_t begin, std::size_t end, const Range& range) {
    std::vector<EventId> theirs(range.payload.size() / EventId::kSize);
    for (std::size_t i = 0; i < theirs.size(); ++i)
      std::ranges::copy(range.payload.subspan(i * EventId::kSize, EventId::kSize), theirs[i].data());
    compare(begin, end, std::move(theirs), step);
    out.skip(range.upper);
    return end;
  }));
  if (missing_here_.size() > limits_.max_need)
    return fail(Errc::kLimit, "peer named over " + std::to_string(limits_.max_need) + " ids we lack");
  if (out.is_empty()) return step;
  if (++rounds_ > limits_.max_rounds)
    return fail(Errc::kLimit, "negentropy did not end within " + std::to_string(limits_.max_rounds) +
                                  " messages");
  step.message = out.take();
  return step;
}

}  // namespace nostr
