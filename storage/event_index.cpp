// HOT PATH: a filter becomes a few sources, each a range of one index in descending pos; the
// sources are merged like sorted runs, bodies are read only for candidates, and matches() has the
// last word.
#include "storage/event_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <queue>
#include <tuple>

#include "nostr/crypto/hash.h"
#include "nostr/nips/nip40.h"
#include "storage/event_codec.h"

namespace storage {

namespace {

constexpr int kIdBits = 24;  // of the id, below the time in a pos
constexpr std::int64_t kIdMask = (std::int64_t{1} << kIdBits) - 1;
constexpr std::int64_t kMaxTime = (std::int64_t{1} << (62 - kIdBits)) - 1;  // year 10 680

std::int64_t first_eight(const std::uint8_t* bytes) {
  std::int64_t out = 0;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

std::int64_t shifted(UnixTime t) {
  return std::clamp(base::to_unix(t), std::int64_t{0}, kMaxTime) << kIdBits;
}

}  // namespace

std::int64_t id_key(const EventId& id) {
  return first_eight(id.data());
}
std::int64_t author_key(const PublicKey& author) {
  return first_eight(author.data());
}

std::int64_t address_key(const Address& address) {
  return first_eight(nostr::sha256(address.str()).data());
}

std::int64_t tag_key(char letter, std::string_view value) {
  std::string text;
  text.reserve(value.size() + 1);
  text.push_back(letter);
  text += value;
  return first_eight(nostr::sha256(text).data());
}

std::vector<std::int64_t> tag_keys(const Event& event) {
  std::vector<std::int64_t> out;
  for (const nostr::Tag& tag : event.tags) {
    if (tag.size() < 2 || tag[0].size() != 1) continue;
    const char c = tag[0][0];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) out.push_back(tag_key(c, tag[1]));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::int64_t index_pos(const Event& event) {
  const auto& id = event.id.array();
  const std::int64_t start = std::int64_t{id[0]} << 16 | std::int64_t{id[1]} << 8 | id[2];
  return shifted(event.created_at) | (kIdMask - start);
}

std::int64_t last_pos_at(UnixTime t) {
  return shifted(t) | kIdMask;
}
std::int64_t first_pos_at(UnixTime t) {
  return shifted(t);
}

// --- sources
// ---------------------------------------------------------------------------------------

namespace {

// Each page statement walks its index from (pos, seq) downwards; seq breaks ties so that a page can
// be continued where the last one ended.
constexpr const char* kAuthorPage =
    "SELECT pos, seq FROM events WHERE author = ? AND kind = ? AND pos BETWEEN ? AND ? "
    "AND (pos, seq) < (?, ?) ORDER BY pos DESC, seq DESC LIMIT ?";
constexpr const char* kKindPage =
    "SELECT pos, seq FROM events WHERE kind = ? AND pos BETWEEN ? AND ? "
    "AND (pos, seq) < (?, ?) ORDER BY pos DESC, seq DESC LIMIT ?";
constexpr const char* kTagPage =
    "SELECT pos, seq, kind, author FROM event_tags WHERE key = ? AND pos BETWEEN ? AND ? "
    "AND (pos, seq) < (?, ?) ORDER BY pos DESC, seq DESC LIMIT ?";
constexpr const char* kNextKind = "SELECT kind FROM events WHERE kind > ? ORDER BY kind LIMIT 1";
constexpr const char* kNextAuthorKind =
    "SELECT kind FROM events WHERE author = ? AND kind > ? ORDER BY kind LIMIT 1";
constexpr const char* kBody = "SELECT body FROM events WHERE seq = ?";
constexpr const char* kBodyById = "SELECT body FROM events WHERE id = ?";
constexpr const char* kBodyByAddress = "SELECT body FROM events WHERE address = ?";

struct Candidate {
  std::int64_t pos = 0;
  std::int64_t seq = 0;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

/// A range of one index, read page by page.
struct Source {
  enum class Index { kAuthor, kKind, kTag } index = Index::kKind;
  std::int64_t key = 0;  ///< author or tag key
  std::int64_t kind = 0;
  Candidate last{std::numeric_limits<std::int64_t>::max(),
                 std::numeric_limits<std::int64_t>::max()};
  std::vector<Candidate> page = {};
  std::size_t next = 0;
  bool dry = false;
};

/// What the rows of the tag index can already rule out.
struct RowFilter {
  std::vector<std::int64_t> authors;  // sorted
  std::vector<nostr::Kind> kinds;     // sorted

  bool admits(std::int64_t kind, std::int64_t author) const {
    return (kinds.empty() || std::binary_search(kinds.begin(), kinds.end(), kind)) &&
           (authors.empty() || std::binary_search(authors.begin(), authors.end(), author));
  }
};

/// The merge of all sources of one filter.
class Search {
 public:
  Search(Db& db, const nostr::Filter& filter, std::size_t limit, UnixTime now)
      : db_(db), filter_(filter), limit_(limit), now_(now) {
    if (filter.since) low_ = first_pos_at(*filter.since);
    if (filter.until) high_ = last_pos_at(*filter.until);
    for (const PublicKey& author : filter.authors) rows_.authors.push_back(author_key(author));
    rows_.kinds = filter.kinds;
    std::sort(rows_.authors.begin(), rows_.authors.end());
    std::sort(rows_.kinds.begin(), rows_.kinds.end());
  }

  Result<std::vector<Event>> run() {
    if (limit_ == 0) return std::vector<Event>{};
    if (!filter_.ids.empty()) return by_ids();
    if (names_addresses()) return by_addresses();
    TRY(choose_sources());
    return merge();
  }

 private:
  bool accepts(const Event& event) const {
    return nostr::matches(filter_, event) && !nostr::is_expired(event, now_);
  }

  std::vector<Event> finish(std::vector<Event> found) const {
    std::sort(found.begin(), found.end(), nostr::replaces);
    found.erase(std::unique(found.begin(), found.end(),
                            [](const Event& a, const Event& b) { return a.id == b.id; }),
                found.end());
    if (found.size() > limit_) found.resize(limit_);
    return found;
  }

  template <class... Key>
  Result<void> collect(const char* sql, std::vector<Event>& out, const Key&... key) {
    TRY(auto found, db_.all(sql, [](Row& row) { return unpack_event(row.take_view()); }, key...));
    for (auto& event : found) {
      if (!event) return std::unexpected(std::move(event).error());
      if (accepts(*event)) out.push_back(*std::move(event));
    }
    return {};
  }

  Result<std::vector<Event>> by_ids() {
    std::vector<Event> out;
    for (const EventId& id : filter_.ids) TRY(collect(kBodyById, out, id_key(id)));
    return finish(std::move(out));
  }

  /// Author, kind and `d` together name single events:
  /// {"kinds":[39201],"authors":[…],"#d":["state"]}.
  bool names_addresses() const {
    const auto d = filter_.tags.find('d');
    if (d == filter_.tags.end() || d->second.empty()) return false;
    if (filter_.authors.empty() || filter_.kinds.empty()) return false;
    const bool all = std::all_of(filter_.kinds.begin(), filter_.kinds.end(), [](nostr::Kind kind) {
      return nostr::storage_class(kind) == nostr::StorageClass::kAddressable;
    });
    return all && filter_.authors.size() * filter_.kinds.size() * d->second.size() <= 1000;
  }

  Result<std::vector<Event>> by_addresses() {
    std::vector<Event> out;
    for (const PublicKey& author : filter_.authors)
      for (const nostr::Kind kind : filter_.kinds)
        for (const std::string& d : filter_.tags.at('d'))
          TRY(collect(kBodyByAddress, out,
                      address_key(Address{.kind = kind, .pubkey = author, .d = d})));
    return finish(std::move(out));
  }

  Result<void> choose_sources() {
    // The letter with the fewest values; `d` only if nothing else is named, since many share one.
    // A letter without values asks nothing.
    const auto rank = [](const auto& tag) {
      return std::tuple{tag.second.empty(), tag.first == 'd', tag.second.size()};
    };
    const auto best =
        std::min_element(filter_.tags.begin(), filter_.tags.end(),
                         [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    if (best != filter_.tags.end() && !best->second.empty()) {
      for (const std::string& value : best->second)
        sources_.push_back({.index = Source::Index::kTag, .key = tag_key(best->first, value)});
      return {};
    }
    if (filter_.authors.empty()) {
      TRY(const auto kinds, kinds_of(kNextKind));
      for (const nostr::Kind kind : kinds)
        sources_.push_back({.index = Source::Index::kKind, .kind = kind});
      return {};
    }
    for (const std::int64_t author : rows_.authors) {
      TRY(const auto kinds, kinds_of(kNextAuthorKind, author));
      for (const nostr::Kind kind : kinds)
        sources_.push_back({.index = Source::Index::kAuthor, .key = author, .kind = kind});
    }
    return {};
  }

  /// The kinds to search: those named, or every kind there is, found by hopping through the index.
  template <class... Key>
  Result<std::vector<nostr::Kind>> kinds_of(const char* next_kind, const Key&... key) {
    if (!rows_.kinds.empty()) return rows_.kinds;
    std::vector<nostr::Kind> out;
    std::int64_t last = -1;
    for (;;) {
      TRY(const auto kind,
          db_.one(next_kind, [](Row& row) { return row.take<nostr::Kind>(); }, key..., last));
      if (!kind) return out;
      out.push_back(*kind);
      last = *kind;
    }
  }

  Result<void> load_page(Source& source) {
    source.page.clear();
    source.next = 0;
    const std::int64_t size = static_cast<std::int64_t>(page_size_);
    const auto candidate = [](Row& row) {
      return Candidate{.pos = row.take<std::int64_t>(), .seq = row.take<std::int64_t>()};
    };
    std::size_t read = 0;
    switch (source.index) {
      case Source::Index::kAuthor: {
        TRY(source.page, db_.all(kAuthorPage, candidate, source.key, source.kind, low_, high_,
                                 source.last.pos, source.last.seq, size));
        read = source.page.size();
        break;
      }
      case Source::Index::kKind: {
        TRY(source.page, db_.all(kKindPage, candidate, source.kind, low_, high_, source.last.pos,
                                 source.last.seq, size));
        read = source.page.size();
        break;
      }
      case Source::Index::kTag: {
        const auto judged = [&](Row& row) {
          const Candidate at = candidate(row);
          const auto kind = row.take<std::int64_t>();
          return std::pair{at, rows_.admits(kind, row.take<std::int64_t>())};
        };
        TRY(const auto rows, db_.all(kTagPage, judged, source.key, low_, high_, source.last.pos,
                                     source.last.seq, size));
        for (const auto& [at, admitted] : rows)
          if (admitted) source.page.push_back(at);
        read = rows.size();
        if (!rows.empty()) source.last = rows.back().first;
        break;
      }
    }
    if (source.index != Source::Index::kTag && !source.page.empty())
      source.last = source.page.back();
    source.dry = read < page_size_;
    return {};
  }

  /// Makes the next candidate of source `i` known to the heap, if it has one.
  Result<void> advance(std::size_t i) {
    Source& source = sources_[i];
    while (source.next == source.page.size()) {
      if (source.dry) return {};
      TRY(load_page(source));
    }
    heap_.push({source.page[source.next++], i});
    return {};
  }

  /// Pops candidates in order. Equal pos is rare but possible (same second, same start of the id),
  /// so the last one is sorted by id in full before the limit cuts.
  Result<std::vector<Event>> merge() {
    // Many sources share the limit; a page that turns out too short is followed by another.
    page_size_ = std::clamp<std::size_t>(
        2 * std::min<std::size_t>(limit_, 4096) / std::max<std::size_t>(sources_.size(), 1), 8,
        512);
    for (std::size_t i = 0; i < sources_.size(); ++i) TRY(advance(i));
    std::vector<Event> out;
    Candidate last{-1, -1};
    while (!heap_.empty()) {
      const auto [at, i] = heap_.top();
      heap_.pop();
      TRY(advance(i));
      if (at == last) continue;  // another source had it too
      if (out.size() >= limit_ && at.pos != last.pos) break;
      last = at;
      TRY(collect(kBody, out, at.seq));
    }
    return finish(std::move(out));
  }

  Db& db_;
  const nostr::Filter& filter_;
  std::size_t limit_;
  UnixTime now_;
  std::int64_t low_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t high_ = std::numeric_limits<std::int64_t>::max();
  RowFilter rows_;
  std::vector<Source> sources_;
  std::size_t page_size_ = 0;
  std::priority_queue<std::pair<Candidate, std::size_t>> heap_;
};

}  // namespace

Result<std::vector<Event>> find_events(Db& db, const nostr::Filter& filter, std::size_t cap,
                                       UnixTime now) {
  const std::size_t limit = filter.limit ? std::min<std::size_t>(*filter.limit, cap) : cap;
  return Search(db, filter, limit, now).run();
}

}  // namespace storage
