// The second half of Approvals: presentations, signals, decisions and receipts of a question.
#include "nostr/base/failpoint.h"
#include "storage/approvals.h"

namespace storage {

namespace {

constexpr const char* kAddPresentation =
    "INSERT INTO presentations (id, question, channel, shown_to, part, rumor, wrap, sent, "
    "created_at) "
    "VALUES (?,?,?,?,?,?,?,?,?)";
constexpr const char* kPresentationSent = "UPDATE presentations SET sent = ? WHERE id = ?";
constexpr const char* kPresentations =
    "SELECT id, question, channel, shown_to, part, rumor, wrap, sent, created_at FROM "
    "presentations "
    "WHERE question = ? ORDER BY created_at, part";
constexpr const char* kPresentation =
    "SELECT id, question, channel, shown_to, part, rumor, wrap, sent, created_at FROM "
    "presentations "
    "WHERE id = ?";
constexpr const char* kPresentationsIn =
    "SELECT id, question, channel, shown_to, part, rumor, wrap, sent, created_at FROM "
    "presentations "
    "WHERE sent = ? ORDER BY created_at LIMIT ?";

constexpr const char* kAddSignal =
    "INSERT INTO signals (id, question, author, channel, strength, answer, verdict, refers_to, "
    "said_at, "
    "received_at, relay, raw, wrap) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING";
constexpr const char* kHasSignal = "SELECT 1 FROM signals WHERE id = ?";
constexpr const char* kLastChannel =
    "SELECT channel FROM signals WHERE author = ? AND channel IN ('nip17','nip04') "
    "ORDER BY received_at DESC LIMIT 1";
constexpr const char* kSignal =
    "SELECT id, question, author, channel, strength, answer, verdict, refers_to, said_at, "
    "received_at, "
    "relay, raw, wrap FROM signals WHERE id = ?";
constexpr const char* kSignals =
    "SELECT id, question, author, channel, strength, answer, verdict, refers_to, said_at, "
    "received_at, "
    "relay, raw, wrap FROM signals WHERE question = ? ORDER BY said_at, id";

constexpr const char* kAddDecision =
    "INSERT INTO decisions (id, question, digest, approved, decided_by, signal, event, decided_at) "
    "VALUES (?,?,?,?,?,?,?,?)";
constexpr const char* kDecisions =
    "SELECT id, question, digest, approved, decided_by, signal, event, decided_at FROM decisions "
    "WHERE question = ? ORDER BY decided_at";
constexpr const char* kDecisionFor =
    "SELECT id, question, digest, approved, decided_by, signal, event, decided_at FROM decisions "
    "WHERE digest = ? ORDER BY decided_at DESC LIMIT 1";

constexpr const char* kAddReceipt =
    "INSERT INTO receipts (id, question, told_to, channel, outcome, rumor, wrap, sent, created_at) "
    "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (question, told_to) DO NOTHING";
constexpr const char* kReceiptSent = "UPDATE receipts SET sent = ? WHERE id = ?";
constexpr const char* kReceiptTo =
    "SELECT id, question, told_to, channel, outcome, rumor, wrap, sent, created_at FROM receipts "
    "WHERE question = ? AND told_to = ?";
constexpr const char* kReceipts =
    "SELECT id, question, told_to, channel, outcome, rumor, wrap, sent, created_at FROM receipts "
    "WHERE question = ? ORDER BY told_to";
constexpr const char* kReceiptsIn =
    "SELECT id, question, told_to, channel, outcome, rumor, wrap, sent, created_at FROM receipts "
    "WHERE sent = ? ORDER BY created_at LIMIT ?";

Presentation read_presentation(Row& r) {
  return {.id = r.take<EventId>(),
          .question = r.take<EventId>(),
          .channel = r.take<std::string>(),
          .shown_to = r.take<PublicKey>(),
          .part = r.take<int>(),
          .rumor_json = r.take<std::string>(),
          .wrap_json = r.take<std::string>(),
          .sent = r.take<SendState>(),
          .created_at = r.take<UnixTime>()};
}

Signal read_signal(Row& r) {
  return {.id = r.take<EventId>(),
          .question = r.take<std::optional<EventId>>(),
          .author = r.take<PublicKey>(),
          .channel = r.take<std::string>(),
          .strength = r.take<SignalStrength>(),
          .answer = r.take<Answer>(),
          .verdict = r.take<SignalVerdict>(),
          .refers_to = r.take<std::optional<EventId>>(),
          .said_at = r.take<UnixTime>(),
          .received_at = r.take<UnixTime>(),
          .relay = r.take<std::string>(),
          .raw_json = r.take<std::string>(),
          .wrap_json = r.take<std::string>()};
}

Decision read_decision(Row& r) {
  return {.id = r.take<EventId>(),
          .question = r.take<EventId>(),
          .digest = r.take<nostr::Sha256>(),
          .approved = r.take<bool>(),
          .decided_by = r.take<PublicKey>(),
          .signal = r.take<std::optional<EventId>>(),
          .event_json = r.take<std::string>(),
          .decided_at = r.take<UnixTime>()};
}

Receipt read_receipt(Row& r) {
  return {.id = r.take<EventId>(),
          .question = r.take<EventId>(),
          .told_to = r.take<PublicKey>(),
          .channel = r.take<std::string>(),
          .outcome = r.take<std::string>(),
          .rumor_json = r.take<std::string>(),
          .wrap_json = r.take<std::string>(),
          .sent = r.take<SendState>(),
          .created_at = r.take<UnixTime>()};
}

}  // namespace

Result<void> Approvals::add_presentation(const Presentation& p) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddPresentation, p.id, p.question, p.channel, p.shown_to, p.part, p.rumor_json,
              p.wrap_json, p.sent, p.created_at));
  TRY(tx.commit());
  FAILPOINT("presentation-added");
  return {};
}

