// The fault rules without sockets: which frames they hit, and what becomes of them.
#include "nostr/server/faults.h"

#include <gtest/gtest.h>

#include "nostr/event/message.h"
#include "tests/nostr/server/support/memory_store.h"

namespace nostr {
namespace {

using test::test_event;
using test::test_key;

constexpr ConnectionId kConnection = 7;

class FaultsTest : public ::testing::Test {
 protected:
  FaultsTest() { engine_.on_connect(kConnection, now_, {}); }

  static FaultMatch out(std::string verb) { return {.verb = std::move(verb)}; }
  static FaultMatch in(std::string verb) {
    return {.direction = Direction::kIn, .verb = std::move(verb)};
  }
  std::vector<Effect> pass(std::string frame, Direction direction = Direction::kOut,
                           ConnectionId connection = kConnection, bool authenticated = false) {
    return engine_.on_frame({.connection = connection, .direction = direction,
                             .authenticated = authenticated, .now = now_},
                            std::move(frame));
  }
  /// What the client gets of `frame`, at whatever time.
  std::vector<std::string> to_client(std::string frame, Direction direction = Direction::kOut) {
    std::vector<std::string> out;
    for (const Effect& effect : pass(std::move(frame), direction))
      if (const auto* to = std::get_if<effect::ToClient>(&effect.what)) out.push_back(to->frame);
    return out;
  }
  static std::string only_told(const std::vector<Effect>& effects) {
    std::string out;
    for (const Effect& effect : effects)
      if (const auto* to = std::get_if<effect::ToRelay>(&effect.what)) out += to->frame;
    return out;
  }
  using Frames = std::vector<std::string>;

