// Jobs: what a stranger asks, answers or reports is bounded, and written again it reads the same.
//
// Input: an event as event_text.h has it; its content is read as the private part of a job too.
#include "nostr/base/bytes.h"
#include "nostr/base/utf8.h"
#include "nostr/event/tags.h"
#include "nostr/nips/nip90.h"
#include "tests/fuzz/event_text.h"

namespace {

constexpr std::size_t kMaxEntries = 64;
constexpr std::size_t kMaxPrivate = 262'144;

void check_bounds(const nostr::JobRequest& job) {
  CHECK(job.inputs.size() <= kMaxEntries && job.params.size() <= kMaxEntries);
  CHECK(job.relays.size() <= kMaxEntries && job.providers.size() <= kMaxEntries);
  if (job.bid) CHECK(job.bid->value >= 0 && *job.bid <= base::kMaxMsat);
}

void check_price(const std::optional<nostr::JobPrice>& price) {
  if (price) CHECK(price->amount.value >= 0 && price->amount <= base::kMaxMsat);
}

/// Where nobody but the worker may see the inputs, none stands in the tags that are written.
void check_request(const nostr::Event& event) {
  const auto job = nostr::parse_job_request(event);
  if (!job) return;
  check_bounds(*job);
  const nostr::Event own = fuzz::event_of(nostr::build_job_request(*job, fuzz::kNow));
  const auto again = nostr::parse_job_request(own);
  CHECK(again.has_value());
  if (job->encrypted) {
    CHECK(nostr::find_tag(own.tags, "i") == nullptr &&
          nostr::find_tag(own.tags, "param") == nullptr);
    CHECK(again->inputs.empty() && again->params.empty());
    CHECK(again->providers == job->providers && again->content == job->content);
  } else {
    CHECK(*again == *job);
  }
}

void check_private_part(std::string_view text) {
  nostr::JobRequest job;
  if (!nostr::read_private_job(text, job)) return;
  check_bounds(job);
  const std::string written = nostr::build_private_job(job);
  nostr::JobRequest again;
  if (nostr::read_private_job(written, again))
    CHECK(again == job);
  else
    CHECK(written.size() > kMaxPrivate);  // an absent type is written out
}

void check_result(const nostr::Event& event) {
  if (const auto result = nostr::parse_job_result(event)) check_price(result->price);
  if (!nostr::is_job_request(event.kind)) return;
  // An answer to any request is a result that names it.
  const nostr::JobPrice price{base::Msat{21'000}, "lnbc1"};
  const nostr::Event own =
      fuzz::event_of(nostr::build_job_result(event, "wss://r.example", "out", price, fuzz::kNow));
  const auto result = nostr::parse_job_result(own);
  CHECK(result.has_value());
  CHECK(result->request == event.id && result->customer == event.pubkey);
  CHECK(result->price == price && result->content == "out");
}

void check_feedback(const nostr::Event& event) {
  const auto feedback = nostr::parse_job_feedback(event);
  if (!feedback) return;
  check_price(feedback->price);
  const auto again = nostr::parse_job_feedback(
      fuzz::event_of(nostr::build_job_feedback(*feedback, "wss://r.example", fuzz::kNow)));
  CHECK(again.has_value());
  CHECK(*again == *feedback);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (!base::is_utf8(text)) return 0;  // no such event gets past the reader of its JSON
  const nostr::Event event = fuzz::read_event(text);
  check_request(event);
  check_private_part(event.content);
  check_result(event);
  check_feedback(event);
  return 0;
}
