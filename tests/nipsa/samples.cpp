// The samples: each is what its builder writes.
#include "tests/nipsa/samples.h"

#include "nipsa/agent_label.h"
#include "nipsa/approval.h"
#include "nipsa/auth.h"
#include "nipsa/delegation.h"
#include "nipsa/goals.h"
#include "nipsa/profile.h"
#include "nipsa/schedule.h"
#include "nipsa/skill_listing.h"
#include "nipsa/state_parts.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"

namespace nipsa_test {

using std::chrono::seconds;

namespace {

template <auto Parse>
std::string by(const nostr::Event& event) {
  return outcome(Parse(event));
}

std::string read_delivery(const nostr::Event& event) {
  const auto read = nipsa::parse_delivery(nostr::unsigned_part(event));
  if (!read) return outcome(read);
  const auto checked = nipsa::check_delivery(*read, publisher().public_key(), echo_licence());
  if (checked) EXPECT_TRUE(nostr::check(*read->manifest)) << "a manifest that is not the publisher's was taken";
  return outcome(checked);
}

std::string read_version(const nostr::Event& event) {
  const auto entry = nipsa::parse_version_entry(event);
  if (entry && entry->archived)
    EXPECT_TRUE(nostr::check(*entry->archived)) << "an archived manifest that does not verify was taken";
  return outcome(entry);
}

std::string read_licence(const nostr::Event& event) {
  const auto read = nipsa::parse_licence(event);
  if (!read) return outcome(read);
  return outcome(nipsa::check_licence(*read, {market().public_key()}, agent().public_key(), kNow));
}

std::string read_state(const nostr::Event& event) {
  const auto head = nipsa::parse_state(event);
  if (!head) return outcome(head);
  if (!head->plaintext) return "ok";
  const auto state = nipsa::decode_state(head->content);
  return state ? outcome(nipsa::parts_of(*state)) : outcome(state);
}

std::string read_result(const nostr::Event& event) {
  const auto result = nipsa::parse_tick_result(event);
  return result ? outcome(nipsa::decode_report(result->content)) : outcome(result);
}

std::string read_operator(const nostr::Event& event) {
  return nipsa::acknowledges_agent(event, guardian().public_key(), agent().public_key(), {}) ? "ok" : "no";
}

nostr::Event signed_draft(const base::Result<nostr::Draft>& draft, const nostr::SecretKey& by) {
  return sign(draft.value(), by);
}

nostr::Event profile_event() {
  nipsa::Profile p;
  p.name = "Scout";
  p.about = "Watches release feeds";
  p.capabilities = {"research"};
  p.version = "0.3.0";
  p.signers = {{pub('4'), "marketplace"}, {pub('3'), "guardian"}};
  p.operator_key = pub('5');
  p.guardians = {pub('5')};
  p.runners = {pub('2')};
  p.keygen = "dkg";
  p.lud16 = "scout@wallet.example";
  p.posture = {{"tool_use_requires_guardian", false}};
  return signed_draft(nipsa::build_profile(p, kNow), agent());
}

nostr::Event state_event() {
  nipsa::State s;
  s.goals = {{"g1", "watch feeds", 1, 1'760'000'000, "active", 0.25, {{"deadline", 5}}}};
  s.memory = {{"m1", "observation", "seen", 1'760'000'000, nipsa::Json::object()}};
  s.pending_tasks = {"recheck"};
  s.budget = {10'000, 1'000, 5'000, 10, 3, 0, "2025-10-09"};
  s.extra["ext"] = {{{"d", "nip-sa/state/1"}, {"sha256", std::string(64, 'a')}}};
  return sign({.kind = nipsa::kinds::kState,
               .created_at = kNow,
               .tags = {{"d", "state"}, {"encrypted"}, {"state_version", "1"}, {"prev", id('a').hex()}},
               .content = nipsa::encode_state(s).value()},
              agent());
}

nostr::Event schedule_event() {
  nipsa::Schedule s;
  s.heartbeat = seconds(900);
  s.next_tick = kNow + seconds(900);
  s.triggers = {{nipsa::Trigger::Type::kMention, 0}, {nipsa::Trigger::Type::kKind, 1111}};
  s.business_hours = nipsa::BusinessHours{{true, true}, 540, 1'020};
  return signed_draft(nipsa::build_schedule(s, kNow), agent());
}

nostr::Event goals_event() {
  return signed_draft(
      nipsa::build_goals(std::vector<nipsa::Goal>{{"g1", "Post a digest", 1, 1'760'000'000, "active", 0.1, {}}}, kNow),
      agent());
}

nostr::Event refusal_event() {
  return signed_draft(
      nipsa::build_question_refusal({.request = id('a'), .requester = pub('2'), .reason = "too-many"}, kNow),
      guardian());
}

nostr::Event label_event() {
  return signed_draft(nipsa::build_skill_label(echo_event(), {"audit-passed"}, "Reviewed", kNow), auditor());
}

nostr::Event listing_event() {
  const nipsa::SkillListing offer{.seller = market().public_key(),
                                  .skill = echo().address(),
                                  .manifest = echo_event().id,
                                  .version = "1.0.0",
                                  .title = "Echo",
                                  .summary = "Says hello",
                                  .price = {2'500},
                                  .terms = {.type = nipsa::LicenceType::kMetered,
                                            .max_uses = 5,
                                            .max_per_day = 2,
                                            .lasts = std::chrono::hours(24)}};
  return signed_draft(nipsa::build_skill_listing(offer, kNow), market());
}

nostr::Event delivery_event() {
  return signed_draft(nipsa::build_delivery(delivery(), kNow), publisher());
}

nostr::Event intent_event() {
  nipsa::CreditIntent i;
  i.d = "int-1";
  i.purpose = skill_use();
  i.max = {3'500};
  i.expires = kNow + kHour;
  i.need = "compute";
  i.estimate = {3'000};
  i.deadline = kNow + kHour;
  return signed_draft(nipsa::build_credit_intent(i, kNow), agent());
}

nostr::Event offer_event() {
  nipsa::CreditOffer o;
  o.intent = id('a');
  o.agent = agent().public_key();
  o.issuer = issuer().public_key();
  o.purpose = job();
  o.max = {3'500};
  o.fee = {.bps = 200, .flat = {}};
  o.expires = kNow + kHour;
  return signed_draft(nipsa::build_credit_offer(o, kNow), issuer());
}

nostr::Event delegation_event() {
  nipsa::Delegation d;
  d.d = "del-1";
  d.delegate = publisher().public_key();
  d.scope = {.type = nipsa::ScopeType::kSkill, .id = echo().scope(), .constraints = {}};
  d.credit = "env-77";
  d.max_amount = nipsa::Sat{300};
  d.capabilities = {"http:outbound"};
  d.expires = kNow + kHour;
  d.task = "Collect five sources";
  return signed_draft(nipsa::build_delegation(d, kNow), agent());
}

}  // namespace

void PrintTo(const Sample& sample, std::ostream* out) {
  *out << sample.name;
}

nostr::Event claim_event() {
  nipsa::TickRequest r;
  r.d = "tick-0011";
  r.agent = pub('1');
  r.trigger = nipsa::TriggerName::kMention;
  r.trigger_event = nostr::EventRef{id('a'), "wss://r.example", std::nullopt};
  r.slot = nipsa::slot_of_event(id('a'));
  r.max_steps = 10;
  r.budget = nipsa::Budget{{1'000}, "envelope", "env-77"};
  r.approval_threshold = nipsa::Sat{500};
  r.guardian = pub('3');
  return signed_draft(nipsa::build_tick_request(r, pub('2'), kNow), runner());
}

nostr::Event result_event() {
  nipsa::TickResult r;
  r.request = claim_event().id;
  r.agent = pub('1');
  r.actions = 2;
  r.cost = {420};
  r.duration_ms = 54'210;
  r.guardian_approved = {id('c')};
  r.results = {{id('d'), "wss://r", std::nullopt}};
  r.receipts = {{id('e'), "wss://r", std::nullopt}};
  r.trajectory = nostr::EventRef{id('e'), "wss://r", std::nullopt};
  r.trajectory_hash = hash('f');
  r.trajectory_alg = "chain-v1";
  r.trajectory_count = 17;
  r.content = nipsa::encode_report({.tokens_in = 1'500,
                                    .tokens_out = 620,
                                    .cost = {420},
                                    .cost_usd = "0.0",
                                    .goals_updated = 1,
                                    .actions = {{{"type", "post"}}},
                                    .summary = "said hello",
                                    .error = ""});
  return signed_draft(nipsa::build_tick_result(r, pub('2'), kNow), runner());
}

nostr::Event request_event() {
  nipsa::ApprovalRequest r;
  r.d = "apr-0011";
  r.guardian = pub('3');
  r.operators = {pub('5')};
  r.tick = id('a');
  r.agent = pub('1');
  r.action = "publish";
  r.budget_requested = nipsa::Budget{{750}, "lightning", ""};
  r.approval_threshold = nipsa::Sat{500};
  r.scope_type = "nip90";
  r.scope_id = "job";
  r.action_hash = hash('b');
  r.reason = "Answer the person who asked";
  r.expires = kNow + seconds(900);
  return signed_draft(nipsa::build_approval_request(r, kNow), runner());
}

nostr::Event decision_event() {
  nipsa::ApprovalDecision d;
  d.request = request_event().id;
  d.tick = id('a');
  d.requester = pub('2');
  d.decision = nipsa::Decision::kApproved;
  d.agent = pub('1');
  d.action_hash = hash('b');
  d.expires = kNow + seconds(900);
  d.evidence = {{id('e'), 14, "wss://r"}};
  return signed_draft(nipsa::build_approval_decision(d, kNow), guardian());
}

nostr::Event session_event() {
  nipsa::TrajectorySession s;
  s.d = "sess-0001";
  s.model = "playbook/builtin";
  s.started_at = kNow;
  s.tick = id('a');
  s.writer = pub('2');
  s.participants = {pub('6')};
  s.end = nipsa::TrajectoryEnd{.ended_at = kNow + seconds(5), .first = id('b'), .hash = hash('c'), .count = 3};
  return signed_draft(nipsa::build_trajectory_session(s, kNow), agent());
}

nostr::Event step_event() {
  base::SeededRng rng(1);
  nipsa::TrajectoryStep s;
  s.parent_session = id('9');
  s.session = {nipsa::kinds::kTrajectory, pub('1'), "sess-0001"};
  s.first_head = id('b');
  s.seq = 2;
  s.previous = id('c');
  s.tick = id('a');
  s.tool = "http_get";
  s.input_hash = hash('d');
  s.type = nipsa::step_type::kToolStart;
  s.content = nipsa::encode_step_body(s.type, 2, kNow, {{"name", "http_get"}}).value();
  return signed_draft(nipsa::build_trajectory_step(s, kNow, rng), runner());
}

nostr::Event version_event() {
  base::SeededRng rng(1);
  return signed_draft(nipsa::build_version_entry(echo_event(), nipsa::ChangeType::kAdded, "", kNow, rng), publisher());
}

nipsa::CreditEnvelope open_envelope() {
  auto e = envelope();
  e.guardian = guardian().public_key();
  e.approval_threshold = base::Sat{2'000};
  e.cancel_until = kNow + kHour;
  e.fee = nipsa::Fee{.bps = 200, .flat = {}};
  return e;
}

nostr::Event cancel_event() {
  const auto spent = spend_event(spend("sp-1", 1'000));
  return signed_draft(nipsa::build_credit_cancel({.spend = spent.id, .envelope = "env-77", .reason = "no"}, kNow),
                      guardian());
}

nostr::Event challenge_event() {
  base::SeededRng rng(1);
  return signed_draft(nipsa::build_auth_challenge(nipsa::new_challenge(agent().public_key(), kNow, rng), kNow), market());
}

nostr::Event response_event() {
  const auto challenge = nipsa::parse_auth_challenge(challenge_event()).value();
  return signed_draft(nipsa::build_auth_response({.challenge = challenge_event().id,
                                                  .asker = market().public_key(),
                                                  .nonce = challenge.nonce,
                                                  .relay = ""},
                                                 challenge.expires, kNow),
                      agent());
}

std::vector<Sample> samples() {
  const auto defaulted = signed_draft(nipsa::build_credit_default(default_notice(), kNow), issuer());
  const auto spent = spend_event(spend("sp-1", 1'000));
  const auto credit_label = signed_draft(nipsa::build_credit_label(defaulted, kNow), issuer());
  return {
      {"39200 profile", profile_event(), by<nipsa::parse_profile>},
      {"39201 state", state_event(), read_state},
      {"30078 state part", signed_draft(nipsa::build_state_part(3, "AgAB", kNow), agent()), by<nipsa::parse_state_part>},
      {"39202 schedule", schedule_event(), by<nipsa::parse_schedule>},
      {"39203 goals", goals_event(), by<nipsa::parse_goals>},
      {"39210 claim", claim_event(), by<nipsa::parse_tick_request>},
      {"39211 result", result_event(), read_result},
      {"39212 request", request_event(), by<nipsa::parse_approval_request>},
      {"39213 decision", decision_event(), by<nipsa::parse_approval_decision>},
      {"39213 not asked", refusal_event(), by<nipsa::parse_question_refusal>},
      {"39220 licence", licence_event(), read_licence},
      {"39221 delivery", delivery_event(), read_delivery},
      {"39230 session", session_event(), by<nipsa::parse_trajectory_session>},
      {"39231 step", step_event(), by<nipsa::parse_trajectory_step>},
      {"33400 manifest", echo_event(), by<nipsa::parse_manifest>},
      {"33401 version", version_event(), read_version},
      {"33410 challenge", challenge_event(), by<nipsa::parse_auth_challenge>},
      {"33411 response", response_event(), by<nipsa::parse_auth_response>},
      {"1985 label", label_event(), by<nipsa::parse_skill_label>},
      {"1985 credit", credit_label, by<nipsa::parse_credit_label>},
      {"1985 operator", sign(nipsa::build_operator_label(agent().public_key(), kNow), guardian()), read_operator},
      {"30402 listing", listing_event(), by<nipsa::parse_skill_listing>},
      {"39240 intent", intent_event(), by<nipsa::parse_credit_intent>},
      {"39241 offer", offer_event(), by<nipsa::parse_credit_offer>},
      {"39242 envelope", envelope_event(open_envelope()), by<nipsa::parse_credit_envelope>},
      {"39243 spend", spent, by<nipsa::parse_credit_spend>},
      {"39244 receipt", receipt_event(receipt(spent.id.hex(), 900, 18)), by<nipsa::parse_credit_receipt>},
      {"39245 default", defaulted, by<nipsa::parse_credit_default>},
      {"39246 cancel", cancel_event(), by<nipsa::parse_credit_cancel>},
      {"39260 delegation", delegation_event(), by<nipsa::parse_delegation>},
  };
}

}  // namespace nipsa_test
