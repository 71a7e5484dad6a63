// The relay's rules, frame by frame, without sockets.
#include "nostr/server/relay_session.h"

#include <gtest/gtest.h>

#include "nostr/nips/nip42.h"
#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::MemoryStore;
using test::test_event;
using test::test_key;

constexpr std::int64_t kAt = 1'700'000'000;
constexpr UnixTime kNow = base::unix_time(kAt);
constexpr const char* kUrl = "ws://127.0.0.1:7777";

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    rules_.urls = {kUrl};
    rules_.max_subscriptions = 3;
    rules_.max_filters = 2;
  }

  /// Replies to `frame`, its stored events included.
  std::vector<std::string> say(RelaySession& session, const std::string& frame) {
    auto reply = session.on_frame(frame, kNow);
    accepted_ = std::move(reply.accepted);
    while (session.has_backlog()) session.pump(1u << 20, kNow, reply.frames);
    return std::move(reply.frames);
  }
  std::string publish(const Event& event) {
    const auto frames = say(writer_, event_frame(event));
    EXPECT_EQ(frames.size(), 1U);
    return frames.empty() ? "" : frames[0];
  }
  static std::string ok(const Event& event, bool accepted, std::string_view text) {
    return ok_frame(event.id, accepted, text);
  }
  void authenticate(RelaySession& session, const SecretKey& key, const std::string& challenge) {
    const Event event = sign_event(build_auth(challenge, kUrl, kNow), key, rng_);
    EXPECT_EQ(say(session, auth_frame(event)), std::vector{ok(event, true, "")});
  }

  SessionRules rules_;
  MemoryStore store_;
  base::SeededRng rng_{5};
  SecretKey alice_ = test_key(1);
  SecretKey bob_ = test_key(2);
  SecretKey eve_ = test_key(3);
  RelaySession writer_{rules_, store_, "challenge-w"};
  RelaySession reader_{rules_, store_, "challenge-r"};
  std::optional<Event> accepted_;
};

TEST_F(SessionTest, GreetingIsTheChallenge) {
  EXPECT_EQ(reader_.greeting(), R"(["AUTH","challenge-r"])");
}

TEST_F(SessionTest, OkSaysWhatBecameOfAnEvent) {
  const Event note = test_event(alice_, 1, kAt, "hi");
  EXPECT_EQ(publish(note), ok(note, true, ""));
  EXPECT_TRUE(accepted_.has_value());
  EXPECT_EQ(publish(note), ok(note, true, "duplicate: already have this event"));
  EXPECT_FALSE(accepted_.has_value());

  Event forged = test_event(alice_, 1, kAt, "real");
  forged.content = "forged";
  EXPECT_NE(publish(forged).find("false,\"invalid: "), std::string::npos);
  const Event future = test_event(alice_, 1, kAt + 901);
  EXPECT_NE(publish(future).find("false,\"invalid: created_at"), std::string::npos);
  const Event expired = test_event(alice_, 1, kAt, "", {{"expiration", std::to_string(kAt - 1)}});
  EXPECT_NE(publish(expired).find("false,\"invalid: the event has expired"), std::string::npos);
  const Event auth = test_event(alice_, kinds::kClientAuth, kAt);
  EXPECT_NE(publish(auth).find("false,\"invalid: kind 22242"), std::string::npos);
  store_.broken = true;
  EXPECT_NE(publish(test_event(alice_, 1, kAt, "x")).find("false,\"error: "), std::string::npos);
}

TEST_F(SessionTest, ReplaceableAndDeletionRulesSpeakThroughOk) {
  const Event newer = test_event(alice_, 0, kAt, "new");
  const Event older = test_event(alice_, 0, kAt - 1, "old");
  publish(newer);
  EXPECT_EQ(publish(older), ok(older, true, "duplicate: a newer version is here"));
  const Event note = test_event(alice_, 1, kAt, "oops");
  publish(note);
  publish(test_event(alice_, kinds::kDeletion, kAt, "", {{"e", note.id.hex()}}));
  EXPECT_EQ(publish(note), ok(note, false, "blocked: its author has deleted this event"));
}