  FaultEngine engine_{3};
  milliseconds now_{1'000};
  Event event_ = test_event(test_key(1), 1, 1'700'000'000, "hello");
};

TEST_F(FaultsTest, without_rules_a_frame_passes_as_it_is) {
  EXPECT_EQ(to_client("anything"), Frames{"anything"});
  EXPECT_EQ(only_told(pass("x", Direction::kIn)), "x");
}

TEST_F(FaultsTest, rules_match_by_verb_sub_kind_connection_and_direction) {
  FaultMatch match = out("EVENT");
  match.sub = "s";
  match.kinds = {1, 7};
  match.connection = 1;
  engine_.add({match, fault::Drop{}});
  EXPECT_EQ(to_client(relay_event_frame("s", event_)), Frames{});
  EXPECT_EQ(to_client(relay_event_frame("other", event_)).size(), 1U);
  EXPECT_EQ(to_client(relay_event_frame("s", test_event(test_key(1), 2, 5))).size(), 1U);
  EXPECT_EQ(to_client(eose_frame("s")).size(), 1U);
  engine_.on_connect(8, now_, {});
  EXPECT_EQ(pass(relay_event_frame("s", event_), Direction::kOut, 8).size(), 1U);
  EXPECT_NE(only_told(pass(event_frame(event_), Direction::kIn)), "");
}

TEST_F(FaultsTest, kinds_of_requests_are_those_of_their_filters_and_of_an_ok_those_of_its_event) {
  FaultMatch request = in("REQ");
  request.kinds = {1059};
  engine_.add({request, fault::Drop{}});
  EXPECT_TRUE(pass(R"(["REQ","s",{"limit":1},{"kinds":[4,1059]}])", Direction::kIn).empty());
  EXPECT_FALSE(pass(R"(["REQ","s",{"kinds":[4]}])", Direction::kIn).empty());
  FaultMatch ok = out("OK");
  ok.kinds = {1};
  engine_.add({ok, fault::Drop{}});
  const Event other = test_event(test_key(1), 2, 1);
  pass(event_frame(event_), Direction::kIn);
  pass(event_frame(other), Direction::kIn);
  EXPECT_EQ(to_client(ok_frame(event_.id, true, "")), Frames{});
  EXPECT_EQ(to_client(ok_frame(other.id, true, "")).size(), 1U);
}

TEST_F(FaultsTest, occurrences_are_counted_where_the_rule_says) {
  const auto survivors = [this](FaultMatch match) {
    engine_.clear();
    engine_.add({std::move(match), fault::Drop{}});
    std::string out;
    engine_.on_connect(8, now_, {});
    for (int i = 0; i < 3; ++i)
      for (const ConnectionId connection : {kConnection, ConnectionId{8}})
        for (const char* sub : {"a", "b"})
          out += pass(eose_frame(sub), Direction::kOut, connection).empty() ? '-' : '.';
    engine_.on_disconnect(8);
    return out;
  };
  FaultMatch match = out("EOSE");
  EXPECT_EQ(survivors(match), "------------");
  match.nth = 2;
  EXPECT_EQ(survivors(match), ".-..........");
  match.per = FaultMatch::Scope::kConnection;
  EXPECT_EQ(survivors(match), ".-.-........");
  match.per = FaultMatch::Scope::kSubscription;
  EXPECT_EQ(survivors(match), "....----....");
  match = out("EOSE");
  match.every = 3;
  EXPECT_EQ(survivors(match), "..-..-..-..-");
  match.times = 2;
  EXPECT_EQ(survivors(match), "..-..-......");
}

TEST_F(FaultsTest, probability_follows_the_seed) {
  const auto hits = [](std::uint64_t seed) {
    FaultEngine engine(seed);
    FaultMatch match;
    match.verb = "EOSE";
    match.probability = 0.3;
    engine.add({match, fault::Drop{}});
    engine.on_connect(1, {}, {});
    std::string out;
    for (int i = 0; i < 400; ++i) out += engine.on_frame({.connection = 1}, eose_frame("s")).empty() ? '-' : '.';
    return out;
  };
  EXPECT_EQ(hits(5), hits(5));
  EXPECT_NE(hits(5), hits(6));
  const auto count = std::ranges::count(hits(5), '-');
  EXPECT_TRUE(count > 80 && count < 160) << count;
}

TEST_F(FaultsTest, a_rule_can_begin_late_and_end) {
  FaultMatch match = out("EOSE");
  match.after = milliseconds{500};
  match.lasting = milliseconds{200};
  engine_.add({match, fault::Drop{}});
  const auto passes_at = [&](int ms) {
    now_ = milliseconds{1'000 + ms};
    return !pass(eose_frame("s")).empty();
  };
  EXPECT_TRUE(passes_at(499));
  EXPECT_FALSE(passes_at(500));
  EXPECT_FALSE(passes_at(699));
  EXPECT_TRUE(passes_at(700));
}

TEST_F(FaultsTest, delay_keeps_the_order_and_reorder_does_not) {
  FaultMatch second = out("EOSE");
  second.nth = 2;
  const auto rule = engine_.add({second, fault::Delay{.by = milliseconds{50}}});
  const auto at = [this](const std::string& sub) { return pass(eose_frame(sub)).at(0).delay.count(); };
  EXPECT_EQ(at("a"), 0);
  EXPECT_EQ(at("b"), 50);
  EXPECT_EQ(at("c"), 50) << "behind the delayed one";
  now_ += milliseconds{20};
  EXPECT_EQ(at("d"), 30);
  EXPECT_EQ(engine_.hits(rule), 1U);
  EXPECT_TRUE(engine_.remove(rule));
  now_ += milliseconds{100};
  engine_.add({out("OK"), fault::Reorder{.by = milliseconds{40}}});
  EXPECT_EQ(pass(ok_frame(event_.id, true, "")).at(0).delay.count(), 40);
  EXPECT_EQ(at("e"), 0) << "overtakes";
}

TEST_F(FaultsTest, throttle_spaces_frames_by_their_size) {
  engine_.add({out("EOSE"), fault::Throttle{.bytes_per_second = 1'000}});
  const std::string frame = eose_frame(std::string(89, 's'));
  ASSERT_EQ(frame.size(), 100U);
  EXPECT_EQ(pass(frame).at(0).delay.count(), 100);
  EXPECT_EQ(pass(frame).at(0).delay.count(), 200);
}

TEST_F(FaultsTest, rules_apply_one_after_the_other_until_the_frame_is_gone) {
  engine_.add({out("EOSE"), fault::Delay{.by = milliseconds{10}}});
  engine_.add({out("EOSE"), fault::Duplicate{.copies = 2}});
  const auto effects = pass(eose_frame("s"));
  ASSERT_EQ(effects.size(), 3U);
  for (const Effect& effect : effects) EXPECT_EQ(effect.delay.count(), 10);
  engine_.add({out("EOSE"), fault::Drop{}});
  const auto after = engine_.add({out("EOSE"), fault::Corrupt{}});
  EXPECT_TRUE(pass(eose_frame("s")).empty());
  EXPECT_EQ(engine_.hits(after), 0U);
}

TEST_F(FaultsTest, damage_changes_the_frame_but_never_its_encoding) {
  const std::string frame = notice_frame("\xc3\xa9\xc3\xa9\xc3\xa9 text");
  engine_.add({out("NOTICE"), fault::Corrupt{.characters = 3}});
  const std::string corrupt = to_client(frame).at(0);
  EXPECT_EQ(corrupt.size(), frame.size());
  engine_.clear();
  for (std::size_t keep = 1; keep < frame.size(); ++keep) {
    engine_.clear();
    engine_.add({out("NOTICE"), fault::Truncate{.keep = keep}});
    const std::string cut = to_client(frame).at(0);
    EXPECT_TRUE(frame.starts_with(cut));
    EXPECT_LE(cut.size(), keep);
    EXPECT_EQ((static_cast<unsigned char>(frame[cut.size()]) & 0xc0) == 0x80, false) << keep;
  }
}

TEST_F(FaultsTest, events_can_be_forged_and_answers_can_lie) {
  engine_.add({out("EVENT"), fault::Forge{}});
  const auto forged = parse_relay_message(to_client(relay_event_frame("s", event_)).at(0));
  const Event& event = std::get<from_relay::EventMessage>(*forged).event;
  EXPECT_EQ(event.id, event_.id);
  EXPECT_FALSE(check(event));
  const auto flip = engine_.add({out("OK"), fault::FlipOk{.message = "blocked: no"}});
  EXPECT_EQ(to_client(ok_frame(event_.id, true, "")), Frames{ok_frame(event_.id, false, "blocked: no")});
  engine_.remove(flip);
  engine_.add({out("OK"), fault::WrongId{}});
  const auto wrong = std::get<from_relay::Ok>(*parse_relay_message(to_client(ok_frame(event_.id, true, "x")).at(0)));
  EXPECT_NE(wrong.id, event_.id);
  EXPECT_TRUE(wrong.accepted);
}

TEST_F(FaultsTest, requests_can_be_answered_before_the_relay_sees_them) {
  engine_.add({in("EVENT"), fault::Reject{.message = "rate-limited: slow down"}});
  EXPECT_EQ(to_client(event_frame(event_), Direction::kIn),
            Frames{ok_frame(event_.id, false, "rate-limited: slow down")});
  engine_.clear();
  engine_.add({in("EVENT"), fault::Swallow{}});
  EXPECT_EQ(to_client(event_frame(event_), Direction::kIn), Frames{ok_frame(event_.id, true, "")});
  engine_.add({in("REQ"), fault::Closed{.message = "error: shutting down"}});
  const auto effects = pass(R"(["REQ","s",{}])", Direction::kIn);
  EXPECT_EQ(only_told(effects), close_frame("s")) << "an older subscription of that name ends too";
  EXPECT_EQ(std::get<effect::ToClient>(effects.back().what).frame, closed_frame("s", "error: shutting down"));
  engine_.add({in("NEG-OPEN"), fault::NegError{.message = "blocked: too big"}});
  EXPECT_EQ(to_client(R"(["NEG-OPEN","n",{},"61"])", Direction::kIn),
            Frames{neg_error_frame("n", "blocked: too big")});
  engine_.add({out("EOSE"), fault::Notice{.message = "not today"}});
  EXPECT_EQ(to_client(eose_frame("s")), Frames{notice_frame("not today")});
  engine_.add({out("COUNT"), fault::Say{.frame = R"(["X","{sub}","{sub}"])"}});
  EXPECT_EQ(to_client(count_result_frame("c", 3)), Frames{R"(["X","c","c"])"});
}

TEST_F(FaultsTest, who_has_not_authenticated_can_be_asked_to) {
  FaultMatch match;
  match.direction = Direction::kIn;
  for (const char* verb : {"EVENT", "REQ", "COUNT", "NEG-OPEN"}) {
    match.verb = verb;
    engine_.add({match, fault::DemandAuth{}});
  }
  for (const std::string& frame : {std::string(R"(["REQ","s",{}])"), std::string(R"(["COUNT","s",{}])"),
                                   std::string(R"(["NEG-OPEN","s",{},"61"])"), event_frame(event_)}) {
    const Frames said = to_client(frame, Direction::kIn);
    ASSERT_EQ(said.size(), 1U) << frame;
    EXPECT_NE(said[0].find("\"auth-required: "), std::string::npos) << said[0];
    EXPECT_EQ(only_told(pass(frame, Direction::kIn, kConnection, /*authenticated=*/true)), frame);
  }
}

TEST_F(FaultsTest, strangers_events_come_on_top) {
  engine_.add({out("EOSE"), fault::Unmatched{.kind = 30}});
  const Frames got = to_client(eose_frame("s"));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0], eose_frame("s"));
  const auto message = std::get<from_relay::EventMessage>(*parse_relay_message(got[1]));
  EXPECT_EQ(message.sub, "s");
  EXPECT_EQ(message.event.kind, 30);
  EXPECT_TRUE(check(message.event)) << "nothing is wrong with it but that nobody asked";
  engine_.clear();
  engine_.add({out("EOSE"), fault::Flood{.events = 50}});
  EXPECT_EQ(to_client(eose_frame("s")).size(), 51U);
}

TEST_F(FaultsTest, a_connection_can_be_spoilt_from_its_beginning) {
  engine_.add({out(std::string(kConnectVerb)), fault::HalfOpen{.after = milliseconds{30}}});
  FaultMatch third = out(std::string(kConnectVerb));
  third.connection = 3;
  engine_.add({third, fault::Disconnect{.reset = true}});
  EXPECT_EQ(engine_.on_connect(20, now_, {}).size(), 1U) << "the second connection";
  const auto effects = engine_.on_connect(21, now_, {});
  ASSERT_EQ(effects.size(), 2U);
  EXPECT_EQ(effects[0].delay.count(), 30);
  EXPECT_TRUE(std::holds_alternative<effect::HalfOpen>(effects[0].what));
  EXPECT_TRUE(std::get<effect::Disconnect>(effects[1].what).reset);
  EXPECT_EQ(pass(eose_frame("s")).size(), 1U) << "frames are no connections";
}

}  // namespace
}  // namespace nostr
