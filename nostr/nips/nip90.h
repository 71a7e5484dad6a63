// NIP-90: jobs for money — request, result, feedback, and parameters only the worker may see.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nostr/base/money.h"
#include "nostr/event/event.h"

namespace nostr {

constexpr bool is_job_request(Kind kind) {
  return kind >= kinds::kJobRequestFirst && kind <= kinds::kJobRequestLast;
}
constexpr bool is_job_result(Kind kind) {
  return kind >= kinds::kJobResultFirst && kind <= kinds::kJobResultLast;
}
/// The kind that answers a request.
constexpr Kind job_result_kind(Kind request) {
  return static_cast<Kind>(request + 1000);
}

enum class JobInputType { kText, kUrl, kEvent, kJob };

struct JobInput {
  std::string data;  ///< the text, the URL, or an event's id
  JobInputType type = JobInputType::kText;
  std::string relay;   ///< where an event or job is found
  std::string marker;  ///< how this input is meant, in the job's own words
  friend bool operator==(const JobInput&, const JobInput&) = default;
};
struct JobParam {
  std::string name;
  std::vector<std::string> values;
  friend bool operator==(const JobParam&, const JobParam&) = default;
};

/// A job to do (kinds 5000–5999).
struct JobRequest {
  Kind kind = 0;
  std::vector<JobInput> inputs;
  std::vector<JobParam> params;
  std::string output;                ///< MIME type wished for
  std::optional<base::Msat> bid;     ///< the most the customer pays
  std::vector<std::string> relays;   ///< where answers shall appear
  std::vector<PublicKey> providers;  ///< whom the customer would like; one when encrypted
  bool encrypted = false;  ///< inputs and parameters are in the content, for the provider only
  std::string content;     ///< the encrypted text, else usually ""
  friend bool operator==(const JobRequest&, const JobRequest&) = default;
};

/// With `encrypted`, inputs and params stay out of the tags: encrypt build_private_job() to the
/// provider (NIP-44; NIP-04 for those who ask for it) and set `content` to it.
Draft build_job_request(const JobRequest& request, UnixTime at);
/// Liberal: malformed tags are left out, at most 64 per list are kept. kInvalid for a kind that is
/// no job.
base::Result<JobRequest> parse_job_request(const Event& event);
/// The inputs and params as a JSON array of tags.
std::string build_private_job(const JobRequest& request);
/// Reads that into `request` once it is decrypted. kInvalid when malformed or over 256 KiB.
base::Result<void> read_private_job(std::string_view json, JobRequest& request);

/// What is asked for a job, and how to pay it.
struct JobPrice {
  base::Msat amount;
  std::string invoice;  ///< BOLT-11, "" when the customer shall zap instead
  friend bool operator==(const JobPrice&, const JobPrice&) = default;
};

/// A result (kinds 6000–6999).
struct JobResult {
  Kind kind = 0;
  EventId request;
  PublicKey customer;
  std::string content;  ///< the output, encrypted when the request was
  std::optional<JobPrice> price;
  bool encrypted = false;
  friend bool operator==(const JobResult&, const JobResult&) = default;
};
/// Answers `request`; its inputs are repeated unless it was encrypted.
Draft build_job_result(const Event& request, std::string_view relay_hint, std::string content,
                       const std::optional<JobPrice>& price, UnixTime at);
/// kInvalid for a kind that is no result, or without the request's id or the customer. Whether the
/// kind fits the request is the caller's to compare.
base::Result<JobResult> parse_job_result(const Event& event);

enum class JobStatus { kPaymentRequired, kProcessing, kError, kSuccess, kPartial };
std::string_view job_status_name(JobStatus status);

/// How it goes (kind 7000).
struct JobFeedback {
  JobStatus status = JobStatus::kProcessing;
  std::string detail;  ///< the worker's words: escape before showing
  EventId request;
  PublicKey customer;
  std::string content;  ///< of a partial result
  std::optional<JobPrice> price;
  bool encrypted = false;
  friend bool operator==(const JobFeedback&, const JobFeedback&) = default;
};
Draft build_job_feedback(const JobFeedback& feedback, std::string_view relay_hint, UnixTime at);
/// kInvalid for another kind, an unknown status, or without the request's id or the customer.
base::Result<JobFeedback> parse_job_feedback(const Event& event);

}  // namespace nostr
