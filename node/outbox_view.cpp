// JSON views of publications.
#include "node/outbox_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/event/event_json.h"
#include "nostr/event/message.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using storage::OutboxState;

constexpr std::size_t kInStatus = 10;  // of each state
constexpr std::int64_t kMaxListed = 500;

Value relay_view(const storage::OutboxRelay& relay) {
  Value out = {{"relay", relay.url},
               {"status", storage::name_of(relay.state)},
               {"prefix", nostr::reason_name(nostr::reason_of(relay.reason))},
               {"text", relay.reason},
               {"attempts", relay.attempts},
               {"next_try", nullptr}};
  if (relay.next_try) out["next_try"] = base::to_unix(*relay.next_try);
  return out;
}

Result<void> append(storage::Outbox& outbox, OutboxState state, std::size_t limit, Value& out) {
  TRY(const auto rows, outbox.list(state, limit));
  for (const storage::OutboxRow& row : rows) out.push_back(publication_view(row));
  return {};
}

}  // namespace

Value publication_view(const storage::OutboxRow& row) {
  Value out = {{"entry", row.id},
               {"event", row.event_id ? Value(row.event_id->hex()) : Value(nullptr)},
               {"purpose", row.purpose},
               {"state", storage::name_of(row.state)},
               {"signing", storage::name_of(row.signing)},
               {"quorum", row.quorum},
               {"created", base::to_unix(row.created)},
               {"deadline", base::to_unix(row.deadline)},
               {"relays", Value::array()}};
  if (const auto event = nostr::parse_event(row.event_json)) out["kind"] = event->kind;
  for (const storage::OutboxRelay& relay : row.relays) out["relays"].push_back(relay_view(relay));
  return out;
}

Result<Value> outbox_view(storage::Outbox& outbox) {
  TRY(const storage::OutboxCounts counts, outbox.counts());
  Value out = {{"open", counts.open},
               {"done", counts.done},
               {"failed", counts.failed},
               {"superseded", counts.superseded},
               {"publications", Value::array()}};
  TRY(append(outbox, OutboxState::kOpen, kInStatus, out["publications"]));
  TRY(append(outbox, OutboxState::kFailed, kInStatus, out["publications"]));
  return out;
}

Result<Value> answer_outbox(storage::Outbox& outbox, const Value& params) {
  Value out = Value::array();
  if (const std::string hex = base::json::string_or(params, "event"); !hex.empty()) {
    TRY(const nostr::EventId id, nostr::EventId::from_hex(hex));
    TRY(const auto row, outbox.find(id));
    if (!row) return fail(Errc::kNotFound, "the outbox has no event " + hex);
    out.push_back(publication_view(*row));
    return out;
  }
  const auto limit = static_cast<std::size_t>(
      std::clamp<std::int64_t>(base::json::int_or(params, "limit", 50), 1, kMaxListed));
  const std::string word = base::json::string_or(params, "state");
  if (word.empty()) {
    TRY(append(outbox, OutboxState::kOpen, limit, out));
    TRY(append(outbox, OutboxState::kFailed, limit, out));
    return out;
  }
  const auto state = storage::enum_from<OutboxState>(word);
  if (!state)
    return fail(Errc::kInvalid, fmt::format("no publication is ever \"{}\"", word),
                "open, done, failed or superseded");
  TRY(append(outbox, *state, limit, out));
  return out;
}

}  // namespace node
