// The objections, in the order in which they are cheap.
#include "orchestration/jobs/job_watch.h"

#include <algorithm>

namespace orchestration {

namespace {

constexpr std::chrono::seconds kSkew{120};   // a worker's clock may be behind ours
constexpr std::size_t kMaxSeen = 1'000;      // answers looked at for one job

}  // namespace

JobWatch::JobWatch(const nostr::Event& request, std::vector<nostr::PublicKey> workers,
                   std::size_t max_bytes)
    : request_(request.id),
      customer_(request.pubkey),
      kind_(request.kind),
      asked_at_(request.created_at),
      workers_(std::move(workers)),
      max_bytes_(max_bytes) {}

std::optional<std::string> JobWatch::objection(const nostr::Event& event) const {
  if (closed_) return "the job is over";
  if (!workers_.empty() && std::ranges::find(workers_, event.pubkey) == workers_.end())
    return "its author was not asked";
  if (chosen_ && event.pubkey != *chosen_) return "another worker answered first";
  if (event.created_at + kSkew < asked_at_) return "it is older than the request";
  if (event.content.size() > max_bytes_) return "it is too large";
  if (seen_.contains(event.id)) return "it was said before";
  if (seen_.size() >= kMaxSeen) return "too much was said";
  return std::nullopt;
}

JobNews JobWatch::hear(const nostr::Event& event) {
  if (auto why = objection(event)) return JobIgnored{*std::move(why)};
  JobNews news =
      event.kind == nostr::kinds::kJobFeedback ? read_feedback(event) : read_result(event);
  if (std::holds_alternative<JobIgnored>(news)) return news;
  seen_.insert(event.id);
  // A worker that only says it works may be one of many; one that asks or delivers is ours.
  if (!std::holds_alternative<JobProgress>(news)) chosen_ = event.pubkey;
  if (std::holds_alternative<JobDone>(news) || std::holds_alternative<JobFailed>(news))
    closed_ = true;
  return news;
}

JobNews JobWatch::read_result(const nostr::Event& event) {
  if (event.kind != nostr::job_result_kind(kind_)) return JobIgnored{"its kind answers another kind"};
  auto result = nostr::parse_job_result(event);
  if (!result) return JobIgnored{result.error().detail};
  if (result->request != request_) return JobIgnored{"it answers another request"};
  if (result->customer != customer_) return JobIgnored{"it is for another customer"};
  return JobDone{event.pubkey, std::move(result->content), std::move(result->price)};
}

JobNews JobWatch::read_feedback(const nostr::Event& event) {
  auto feedback = nostr::parse_job_feedback(event);
  if (!feedback) return JobIgnored{feedback.error().detail};
  if (feedback->request != request_) return JobIgnored{"it is about another request"};
  if (feedback->customer != customer_) return JobIgnored{"it is for another customer"};
  switch (feedback->status) {
    case nostr::JobStatus::kPaymentRequired:
      if (!feedback->price) return JobIgnored{"it asks for money and does not say how much"};
      return JobAsked{event.pubkey, *std::move(feedback->price)};
    case nostr::JobStatus::kError:
      return JobFailed{event.pubkey, std::move(feedback->detail)};
    case nostr::JobStatus::kProcessing:
    case nostr::JobStatus::kSuccess:
    case nostr::JobStatus::kPartial:
      return JobProgress{event.pubkey, std::move(feedback->detail), std::move(feedback->content)};
  }
  return JobIgnored{"it says nothing that is known"};
}

}  // namespace orchestration
