// The co-signer's judgement, rule by rule: what is signed unasked, what asks, what is never signed.
#include "frostr/judgement.h"

#include <gtest/gtest.h>

#include "nipsa/digest.h"

namespace frostr {
namespace {

using Outcome = Verdict::Outcome;

const UnixTime kNow = base::unix_time(1'760'000'000);

nostr::PublicKey key_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return nostr::PublicKey(bytes);
}

const nostr::PublicKey kGroup = key_of(0xaa);
const nostr::PublicKey kRunner = key_of(0xbb);

nostr::UnsignedEvent event_of(nostr::Kind kind, nostr::Tags tags = {},
                              std::string content = "hello") {
  return {kGroup, kNow, kind, std::move(tags), std::move(content)};
}

SignFacts facts_now() {
  SignFacts facts;
  facts.now = kNow;
  facts.group = kGroup;
  facts.requester = {.idx = 1, .runner = kRunner};
  return facts;
}

nostr::Event standing(nostr::Kind kind, nostr::Tags tags, UnixTime at) {
  nostr::Event event;
  event.pubkey = kGroup;
  event.kind = kind;
  event.tags = std::move(tags);
  event.created_at = at;
  event.id = nostr::compute_id(event);
  return event;
}

Verdict judged(const nostr::UnsignedEvent& event, const SignFacts& facts,
               const Policy& policy = {}) {
  return judge(policy, event, 500, facts);
}

SignFacts with_head(nostr::Event head) {
  SignFacts facts = facts_now();
  facts.head = std::move(head);
  facts.address_taken = true;
  return facts;
}

const nostr::Tags kStateTags{{"d", "state"}, {"encrypted"}, {"state_version", "1"}};

SignFacts with_claim(SignFacts facts) {
  facts.claim = Claim{nostr::EventId{}, kRunner, kNow, kNow + kClaimLife};
  return facts;
}

TEST(Policy, MessagesAndCredentialsAreNeverSigned) {
  for (const nostr::Kind kind :
       std::initializer_list<nostr::Kind>{4, 13, 1059, 21059, 24133, 27235}) {
    Policy policy;
    policy.kinds[kind].verdict = Rule::kSign;
    const Verdict verdict = judged(event_of(kind), facts_now(), policy);
    EXPECT_EQ(verdict.outcome, Outcome::kRefuse) << kind;
    EXPECT_TRUE(verdict.reason.starts_with("never-signed")) << verdict.reason;
  }
}

TEST(Policy, WhatIsSaidToTheWorldAsks) {
  for (const nostr::Kind kind :
       std::initializer_list<nostr::Kind>{1, 5, 6, 7, 1111, 1617, 9734, 30023, 39203})
    EXPECT_EQ(judged(event_of(kind, {{"d", "x"}}), facts_now()).outcome, Outcome::kAsk) << kind;
}

TEST(Policy, OtherKindsAreRefusedByName) {
  for (const nostr::Kind kind :
       std::initializer_list<nostr::Kind>{2, 3, 9735, 20000, 39210, 39213, 30078}) {
    const Verdict verdict = judged(event_of(kind), facts_now());
    EXPECT_EQ(verdict.reason, "kind-not-allowed: kind " + std::to_string(kind));
  }
  Policy asking;
  asking.unlisted = Rule::kAsk;
  EXPECT_EQ(judged(event_of(9735), facts_now(), asking).outcome, Outcome::kAsk);
}

TEST(Policy, HeadsAreSignedOnceUnaskedAndAskLater) {
  const std::vector<std::pair<nostr::Kind, nostr::Tags>> heads{
      {0, {}}, {10002, {}}, {10050, {}}, {39200, {{"d", "profile"}}}, {39202, {{"d", "schedule"}}}};
  for (const auto& [kind, tags] : heads) {
    EXPECT_EQ(judged(event_of(kind, tags), facts_now()).outcome, Outcome::kSign) << kind;
    EXPECT_EQ(judged(event_of(kind, tags), with_head(standing(kind, tags, kNow - base::seconds(9))))
                  .outcome,
              Outcome::kAsk)
        << kind;
  }
}

TEST(Policy, OwnRulesOverrideButTheNodeMayOnlyBeStricter) {
  Policy policy;
  policy.kinds[1].verdict = Rule::kSign;
  policy.kinds[7].verdict = Rule::kRefuse;
  EXPECT_EQ(judged(event_of(1), facts_now(), policy).outcome, Outcome::kSign);
  EXPECT_EQ(judged(event_of(7), facts_now(), policy).outcome, Outcome::kRefuse);
  SignFacts strict = facts_now();
  strict.ask_wanted = true;
  EXPECT_EQ(judged(event_of(1), strict, policy).outcome, Outcome::kAsk);
  policy.level = Level::kSupervised;
  EXPECT_EQ(judged(event_of(1), facts_now(), policy).outcome, Outcome::kAsk);
  policy.level = Level::kAutonomous;
  EXPECT_EQ(judged(event_of(1111), facts_now(), policy).outcome, Outcome::kSign);
  EXPECT_EQ(judged(event_of(9734), facts_now(), policy).outcome, Outcome::kAsk);
}

std::string sealed_text() {
  base::Bytes payload(150, 7);
  payload[0] = 2;
  return base::base64_encode(payload);
}

nostr::UnsignedEvent part_of_state(std::string d = "nip-sa/state/3") {
  return event_of(30078, {{"d", std::move(d)}, {"encrypted"}}, sealed_text());
}

TEST(Policy, PartsOfTheStateAreSignedForALiveClaimAndNothingElseOf30078) {
  EXPECT_TRUE(judged(part_of_state(), facts_now()).reason.starts_with("no-live-claim"));
  EXPECT_EQ(judged(part_of_state(), with_claim(facts_now())).outcome, Outcome::kSign);
  Policy careful;
  careful.level = Level::kSupervised;
  careful.content_never.push_back(Pattern::compile("A").value());
  EXPECT_EQ(judged(part_of_state(), with_claim(facts_now()), careful).outcome, Outcome::kSign)
      << "nobody could read it";
  for (const char* d : {"settings", "nip-sa/config/1", "nip-sa/stat", ""})
    EXPECT_EQ(judged(part_of_state(d), with_claim(facts_now())).reason,
              "kind-not-allowed: kind 30078")
        << d;
}

TEST(Policy, APartOfTheStateHasNoRoomForAnythingElse) {
  const auto refusal = [](auto change) {
    auto event = part_of_state();
    change(event);
    return judged(event, with_claim(facts_now())).reason;
  };
  for (const char* d :
       {"nip-sa/state/0", "nip-sa/state/33", "nip-sa/state/01", "nip-sa/state/x", "nip-sa/state/"})
    EXPECT_TRUE(refusal([&](auto& e) { e.tags[0][1] = d; }).starts_with("malformed: E_NUM")) << d;
  EXPECT_TRUE(refusal([](auto& e) { e.tags.push_back({"t", "hello"}); }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags[0].push_back("hello"); }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags[1].push_back("hello"); }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags.pop_back(); }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.content = R"({"memory":[]})"; }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.content = "hello world"; }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.content = "AgAB"; }).starts_with("malformed")) << "too short";
  EXPECT_TRUE(refusal([](auto& e) { e.content[0] = 'B'; }).starts_with("malformed"))
      << "another version";
}

