// NIP-90: the tags of requests, results and feedback.
#include "nostr/nips/nip90.h"

#include <algorithm>
#include <array>

#include "nostr/base/json.h"
#include "nostr/event/tags.h"
#include "nostr/nips/nip65.h"

namespace nostr {

namespace {

using Json = base::json::Value;
using base::Errc;
using base::fail;
using base::Msat;

constexpr std::size_t kMaxEntries = 64;
constexpr base::json::Limits kPrivate{.max_bytes = 262'144, .max_depth = 3};
constexpr std::array<std::string_view, 4> kInputTypes{"text", "url", "event", "job"};
constexpr std::array<std::string_view, 5> kStatuses{"payment-required", "processing", "error",
                                                    "success", "partial"};

Tag input_tag(const JobInput& input) {
  const std::string type(kInputTypes[static_cast<std::size_t>(input.type)]);
  return without_empty_end({"i", input.data, type, input.relay, input.marker}, 3);
}

Tag param_tag(const JobParam& param) {
  Tag tag{"param", param.name};
  tag.insert(tag.end(), param.values.begin(), param.values.end());
  return tag;
}

Tags private_tags(const JobRequest& request) {
  Tags out;
  for (const auto& input : request.inputs) out.push_back(input_tag(input));
  for (const auto& param : request.params) out.push_back(param_tag(param));
  return out;
}

/// Takes an `i` or `param` tag; others and surplus ones are left out.
void read_private_tag(const Tag& tag, JobRequest& out) {
  if (tag.size() < 2) return;
  if (tag[0] == "i" && out.inputs.size() < kMaxEntries) {
    const auto type = std::ranges::find(kInputTypes, tag_element(tag, 2));
    if (type == kInputTypes.end() && tag.size() > 2) return;
    out.inputs.push_back({tag[1],
                          type == kInputTypes.end()
                              ? JobInputType::kText
                              : static_cast<JobInputType>(type - kInputTypes.begin()),
                          tag_element(tag, 3), tag_element(tag, 4)});
  } else if (tag[0] == "param" && out.params.size() < kMaxEntries) {
    out.params.push_back({tag[1], {tag.begin() + 2, tag.end()}});
  }
}

std::optional<JobPrice> read_price(const Tags& tags) {
  const Tag* tag = find_tag(tags, "amount");
  const auto amount = tag != nullptr ? base::parse_msat((*tag)[1]) : std::nullopt;
  if (!amount) return std::nullopt;
  return JobPrice{*amount, tag_element(*tag, 2)};
}

Tag price_tag(const JobPrice& price) {
  return without_empty_end({"amount", std::to_string(price.amount.value), price.invoice}, 2);
}

bool has_encrypted_tag(const Tags& tags) {
  return std::ranges::any_of(tags, [](const Tag& tag) { return tag[0] == "encrypted"; });
}

/// The request's id and its author, which results and feedback both name.
struct Answered {
  EventId request;
  PublicKey customer;
};
base::Result<Answered> read_answered(const Event& event) {
  TRY(const EventId request, EventId::from_hex(tag_value(event.tags, "e").value_or("")));
  TRY(const PublicKey customer, PublicKey::from_hex(tag_value(event.tags, "p").value_or("")));
  return Answered{request, customer};
}

Tag request_tag(const EventId& request, std::string_view relay_hint) {
  return without_empty_end({"e", request.hex(), std::string(relay_hint)}, 2);
}

}  // namespace

Draft build_job_request(const JobRequest& request, UnixTime at) {
  Draft draft{.kind = request.kind, .created_at = at, .tags = {}, .content = request.content};
  if (!request.encrypted) draft.tags = private_tags(request);
  if (!request.output.empty()) draft.tags.push_back({"output", request.output});
  if (request.bid) draft.tags.push_back({"bid", std::to_string(request.bid->value)});
  if (!request.relays.empty()) {
    Tag relays{"relays"};
    relays.insert(relays.end(), request.relays.begin(), request.relays.end());
    draft.tags.push_back(std::move(relays));
  }
  for (const auto& provider : request.providers) draft.tags.push_back({"p", provider.hex()});
  if (request.encrypted) draft.tags.push_back({"encrypted"});
  return draft;
}

base::Result<JobRequest> parse_job_request(const Event& event) {
  if (!is_job_request(event.kind)) return wrong_kind(event, "a job request has 5000 to 5999");
  JobRequest out{.kind = event.kind,
                 .output = std::string(tag_value(event.tags, "output").value_or("")),
                 .bid = base::parse_msat(tag_value(event.tags, "bid").value_or("")),
                 .encrypted = has_encrypted_tag(event.tags),
                 .content = event.content};
  for (const Tag& tag : event.tags) {
    read_private_tag(tag, out);
    if (tag[0] == "relays") {
      for (const auto& url : tag)
        if (is_relay_url(url) && out.relays.size() < kMaxEntries) out.relays.push_back(url);
    } else if (tag[0] == "p" && out.providers.size() < kMaxEntries) {
      if (const auto key = PublicKey::from_hex(tag_element(tag, 1))) out.providers.push_back(*key);
    }
  }
  return out;
}

std::string build_private_job(const JobRequest& request) {
  return base::json::dump(private_tags(request));
}

base::Result<void> read_private_job(std::string_view json, JobRequest& request) {
  TRY(const Json value, base::json::parse(json, kPrivate));
  const auto is_tag = [](const Json& item) {
    return item.is_array() && !item.empty() &&
           std::ranges::all_of(item, [](const Json& part) { return part.is_string(); });
  };
  if (!value.is_array() || !std::ranges::all_of(value, is_tag))
    return fail(Errc::kInvalid, "private part of the job is no array of tags");
  for (const Json& item : value) read_private_tag(item.get<Tag>(), request);
  return {};
}

Draft build_job_result(const Event& request, std::string_view relay_hint, std::string content,
                       const std::optional<JobPrice>& price, UnixTime at) {
  Draft draft{.kind = job_result_kind(request.kind),
              .created_at = at,
              .tags = {request_tag(request.id, relay_hint), {"p", request.pubkey.hex()}},
              .content = std::move(content)};
  if (has_encrypted_tag(request.tags)) {
    draft.tags.push_back({"encrypted"});
  } else {
    for (const Tag& tag : request.tags)
      if (tag[0] == "i") draft.tags.push_back(tag);
  }
  if (price) draft.tags.push_back(price_tag(*price));
  return draft;
}

base::Result<JobResult> parse_job_result(const Event& event) {
  if (!is_job_result(event.kind)) return wrong_kind(event, "a job result has 6000 to 6999");
  TRY(const Answered answered, read_answered(event));
  return JobResult{event.kind,    answered.request,       answered.customer,
                   event.content, read_price(event.tags), has_encrypted_tag(event.tags)};
}

std::string_view job_status_name(JobStatus status) {
  return kStatuses[static_cast<std::size_t>(status)];
}

Draft build_job_feedback(const JobFeedback& feedback, std::string_view relay_hint, UnixTime at) {
  Draft draft{
      .kind = kinds::kJobFeedback, .created_at = at, .tags = {}, .content = feedback.content};
  draft.tags.push_back(without_empty_end(
      {"status", std::string(job_status_name(feedback.status)), feedback.detail}, 2));
  if (feedback.price) draft.tags.push_back(price_tag(*feedback.price));
  draft.tags.push_back(request_tag(feedback.request, relay_hint));
  draft.tags.push_back({"p", feedback.customer.hex()});
  if (feedback.encrypted) draft.tags.push_back({"encrypted"});
  return draft;
}

base::Result<JobFeedback> parse_job_feedback(const Event& event) {
  if (event.kind != kinds::kJobFeedback) return wrong_kind(event, "job feedback has 7000");
  const Tag* status = find_tag(event.tags, "status");
  const auto known =
      status != nullptr ? std::ranges::find(kStatuses, (*status)[1]) : kStatuses.end();
  if (known == kStatuses.end()) return fail(Errc::kInvalid, "job feedback has no known status");
  TRY(const Answered answered, read_answered(event));
  return JobFeedback{static_cast<JobStatus>(known - kStatuses.begin()),
                     tag_element(*status, 2),
                     answered.request,
                     answered.customer,
                     event.content,
                     read_price(event.tags),
                     has_encrypted_tag(event.tags)};
}

}  // namespace nostr
