// Frames in both directions, and that the cheap look at a frame never tells another story than the
// parser.
#include "nostr/event/message.h"

#include <gtest/gtest.h>

#include "tests/nostr/event/samples.h"

namespace nostr {
namespace {

const std::string kHex(64, 'a');

template <class T>
T relay(const std::string& frame) {
  auto parsed = parse_relay_message(frame);
  if (!parsed || !std::holds_alternative<T>(*parsed)) {
    ADD_FAILURE() << frame << ": " << (parsed ? "another message" : parsed.error().detail);
    return {};
  }
  return std::get<T>(*std::move(parsed));
}

template <class T>
T client(const std::string& frame) {
  auto parsed = parse_client_message(frame);
  if (!parsed || !std::holds_alternative<T>(*parsed)) {
    ADD_FAILURE() << frame << ": " << (parsed ? "another message" : parsed.error().detail);
    return {};
  }
  return std::get<T>(*std::move(parsed));
}

TEST(RelayMessage, reads_back_what_the_relay_side_writes) {
  const Event event = samples::note("line\n\"quote\"", {{"t", "x"}});
  const auto message = relay<from_relay::EventMessage>(relay_event_frame("s\"1", event));
  EXPECT_EQ(message.sub, "s\"1");
  EXPECT_EQ(message.event, event);
  const auto ok = relay<from_relay::Ok>(ok_frame(event.id, false, "blocked: no"));
  EXPECT_EQ(ok.id, event.id);
  EXPECT_FALSE(ok.accepted);
  EXPECT_EQ(ok.message, "blocked: no");
  EXPECT_EQ(relay<from_relay::Eose>(eose_frame("s")).sub, "s");
  const auto closed = relay<from_relay::Closed>(closed_frame("s", "error: x"));
  EXPECT_EQ(closed.sub + '|' + closed.message, "s|error: x");
  EXPECT_EQ(relay<from_relay::Notice>(notice_frame("hey\\")).message, "hey\\");
  EXPECT_EQ(relay<from_relay::Auth>(auth_challenge_frame("c")).challenge, "c");
  EXPECT_EQ(relay<from_relay::Count>(count_result_frame("s", 42)).count, 42U);
  EXPECT_EQ(relay<from_relay::NegMessage>(neg_message_frame("n", "61")).payload_hex, "61");
  EXPECT_EQ(relay<from_relay::NegError>(neg_error_frame("n", "closed: x")).message, "closed: x");
}

TEST(RelayMessage, reads_the_completeness_hints_of_nip_67) {
  const auto hint = [](const std::string& frame) { return relay<from_relay::Eose>(frame).hint; };
  for (const EoseHint each : {EoseHint::kNone, EoseHint::kFinish, EoseHint::kMore})
    EXPECT_EQ(hint(eose_frame("s", each)), each);
  EXPECT_EQ(hint(R"(["EOSE","s",["later","finish"]])"), EoseHint::kFinish);
  EXPECT_EQ(hint(R"(["EOSE","s",["finish","more"]])"), EoseHint::kMore);
  EXPECT_EQ(hint(R"(["EOSE","s",[],1])"), EoseHint::kNone);
  EXPECT_EQ(hint(R"(["EOSE","s",[1,["finish"]],"finish"])"), EoseHint::kNone);
  EXPECT_EQ(hint(R"(["EOSE","s","finish"])"), EoseHint::kNone);
}

TEST(RelayMessage, tolerates_white_space_and_elements_of_later_nips) {
  EXPECT_EQ(relay<from_relay::Eose>(" [ \"EOSE\" , \"s\" , {\"more\":[1]} ] \n").sub, "s");
  EXPECT_TRUE(relay<from_relay::Ok>(R"(["OK",")" + kHex + R"(",true])").accepted);
  EXPECT_EQ(
      relay<from_relay::Count>(R"(["COUNT","s",{"approximate":"so so","x":[{}],"count":7,"hll":5}])").count,
      7U);
}

TEST(RelayMessage, refuses_everything_else) {
  const std::string event = to_json(samples::note("x"));
  const std::string cases[] = {
      "",
      "[]",
      "{}",
      "null",
      "EVENT",
      "[1]",
      "[\"\"]",
      "[\"event\",\"s\"," + event + "]",
      R"(["EOSE"])",
      R"(["EOSE",1])",
      R"(["EOSE","s"]])",
      R"(["EOSE","s"] ["EOSE","s"])",
      R"(["EOSE","s")",
      R"(["EOSE" "s"])",
      R"(["EOSE","s",])",
      R"(["OK",")" + kHex + R"("])",
      R"(["OK",")" + kHex + R"(","true",""])",
      R"(["OK","aa",true,""])",
      R"(["OK",")" + kHex + R"(",true,1])",
      R"(["CLOSED","s"])",
      R"(["NOTICE",{}])",
      R"(["COUNT","s",{}])",
      R"(["COUNT","s",{"count":-1}])",
      R"(["COUNT","s",3])",
      R"(["COUNT","s",{"count":3,"#t":[},{"x":,"approximate":t["hll":"00"}])",
      R"(["COUNT","s",{"count":3,"approximate" true,"hll":"00"}])",
      "[\"EVENT\",\"s\"]",
      "[\"EVENT\"," + event + "]",
      "[\"EVENT\",\"s\",[" + event + "]]",
      "[\"EVENT\",\"s\"," + event + "}",
      "[\"EVENT\",\"s\"," + event.substr(0, event.size() - 1) + "]",
      R"(["REQ","s",{}])",
      R"(["NOTICE","\ud800"])",
  };
  for (const std::string& frame : cases) {
    const auto parsed = parse_relay_message(frame);
    ASSERT_FALSE(parsed) << frame;
    EXPECT_EQ(parsed.error().code, base::Errc::kInvalid) << frame;
  }
}

TEST(RelayMessage, in_place_reads_the_same_with_and_without_spare_bytes) {
  const std::string frame = relay_event_frame("s", samples::note("content \\ \xf0\x9f\x98\x80"));
  std::string roomy = frame;
  roomy.reserve(frame.size() + kJsonPadding);
  std::string tight = frame;
  tight.shrink_to_fit();
  for (const std::string& text : {roomy, tight}) {
    const auto parsed = parse_relay_message_in_place(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<from_relay::EventMessage>(*parsed).event,
              relay<from_relay::EventMessage>(frame).event);
  }
  EXPECT_TRUE(parse_relay_message_in_place(roomy));
}

TEST(RelayMessage, bounds_the_frame) {
  const EventLimits limits{.max_bytes = 100};
  const auto parsed = parse_relay_message(notice_frame(std::string(5000, 'x')), limits);
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(parsed.error().detail.ends_with("limit is 4196"));
}

TEST(ClientMessage, reads_back_what_the_client_side_writes) {
  const Event event = samples::note("x");
  EXPECT_EQ(client<from_client::EventMessage>(event_frame(event)).event, event);
  EXPECT_EQ(client<from_client::Auth>(auth_frame(event)).event, event);
  EXPECT_EQ(client<from_client::Close>(close_frame("s")).sub, "s");
  const Filters filters = {{.kinds = {1, 2}, .tags = {{'t', {"a\"b"}}}, .limit = 5},
                           {.authors = {event.pubkey}}};
  EXPECT_EQ(client<from_client::Req>(req_frame("s", filters)).filters, filters);
  EXPECT_EQ(client<from_client::Count>(count_frame("s", filters)).filters, filters);
}

TEST(ClientMessage, refuses_what_the_protocol_does_not_allow) {
  struct Case {
    std::string frame;
    base::Errc code;
  };
  const Case cases[] = {
      {R"(["REQ","s"])", base::Errc::kInvalid},
      {R"(["REQ","",{}])", base::Errc::kInvalid},
      {req_frame(std::string(65, 's'), {{}}), base::Errc::kInvalid},
      {R"(["REQ",1,{}])", base::Errc::kInvalid},
      {R"(["REQ","s",[]])", base::Errc::kInvalid},
      {R"(["REQ","s",{"kinds":[1,]}])", base::Errc::kInvalid},
      {R"(["REQ","s",{"find":"x"}])", base::Errc::kInvalid},
      {R"(["REQ","s",{},])", base::Errc::kInvalid},
      {req_frame("s", Filters(kMaxFilters + 1)), base::Errc::kInvalid},
      {R"(["CLOSE"])", base::Errc::kInvalid},
      {R"(["EVENT",{}])", base::Errc::kInvalid},
      {R"(["EOSE","s"])", base::Errc::kUnsupported},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_client_message(c.frame);
    ASSERT_FALSE(parsed) << c.frame;
    EXPECT_EQ(parsed.error().code, c.code) << c.frame;
  }
  EXPECT_EQ(client<from_client::Req>(req_frame("s", Filters(kMaxFilters))).filters.size(),
            kMaxFilters);
  std::string wide;
  for (int i = 0; i < 64; ++i) wide += "\xc3\xa9";  // 64 characters of two bytes
  EXPECT_EQ(client<from_client::Close>(close_frame(wide)).sub, wide);
}

TEST(Reason, is_the_word_before_the_colon) {
  EXPECT_EQ(reason_of("auth-required: log in"), Reason::kAuthRequired);
  EXPECT_EQ(reason_of("duplicate: seen"), Reason::kDuplicate);
  EXPECT_EQ(reason_of("rate-limited:"), Reason::kRateLimited);
  EXPECT_EQ(reason_of("teapot: x"), Reason::kOther);
  EXPECT_EQ(reason_of("Invalid: x"), Reason::kOther);
  EXPECT_EQ(reason_of("all is well"), Reason::kNone);
  EXPECT_EQ(reason_of("not now: later"), Reason::kNone);
  EXPECT_EQ(reason_of(""), Reason::kNone);
}

TEST(ClientMessage, negentropy_frames_read_back_and_may_be_larger_than_events) {
  Filter filter;
  filter.kinds = {1, 7};
  filter.since = base::unix_time(5);
  const auto open = client<from_client::NegOpen>(neg_open_frame("n\"", filter, "6100"));
  EXPECT_EQ(open.sub, "n\"");
  EXPECT_EQ(open.filters, Filters{filter});
  EXPECT_EQ(open.payload_hex, "6100");
  const auto several = client<from_client::NegOpen>(R"(["NEG-OPEN","n",[{"kinds":[1]},{"limit":2}],"61"])");
  EXPECT_EQ(several.filters, (Filters{{.kinds = {1}}, {.limit = 2}})) << "as NDK asks";
  EXPECT_EQ(several.payload_hex, "61");
  const std::string large(1'000'000, 'a');
  const EventLimits small{.max_bytes = 1'000};
  for (const std::string& frame : {neg_message_frame("n", large), "\n " + neg_message_frame("n", large)}) {
    const auto from_client = parse_client_message(frame, small);
    ASSERT_TRUE(from_client) << from_client.error().detail;
    EXPECT_EQ(std::get<from_client::NegMessage>(*from_client).payload_hex, large);
    EXPECT_TRUE(parse_relay_message(frame, small));
  }
  EXPECT_FALSE(parse_client_message(neg_message_frame("n", std::string(kMaxNegFrameBytes, 'a')), small));
  EXPECT_FALSE(parse_client_message(close_frame(large), small));
  EXPECT_EQ(client<from_client::NegClose>(neg_close_frame("n")).sub, "n");
}

TEST(ClientMessage, negentropy_frames_need_their_parts) {
  for (const std::string_view frame :
       {R"(["NEG-OPEN","n",{}])", R"(["NEG-OPEN","n",{)", R"(["NEG-OPEN","n",{,[],"61"])", R"(["NEG-OPEN","n",t,"61"])", R"(["NEG-OPEN","n","61"])", R"(["NEG-OPEN","n",[],"61"])", R"(["NEG-OPEN","n",[1],"61"])",
        R"(["NEG-OPEN","",{},"61"])", R"(["NEG-OPEN","n",{"find":"x"},"61"])",
        R"(["NEG-MSG","n"])", R"(["NEG-MSG","n",61])", R"(["NEG-CLOSE"])", R"(["NEG-CLOSE",1])"})
    EXPECT_FALSE(parse_client_message(frame)) << frame;
}

TEST(Peek, finds_sub_and_id_wherever_the_relay_puts_the_id) {
  const Event event = samples::note("x\\\"", {{"t", "]}\\\\"}});
  const std::string frames[] = {
      relay_event_frame("sub", event),
      R"([ "EVENT", "sub", {"content":"a\\","tags":[["x","}]"],{"y":[]}],"kind":1, "id" : ")" +
          event.id.hex() + "\"",
      R"(["EVENT","sub",{"a":null,"b":-1e3,"c":{"id":"x"},"d":"\"id\":","id":")" + event.id.hex() +
          R"("}])",
  };
  for (const std::string& frame : frames) {
    const auto peek = peek_event_frame(frame);
    ASSERT_TRUE(peek) << frame;
    EXPECT_EQ(peek->sub, "sub");
    EXPECT_EQ(peek->id_hex, event.id.hex());
  }
}

