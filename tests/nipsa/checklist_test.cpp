// Lines of the protocol's test checklist that no test of a single file holds: each case is named after
// its line.
#include <algorithm>
#include <vector>

#include "nipsa/approval.h"
#include "nipsa/auth.h"
#include "nipsa/chain.h"
#include "nipsa/profile.h"
#include "nipsa/state.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip40.h"
#include "nostr/nips/nip44.h"
#include "tests/nipsa/samples.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

/// Signs `event` anew by whoever signed it, with other tags and content.
nostr::Event changed(const nostr::Event& event, nostr::Tags tags, std::string content) {
  for (const char digit : {'1', '2', '3', '4', '5', '6', '9'})
    if (pub(digit) == event.pubkey)
      return sign({event.kind, event.created_at, std::move(tags), std::move(content)}, key(digit));
  ADD_FAILURE() << "an author nobody knows";
  return event;
}

TEST(Checklist, T006OddTagsAreIgnoredOrRefusedAndNeverACrash) {
  const Sample profile = samples().front();
  const std::string text = nostr::to_json(profile.event);
  for (const char* odd : {"[]", "[null]", "[\"p\",null]", "[\"p\",5]", "[\"p\",[\"x\"]]", "\"p\"", "null"}) {
    std::string with_it = text;
    with_it.insert(with_it.find("\"tags\":[") + 8, std::string(odd) + ",");
    EXPECT_FALSE(nostr::parse_event(with_it)) << odd;
  }
  for (const nostr::Tag& empty : {nostr::Tag{""}, nostr::Tag{"p"}, nostr::Tag{"operator"}}) {
    nostr::Tags tags = profile.event.tags;
    tags.push_back(empty);
    EXPECT_EQ(profile.read(changed(profile.event, tags, profile.event.content)), "ok") << empty[0];
  }
}

TEST(Checklist, T007WhatStandsBehindTheLastElementIsIgnoredInEveryKind) {
  for (const Sample& sample : samples()) {
    nostr::Tags tags = sample.event.tags;
    for (nostr::Tag& tag : tags) {
      if (tag.size() < 2) continue;
      tag.resize(std::max<std::size_t>(tag.size(), 6));
      tag.resize(tag.size() + 50, "x");
    }
    EXPECT_EQ(sample.read(changed(sample.event, tags, sample.event.content)), "ok") << sample.name;
  }
}

TEST(Checklist, T022UnknownTagsAndMembersAreIgnoredInEveryKind) {
  for (const Sample& sample : samples()) {
    nostr::Tags tags = sample.event.tags;
    tags.push_back({"zz", "unknown"});
    tags.push_back({"Z"});
    std::string content = sample.event.content;
    if (content.starts_with('{') && content != "{}") content.insert(1, R"("zz":{"unknown":[1]},)");
    EXPECT_EQ(sample.read(changed(sample.event, tags, content)), "ok") << sample.name;
  }
}

TEST(Checklist, T023KindsBeyondSixteenBitsAreNone) {
  for (const char* kind : {"70000", "65536", "-1", "39200.5", "\"39200\"", "1e5"}) {
    std::string text = nostr::to_json(samples().front().event);
    text.replace(text.find("39200"), 5, kind);
    EXPECT_FALSE(nostr::parse_event(text)) << kind;
  }
}

TEST(Checklist, T033OnlyWhatIsForTheMomentExpiresOnRelays) {
  const auto fleeting = {nipsa::kinds::kTickRequest, nipsa::kinds::kTickResult, nipsa::kinds::kCreditSpend,
                         nipsa::kinds::kAuthChallenge, nipsa::kinds::kAuthResponse};
  for (const Sample& sample : samples()) {
    const bool expires = nostr::expiration_of(sample.event.tags).has_value();
    EXPECT_EQ(expires, std::ranges::find(fleeting, sample.event.kind) != fleeting.end()) << sample.name;
  }
}

TEST(Checklist, T057OlderShapesOfAStateAreWrittenAsTheirUnion) {
  const auto rewritten = [](std::string_view text) {
    return nipsa::parse_object(nipsa::encode_state(nipsa::decode_state(text).value()).value()).value();
  };
  const auto minimal = rewritten(R"({"wallet":{"balance":7,"daily_limit":5,"per_tick_limit":3},"goals":[{"id":"g"}]})");
  const auto full = rewritten(R"({"schema_version":1,"goals":[{"id":"g","description":"","priority":100,"created_at":0,
    "status":"active","progress":0}],"memory":[],"pending_tasks":[],"beliefs":{},"wallet_balance_sats":7,
    "budget":{"limits":{"daily_limit_sats":5,"per_tick_limit_sats":3,"reserved_sats":0},"current_date":"",
    "daily_spent_sats":0,"tick_spent_sats":0,"violations_today":0},"last_tick":0,"tick_count":0})");
  EXPECT_EQ(minimal, full);
  for (const char* name : {"goals", "memory", "pending_tasks", "beliefs", "wallet_balance_sats", "wallet_balance",
                           "wallet", "budget", "last_tick", "tick_count"})
    EXPECT_TRUE(full.contains(name)) << name;
  EXPECT_EQ(full["wallet"]["daily_limit"], full["budget"]["limits"]["daily_limit_sats"]);
}

