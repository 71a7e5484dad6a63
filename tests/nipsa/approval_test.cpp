// 39212 and 39213: the native approval pair.
#include "nipsa/approval.h"

#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

nipsa::ApprovalRequest request() {
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
  r.content = "AgAB";
  return r;
}
nostr::Event asked() {
  return sign(nipsa::build_approval_request(request(), kNow).value(), runner());
}

nipsa::ApprovalDecision decision() {
  nipsa::ApprovalDecision d;
  d.request = asked().id;
  d.tick = id('a');
  d.requester = pub('2');
  d.decision = nipsa::Decision::kApproved;
  d.agent = pub('1');
  d.action = "publish";
  d.action_hash = hash('b');
  d.reason = "fine";
  d.expires = kNow + seconds(900);
  d.evidence = {{id('e'), 14, "wss://r"}};
  return d;
}
nostr::Event decided(const nipsa::ApprovalDecision& d, base::UnixTime at = kNow + seconds(60)) {
  return sign(nipsa::build_approval_decision(d, at).value(), guardian());
}

TEST(ApprovalRequest, RoundTrip) {
  EXPECT_EQ(nipsa::parse_approval_request(asked()).value(), request());
  EXPECT_EQ(asked().tags[0], (nostr::Tag{"d", "apr-0011"}));
  EXPECT_EQ(asked().tags[1], (nostr::Tag{"p", pub('3').hex()}));
}

TEST(ApprovalRequest, TypedErrors) {
  const auto parsed = [](std::string_view name, const nostr::Tags& tags) {
    return outcome(nipsa::parse_approval_request(with(asked(), name, tags, runner())));
  };
  EXPECT_EQ(parsed("p", {}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("e", {}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("exp", {}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("exp", {nipsa::time_tag("exp", kNow)}), "E_NUM");
  EXPECT_EQ(parsed("exp", {nipsa::time_tag("exp", kNow + seconds(86'401))}), "E_NUM");
  EXPECT_EQ(parsed("budget_requested", {{"budget_requested", "0"}}), "E_NUM");
  EXPECT_EQ(parsed("budget_requested", {}), "ok");
  EXPECT_EQ(parsed("action_hash", {{"action_hash", "xyz"}}), "E_HEX");
  EXPECT_EQ(parsed("action_hash", {}), "ok");
  EXPECT_EQ(parsed("reason", {{"reason", std::string(501, 'x')}}), "E_SIZE");
}

TEST(ApprovalRequest, TheWriterIsStrict) {
  auto r = request();
  r.action_hash.reset();
  EXPECT_EQ(outcome(nipsa::build_approval_request(r, kNow)), "E_TAG_MISSING");
  r = request();
  r.expires = kNow;
  EXPECT_EQ(outcome(nipsa::build_approval_request(r, kNow)), "E_NUM");
  r = request();
  r.reason = "two\nlines";
  EXPECT_EQ(outcome(nipsa::build_approval_request(r, kNow)), "E_TAG_BAD");
}

TEST(ApprovalDecision, RoundTrip) {
  EXPECT_EQ(nipsa::parse_approval_decision(decided(decision())).value(), decision());
  EXPECT_EQ(decided(decision()).tags[0], (nostr::Tag{"d", asked().id.hex()}));
}

TEST(ApprovalDecision, WordsAndOrder) {
  const auto event = decided(decision());
  const auto word = [&](const char* text) {
    return nipsa::parse_approval_decision(
        with(event, "decision", {{"decision", text}}, guardian()));
  };
  EXPECT_EQ(word("Approve").value().decision, nipsa::Decision::kApproved);
  EXPECT_EQ(word("REJECTED").value().decision, nipsa::Decision::kDenied);
  EXPECT_EQ(word("deny").value().decision, nipsa::Decision::kDenied);
  EXPECT_EQ(outcome(word("maybe")), "E_ENUM");
  const auto both =
      with(event, "decision", {{"decision", "approved"}, {"decision", "denied"}}, guardian());
  EXPECT_EQ(outcome(nipsa::parse_approval_decision(both)), "E_TAG_DUP");
  const auto swapped =
      with(event, "e", {{"e", id('a').hex()}, {"e", asked().id.hex()}}, guardian());
  EXPECT_EQ(nipsa::parse_approval_decision(swapped).value().request, asked().id);
  EXPECT_EQ(nipsa::parse_approval_decision(swapped).value().tick, id('a'));
  const auto draft_form = with(event, "d", {}, guardian());
  EXPECT_EQ(nipsa::parse_approval_decision(draft_form).value().request, asked().id);
}

std::string judged(const nipsa::ApprovalDecision& d, base::UnixTime at = kNow + seconds(60),
                   base::UnixTime now = kNow + seconds(61)) {
  const auto e = decided(d, at);
  const std::vector deciders{pub('3')};
  return outcome(nipsa::check_decision(e, nipsa::parse_approval_decision(e).value(), asked(),
                                       request(), deciders, now));
}

TEST(ApprovalDecision, DecidesOnlyItsOwnRequestInTime) {
  EXPECT_EQ(judged(decision()), "ok");
  auto d = decision();
  d.request = id('0');
  EXPECT_EQ(judged(d), "E_REF");
  d = decision();
  d.tick = id('0');
  EXPECT_EQ(judged(d), "E_REF");
  d = decision();
  d.requester = pub('9');
  EXPECT_EQ(judged(d), "E_REF");
  d = decision();
  d.action_hash = hash('c');
  EXPECT_EQ(judged(d), "E_HASH");
  d.action_hash.reset();
  EXPECT_EQ(judged(d), "ok");
  EXPECT_EQ(judged(decision(), kNow - seconds(120)), "ok");
  EXPECT_EQ(judged(decision(), kNow - seconds(121)), "E_STALE");
  EXPECT_EQ(judged(decision(), kNow + seconds(362), kNow + seconds(61)), "E_FUTURE");
  EXPECT_EQ(judged(decision(), kNow + seconds(60), kNow + seconds(900)), "ok");
  EXPECT_EQ(judged(decision(), kNow + seconds(60), kNow + seconds(901)), "E_EXPIRED");
  d = decision();
  d.expires = kNow + seconds(100);
  EXPECT_EQ(judged(d, kNow + seconds(60), kNow + seconds(101)), "E_EXPIRED");
}

TEST(ApprovalDecision, OnlyDecidersDecide) {
  const auto e = sign(nipsa::build_approval_decision(decision(), kNow).value(), stranger());
  const std::vector deciders{pub('3')};
  EXPECT_EQ(outcome(nipsa::check_decision(e, nipsa::parse_approval_decision(e).value(), asked(),
                                          request(), deciders, kNow)),
            "E_AUTHZ");
}

TEST(QuestionRefusal, IsNoDecisionToThoseWhoKnowOnlyTwo) {
  const nipsa::QuestionRefusal refusal{
      .request = asked().id, .requester = runner().public_key(), .reason = "too-long-to-show: 9"};
  const auto e = sign(nipsa::build_question_refusal(refusal, kNow).value(), stranger());
  EXPECT_EQ(nipsa::parse_question_refusal(e).value(), refusal);
  EXPECT_EQ(outcome(nipsa::parse_approval_decision(e)), "E_ENUM");
  const auto d = sign(nipsa::build_approval_decision(decision(), kNow).value(), stranger());
  EXPECT_EQ(outcome(nipsa::parse_question_refusal(d)), "E_ENUM");
}

}  // namespace
