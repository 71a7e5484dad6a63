// One conversation: subscribed before the request is out, closed when it ends, whatever ends it.
#include "orchestration/jobs/customer.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "nostr/nips/nip04.h"
#include "nostr/nips/nip09.h"
#include "nostr/nips/nip44.h"

namespace orchestration {

namespace {

using base::Errc;
using base::fail;
using base::Msat;
using base::Result;
using base::Task;

constexpr std::chrono::milliseconds kReachPatience{10'000};
constexpr std::chrono::milliseconds kLook{10};
constexpr std::size_t kMaxQueued = 256;
constexpr std::size_t kMaxTagged = 1'000;  // bytes of an input in clear: relays refuse longer tags

bool accepted(const std::vector<nostr::PublishOutcome>& outcomes) {
  using State = nostr::PublishOutcome::State;
  return std::ranges::any_of(outcomes, [](const nostr::PublishOutcome& outcome) {
    return outcome.state == State::kAccepted || outcome.state == State::kUnknown;
  });
}

std::unexpected<base::Error> no_wallet() {
  return fail(Errc::kNotFound, "this home has no wallet", "sovereign wallet connect");
}

Task<Result<Msat>> pay_from(Cashier* cashier, std::string key, Spender who, nostr::JobPrice price) {
  if (!cashier) co_return no_wallet();
  CO_TRY(const storage::PaymentRow row, cashier->open({.key = std::move(key),
                                                       .purpose = "job",
                                                       .who = std::move(who),
                                                       .invoice = std::move(price.invoice),
                                                       .terms = {.amount = price.amount}}));
  CO_TRY(const storage::PaymentRow paid, co_await cashier->pay(row.key));
  if (paid.state == storage::PaymentState::kFailed)
    co_return fail(Errc::kDenied, "the payment failed: " + paid.detail);
  co_return paid.amount + paid.fee;
}

JobPayer payer_of(JobCustomer::FindCashier find) {
  return [find = std::move(find)](std::string key, Spender who, nostr::JobPrice price) {
    return pay_from(find(), std::move(key), std::move(who), std::move(price));
  };
}

}  // namespace

JobCustomer::JobCustomer(nostr::Pool& pool, const nostr::SecretKey& key, const base::Clock& clock,
                         base::Rng& rng, FindCashier cashier)
    : JobCustomer(pool, key, clock, rng, payer_of(std::move(cashier))) {}

JobCustomer::JobCustomer(nostr::Pool& pool, const nostr::SecretKey& key, const base::Clock& clock,
                         base::Rng& rng, Cashier* cashier)
    : JobCustomer(pool, key, clock, rng, [cashier] { return cashier; }) {}

/// What has arrived and is not read yet.
struct JobCustomer::Talk {
  explicit Talk(base::Loop& loop) : changed(loop) {}
  base::Signal changed;
  std::deque<nostr::Event> heard;
  bool served = false;
};

/// A request that is out: whoever is cut off over it takes it back, so that nobody works for nothing.
class JobCustomer::Recall {
 public:
  Recall(JobCustomer& customer, std::vector<std::string> relays, nostr::EventId request, nostr::Kind kind)
      : customer_(customer), relays_(std::move(relays)), request_(request), kind_(kind) {}
  ~Recall() {
    if (armed_) customer_.farewells_.spawn("withdraw a job", customer_.withdraw(std::move(relays_), request_, kind_));
  }
  Recall(const Recall&) = delete;
  Recall& operator=(const Recall&) = delete;
  void disarm() { armed_ = false; }