TEST(Checklist, T060MergingOnceIsEnough) {
  nipsa::State mine, theirs;
  mine.memory = {{"m1", "observation", "here", 1, {}}};
  mine.tick_count = 4;
  mine.balance = 10;
  mine.budget.daily_spent = 3;
  theirs.memory = {{"m1", "observation", "there", 1, {}}, {"m2", "observation", "there", 2, {}}};
  theirs.tick_count = 5;
  theirs.balance = 8;
  theirs.pending_tasks = {"recheck"};
  const auto merged = nipsa::merge_states(mine, theirs);
  EXPECT_EQ(nipsa::merge_states(merged, theirs), merged);
  EXPECT_EQ(nipsa::merge_states(merged, mine), merged);
  const auto other_way = nipsa::merge_states(theirs, mine);
  EXPECT_EQ(merged.memory.size(), other_way.memory.size());
  EXPECT_EQ(merged.tick_count, other_way.tick_count);
  EXPECT_EQ(merged.balance, other_way.balance);
  EXPECT_EQ(merged.budget, other_way.budget);
}

TEST(Checklist, T077AResultInClearAndASealedOneSayTheSame) {
  const auto clear = nipsa::parse_tick_result(result_event()).value();
  ASSERT_TRUE(clear.content.starts_with('{'));
  base::SeededRng rng(4);
  const auto conversation = [](const nostr::SecretKey& own, const nostr::PublicKey& peer) {
    return nostr::nip44_conversation_key(own, peer).value();
  };
  auto sealing = clear;
  sealing.content =
      nostr::nip44_encrypt(conversation(runner(), agent().public_key()), clear.content, rng).value();
  const auto event = sign(nipsa::build_tick_result(sealing, pub('2'), kNow).value(), runner());
  const auto read = nipsa::parse_tick_result(event).value();
  EXPECT_FALSE(read.content.starts_with('{'));
  const auto opened = nostr::nip44_decrypt(conversation(agent(), event.pubkey), read.content).value();
  EXPECT_EQ(nipsa::encode_report(nipsa::decode_report(opened).value()),
            nipsa::encode_report(nipsa::decode_report(clear.content).value()));
}

TEST(Checklist, T081AClaimThatAnAgentSignsForItselfIsReadable) {
  const auto own = sign({nipsa::kinds::kTickRequest, kNow, {{"d", "x"}, {"tick_id", "7"}, {"trigger", "heartbeat"}}, ""},
                        agent());
  EXPECT_EQ(nipsa::parse_tick_request(own).value().agent, agent().public_key());
  const auto nobodys = with(own, "tick_id", {}, agent());
  EXPECT_EQ(outcome(nipsa::parse_tick_request(nobodys)), "E_TAG_MISSING");
  const auto bad = with(own, "p", {{"p", "npub1"}}, agent());
  EXPECT_EQ(outcome(nipsa::parse_tick_request(bad)), "E_HEX") << "a p that is there counts";
}

TEST(Checklist, T085ADecisionNamesItsRequestInEitherOrder) {
  const auto asked = request_event();
  const auto request = nipsa::parse_approval_request(asked).value();
  const std::vector<nostr::PublicKey> deciders{guardian().public_key()};
  const auto decided = [&](const nostr::Tags& refs) {
    const auto event = with(decision_event(), "e", refs, guardian());
    const auto decision = nipsa::parse_approval_decision(event).value();
    return outcome(nipsa::check_decision(event, decision, asked, request, deciders, kNow));
  };
  const nostr::Tag first{"e", asked.id.hex()}, second{"e", id('a').hex()};
  EXPECT_EQ(decided({first, second}), "ok");
  EXPECT_EQ(decided({second, first}), "ok");
  EXPECT_EQ(decided({first, {"e", id('b').hex()}}), "E_REF") << "another tick";
}

TEST(Checklist, T157StepsHangOnTheSessionsAddressWhenItsFirstHeadIsGone) {
  // The head was published anew at the end, so no relay has the event that the steps call their root.
  const auto last = nipsa::parse_trajectory_session(session_event()).value();
  const auto step = nipsa::parse_trajectory_step(step_event()).value();
  EXPECT_NE(step.first_head, session_event().id);
  EXPECT_EQ(step.session, *nostr::address_of(session_event()));
  EXPECT_EQ(step.first_head, last.end->first) << "the last head names the first";
}

}  // namespace