Result<void> Approvals::set_presentation_sent(const EventId& id, SendState sent) {
  TRY(const auto changed, db_.run(kPresentationSent, sent, id));
  return expect_one(changed, "presentation");
}

Result<std::vector<Presentation>> Approvals::presentations(const EventId& question) {
  return db_.all(kPresentations, read_presentation, question);
}

Result<std::optional<Presentation>> Approvals::presentation(const EventId& id) {
  return db_.one(kPresentation, read_presentation, id);
}

Result<std::vector<Presentation>> Approvals::presentations_in(SendState sent, std::size_t limit) {
  return db_.all(kPresentationsIn, read_presentation, sent, limit);
}

Result<bool> Approvals::add_signal(const Signal& s) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added,
      db_.run(kAddSignal, s.id, s.question, s.author, s.channel, s.strength, s.answer, s.verdict,
              s.refers_to, s.said_at, s.received_at, s.relay, s.raw_json, s.wrap_json));
  TRY(tx.commit());
  FAILPOINT("signal-added");
  return added == 1;
}

Result<bool> Approvals::has_signal(const EventId& id) {
  TRY(const auto found, db_.one(kHasSignal, [](Row& row) { return row.take<int>(); }, id));
  return found.has_value();
}

Result<std::optional<Signal>> Approvals::signal(const EventId& id) {
  return db_.one(kSignal, read_signal, id);
}

Result<std::optional<std::string>> Approvals::last_private_channel(const PublicKey& author) {
  return db_.one(kLastChannel, [](Row& row) { return row.take<std::string>(); }, author);
}

Result<std::vector<Signal>> Approvals::signals(const EventId& question) {
  return db_.all(kSignals, read_signal, question);
}

Result<void> Approvals::add_decision(const Decision& d) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddDecision, d.id, d.question, d.digest, d.approved, d.decided_by, d.signal,
              d.event_json, d.decided_at));
  TRY(tx.commit());
  FAILPOINT("decision-added");
  return {};
}

Result<std::vector<Decision>> Approvals::decisions(const EventId& question) {
  return db_.all(kDecisions, read_decision, question);
}

Result<std::optional<Decision>> Approvals::decision_for(const nostr::Sha256& digest) {
  return db_.one(kDecisionFor, read_decision, digest);
}

Result<Receipt> Approvals::add_receipt(const Receipt& r) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kAddReceipt, r.id, r.question, r.told_to, r.channel, r.outcome, r.rumor_json,
              r.wrap_json, r.sent, r.created_at));
  TRY(auto standing, db_.one(kReceiptTo, read_receipt, r.question, r.told_to));
  CHECK(standing.has_value());
  TRY(tx.commit());
  FAILPOINT("receipt-added");
  return *std::move(standing);
}

Result<void> Approvals::set_receipt_sent(const EventId& id, SendState sent) {
  TRY(const auto changed, db_.run(kReceiptSent, sent, id));
  return expect_one(changed, "receipt");
}

Result<std::vector<Receipt>> Approvals::receipts(const EventId& question) {
  return db_.all(kReceipts, read_receipt, question);
}

Result<std::vector<Receipt>> Approvals::receipts_in(SendState sent, std::size_t limit) {
  return db_.all(kReceiptsIn, read_receipt, sent, limit);
}

}  // namespace storage
