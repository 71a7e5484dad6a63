// taken → invoiced → paid → done: each arrow is a commit, and a restart goes on from the row.
#include "orchestration/jobs/provider.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/json.h"
#include "nostr/base/log.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"
#include "nostr/nips/nip89.h"
#include "orchestration/money/invoice_check.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using storage::JobRow;
using storage::JobState;

constexpr std::chrono::seconds kRepublish{900};   // results a crash may have kept from the relays
constexpr std::chrono::seconds kSkewFuture{120};
constexpr std::size_t kMaxReplyRelays = 4;

bool is_legacy(std::string_view payload) {
  return payload.find("?iv=") != payload.npos;
}

}  // namespace

Result<nostr::JobRequest> open_job(const nostr::Event& request, const nostr::SecretKey& key) {
  TRY(nostr::JobRequest job, nostr::parse_job_request(request));
  if (!job.encrypted) return job;
  std::string text;
  if (is_legacy(request.content)) {
    TRY(const nostr::SharedX shared, nostr::ecdh(key, request.pubkey));
    TRY(text, nostr::nip04_decrypt(shared, request.content));
  } else {
    TRY(const auto shared, nostr::nip44_conversation_key(key, request.pubkey));
    TRY(text, nostr::nip44_decrypt(shared, request.content));
  }
  TRY(nostr::read_private_job(text, job));
  return job;
}

JobProvider::JobProvider(Deps deps, JobOffer offer, Work work)
    : deps_(deps),
      offer_(std::move(offer)),
      work_(std::move(work)),
      jobs_(deps.db),
      scope_(deps.pool.loop()) {}

Task<Result<void>> JobProvider::start() {
  if (offer_.price.value > 0 && wallet() == nullptr)
    co_return fail(Errc::kInvalid, "a price needs a wallet to be paid to", "sovereign wallet connect");
  const base::UnixTime now = deps_.clock.now();
  const base::json::Value about = {{"name", offer_.name}, {"about", offer_.about}};
  nostr::Draft draft = nostr::build_handler_info(
      {.d = fmt::format("jobs-{}", offer_.kind),
       .kinds = {offer_.kind},
       .links = {},
       .metadata = base::json::dump(about),
       .tags = {{"encrypted", "nip44"}, {"amount", std::to_string(offer_.price.value)}}},
      now);
  // Requests are heard before the offer is made.
  subscription_ = deps_.pool.subscribe(
      offer_.relays,
      {{.kinds = {offer_.kind}, .since = now - offer_.max_age},
       {.kinds = {nostr::kinds::kDeletion},
        .tags = {{'k', {std::to_string(offer_.kind)}}},
        .since = now - offer_.max_age}},
      {.on_events =
           [this](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) hear(*delivery.event);
           },
       .on_eose = {},
       .on_closed = {}});
  nostr::Event offer = nostr::sign_event(std::move(draft), deps_.key, deps_.rng);
  co_await deps_.pool.publish(offer_.relays, std::move(offer));
  CO_TRY(const auto open, jobs_.list_open());
  // Another offer of the same key looks after its own kind.
  for (const JobRow& row : open)
    if (row.event.kind == offer_.kind && running_.insert(row.event.id).second) scope_.spawn("job", run(row.event.id));
  CO_TRY(const auto done, jobs_.done_since(now - kRepublish));
  for (const JobRow& row : done)
    if (row.event.kind == offer_.kind)
      co_await deps_.pool.publish(relays_for(row.event), *row.result);
  co_return Result<void>{};
}

Task<void> JobProvider::stop() {
  subscription_.reset();
  co_await scope_.stop();
}

void JobProvider::hear(const nostr::Event& event) {
  if (event.kind == nostr::kinds::kDeletion)
    hear_withdrawal(event);
  else
    hear_request(event);
}

