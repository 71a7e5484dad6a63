// The relay's rules, frame by frame, without sockets.
#include "nostr/server/relay_session.h"

#include <gtest/gtest.h>

#include <set>

#include "nostr/nips/nip42.h"
#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::MemoryStore;
using test::eose_finish;
using test::eose_more;
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
    rules_.max_neg_sessions = 2;
    rules_.max_neg_records = 300;
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
  EXPECT_EQ(publish(note), ok(note, false, "blocked: this event was deleted, or a party to it has vanished"));
}

TEST_F(SessionTest, ReqBringsNewestFirstThenEose) {
  std::vector<std::string> want;
  for (int i = 0; i < 5; ++i) {
    const Event event = test_event(alice_, 1, kAt + i, std::to_string(i));
    publish(event);
    if (i >= 2) want.insert(want.begin(), relay_event_frame("s", event));
  }
  want.push_back(eose_more("s"));
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[1],"limit":3}])"), want);
}

TEST_F(SessionTest, FiltersAreOred) {
  const Event note = test_event(alice_, 1, kAt);
  const Event reaction = test_event(bob_, 7, kAt - 1);
  const Event other = test_event(eve_, 3, kAt);
  for (const Event& event : {note, reaction, other}) publish(event);
  const std::vector want{relay_event_frame("s", note), relay_event_frame("s", reaction),
                         eose_finish("s")};
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
                                       relay_event_frame("s", before), eose_finish("s")}));
}

TEST_F(SessionTest, EphemeralEventsAreOnlyBroadcast) {
  const Event event = test_event(alice_, 20'001, kAt);
  EXPECT_EQ(publish(event), ok(event, true, ""));
  ASSERT_TRUE(accepted_.has_value());
  EXPECT_EQ(accepted_->id, event.id);
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[20001]}])"), std::vector{eose_finish("s")});
}

