// 39210 and 39211: claims, results and what they must not contradict.
#include "nipsa/tick.h"

#include <set>

#include "nostr/nips/nip40.h"
#include "tests/nipsa/events_fixture.h"

namespace {

using namespace nipsa_test;
using nipsa::TriggerName;
using std::chrono::seconds;

nipsa::TickRequest request() {
  nipsa::TickRequest r;
  r.d = "tick-0011";
  r.agent = pub('1');
  r.trigger = TriggerName::kMention;
  r.trigger_event = nostr::EventRef{id('a'), "wss://r.example", std::nullopt};
  r.slot = nipsa::slot_of_event(id('a'));
  r.max_steps = 10;
  r.budget = nipsa::Budget{{1000}, "lightning", ""};
  r.approval_threshold = nipsa::Sat{500};
  r.guardian = pub('3');
  r.expires = kNow + seconds(900);
  return r;
}
nostr::Event claim() {
  return sign(nipsa::build_tick_request(request(), pub('2'), kNow).value(), runner());
}

TEST(TickRequest, RoundTripWithLeadingDAndExpiration) {
  EXPECT_EQ(nipsa::parse_tick_request(claim()).value(), request());
  EXPECT_EQ(claim().tags[0], (nostr::Tag{"d", "tick-0011"}));
  auto r = request();
  r.expires.reset();
  const auto e = sign(nipsa::build_tick_request(r, pub('2'), kNow).value(), runner());
  EXPECT_EQ(nostr::expiration_of(e.tags), kNow + seconds(3600));
}

TEST(TickRequest, TypedErrors) {
  const auto parsed = [](std::string_view name, const nostr::Tags& tags) {
    return outcome(nipsa::parse_tick_request(with(claim(), name, tags, runner())));
  };
  EXPECT_EQ(parsed("p", {}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("p", {{"p", std::string(64, 'A')}}), "E_HEX");
  EXPECT_EQ(parsed("runner", {{"runner", pub('9').hex()}}), "E_SIGNER");
  EXPECT_EQ(parsed("runner", {}), "ok");
  EXPECT_EQ(parsed("trigger", {{"trigger", "moon"}}), "E_ENUM");
  EXPECT_EQ(parsed("e", {}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("budget", {{"budget", "1"}, {"budget", "2"}}), "E_TAG_DUP");
  EXPECT_EQ(parsed("budget", {{"budget", "1e3"}}), "E_NUM");
  EXPECT_EQ(parsed("budget", {{"budget", "5", "envelope"}}), "E_TAG_MISSING");
  EXPECT_EQ(parsed("max_steps", {{"max_steps", "0"}}), "E_NUM");
  auto r = request();
  r.trigger_event.reset();
  EXPECT_EQ(outcome(nipsa::build_tick_request(r, pub('2'), kNow)), "E_TAG_MISSING");
  r.trigger = TriggerName::kHeartbeat;
  EXPECT_EQ(outcome(nipsa::build_tick_request(r, pub('2'), kNow)), "ok");
}

TEST(TickRequest, BudgetForms) {
  EXPECT_EQ(nipsa::parse_budget({"budget", "1000"}).value(),
            (nipsa::Budget{{1000}, "lightning", ""}));
  EXPECT_EQ(nipsa::parse_budget({"budget", "1000", "cashu", "https://m"}).value(),
            (nipsa::Budget{{1000}, "cashu", "https://m"}));
  EXPECT_EQ(nipsa::parse_budget({"budget", "1000", "lightning"}).value(), (nipsa::Budget{{1000}, "lightning", ""}));
  EXPECT_TRUE(nipsa::is_spendable({{1}, "envelope", "env-77"}));
  const auto odd = nipsa::parse_budget({"budget", "1", "shells"}).value();
  EXPECT_FALSE(nipsa::is_spendable(odd));
  EXPECT_EQ(odd.rail, "shells") << "it is shown all the same";
}

TEST(TickRequest, TheEarliestClaimWinsThenTheLowestId) {
  auto late = claim();
  late.created_at += seconds(1);
  late.id = id('0');
  auto twin = claim();
  twin.id = id('0');
  EXPECT_EQ(nipsa::winning_claim({late, claim()})->id, claim().id);
  EXPECT_EQ(nipsa::winning_claim({claim(), twin})->id, id('0'));
  EXPECT_EQ(nipsa::winning_claim({}), nullptr);
  EXPECT_EQ(nipsa::slot_of_heartbeat(base::unix_time(1799), seconds(900)), "h:1");
}

TEST(TickRequest, AClockThatJumpsComesBackToSlotsThatWereTaken) {
  std::set<std::string> taken;
  for (int i = 0; i < 8; ++i) taken.insert(nipsa::slot_of_heartbeat(kNow + i * seconds(900), seconds(900)));
  for (int i = 4; i < 8; ++i)  // an hour back, and the same hour again
    EXPECT_TRUE(taken.contains(nipsa::slot_of_heartbeat(kNow + i * seconds(900) - seconds(3'600), seconds(900)))) << i;
  const auto jumped = nipsa::slot_of_heartbeat(kNow + 8 * seconds(900) + seconds(3'600), seconds(900));
  EXPECT_TRUE(taken.insert(jumped).second) << "an hour ahead is one tick and not four";
}

nipsa::TickResult result() {
  nipsa::TickResult r;
  r.request = claim().id;
  r.agent = pub('1');
  r.actions = 2;
  r.cost = {420};
  r.duration_ms = 54'210;
  r.guardian_approved = {id('c')};
  r.results = {{id('d'), "wss://r", std::nullopt}};
  r.trajectory = nostr::EventRef{id('e'), "wss://r", std::nullopt};
  r.trajectory_hash = hash('f');
  r.trajectory_alg = "chain-v1";
  r.trajectory_count = 17;
  r.content = "AgAB";
  return r;
}
nostr::Event report() {
  return sign(nipsa::build_tick_result(result(), pub('2'), kNow).value(), runner());
}

TEST(TickResult, RoundTrip) {
  const auto event = report();
  EXPECT_EQ(event.tags[0], (nostr::Tag{"d", claim().id.hex()}));
  EXPECT_TRUE(nostr::expiration_of(event.tags));
  const auto r = nipsa::parse_tick_result(event).value();
  EXPECT_EQ(r.request, claim().id);
  EXPECT_EQ(r.status, nipsa::TickStatus::kSuccess);
  EXPECT_EQ(r.actions, 2u);
  EXPECT_EQ(r.cost, nipsa::Sat{420});
  EXPECT_EQ(r.duration_ms, 54'210);
  EXPECT_EQ(r.guardian_approved, std::vector{id('c')});
  EXPECT_EQ(r.results.at(0).id, id('d'));
  EXPECT_EQ(r.trajectory->id, id('e'));
  EXPECT_EQ(r.trajectory_hash, hash('f'));
  EXPECT_EQ(r.trajectory_count, 17u);
  EXPECT_EQ(r.content, "AgAB");
}

TEST(TickResult, StatusesOfEveryWriter) {
  const struct {
    const char* text;
    nipsa::TickStatus want;
    const char* detail;
  } cases[] = {
      {"completed", nipsa::TickStatus::kSuccess, ""},
      {"failure", nipsa::TickStatus::kError, ""},
      {"failed", nipsa::TickStatus::kError, ""},
      {"timeout", nipsa::TickStatus::kError, "timeout"},
      {"skipped", nipsa::TickStatus::kSkipped, ""},
      {"partial", nipsa::TickStatus::kPartial, ""},
      {"???", nipsa::TickStatus::kError, "???"},
  };
  for (const auto& c : cases) {
    const auto r =
        nipsa::parse_tick_result(with(report(), "status", {{"status", c.text}}, runner())).value();
    EXPECT_EQ(r.status, c.want) << c.text;
    EXPECT_EQ(r.detail, c.detail) << c.text;
  }
}

TEST(TickResult, LinksInEitherForm) {
  const auto bare = with(report(), "request", {}, runner());
  EXPECT_EQ(nipsa::parse_tick_result(bare).value().request, claim().id);
  EXPECT_EQ(outcome(nipsa::parse_tick_result(with(bare, "e", {}, runner()))), "E_TAG_MISSING");
  EXPECT_EQ(outcome(nipsa::parse_tick_result(
                with(report(), "duration_ms", {{"duration_ms", "1"}}, runner()))),
            "E_TAG_DUP");
  EXPECT_EQ(outcome(nipsa::parse_tick_result(
                with(report(), "runner", {{"runner", pub('9').hex()}}, runner()))),
            "E_SIGNER");
}

TEST(TickResult, MustNotContradictItsRequest) {
  const auto judged = [](const nipsa::TickResult& r, const nostr::SecretKey& by) {
    const auto e = sign(nipsa::build_tick_result(r, by.public_key(), kNow).value(), by);
    return outcome(nipsa::check_result(e, nipsa::parse_tick_result(e).value(), claim(), request()));
  };
  auto r = result();
  EXPECT_EQ(judged(r, runner()), "ok");
  EXPECT_EQ(judged(r, stranger()), "E_SIGNER");
  r.request = id('0');
  EXPECT_EQ(judged(r, runner()), "E_REF");
  r = result();
  r.agent = pub('7');
  EXPECT_EQ(judged(r, runner()), "E_SIGNER");
  r = result();
  r.cost = {1001};
  EXPECT_EQ(judged(r, runner()), "E_BUDGET");
  r.cost = {501};
  EXPECT_EQ(judged(r, runner()), "ok");
  r.guardian_approved.clear();
  r.guardian_auto = true;
  EXPECT_EQ(judged(r, runner()), "E_AUTHZ");
  r.cost = {500};
  EXPECT_EQ(judged(r, runner()), "ok");
}

TEST(TickReport, RoundTripAndOlderShapes) {
  nipsa::TickReport r;
  r.tokens_in = 1500;
  r.cost = {420};
  r.actions = {{{"type", "post"}}};
  r.summary = "posted";
  const auto read = nipsa::decode_report(nipsa::encode_report(r)).value();
  EXPECT_EQ(read.tokens_in, 1500);
  EXPECT_EQ(read.cost, nipsa::Sat{420});
  EXPECT_EQ(read.actions, r.actions);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(
      nipsa::decode_report(R"({"cost_usd":0.5,"cost_sats":-4,"actions":[1,{}]})").value().cost,
      nipsa::Sat{0});
  EXPECT_EQ(outcome(nipsa::decode_report("[]")), "E_JSON");
}

}  // namespace
