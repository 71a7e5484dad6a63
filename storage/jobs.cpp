// One row per request id; a state moves by conditional UPDATE.
#include "storage/jobs.h"

#include <fmt/format.h>

#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"

namespace storage {

namespace {

#define JOB_COLUMNS                                                                      \
  "SELECT event, state, price, invoice, payment_hash, result, detail, created, changed " \
  "FROM jobs "

constexpr const char* kTake =
    "INSERT INTO jobs (request, customer, state, event, price, created, changed) "
    "VALUES (?,?,'taken',?,?,?,?) ON CONFLICT DO NOTHING";
constexpr const char* kState = "SELECT state FROM jobs WHERE request = ?";
constexpr const char* kMove =
    "UPDATE jobs SET state = ?, changed = ? WHERE request = ? AND state = ?";
constexpr const char* kInvoice =
    "UPDATE jobs SET invoice = ?, payment_hash = ? WHERE request = ?";
constexpr const char* kResult = "UPDATE jobs SET result = ? WHERE request = ?";
constexpr const char* kDetail = "UPDATE jobs SET detail = ? WHERE request = ?";
constexpr const char* kGet = JOB_COLUMNS "WHERE request = ?";
constexpr const char* kListOpen =
    JOB_COLUMNS "WHERE state IN ('taken','invoiced','paid') ORDER BY created";
constexpr const char* kDoneSince = JOB_COLUMNS "WHERE changed >= ? AND state = 'done'";
constexpr const char* kCount =
    "SELECT count(*) FROM jobs WHERE customer = ? AND created >= ?";

constexpr const char* kPrune =
    "DELETE FROM jobs WHERE changed < ? AND state IN ('done','failed','cancelled')";

#undef JOB_COLUMNS

struct Raw {
  std::string event;
  JobRow row;
  std::string result;
};

Raw read_raw(Row& r) {
  Raw out;
  out.event = r.take<std::string>();
  out.row.state = r.take<JobState>();
  out.row.price = r.take<Msat>();
  out.row.invoice = r.take<std::string>();
  out.row.payment_hash = r.take<std::optional<nostr::Sha256>>();
  out.result = r.take<std::string>();
  out.row.detail = r.take<std::string>();
  out.row.created = r.take<UnixTime>();
  out.row.changed = r.take<UnixTime>();
  return out;
}

Result<JobRow> parse(Raw raw) {
  TRY(raw.row.event, nostr::parse_event(raw.event));
  if (!raw.result.empty()) {
    TRY(raw.row.result, nostr::parse_event(raw.result));
  }
  return std::move(raw.row);
}

Result<std::vector<JobRow>> parse_all(std::vector<Raw> raws) {
  std::vector<JobRow> out;
  for (Raw& raw : raws) {
    TRY(JobRow row, parse(std::move(raw)));
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

bool may_move(JobState from, JobState to) {
  switch (from) {
    case JobState::kTaken:
      return to != JobState::kTaken;
    case JobState::kInvoiced:
      return to == JobState::kPaid || to == JobState::kFailed || to == JobState::kCancelled;
    case JobState::kPaid:
      return to == JobState::kDone || to == JobState::kFailed || to == JobState::kCancelled;
    case JobState::kDone:
    case JobState::kFailed:
    case JobState::kCancelled:
      return false;
  }
  return false;
}

Result<bool> Jobs::take(const JobRow& job) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto added, db_.run(kTake, job.event.id, job.event.pubkey, nostr::to_json(job.event),
                                job.price, job.created, job.created));
  TRY(tx.commit());
  FAILPOINT("job-taken");
  return added == 1;
}

Result<void> Jobs::move(const EventId& request, JobState to, UnixTime now) {
  TRY(const auto from, db_.one(kState, [](Row& r) { return r.take<JobState>(); }, request));
  if (!from) return fail(Errc::kNotFound, "no such job");
  if (!may_move(*from, to))
    return fail(Errc::kConflict, fmt::format("a job that is {} cannot become {}", name_of(*from),
                                             name_of(to)));
  TRY(const auto changed, db_.run(kMove, to, now, request, *from));
  return expect_one(changed, "job");
}

Result<void> Jobs::set_invoiced(const EventId& request, std::string_view invoice,
                                const nostr::Sha256& payment_hash, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(move(request, JobState::kInvoiced, now));
  TRY(db_.run(kInvoice, invoice, payment_hash, request));
  return tx.commit();
}

Result<void> Jobs::set_paid(const EventId& request, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(move(request, JobState::kPaid, now));
  return tx.commit();
}

Result<void> Jobs::set_done(const EventId& request, const Event& result, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(move(request, JobState::kDone, now));
  TRY(db_.run(kResult, nostr::to_json(result), request));
  TRY(tx.commit());
  FAILPOINT("job-done");
  return {};
}

Result<void> Jobs::end(const EventId& request, JobState to, std::string_view detail, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(move(request, to, now));
  TRY(db_.run(kDetail, detail, request));
  return tx.commit();
}

Result<std::optional<JobRow>> Jobs::get(const EventId& request) {
  TRY(auto raw, db_.one(kGet, read_raw, request));
  if (!raw) return std::nullopt;
  TRY(JobRow row, parse(*std::move(raw)));
  return row;
}

Result<std::vector<JobRow>> Jobs::list_open() {
  TRY(auto raws, db_.all(kListOpen, read_raw));
  return parse_all(std::move(raws));
}

Result<std::vector<JobRow>> Jobs::done_since(UnixTime since) {
  TRY(auto raws, db_.all(kDoneSince, read_raw, since));
  return parse_all(std::move(raws));
}

Result<std::int64_t> Jobs::count_since(const PublicKey& customer, UnixTime since) {
  TRY(const auto count, db_.one(kCount, [](Row& r) { return r.take<std::int64_t>(); }, customer, since));
  return count.value_or(0);
}

Result<void> Jobs::prune(UnixTime before) {
  TRY(Tx tx, Tx::begin(db_, Durability::kNormal));
  TRY(db_.run(kPrune, before));
  return tx.commit();
}

}  // namespace storage