 private:
  JobCustomer& customer_;
  std::vector<std::string> relays_;
  nostr::EventId request_;
  nostr::Kind kind_;
  bool armed_ = true;
};

Result<nostr::Event> JobCustomer::build(const JobOrder& order) {
  if (!nostr::is_job_request(order.kind))
    return fail(Errc::kInvalid, fmt::format("kind {} is no job", order.kind), "5000 to 5999");
  if (order.encrypted && order.providers.size() != 1)
    return fail(Errc::kInvalid, "an encrypted job is for exactly one provider");
  nostr::JobRequest request{.kind = order.kind,
                            .inputs = order.inputs,
                            .params = order.params,
                            .output = order.output,
                            .bid = order.max_price,
                            .relays = order.relays,
                            .providers = order.providers,
                            .encrypted = order.encrypted};
  if (order.encrypted) {
    const std::string secret = nostr::build_private_job(request);
    const nostr::PublicKey& provider = order.providers.front();
    if (order.legacy_encryption) {
      TRY(const nostr::SharedX shared, nostr::ecdh(key_, provider));
      request.content = nostr::nip04_encrypt(shared, secret, rng_);
    } else {
      TRY(const auto shared, nostr::nip44_conversation_key(key_, provider));
      TRY(request.content, nostr::nip44_encrypt(shared, secret, rng_));
    }
  }
  return nostr::sign_event(nostr::build_job_request(request, clock_.now()), key_, rng_);
}

/// What is too long for a tag goes encrypted in the content, to the one it is for.
Result<void> JobCustomer::fit_inputs(JobOrder& order) {
  const auto too_long = [](const nostr::JobInput& input) { return input.data.size() > kMaxTagged; };
  if (order.encrypted || std::ranges::none_of(order.inputs, too_long)) return {};
  if (order.providers.size() != 1)
    return fail(Errc::kLimit, fmt::format("an input for all to read has at most {} bytes", kMaxTagged),
                "name one provider: a longer one goes encrypted");
  order.encrypted = true;
  return {};
}

/// Either encryption is read, by its shape, whichever was asked in.
Result<std::string> JobCustomer::open(const JobOrder& order, const nostr::PublicKey& worker,
                                      std::string content) {
  if (!order.encrypted) return content;
  if (content.find("?iv=") != std::string::npos) {
    TRY(const nostr::SharedX shared, nostr::ecdh(key_, worker));
    return nostr::nip04_decrypt(shared, content);
  }
  TRY(const auto shared, nostr::nip44_conversation_key(key_, worker));
  return nostr::nip44_decrypt(shared, content, order.max_bytes);
}

Task<Result<Msat>> JobCustomer::pay(Spender who, Msat bid, nostr::EventId request,
                                    nostr::JobPrice price) {
  if (price.amount.value == 0) co_return Msat{0};
  if (price.amount > bid)
    co_return fail(Errc::kLimit, fmt::format("the worker asks for {} msat, the bid is {}",
                                             price.amount.value, bid.value));
  if (price.invoice.empty())
    co_return fail(Errc::kUnsupported, "the worker asks for money without an invoice");
  if (!payer_) co_return no_wallet();
  std::string key = fmt::format("job:{}:{}", request.hex(), who.counterparty);
  co_return co_await payer_(std::move(key), std::move(who), std::move(price));
}

Task<void> JobCustomer::settle() {
  while (farewells_.running() > 0) co_await base::sleep_for(kLook);
}

Task<void> JobCustomer::withdraw(std::vector<std::string> relays, nostr::EventId request,
                                 nostr::Kind kind) {
  nostr::Draft draft{.kind = nostr::kinds::kDeletion,
                     .created_at = clock_.now(),
                     .tags = {{"e", request.hex()}, {"k", std::to_string(kind)}},
                     .content = ""};
  nostr::Event event = nostr::sign_event(std::move(draft), key_, rng_);
  co_await pool_.publish(std::move(relays), std::move(event));
}

Task<Result<JobOutcome>> JobCustomer::deliver(JobOrder order, JobOutcome outcome, JobDone done) {
  outcome.worker = done.worker;
  CO_TRY(outcome.content, open(order, done.worker, std::move(done.content)));
  if (!done.price || done.price->amount.value == 0 || outcome.paid.value > 0) co_return outcome;
  order.who.counterparty = done.worker.hex();
  const auto paid = co_await pay(std::move(order.who), order.max_price, outcome.request,
                                 *std::move(done.price));
  if (paid)
    outcome.paid = *paid;
  else
    outcome.unpaid = paid.error().detail;
  co_return outcome;
}

Task<Result<JobOutcome>> JobCustomer::order(JobOrder order, OnProgress on_progress) {
  CO_TRY(fit_inputs(order));
  CO_TRY(const nostr::Event request, build(order));
  JobWatch watch(request, order.providers, order.max_bytes);
  JobOutcome outcome{.request = request.id};
  const auto talk = std::make_shared<Talk>(pool_.loop());
  nostr::Filter filter{
      .authors = order.providers,
      .kinds = {nostr::job_result_kind(order.kind), nostr::kinds::kJobFeedback},
      .tags = {{'e', {request.id.hex()}}}};
  const auto subscription =
      pool_.subscribe(order.relays, {std::move(filter)},
                      {.on_events =
                           [talk](std::span<const nostr::Delivery> batch) {
                             for (const nostr::Delivery& delivery : batch)
                               if (talk->heard.size() < kMaxQueued)
                                 talk->heard.push_back(*delivery.event);
                             talk->changed.notify();
                           },
                       .on_eose =
                           [talk](const std::string&) {
                             talk->served = true;
                             talk->changed.notify();
                           },
                       .on_closed = {}});
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto left = [&](std::chrono::steady_clock::time_point until) {
    return std::max(std::chrono::milliseconds{0},
                    std::chrono::ceil<std::chrono::milliseconds>(until - now()));
  };
  const auto reach_by = now() + kReachPatience;
  while (!talk->served) {
    if (left(reach_by).count() == 0) co_return fail(Errc::kUnavailable, "no relay for jobs answers");
    co_await talk->changed.wait_for(left(reach_by));
  }
  // From its first byte on it may be out: cut off while nobody has said so, it is taken back as well.
  Recall recall(*this, order.relays, request.id, order.kind);
  if (!accepted(co_await pool_.publish(order.relays, request))) {
    recall.disarm();
    co_return fail(Errc::kUnavailable, "no relay took the job");
  }

  const auto deadline = now() + order.patience;
  for (;;) {
    while (!talk->heard.empty()) {
      const nostr::Event event = std::move(talk->heard.front());
      talk->heard.pop_front();
      JobNews news = watch.hear(event);
      if (std::holds_alternative<JobDone>(news) || std::holds_alternative<JobFailed>(news)) recall.disarm();
      if (auto* done = std::get_if<JobDone>(&news))
        co_return co_await deliver(std::move(order), std::move(outcome), std::move(*done));
      if (auto* failed = std::get_if<JobFailed>(&news))
        co_return fail(Errc::kDenied, "the worker says it failed: " + failed->detail.substr(0, 300));
      if (const auto* progress = std::get_if<JobProgress>(&news); progress && on_progress)
        on_progress(*progress);
      auto* asked = std::get_if<JobAsked>(&news);
      if (!asked || outcome.paid.value > 0) continue;
      Spender who = order.who;
      who.counterparty = asked->worker.hex();
      auto paid = co_await pay(std::move(who), order.max_price, request.id, std::move(asked->price));
      if (!paid) {
        watch.close();
        co_await withdraw(order.relays, request.id, order.kind);
        recall.disarm();
        co_return std::unexpected(std::move(paid).error());
      }
      // One whose outcome is not known is not paid again; the worker knows whether it has the money.
      outcome.paid = *paid;
    }
    if (left(deadline).count() == 0) break;
    co_await talk->changed.wait_for(left(deadline));
  }
  watch.close();
  co_await withdraw(order.relays, request.id, order.kind);
  recall.disarm();
  co_return fail(Errc::kTimeout, "nobody delivered in time; the request was withdrawn");
}

}  // namespace orchestration