TEST(Peek, is_never_led_astray) {
  const std::string frames[] = {
      "",
      "[",
      R"(["EOSE","s"])",
      R"(["EVENT","s"])",
      R"(["EVENT","s\u0041",{"id":")" + kHex + R"("}])",
      R"(["EVENT","s",{"i\u0064":")" + kHex + R"("}])",
      R"(["EVENT","s",{"content":"\",\"id\":\")" + kHex + R"("}])",
      R"(["EVENT","s",{"content":"{\"id\":\")" + kHex + R"(\"}"}])",
      R"(["EVENT","s",{"tags":[["id",")" + kHex + R"("]]}])",
      R"(["EVENT","s",{"x":{"id":")" + kHex + R"("}}])",
      R"(["EVENT","s",{"id":")" + std::string(64, 'A') + R"("}])",
      R"(["EVENT","s",{"id":"aa"}])",
      R"(["EVENT","s",{"id":1}])",
      R"(["EVENT",{"id":")" + kHex + R"("}])",
      R"(["EVENT","s",{"content":"\\\"id":")" + kHex + R"("}])",
  };
  for (const std::string& frame : frames) EXPECT_FALSE(peek_event_frame(frame)) << frame;
}

/// The members of an event in a random order, as relays send them, with spaces here and there.
std::string shuffled_frame(const Event& event, base::Rng& rng) {
  std::vector<std::string> members;
  const auto add = [&](std::string_view name, std::string json) {
    members.push_back('"' + std::string(name) + "\":" + json);
  };
  const auto text = [](std::string_view raw) {
    std::string out;
    append_json_string(raw, out);
    return out;
  };
  std::string tags = "[";
  for (const Tag& tag : event.tags) {
    tags += tags.size() > 1 ? ",[" : "[";
    for (std::size_t i = 0; i < tag.size(); ++i) tags += (i > 0 ? ", " : "") + text(tag[i]);
    tags += "]";
  }
  add("id", text(event.id.hex()));
  add("pubkey", text(event.pubkey.hex()));
  add("created_at", std::to_string(base::to_unix(event.created_at)));
  add("kind", std::to_string(event.kind));
  add("tags", tags + "]");
  add("content", text(event.content));
  add("sig", text(event.sig.hex()));
  std::string out = "[\"EVENT\",\"s\",";
  for (char open = '{'; !members.empty(); open = ',') {
    const auto at = members.begin() + static_cast<std::ptrdiff_t>(rng.below(members.size()));
    out += open + std::string(rng.below(2), ' ') + *at;
    members.erase(at);
  }
  return out + "}]";
}

TEST(Peek, agrees_with_the_parser_on_every_frame_and_every_damaged_frame) {
  base::SeededRng rng(31);
  int both = 0;
  for (int i = 0; i < 3000; ++i) {
    const Event event = samples::random_event(rng);
    std::string frame = shuffled_frame(event, rng);
    ASSERT_EQ(peek_event_frame(frame)->id_hex, event.id.hex());
    ASSERT_EQ(relay<from_relay::EventMessage>(frame).event, event);
    constexpr std::string_view kDamage = "\"\\{}[],: 0a\n";
    frame[rng.below(frame.size())] = kDamage[rng.below(kDamage.size())];
    const auto peek = peek_event_frame(frame);
    const auto parsed = parse_relay_message(frame);
    if (!peek || !parsed) continue;
    ++both;
    const auto& message = std::get<from_relay::EventMessage>(*parsed);
    ASSERT_EQ(peek->id_hex, message.event.id.hex()) << frame;
    ASSERT_EQ(peek->sub, message.sub) << frame;
  }
  EXPECT_GT(both, 500);
}

}  // namespace
}  // namespace nostr