TEST(Policy, ForOneClaimThereIsAnEndToParts) {
  SignFacts facts = with_claim(facts_now());
  facts.parts_of_claim = kMaxPartsPerClaim - 1;
  EXPECT_EQ(judged(part_of_state(), facts).outcome, Outcome::kSign);
  facts.parts_of_claim = kMaxPartsPerClaim;
  EXPECT_TRUE(judged(part_of_state(), facts).reason.starts_with("parts-already-signed"));
  facts = with_head(standing(30078, {{"d", "nip-sa/state/3"}}, kNow));
  EXPECT_TRUE(judged(part_of_state(), with_claim(facts)).reason.starts_with("not-newer-than-head"));
}

TEST(Policy, AProofOfTheKeyAsksAndHasNoRoomForAnythingElse) {
  const std::string id(64, 'a'), nonce(64, 'b'), asker(64, 'c');
  const auto proof = [&] {
    return event_of(33411,
                    {{"d", id},
                     {"e", id, "wss://relay.example"},
                     {"p", asker},
                     {"nonce", nonce},
                     {"expiration", std::to_string(base::to_unix(kNow) + 60)}},
                    "");
  };
  EXPECT_EQ(judged(proof(), facts_now()).outcome, Outcome::kAsk);
  Policy policy;
  policy.kinds[33411].verdict = Rule::kSign;
  EXPECT_EQ(judged(proof(), facts_now(), policy).outcome, Outcome::kSign)
      << "where the operator says so";
  const auto refusal = [&](auto change) {
    auto event = proof();
    change(event);
    return judged(event, facts_now(), policy).reason;
  };
  EXPECT_TRUE(refusal([](auto& e) { e.content = "hello"; }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags.push_back({"t", "hello"}); }).starts_with("malformed"));
  EXPECT_TRUE(
      refusal([](auto& e) { e.tags[1][2] = "said to the world"; }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags[3][1] = "hello"; }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) { e.tags[0][1][0] = '0'; }).starts_with("malformed"))
      << "of another challenge";
  EXPECT_TRUE(refusal([](auto& e) { e.tags[2] = e.tags[3]; }).starts_with("malformed"))
      << "no asker, two nonces";
  EXPECT_TRUE(refusal([](auto& e) { e.tags.pop_back(); }).starts_with("malformed"))
      << "one that never ends";
  EXPECT_TRUE(refusal([](auto& e) {
                e.tags[4][1] = std::to_string(base::to_unix(kNow) + 86'400);
              }).starts_with("malformed"));
  EXPECT_TRUE(refusal([](auto& e) {
                e.tags[4][1] = std::to_string(base::to_unix(kNow));
              }).starts_with("malformed"))
      << "over";
}

