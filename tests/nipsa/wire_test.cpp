// Every kind on its way through text and past the first checks: what is spelt in another way than
// the one there is, is not read.
#include <algorithm>
#include <cctype>

#include "nipsa/approval.h"
#include "nipsa/profile.h"
#include "nipsa/tick.h"
#include "nostr/event/event_json.h"
#include "tests/nipsa/samples.h"

namespace {

using namespace nipsa_test;

/// `event` signed anew by whoever signed it.
nostr::Event signed_again(const nostr::Event& event, nostr::Tags tags, std::string content) {
  for (const char digit : {'1', '2', '3', '4', '5', '6', '9'})
    if (pub(digit) == event.pubkey)
      return sign({event.kind, event.created_at, std::move(tags), std::move(content)}, key(digit));
  ADD_FAILURE() << "an author nobody knows";
  return event;
}

/// What `sample` reads as when the value of its first tag `name` is `value`.
std::string reading(const Sample& sample, std::string_view name, const std::string& value) {
  nostr::Tags tags = sample.event.tags;
  const auto at = std::ranges::find_if(
      tags, [&](const nostr::Tag& tag) { return tag[0] == name && tag.size() > 1; });
  if (at == tags.end()) return "no such tag";
  (*at)[1] = value;
  return sample.read(signed_again(sample.event, tags, sample.event.content));
}

std::string in_capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// The keys and ids that decide something, by kind.
struct Named {
  const char* sample;
  const char* tag;
  const char* says = "E_HEX";
};
constexpr Named kNamed[] = {
    {"39200 profile", "operator"},
    {"39200 profile", "guardian"},
    {"39200 profile", "runner"},
    {"39200 profile", "signer"},
    {"39201 state", "prev"},
    {"39210 claim", "p"},
    {"39210 claim", "e"},
    {"39210 claim", "guardian"},
    {"39211 result", "p"},
    {"39211 result", "request"},
    {"39212 request", "p"},
    {"39212 request", "e"},
    {"39212 request", "action_hash"},
    {"39213 decision", "p"},
    {"39220 licence", "content_pubkey"},
    {"39220 licence", "skill_provider"},
    {"39230 session", "writer"},
    {"39231 step", "e"},
    {"33400 manifest", "manifest_hash", "E_HASH"},
    {"33401 version", "manifest_event"},
    {"33410 challenge", "p"},
    {"33410 challenge", "nonce"},
    {"33411 response", "e"},
    {"33411 response", "nonce"},
    {"39240 intent", "e"},
    {"39241 offer", "p"},
    {"39242 envelope", "p"},
    {"39242 envelope", "guardian"},
    {"39243 spend", "p"},
    {"39244 receipt", "p"},
    {"39245 default", "p"},
    {"39246 cancel", "e"},
    {"39260 delegation", "p"},
};

Sample named(std::string_view name) {
  const auto all = samples();
  const auto found = std::ranges::find(all, name, &Sample::name);
  EXPECT_NE(found, all.end()) << name;
  return found == all.end() ? all.front() : *found;
}

TEST(Wire, EveryKindSurvivesTheWayThroughText) {
  for (const Sample& sample : samples()) {
    const std::string text = nostr::to_json(sample.event);
    const auto read = nostr::parse_event(text);
    ASSERT_TRUE(read) << sample.name;
    EXPECT_EQ(*read, sample.event) << sample.name;
    EXPECT_EQ(nostr::to_json(*read), text) << sample.name;
    EXPECT_EQ(nostr::compute_id(*read), sample.event.id) << sample.name;
    EXPECT_EQ(outcome(nipsa::check_event(*read, sample.event.kind, kNow)), "ok") << sample.name;
    EXPECT_EQ(sample.read(*read), "ok") << sample.name;
  }
}

TEST(Wire, KeysIdsAndHashesInCapitalsAreNone) {
  for (const Named& one : kNamed) {
    const Sample sample = named(one.sample);
    const auto value = nostr::tag_value(sample.event.tags, one.tag);
    ASSERT_TRUE(value) << one.sample << " " << one.tag;
    EXPECT_EQ(reading(sample, one.tag, in_capitals(std::string(*value))), one.says)
        << one.sample << " " << one.tag;
  }
}

TEST(Wire, BechThirtyTwoAndPointsAreNoKeys) {
  for (const Named& one : kNamed) {
    if (std::string_view(one.says) != "E_HEX") continue;
    const Sample sample = named(one.sample);
    for (const std::string& value :
         {std::string("npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"),
          "02" + pub('5').hex(), pub('5').hex().substr(1), std::string()})
      EXPECT_EQ(reading(sample, one.tag, value), "E_HEX")
          << one.sample << " " << one.tag << " " << value;
  }
}

TEST(Wire, AnEventWhoseOwnKeyOrIdIsInCapitalsIsNone) {
  const nostr::Event event = claim_event();
  for (const std::string& hex : {event.id.hex(), event.pubkey.hex(), event.sig.hex()}) {
    std::string text = nostr::to_json(event);
    text.replace(text.find(hex), hex.size(), in_capitals(hex));
    EXPECT_FALSE(nostr::parse_event(text)) << hex;
  }
}

TEST(Wire, JsonIsThirtyTwoDeepAtMost) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(outcome(nipsa::parse_json(nested(32))), "ok");
  EXPECT_EQ(outcome(nipsa::parse_json(nested(33))), "E_JSON");
  const Sample state = named("39201 state");
  const auto with_memory = [&](std::size_t depth) {
    return state.read(
        signed_again(state.event, state.event.tags, R"({"beliefs":{"x":)" + nested(depth) + "}}"));
  };
  EXPECT_EQ(with_memory(30), "ok");
  EXPECT_EQ(with_memory(31), "E_JSON");
}

TEST(Wire, RandomBytesAsContentNeverCrashAReader) {
  base::SeededRng rng(183);
  for (const Sample& sample : samples())
    for (int i = 0; i < 300; ++i) {
      nostr::Event event = sample.event;
      event.content.resize(rng.below(200));
      for (char& c : event.content) c = static_cast<char>(rng.below(256));
      ASSERT_FALSE(sample.read(event).starts_with("untyped")) << sample.name;
    }
}

}  // namespace