TEST_F(SessionTest, ReqBringsNewestFirstThenEose) {
  std::vector<std::string> want;
  for (int i = 0; i < 5; ++i) {
    const Event event = test_event(alice_, 1, kAt + i, std::to_string(i));
    publish(event);
    if (i >= 2) want.insert(want.begin(), relay_event_frame("s", event));
  }
  want.push_back(eose_frame("s"));
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[1],"limit":3}])"), want);
}

TEST_F(SessionTest, FiltersAreOred) {
  const Event note = test_event(alice_, 1, kAt);
  const Event reaction = test_event(bob_, 7, kAt - 1);
  const Event other = test_event(eve_, 3, kAt);
  for (const Event& event : {note, reaction, other}) publish(event);
  const std::vector want{relay_event_frame("s", note), relay_event_frame("s", reaction),
                         eose_frame("s")};
  EXPECT_EQ(say(reader_, req_frame("s", {Filter{.kinds = {1}}, Filter{.kinds = {7}}})), want);
}

TEST_F(SessionTest, LiveEventsMatchUntilClose) {
  say(reader_, R"(["REQ","a",{"kinds":[1]}])");
  say(reader_, R"(["REQ","b",{"kinds":[1,7],"limit":0}])");
  const Event note = test_event(alice_, 1, kAt);
  std::vector<std::string> out;
  reader_.on_live(note, to_json(note), out);
  EXPECT_EQ(out, (std::vector{relay_event_frame("a", note), relay_event_frame("b", note)}));
  say(reader_, R"(["CLOSE","a"])");
  say(reader_, R"(["REQ","b",{"kinds":[7]}])");  // takes the place of the older one
  out.clear();
  reader_.on_live(note, to_json(note), out);
  EXPECT_TRUE(out.empty());
}

TEST_F(SessionTest, AnEventStoredWhileAReqWaitsIsSentOnce) {
  const Event before = test_event(alice_, 1, kAt, "before");
  publish(before);
  auto reply = reader_.on_frame(R"(["REQ","s",{"kinds":[1]}])", kNow);
  const Event meanwhile = test_event(alice_, 1, kAt + 1, "meanwhile");
  publish(meanwhile);
  reader_.on_live(meanwhile, to_json(meanwhile), reply.frames);
  while (reader_.has_backlog()) reader_.pump(1u << 20, kNow, reply.frames);
  EXPECT_EQ(reply.frames, (std::vector{relay_event_frame("s", meanwhile),
                                       relay_event_frame("s", before), eose_frame("s")}));
}

TEST_F(SessionTest, EphemeralEventsAreOnlyBroadcast) {
  const Event event = test_event(alice_, 20'001, kAt);
  EXPECT_EQ(publish(event), ok(event, true, ""));
  ASSERT_TRUE(accepted_.has_value());
  EXPECT_EQ(accepted_->id, event.id);
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[20001]}])"), std::vector{eose_frame("s")});
}

TEST_F(SessionTest, LimitsAreTold) {
  for (const char* sub : {"1", "2", "3"}) say(reader_, req_frame(sub, {Filter{}}));
  EXPECT_EQ(say(reader_, req_frame("3", {Filter{}})), std::vector{eose_frame("3")});
  EXPECT_EQ(say(reader_, req_frame("4", {Filter{}}))[0].substr(0, 26),
            R"(["CLOSED","4","rate-limite)");
  EXPECT_EQ(say(reader_, req_frame("3", {Filter{}, Filter{}, Filter{}}))[0].substr(0, 22),
            R"(["CLOSED","3","invalid)");
}

TEST_F(SessionTest, BrokenFramesGetTheMostPreciseAnswer) {
  EXPECT_EQ(say(reader_, "{}")[0].substr(0, 19), R"(["NOTICE","invalid:)");
  EXPECT_EQ(say(reader_, "not json")[0].substr(0, 19), R"(["NOTICE","invalid:)");
  EXPECT_EQ(say(reader_, R"(["WHAT","x"])")[0].substr(0, 23), R"(["NOTICE","unsupported:)");
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":"1"}])")[0].substr(0, 23),
            R"(["CLOSED","s","invalid:)");
  const std::string id(64, 'a');
  EXPECT_EQ(say(reader_, R"(["EVENT",{"id":")" + id + R"(","kind":1}])")[0].substr(0, 79),
            R"(["OK",")" + id + R"(",false,)");
}

