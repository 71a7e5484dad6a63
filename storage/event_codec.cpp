// HOT PATH: one linear pass each way; lengths are varints, fixed fields are copied.
#include "storage/event_codec.h"

#include <cstring>

namespace storage {

namespace {

constexpr char kVersion = 1;
constexpr std::size_t kHead = 1 + 32 + 32 + 64 + 8 + 2;

void put_varint(std::string& out, std::size_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(0x80 | (value & 0x7f)));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_le(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

/// A cursor that remembers having run out instead of failing at every call.
class Reader {
 public:
  explicit Reader(base::ByteView bytes) : rest_(bytes) {}

  std::string_view take(std::size_t count) {
    if (count > rest_.size()) {
      bad_ = true;
      return {};
    }
    const auto out = base::as_text(rest_.first(count));
    rest_ = rest_.subspan(count);
    return out;
  }
  template <class Fixed>
  void take_into(Fixed& out) {
    const std::string_view bytes = take(Fixed::kSize);
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  }
  std::uint64_t take_le(std::size_t bytes) {
    const std::string_view text = take(bytes);
    std::uint64_t out = 0;
    for (std::size_t i = text.size(); i-- > 0;) out = out << 8 | static_cast<std::uint8_t>(text[i]);
    return out;
  }
  /// At most `limit`, so that a damaged count cannot ask for all memory.
  std::size_t take_varint(std::size_t limit) {
    std::size_t out = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      const std::string_view byte = take(1);
      if (byte.empty()) return 0;
      out |= static_cast<std::size_t>(static_cast<std::uint8_t>(byte[0]) & 0x7f) << shift;
      if ((static_cast<std::uint8_t>(byte[0]) & 0x80) == 0) {
        if (out > limit) bad_ = true;
        return bad_ ? 0 : out;
      }
    }
    bad_ = true;
    return 0;
  }
  std::size_t left() const { return rest_.size(); }
  bool bad() const { return bad_; }

 private:
  base::ByteView rest_;
  bool bad_ = false;
};

std::unexpected<base::Error> damaged() {
  return base::fail(base::Errc::kDatabase, "a stored event is damaged",
                    "restore the database from a backup, or start a new home");
}

}  // namespace

void pack_event(const nostr::Event& event, std::string& out) {
  out.push_back(kVersion);
  out += base::as_text(event.id.view());
  out += base::as_text(event.pubkey.view());
  out += base::as_text(event.sig.view());
  put_le(out, static_cast<std::uint64_t>(base::to_unix(event.created_at)), 8);
  put_le(out, event.kind, 2);
  put_varint(out, event.tags.size());
  for (const nostr::Tag& tag : event.tags) {
    put_varint(out, tag.size());
    for (const std::string& element : tag) {
      put_varint(out, element.size());
      out += element;
    }
  }
  out += event.content;
}

base::Result<nostr::Event> unpack_event(base::ByteView bytes) {
  Reader in(bytes);
  if (bytes.size() < kHead || in.take(1)[0] != kVersion) return damaged();
  nostr::Event out;
  in.take_into(out.id);
  in.take_into(out.pubkey);
  in.take_into(out.sig);
  out.created_at = base::unix_time(static_cast<std::int64_t>(in.take_le(8)));
  out.kind = static_cast<nostr::Kind>(in.take_le(2));
  // Every tag and element takes at least one byte, so what is left bounds the counts.
  out.tags.resize(in.take_varint(in.left()));
  for (nostr::Tag& tag : out.tags) {
    tag.resize(in.take_varint(in.left()));
    for (std::string& element : tag) element = in.take(in.take_varint(in.left()));
    if (in.bad()) return damaged();
  }
  out.content = in.take(in.left());
  if (in.bad()) return damaged();
  return out;
}

base::Result<nostr::EventId> packed_id(base::ByteView bytes) {
  if (bytes.size() < kHead) return damaged();
  return nostr::EventId::from_bytes(bytes.subspan(1, nostr::EventId::kSize));
}

}  // namespace storage