/// What does not concern us, or is more than we bear, is passed over without a row or a word.
void JobProvider::hear_request(const nostr::Event& event) {
  const base::UnixTime now = deps_.clock.now();
  const nostr::PublicKey self = deps_.key.public_key();
  if (event.kind != offer_.kind || event.pubkey == self) return;
  if (event.created_at + offer_.max_age < now || event.created_at > now + kSkewFuture) return;
  const auto job = nostr::parse_job_request(event);
  if (!job) return;
  const auto& wanted = job->providers;
  if (!wanted.empty() && std::ranges::find(wanted, self) == wanted.end()) return;
  if (job->encrypted && wanted.empty()) return;
  if (event.content.size() > offer_.max_input || running_.size() >= offer_.max_open) return;
  const auto asked = jobs_.count_since(event.pubkey, now - std::chrono::hours{1});
  if (!asked || *asked >= offer_.max_per_customer) return;
  const auto known = jobs_.get(event.id);
  if (!known || *known || (offer_.admit && !offer_.admit())) return;
  const auto taken = jobs_.take({.event = event, .price = offer_.price, .created = now});
  if (!taken) {
    LOG(kError, "jobs", "a request cannot be kept", {{"detail", taken.error().detail}});
    return;
  }
  if (!*taken || !running_.insert(event.id).second) return;
  scope_.spawn("job", run(event.id));
}

/// Only whoever asked may take it back, and only while nothing was delivered.
void JobProvider::hear_withdrawal(const nostr::Event& event) {
  for (const std::string_view value : nostr::tag_values(event.tags, "e")) {
    const auto id = nostr::EventId::from_hex(value);
    if (!id) continue;
    const auto row = jobs_.get(*id);
    if (!row || !*row || (*row)->event.pubkey != event.pubkey) continue;
    if (!storage::may_move((*row)->state, JobState::kCancelled)) continue;
    (void)jobs_.end(*id, JobState::kCancelled, "withdrawn by the customer", deps_.clock.now());
  }
}

Task<void> JobProvider::run(nostr::EventId request) {
  struct Entry {
    std::set<nostr::EventId>& running;
    nostr::EventId id;
    ~Entry() { running.erase(id); }
  } const entry{running_, request};
  if (auto done = co_await advance(request); !done)
    LOG(kWarn, "jobs", "a job stands still",
        {{"request", request.hex()}, {"detail", done.error().detail}});
}

Task<Result<void>> JobProvider::advance(nostr::EventId request) {
  CO_TRY(auto row, jobs_.get(request));
  if (!row) co_return fail(Errc::kNotFound, "no such job");
  if (row->state == JobState::kTaken) {
    const auto job = open_job(row->event, deps_.key);
    const Result<void> fits = job && offer_.check ? offer_.check(*job) : Result<void>{};
    const bool too_poor = job && job->bid && job->bid->value > 0 && *job->bid < offer_.price;
    if (!job || !fits || too_poor) {
      const std::string why = !job    ? job.error().detail
                              : !fits ? fits.error().detail
                                      : "the bid is below the price";
      CO_TRY(jobs_.end(request, JobState::kFailed, why, deps_.clock.now()));
      co_await refuse(row->event, why);
      co_return Result<void>{};
    }
    if (row->price.value > 0) {
      CO_TRY(co_await ask_money(*row));
    }
  }
  CO_TRY(row, jobs_.get(request));
  if (row->state == JobState::kInvoiced) {
    CO_TRY(const bool paid, co_await await_money(*row));
    if (!paid) co_return Result<void>{};
    CO_TRY(row, jobs_.get(request));
  }
  if (row->state == JobState::kTaken || row->state == JobState::kPaid)
    co_return co_await do_work(*std::move(row));
  co_return Result<void>{};
}

Task<Result<void>> JobProvider::ask_money(JobRow row) {
  WalletClient* const purse = wallet();
  if (purse == nullptr) co_return fail(Errc::kUnavailable, "no wallet is connected");
  CO_TRY(const nostr::Transaction made,
         expect_outcome<nostr::Transaction>(co_await purse->ask(
             nostr::MakeInvoice{.amount = row.price,
                                .description = "job " + row.event.id.hex(),
                                .expiry = offer_.invoice_expiry.count()})));
  CO_TRY(const nostr::Invoice invoice,
         check_invoice(made.invoice, {.amount = row.price}, deps_.clock.now()));
  CO_TRY(jobs_.set_invoiced(row.event.id, made.invoice, invoice.payment_hash, deps_.clock.now()));
  co_await say({.status = nostr::JobStatus::kPaymentRequired,
                .detail = "pay first",
                .request = row.event.id,
                .customer = row.event.pubkey,
                .content = "",
                .price = nostr::JobPrice{row.price, made.invoice}},
               relays_for(row.event));
  co_return Result<void>{};
}

