// Events of NIP-SA, NIP-SKL and NIP-AC: any tags and content give an error or a value, and what is read and can
// be written is written the same ever after.
//
// Input: the kind, a line per tag with tabs between its fields, an empty line, the content.
#include <charconv>

#include "nipsa/agent_label.h"
#include "nipsa/approval.h"
#include "nipsa/auth.h"
#include "nipsa/chain.h"
#include "nipsa/credit.h"
#include "nipsa/delegation.h"
#include "nipsa/delivery.h"
#include "nipsa/goals.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "nipsa/skill_label.h"
#include "nipsa/skill_listing.h"
#include "nipsa/state_parts.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"
#include "nostr/base/bytes.h"
#include "nostr/base/utf8.h"

namespace {

constexpr auto kNow = base::unix_time(1'760'000'000);

/// Everything before `separator`, which is taken off `text` with it.
std::string_view take(std::string_view& text, char separator) {
  const std::string_view head = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), head.size() + 1));
  return head;
}

nostr::Event read_event(std::string_view text) {
  nostr::Event event;
  // The x coordinate of the generator: the seeds name it where a tag repeats the author.
  event.pubkey = nostr::PublicKey::from_hex(
                     "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
                     .value();
  event.created_at = kNow;
  const std::string_view kind = take(text, '\n');
  std::from_chars(kind.data(), kind.data() + kind.size(), event.kind);
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line.empty()) break;
    nostr::Tag tag;
    while (!line.empty()) tag.emplace_back(take(line, '\t'));
    event.tags.push_back(std::move(tag));
  }
  event.content = text;
  return event;
}

/// What `parse` reads, `build` may refuse; what it writes must be read again and written alike.
template <class Parse, class Build>
void comes_back(const nostr::Event& event, Parse parse, Build build) {
  const auto first = parse(event);
  if (!first) return;
  const auto written = build(*first, kNow);
  if (!written) return;
  nostr::Event own = event;
  own.tags = written->tags;
  own.content = written->content;
  const auto again = parse(own);
  CHECK(again.has_value());
  const auto twice = build(*again, kNow);
  CHECK(twice.has_value());
  CHECK(twice->tags == written->tags);
  CHECK(twice->content == written->content);
}

void check_agents(const nostr::Event& event) {
  comes_back(event, nipsa::parse_profile, nipsa::build_profile);
  comes_back(event, nipsa::parse_schedule, nipsa::build_schedule);
  comes_back(event, nipsa::parse_schedule, [](const nipsa::Schedule& schedule, base::UnixTime at) {
    return nipsa::build_triggers(schedule.triggers, at);
  });
  comes_back(event, nipsa::parse_state, [](const nipsa::StateHead& head, base::UnixTime at) {
    return nipsa::build_state(head.content, head.prev, at);
  });
  comes_back(event, nipsa::parse_state_part, [](const nipsa::SealedStatePart& part, base::UnixTime at) {
    return nipsa::build_state_part(part.number, part.content, at);
  });
  comes_back(event, nipsa::parse_goals, nipsa::build_goals);
}

void check_ticks(const nostr::Event& event) {
  comes_back(event, nipsa::parse_tick_request,
             [&](const nipsa::TickRequest& request, base::UnixTime at) {
               return nipsa::build_tick_request(request, event.pubkey, at);
             });
  comes_back(event, nipsa::parse_tick_result,
             [&](const nipsa::TickResult& result, base::UnixTime at) {
               return nipsa::build_tick_result(result, event.pubkey, at);
             });
  comes_back(event, nipsa::parse_approval_request, nipsa::build_approval_request);
  comes_back(event, nipsa::parse_approval_decision, nipsa::build_approval_decision);
  comes_back(event, nipsa::parse_question_refusal, nipsa::build_question_refusal);
}

void check_trajectories(const nostr::Event& event) {
  comes_back(event, nipsa::parse_trajectory_session, nipsa::build_trajectory_session);
  comes_back(event, nipsa::parse_trajectory_step,
             [](const nipsa::TrajectoryStep& step, base::UnixTime at) {
               base::SeededRng rng(1);  // for the `d`, which no reader keeps
               return nipsa::build_trajectory_step(step, at, rng);
             });
  const auto session = nipsa::parse_trajectory_session(event);
  if (!session || !session->end) return;
  static_cast<void>(nipsa::verify_chain({.agent = event.pubkey,
                                         .session_d = session->d,
                                         .writer = session->writer.value_or(event.pubkey),
                                         .hash = session->end->hash,
                                         .alg = session->end->alg,
                                         .count = session->end->count},
                                        {event}));
}

void check_skills(const nostr::Event& event) {
  if (const auto manifest = nipsa::parse_manifest(event)) {
    CHECK(manifest->publisher == event.pubkey);
    static_cast<void>(manifest->agrees());
  }
  if (const auto entry = nipsa::parse_version_entry(event)) {
    const auto log = nipsa::order_log({*entry, *entry});
    CHECK(log.has_value());
  }
  static_cast<void>(nipsa::parse_skill_label(event));
  comes_back(event, nipsa::parse_skill_listing, nipsa::build_skill_listing);
  comes_back(event, nipsa::parse_licence, nipsa::build_licence);
  if (const auto licence = nipsa::parse_licence(event))
    static_cast<void>(nipsa::check_licence(*licence, {event.pubkey}, licence->agent, kNow));
  comes_back(event,
             [](const nostr::Event& outer) { return nipsa::parse_delivery(nostr::unsigned_part(outer)); },
             nipsa::build_delivery);
}

void check_keys(const nostr::Event& event) {
  CHECK(!nipsa::acknowledges_agent(event, event.pubkey, event.pubkey, {}));  // it is not signed
  comes_back(event, nipsa::parse_delegation, nipsa::build_delegation);
  comes_back(event, nipsa::parse_auth_challenge, nipsa::build_auth_challenge);
  comes_back(event, nipsa::parse_auth_response, [](const nipsa::AuthResponse& response, base::UnixTime at) {
    return nipsa::build_auth_response(response, at + nipsa::kChallengeTtl, at);
  });
}

void check_credit(const nostr::Event& event) {
  comes_back(event, nipsa::parse_credit_intent, nipsa::build_credit_intent);
  comes_back(event, nipsa::parse_credit_offer, nipsa::build_credit_offer);
  comes_back(event, nipsa::parse_credit_envelope, nipsa::build_credit_envelope);
  comes_back(event, nipsa::parse_credit_spend, nipsa::build_credit_spend);
  comes_back(event, nipsa::parse_credit_receipt, nipsa::build_credit_receipt);
  comes_back(event, nipsa::parse_credit_default, nipsa::build_credit_default);
  comes_back(event, nipsa::parse_credit_cancel, nipsa::build_credit_cancel);
  static_cast<void>(nipsa::parse_credit_label(event));
  static_cast<void>(nipsa::decode_credit_terms(event.content));
  static_cast<void>(nipsa::scope_of_job(nostr::unsigned_part(event)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  if (!base::is_utf8(text)) return 0;  // no such event gets past the reader of its JSON
  const nostr::Event event = read_event(text);
  check_agents(event);
  check_ticks(event);
  check_trajectories(event);
  check_skills(event);
  check_keys(event);
  check_credit(event);
  return 0;
}