TEST(Policy, StateNeedsALiveClaimAndTheHeadAsPrev) {
  const auto event = event_of(39201, kStateTags);
  EXPECT_TRUE(judged(event, facts_now()).reason.starts_with("no-live-claim"));
  EXPECT_EQ(judged(event, with_claim(facts_now())).outcome, Outcome::kSign);

  const auto head = standing(39201, kStateTags, kNow - base::seconds(60));
  EXPECT_TRUE(judged(event, with_claim(with_head(head))).reason.starts_with("stale-prev"));
  auto tags = kStateTags;
  tags.push_back({"prev", head.id.hex()});
  EXPECT_EQ(judged(event_of(39201, tags), with_claim(with_head(head))).outcome, Outcome::kSign);
  tags.back()[1] = std::string(64, '0');
  EXPECT_TRUE(
      judged(event_of(39201, tags), with_claim(with_head(head))).reason.starts_with("stale-prev"));
  EXPECT_TRUE(
      judged(event_of(39201, tags), with_claim(facts_now())).reason.starts_with("stale-prev"));
  EXPECT_TRUE(may_be_stale_view("stale-prev: x"));
  EXPECT_FALSE(may_be_stale_view("kind-not-allowed: x"));
}

TEST(Policy, OneStatePerTickAndRetriesOfIt) {
  const auto event = event_of(39201, kStateTags);
  SignFacts facts = with_claim(facts_now());
  facts.state_of_claim = nostr::compute_id(event);
  EXPECT_EQ(judged(event, facts).outcome, Outcome::kSign);
  const auto other = event_of(39201, kStateTags, "another");
  EXPECT_TRUE(judged(other, facts).reason.starts_with("state-already-signed"));
  facts.signed_before = true;
  facts.head = standing(39201, kStateTags, kNow);
  EXPECT_EQ(judged(event, facts).outcome, Outcome::kSign);
}