TEST_F(SessionTest, LimitsAreTold) {
  for (const char* sub : {"1", "2", "3"}) say(reader_, req_frame(sub, {Filter{}}));
  EXPECT_EQ(say(reader_, req_frame("3", {Filter{}})), std::vector{eose_finish("3")});
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

// Answering as if nothing had been searched for would pass any event for a hit.
TEST_F(SessionTest, ASearchIsRefusedByName) {
  const std::string refusal = "unsupported: this relay does not search (NIP-50)";
  for (const std::string verb : {"REQ", "COUNT"})
    EXPECT_EQ(say(reader_, R"([")" + verb + R"(","s",{"kinds":[1]},{"search":"x"}])"),
              std::vector{closed_frame("s", refusal)});
  EXPECT_EQ(say(reader_, R"(["NEG-OPEN","n",{"search":"x"},"6100"])"),
            std::vector{neg_error_frame("n", refusal)});
}

TEST_F(SessionTest, PrivateMessagesNeedTheirPartysKey) {
  const std::string bob_hex = bob_.public_key().hex();
  const Event wrap = test_event(alice_, kinds::kGiftWrap, kAt, "sealed", {{"p", bob_hex}});
  EXPECT_EQ(publish(wrap), ok(wrap, true, ""));  // writing needs no AUTH
  const std::string for_bob = R"(["REQ","s",{"kinds":[1059],"#p":[")" + bob_hex + R"("]}])";
  EXPECT_EQ(say(reader_, for_bob)[0].substr(0, 29), R"(["CLOSED","s","auth-required:)");
  // Filters without kinds pass, but the message stays out, stored or live.
  EXPECT_EQ(say(reader_, R"(["REQ","all",{}])"), std::vector{eose_finish("all")});
  std::vector<std::string> live;
  reader_.on_live(wrap, to_json(wrap), live);
  EXPECT_TRUE(live.empty());

  RelaySession stranger(rules_, store_, "c1");
  authenticate(stranger, eve_, "c1");
  EXPECT_EQ(say(stranger, for_bob)[0].substr(0, 26), R"(["CLOSED","s","restricted:)");
  EXPECT_EQ(say(stranger, R"(["REQ","s",{"kinds":[1059]}])"), std::vector{eose_finish("s")});

  authenticate(reader_, bob_, "challenge-r");
  EXPECT_EQ(say(reader_, for_bob), (std::vector{relay_event_frame("s", wrap), eose_finish("s")}));
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

// --- windows and other limits ---

TEST_F(SessionTest, EventsOutsideTheRelaysWindowsAreRefused) {
  rules_.max_past = std::chrono::hours(24);
  rules_.max_ephemeral_age = std::chrono::seconds(60);
  rules_.rejected_kinds = {30'000};
  rules_.max_tag_value_bytes = 10;
  const auto refused = [this](const Event& event, std::string_view why) {
    EXPECT_NE(publish(event).find("false,\"" + std::string(why)), std::string::npos) << why;
  };
  refused(test_event(alice_, 1, kAt - 86'401), "invalid: created_at is more than 1 days in the past");
  refused(test_event(alice_, 20'001, kAt - 61), "invalid: ephemeral event is older than 60 s");
  refused(test_event(alice_, 30'000, kAt), "blocked: this relay does not take kind 30000");
  refused(test_event(alice_, 1, kAt, "", {{"t", "eleven char"}}), "invalid: a tag value is over 10 bytes");
  const Event fresh = test_event(alice_, 20'001, kAt - 60);
  EXPECT_EQ(publish(fresh), ok(fresh, true, ""));
}

TEST_F(SessionTest, RequestsOutsideTheRelaysLimitsAreRefused) {
  rules_.max_sub_chars = 3;
  rules_.max_tag_filters = 1;
  rules_.max_message_bytes = 200;
  EXPECT_EQ(say(reader_, R"(["REQ","abcd",{}])")[0].substr(0, 40), R"(["CLOSED","abcd","invalid: subscription )");
  EXPECT_EQ(say(reader_, R"(["REQ","\u00e9\u00e9\u00e9",{}])")[0].substr(0, 6), R"(["EOSE)");
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"#t":["a"],"#p":["b"]}])")[0].substr(0, 41),
            R"(["CLOSED","s","invalid: a filter has 2 ta)");
  EXPECT_EQ(say(reader_, "[\"NOPE\",\"" + std::string(200, 'x') + "\"]")[0].substr(0, 29),
            R"(["NOTICE","invalid: message h)");
}

TEST_F(SessionTest, ANewChallengeForgetsWhoWasAuthenticated) {
  authenticate(reader_, bob_, "challenge-r");
  EXPECT_TRUE(reader_.is_authenticated());
  EXPECT_EQ(reader_.rotate_challenge("next"), R"(["AUTH","next"])");
  EXPECT_FALSE(reader_.is_authenticated());
  EXPECT_EQ(say(reader_, R"(["REQ","s",{"kinds":[1059]}])")[0].substr(0, 29), R"(["CLOSED","s","auth-required:)");
  authenticate(reader_, bob_, "next");
}

// --- NIP-62 ---

TEST_F(SessionTest, WhoVanishesIsForgottenAndDoesNotComeBack) {
  const std::string alice_hex = alice_.public_key().hex();
  const Event note = test_event(alice_, 1, kAt - 10, "old");
  const Event wrap = test_event(bob_, kinds::kGiftWrap, kAt - 10, "for alice", {{"p", alice_hex}});
  const Event about = test_event(bob_, 1, kAt - 10, "about alice", {{"p", alice_hex}});
  for (const Event& event : {note, wrap, about}) publish(event);
  const Event for_others = test_event(alice_, 62, kAt, "", {{"relay", "wss://other.example"}});
  EXPECT_NE(publish(for_others).find("false,\"invalid: the request to vanish is for other relays"),
            std::string::npos);
  EXPECT_NE(publish(test_event(alice_, 62, kAt)).find("names no relay"), std::string::npos);
  EXPECT_EQ(say(reader_, R"(["COUNT","c",{}])"), std::vector{count_result_frame("c", 2)});

  const Event request = test_event(alice_, 62, kAt, "bye", {{"relay", kUrl}});
  EXPECT_EQ(publish(request), ok(request, true, ""));
  EXPECT_EQ(say(reader_, R"(["REQ","s",{}])"),
            (std::vector{relay_event_frame("s", request), relay_event_frame("s", about), eose_finish("s")}));
  for (const Event& event : {note, wrap})
    EXPECT_NE(publish(event).find("false,\"blocked: "), std::string::npos);
  const Event after = test_event(alice_, 1, kAt + 1, "I am back");
  EXPECT_EQ(publish(after), ok(after, true, ""));
}

// --- NIP-77 ---

class NegentropyTest : public SessionTest {
 protected:
  void store(int count) {
    for (int i = 0; i < count; ++i) {
      const Event event = test_event(alice_, 1, kAt - i, std::to_string(i));
      ASSERT_TRUE(store_.insert(event, kNow).has_value());
      items_.push_back({event.created_at, event.id});
    }
  }
  /// The relay's one answer.
  from_relay::NegMessage answer(RelaySession& session, const std::string& frame) {
    const auto frames = say(session, frame);
    const auto parsed = parse_relay_message(frames.empty() ? "" : frames[0]);
    if (frames.size() != 1 || !parsed || !std::holds_alternative<from_relay::NegMessage>(*parsed)) {
      ADD_FAILURE() << (frames.empty() ? "nothing" : frames[0]);
      return {};
    }
    return std::get<from_relay::NegMessage>(*parsed);
  }
  std::string error(RelaySession& session, const std::string& frame) {
    const auto frames = say(session, frame);
    return frames.size() == 1 && frames[0].starts_with(R"(["NEG-ERR",)") ? frames[0] : "no NEG-ERR";
  }
  static std::string open_frame(std::string_view sub, const NegInitiator& initiator, Filter filter = {}) {
    return neg_open_frame(sub, filter, base::hex_encode(initiator.open()));
  }

  std::vector<NegItem> items_;
};

TEST_F(NegentropyTest, differences_are_found_and_the_set_stays_as_it_was) {
  store(250);  // more than one page
  std::vector<NegItem> ours(items_.begin() + 100, items_.end());
  const Event extra = test_event(bob_, 1, kAt - 20, "ours alone");
  ours.push_back({extra.created_at, extra.id});
  NegInitiator initiator{NegSet(ours)};
  std::set<EventId> have;
  std::set<EventId> need;
  std::string frame = open_frame("n", initiator);
  for (;;) {
    const auto message = answer(reader_, frame);
    EXPECT_EQ(message.sub, "n");
    auto step = initiator.on_message(*base::hex_decode(message.payload_hex));
    ASSERT_TRUE(step);
    have.insert(step->have.begin(), step->have.end());
    need.insert(step->need.begin(), step->need.end());
    publish(test_event(bob_, 1, kAt - 7, "meanwhile"));  // not part of the set any more
    if (!step->message) break;
    frame = neg_message_frame("n", base::hex_encode(*step->message));
  }
  EXPECT_EQ(have, std::set{extra.id});
  std::set<EventId> want;
  for (int i = 0; i < 100; ++i) want.insert(items_[static_cast<std::size_t>(i)].id);
  EXPECT_EQ(need, want);
  EXPECT_TRUE(say(reader_, neg_close_frame("n")).empty());
  EXPECT_NE(error(reader_, neg_message_frame("n", "61")).find("\"closed: "), std::string::npos);
}

TEST_F(NegentropyTest, only_what_the_client_may_read_is_in_the_set) {
  const Event wrap = test_event(alice_, kinds::kGiftWrap, kAt, "sealed", {{"p", bob_.public_key().hex()}});
  publish(wrap);
  NegInitiator empty{NegSet{}};
  const auto seen_by = [&](RelaySession& session, Filter filter) {
    NegInitiator initiator{NegSet{}};
    const auto message = answer(session, open_frame("n", empty, filter));
    return initiator.on_message(*base::hex_decode(message.payload_hex))->need;
  };
  EXPECT_TRUE(seen_by(reader_, {}).empty());
  const Filter wraps{.kinds = {kinds::kGiftWrap}};
  EXPECT_NE(error(reader_, open_frame("n", empty, wraps)).find("\"auth-required: "), std::string::npos);
  authenticate(reader_, bob_, "challenge-r");
  EXPECT_EQ(seen_by(reader_, wraps), std::vector{wrap.id});
}

TEST_F(NegentropyTest, sessions_records_and_idle_time_are_bounded) {
  store(200);
  const NegInitiator empty{NegSet{}};
  answer(reader_, open_frame("1", empty));
  EXPECT_EQ(error(reader_, open_frame("2", empty)),
            R"(["NEG-ERR","2","blocked: this query is too big",300])") << "400 records in all";
  answer(reader_, open_frame("1", empty));  // takes the place of the first
  answer(reader_, open_frame("2", empty, {.limit = 10}));
  EXPECT_NE(error(reader_, open_frame("3", empty, {.limit = 1})).find("\"rate-limited: "), std::string::npos);
  const auto later = reader_.on_frame(open_frame("3", empty, {.limit = 1}), kNow + std::chrono::seconds(121));
  EXPECT_EQ(later.frames.size(), 2U) << "both have idled too long";
  rules_.max_neg_sessions = 0;
  EXPECT_NE(error(writer_, open_frame("1", empty)).find("\"blocked: "), std::string::npos);
}

TEST_F(NegentropyTest, broken_messages_end_a_session) {
  const NegInitiator empty{NegSet{}};
  EXPECT_NE(error(reader_, neg_open_frame("1", {}, "xyz")).find("no hex"), std::string::npos);
  EXPECT_NE(error(reader_, neg_open_frame("1", {}, "6101")).find("ends too early"), std::string::npos);
  EXPECT_NE(error(reader_, R"(["NEG-OPEN","1",{"kinds":"x"},"61"])").find("\"invalid: "), std::string::npos);
  answer(reader_, open_frame("1", empty));
  EXPECT_NE(error(reader_, neg_message_frame("1", "00")).find("\"invalid: "), std::string::npos);
  EXPECT_NE(error(reader_, neg_message_frame("1", "61")).find("\"closed: "), std::string::npos);
  // A second message before the first is answered breaks the protocol.
  auto reply = reader_.on_frame(open_frame("1", empty), kNow);
  reply = reader_.on_frame(neg_message_frame("1", "61"), kNow);
  EXPECT_NE(reply.frames.at(0).find("no answer yet"), std::string::npos);
  EXPECT_FALSE(reader_.has_backlog());
  store_.broken = true;
  EXPECT_NE(error(reader_, open_frame("1", empty)).find("the store failed"), std::string::npos);
}

}  // namespace
}  // namespace nostr