/// False when it ended without money.
Task<Result<bool>> JobProvider::await_money(JobRow row) {
  CO_TRY(const nostr::Invoice invoice, nostr::parse_invoice(row.invoice));
  WalletClient* const purse = wallet();  // the one that made the invoice, whatever is connected since
  if (purse == nullptr) co_return fail(Errc::kUnavailable, "no wallet is connected");
  for (;;) {
    CO_TRY(const auto current, jobs_.get(row.event.id));
    if (current->state != JobState::kInvoiced) co_return false;  // withdrawn
    const auto seen = expect_outcome<nostr::Transaction>(co_await purse->ask(
        nostr::LookupInvoice{.payment_hash = row.payment_hash, .invoice = row.invoice}));
    if (seen && (seen->settled_at || seen->state == "settled")) {
      // Withdrawn while we looked: then the money is the customer's gift, and no work is owed.
      CO_TRY(jobs_.set_paid(row.event.id, deps_.clock.now()));
      co_return true;
    }
    if (nostr::expires_at(invoice) < deps_.clock.now()) {
      CO_TRY(jobs_.end(row.event.id, JobState::kFailed, "not paid in time", deps_.clock.now()));
      co_return false;
    }
    co_await base::sleep_for(offer_.payment_poll);
  }
}

Task<Result<void>> JobProvider::do_work(JobRow row) {
  const std::vector<std::string> relays = relays_for(row.event);
  CO_TRY(nostr::JobRequest job, open_job(row.event, deps_.key));
  co_await say({.status = nostr::JobStatus::kProcessing,
                .detail = "",
                .request = row.event.id,
                .customer = row.event.pubkey,
                .content = ""},
               relays);
  auto text = co_await work_(JobTask{row.event.id, row.event.pubkey, std::move(job)});
  CO_TRY(const auto current, jobs_.get(row.event.id));
  if (!storage::may_move(current->state, JobState::kDone)) co_return Result<void>{};  // withdrawn
  auto sealed = text ? seal(row.event, *text) : std::move(text);
  if (!sealed) {
    CO_TRY(jobs_.end(row.event.id, JobState::kFailed, sealed.error().detail, deps_.clock.now()));
    co_await refuse(row.event, sealed.error().detail);
    co_return Result<void>{};
  }
  const nostr::Event result =
      nostr::sign_event(nostr::build_job_result(row.event, offer_.relays.front(),
                                                *std::move(sealed), std::nullopt, deps_.clock.now()),
                        deps_.key, deps_.rng);
  CO_TRY(jobs_.set_done(row.event.id, result, deps_.clock.now()));
  co_await deps_.pool.publish(relays, result);
  co_return Result<void>{};
}

Task<void> JobProvider::refuse(nostr::Event request, std::string why) {
  co_await say({.status = nostr::JobStatus::kError,
                .detail = std::move(why),
                .request = request.id,
                .customer = request.pubkey,
                .content = ""},
               relays_for(request));
}

Task<void> JobProvider::say(nostr::JobFeedback feedback, std::vector<std::string> relays) {
  nostr::Event event = nostr::sign_event(
      nostr::build_job_feedback(feedback, offer_.relays.front(), deps_.clock.now()), deps_.key,
      deps_.rng);
  co_await deps_.pool.publish(std::move(relays), std::move(event));
}

/// As the customer wrote, so it is answered.
Result<std::string> JobProvider::seal(const nostr::Event& request, const std::string& text) {
  TRY(const nostr::JobRequest job, nostr::parse_job_request(request));
  if (!job.encrypted) return text;
  if (is_legacy(request.content)) {
    TRY(const nostr::SharedX shared, nostr::ecdh(deps_.key, request.pubkey));
    return nostr::nip04_encrypt(shared, text, deps_.rng);
  }
  TRY(const auto shared, nostr::nip44_conversation_key(deps_.key, request.pubkey));
  return nostr::nip44_encrypt(shared, text, deps_.rng);
}

/// Ours, and a few of those the customer names.
std::vector<std::string> JobProvider::relays_for(const nostr::Event& request) const {
  std::vector<std::string> out = offer_.relays;
  const auto job = nostr::parse_job_request(request);
  if (!job) return out;
  for (const std::string& relay : job->relays) {
    if (out.size() >= offer_.relays.size() + kMaxReplyRelays) break;
    const std::string url = nostr::normalize_relay_url(relay);
    if (std::ranges::find(out, url) == out.end()) out.push_back(url);
  }
  return out;
}

}  // namespace orchestration