TEST(Policy, StateShapeIsChecked) {
  const SignFacts facts = with_claim(facts_now());
  EXPECT_TRUE(judged(event_of(39201, {{"d", "other"}, {"encrypted"}}), facts)
                  .reason.starts_with("malformed"));
  EXPECT_TRUE(judged(event_of(39201, {{"d", "state"}}), facts).reason.starts_with("malformed"));
}

nostr::Tags session_tags() {
  return {{"d", "sess-" + std::string(32, 'a')},
          {"model", "local/qwen-7b"},
          {"started_at", "1760000000"},
          {"tick", std::string(64, 'b')},
          {"visibility", "public"},
          {"writer", kRunner.hex()}};
}

TEST(Policy, TrajectoryHeadsOfStrictShapeAreSigned) {
  const std::string content =
      R"({"session_id":"sess-aa","started_at":1760000000,"model":"local/qwen-7b","total_events":0})";
  EXPECT_EQ(judged(event_of(39230, session_tags(), content), facts_now()).outcome, Outcome::kSign);
  EXPECT_EQ(judged(event_of(39230, session_tags(), ""), facts_now()).outcome, Outcome::kSign);

  auto free_text = session_tags();
  free_text.push_back({"subject", "buy now"});
  auto foreign_writer = session_tags();
  foreign_writer[5][1] = kGroup.hex();
  auto twice = session_tags();
  twice.push_back({"model", "b"});
  auto wordy = session_tags();
  wordy[1][1] = "a model that says hello";
  const std::vector<nostr::UnsignedEvent> bad{
      event_of(39230, free_text, ""),
      event_of(39230, foreign_writer, ""),
      event_of(39230, twice, ""),
      event_of(39230, wordy, ""),
      event_of(39230, session_tags(), "hello world"),
      event_of(39230, session_tags(), R"({"note":"hello"})"),
      event_of(39230, session_tags(), R"({"model":"hello dear world"})")};
  for (const auto& event : bad)
    EXPECT_TRUE(judged(event, facts_now()).reason.starts_with("malformed")) << event.content;
}

TEST(Policy, AClosedSessionKeepsItsHash) {
  auto closed = session_tags();
  closed.push_back({"trajectory_hash", std::string(64, 'c'), "chain-v1", "3"});
  const SignFacts facts = with_head(standing(39230, closed, kNow - base::seconds(5)));
  EXPECT_EQ(judged(event_of(39230, closed, ""), facts).outcome, Outcome::kSign);
  closed.back()[1] = std::string(64, 'd');
  EXPECT_TRUE(judged(event_of(39230, closed, ""), facts).reason.starts_with("malformed"));
}

TEST(Policy, AuthIsSignedForNamedRelaysAroundNow) {
  Policy policy;
  policy.auth_relays = {"wss://relay.example"};
  const auto auth = [](std::string relay, UnixTime at) {
    auto event = event_of(22242, {{"relay", std::move(relay)}, {"challenge", "abc"}}, "");
    event.created_at = at;
    return event;
  };
  EXPECT_EQ(judged(auth("wss://Relay.example/", kNow), facts_now(), policy).outcome,
            Outcome::kSign);
  EXPECT_TRUE(judged(auth("wss://other.example", kNow), facts_now(), policy)
                  .reason.starts_with("relay-not-allowed"));
  EXPECT_TRUE(judged(auth("wss://relay.example", kNow - base::seconds(61)), facts_now(), policy)
                  .reason.starts_with("created-at-out-of-window"));
  EXPECT_TRUE(
      judged(event_of(22242, {{"relay", "wss://relay.example"}, {"challenge", "a"}}, "text"),
             facts_now(), policy)
          .reason.starts_with("malformed"));
}