TEST_F(SessionTest, StoreFailureClosesTheSubscription) {
  store_.broken = true;
  EXPECT_EQ(say(reader_, R"(["REQ","s",{}])"),
            std::vector{closed_frame("s", "error: the store failed")});
  const Event note = test_event(alice_, 1, kAt);
  std::vector<std::string> out;
  reader_.on_live(note, to_json(note), out);
  EXPECT_TRUE(out.empty());
}

TEST_F(SessionTest, PrivateMessagesNeedTheirPartysKey) {
  const std::string bob_hex = bob_.public_key().hex();
  const Event wrap = test_event(alice_, kinds::kGiftWrap, kAt, "sealed", {{"p", bob_hex}});
  EXPECT_EQ(publish(wrap), ok(wrap, true, ""));  // writing needs no AUTH
  const std::string for_bob = R"(["REQ","s",{"kinds":[1059],"#p":[")" + bob_hex + R"("]}])";
  EXPECT_EQ(say(reader_, for_bob)[0].substr(0, 29), R"(["CLOSED","s","auth-required:)");
  // Filters without kinds pass, but the message stays out, stored or live.
  EXPECT_EQ(say(reader_, R"(["REQ","all",{}])"), std::vector{eose_frame("all")});
  std::vector<std::string> live;
  reader_.on_live(wrap, to_json(wrap), live);
  EXPECT_TRUE(live.empty());

  RelaySession stranger(rules_, store_, "c1");
  authenticate(stranger, eve_, "c1");
  EXPECT_EQ(say(stranger, for_bob)[0].substr(0, 26), R"(["CLOSED","s","restricted:)");
  EXPECT_EQ(say(stranger, R"(["REQ","s",{"kinds":[1059]}])"), std::vector{eose_frame("s")});

  authenticate(reader_, bob_, "challenge-r");
  EXPECT_EQ(say(reader_, for_bob), (std::vector{relay_event_frame("s", wrap), eose_frame("s")}));
  reader_.on_live(wrap, to_json(wrap), live);
  EXPECT_EQ(live.size(), 2U);
}

TEST_F(SessionTest, AuthChecksChallengeRelayAndTime) {
  struct Case {
    const char* challenge;
    const char* url;
    std::int64_t at;
  };
  for (const Case& c : {Case{"wrong", kUrl, kAt}, Case{"challenge-r", "ws://elsewhere", kAt},
                        Case{"challenge-r", kUrl, kAt - 3600}}) {
    const Event event =
        sign_event(build_auth(c.challenge, c.url, base::unix_time(c.at)), bob_, rng_);
    EXPECT_NE(say(reader_, auth_frame(event)).at(0).find(",false,\""), std::string::npos) << c.url;
  }
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[4]}])")[0].substr(0, 29),
            R"(["CLOSED","s","auth-required:)");
}

TEST_F(SessionTest, ProtectedEventsComeFromTheirAuthorOnly) {
  const Event event = test_event(bob_, 1, kAt, "mine", {{"-"}});
  EXPECT_NE(publish(event).find("false,\"auth-required:"), std::string::npos);
  authenticate(writer_, eve_, "challenge-w");
  EXPECT_NE(publish(event).find("false,\"restricted:"), std::string::npos);
  authenticate(writer_, bob_, "challenge-w");
  EXPECT_EQ(publish(event), ok(event, true, ""));
}

TEST_F(SessionTest, CountDoesNotRevealPrivateMessages) {
  publish(test_event(alice_, 1, kAt));
  publish(test_event(alice_, 7, kAt));
  publish(test_event(alice_, kinds::kGiftWrap, kAt, "", {{"p", bob_.public_key().hex()}}));
  EXPECT_EQ(say(reader_, count_frame("c", {Filter{}})), std::vector{count_result_frame("c", 2)});
  EXPECT_EQ(say(reader_, count_frame("c", {Filter{.kinds = {7}}})),
            std::vector{count_result_frame("c", 1)});
  EXPECT_EQ(say(reader_, count_frame("c", {Filter{.kinds = {1059}}}))[0].substr(0, 29),
            R"(["CLOSED","c","auth-required:)");
}

}  // namespace
}  // namespace nostr