TEST(Policy, StampsOfUnapprovedEventsLieAroundNowAndAfterTheHead) {
  Policy policy;
  policy.kinds[1].verdict = Rule::kSign;
  policy.kinds[0].verdict = Rule::kSign;
  auto event = event_of(1);
  const std::vector<std::pair<int, bool>> offsets{
      {-301, false}, {-300, true}, {60, true}, {61, false}};
  for (const auto& [offset, allowed] : offsets) {
    event.created_at = kNow + base::seconds(offset);
    EXPECT_EQ(judged(event, facts_now(), policy).signs(), allowed) << offset;
  }
  const auto facts = with_head(standing(0, {}, kNow));
  EXPECT_TRUE(judged(event_of(0), facts, policy).reason.starts_with("not-newer-than-head"));
}

TEST(Policy, ApprovalCoversOneEvent) {
  SignFacts facts = facts_now();
  facts.word = OperatorWord::kApproved;
  auto event = event_of(1);
  event.created_at = kNow - base::seconds(1200);
  const Verdict first = judged(event, facts);
  EXPECT_EQ(first.outcome, Outcome::kSign);
  EXPECT_TRUE(first.by_approval);
  EXPECT_EQ(first.digest, nipsa::event_digest(event));

  facts.bound = nostr::compute_id(event);
  EXPECT_EQ(judged(event, facts).outcome, Outcome::kSign);
  event.created_at = kNow;
  EXPECT_TRUE(judged(event, facts).reason.starts_with("already-consumed"));
  facts.bound.reset();
  event.created_at = kNow + base::seconds(61);
  EXPECT_TRUE(judged(event, facts).reason.starts_with("created-at-out-of-window"));
}

TEST(Policy, ADenialEndsIt) {
  SignFacts facts = facts_now();
  facts.word = OperatorWord::kDenied;
  EXPECT_TRUE(judged(event_of(1), facts).reason.starts_with("denied"));
  facts.signed_before = true;
  EXPECT_TRUE(judged(event_of(1), facts).reason.starts_with("denied"));
}

TEST(Policy, SizesAreBounded) {
  EXPECT_EQ(judge({}, event_of(1), kMaxEventBytes, facts_now()).outcome, Outcome::kAsk);
  EXPECT_TRUE(judge({}, event_of(1), kMaxEventBytes + 1, facts_now())
                  .reason.starts_with("too-large-to-cosign"));
  Policy policy;
  policy.kinds[1].max_bytes = 100;
  EXPECT_TRUE(
      judge(policy, event_of(1), 101, facts_now()).reason.starts_with("too-large-to-cosign"));
  SignFacts facts = facts_now();
  facts.rendered_chars = kMaxRenderedChars + 1;
  EXPECT_TRUE(judged(event_of(1), facts).reason.starts_with("too-long-to-show"));
}

TEST(Policy, RatesAreBounded) {
  Policy policy;
  policy.kinds[1] = {Rule::kSign, 5, 0};
  SignFacts facts = facts_now();
  facts.kind_last_hour = 4;
  EXPECT_TRUE(judged(event_of(1), facts, policy).signs());
  facts.kind_last_hour = 5;
  EXPECT_TRUE(judged(event_of(1), facts, policy).reason.starts_with("rate-limited"));
  facts = facts_now();
  facts.signed_last_hour = policy.max_per_hour;
  EXPECT_TRUE(judged(event_of(1), facts, policy).reason.starts_with("rate-limited"));
}

TEST(Policy, OnlyTheGroupIsAuthor) {
  auto event = event_of(1);
  event.pubkey = kRunner;
  EXPECT_TRUE(judged(event, facts_now()).reason.starts_with("wrong-author"));
}

}  // namespace
}  // namespace frostr
