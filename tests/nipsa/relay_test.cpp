// What a relay keeps of these events. It takes all of their kinds for addressable, whatever a
// protocol calls them, so their `d` decides what survives: asked of a relay over a socket.
#include <algorithm>
#include <set>

#include "nipsa/approval.h"
#include "nipsa/profile.h"
#include "nipsa/tick.h"
#include "nipsa/trajectory.h"
#include "nostr/nips/nip40.h"
#include "tests/nipsa/samples.h"
#include "tests/orchestration/support/relay_world.h"

namespace {

using namespace nipsa_test;
using std::chrono::seconds;

class OnARelay : public testing::Test {
 protected:
  void send(const nostr::Event& event) {
    const auto outcomes =
        world_.loop.run_until_complete(world_.pool.publish({world_.url()}, event));
    ASSERT_EQ(outcomes.size(), 1u);
  }
  std::vector<nostr::Event> found(nostr::Filter filter) {
    const auto result = world_.loop.run_until_complete(
        world_.pool.fetch({world_.url()}, nostr::Filters{std::move(filter)}, seconds(10)));
    std::vector<nostr::Event> out;
    for (const nostr::EventPtr& event : result.events) out.push_back(*event);
    return out;
  }
  std::vector<nostr::Event> kept(const std::vector<nostr::Event>& sent) {
    for (const nostr::Event& event : sent) send(event);
    return found({.kinds = {sent.front().kind}});
  }

  orchestration::testing::RelayWorld world_;
};

/// `event` by `by` with another `d` in front, or with none.
nostr::Event under(const nostr::Event& event, std::optional<std::string> d,
                   const nostr::SecretKey& by) {
  nostr::Tags tags = event.tags;
  std::erase_if(tags, [](const nostr::Tag& tag) { return tag[0] == "d"; });
  if (d) tags.insert(tags.begin(), {"d", *d});
  return sign({event.kind, event.created_at, tags, event.content}, by);
}

nostr::Event later(const nostr::Event& event, seconds by, const nostr::SecretKey& author) {
  return sign({event.kind, event.created_at + by, event.tags, event.content}, author);
}

TEST_F(OnARelay, TwoClaimsOfOneRunnerBothSurvive) {
  EXPECT_EQ(kept({claim_event(), under(claim_event(), "tick-0022", runner())}).size(), 2u);
}

TEST_F(OnARelay, TheDraftsFormOfAClaimIsReplacedByTheNext) {
  const auto first = under(claim_event(), std::nullopt, runner());
  const auto left = kept({first, later(first, seconds(1), runner())});
  ASSERT_EQ(left.size(), 1u) << "which is why ours carry a d";
  EXPECT_NE(left[0].id, first.id);
}

TEST_F(OnARelay, TwoOpenRequestsAreBothReadable) {
  const auto open = kept({request_event(), under(request_event(), "apr-0022", runner())});
  ASSERT_EQ(open.size(), 2u);
  for (const auto& event : open) EXPECT_EQ(outcome(nipsa::parse_approval_request(event)), "ok");
}

TEST_F(OnARelay, AResultSentAgainReplacesItself) {
  const auto again = later(result_event(), seconds(1), runner());
  const auto left = kept({again, result_event(), again});
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].id, again.id);
  EXPECT_EQ(nipsa::parse_tick_result(left[0])->request, claim_event().id);
}

TEST_F(OnARelay, OfTwoOfOneSecondTheLowestIdStandsInEitherOrder) {
  const auto a = session_event();
  const auto b = with(a, "model", {{"model", "another/one"}}, agent());
  EXPECT_EQ(kept({a, b}).at(0).id, std::min(a.id, b.id));
  const auto c = under(a, "sess-0002", agent());
  const auto d = under(b, "sess-0002", agent());
  send(d);
  send(c);
  const auto left = found({.tags = {{'d', {"sess-0002"}}}});
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].id, std::min(c.id, d.id));
}

TEST_F(OnARelay, AVersionLogIsFoundByItsSlugAndKeepsEveryEntry) {
  base::SeededRng rng(9);
  const auto twin = sign(nipsa::build_version_entry(echo_event(), nipsa::ChangeType::kFixed, "",
                                                    kNow + seconds(1), rng)
                             .value(),
                         publisher());
  send(version_event());
  send(twin);
  EXPECT_EQ(found({.kinds = {nipsa::kinds::kSkillVersion}, .tags = {{'d', {"echo"}}}}).size(), 2u);
  EXPECT_EQ(
      found({.kinds = {nipsa::kinds::kSkillVersion}, .tags = {{'a', {echo().address().str()}}}})
          .size(),
      2u);
}

TEST_F(OnARelay, ANewerProfileByAnotherKeyIsNotTheAgents) {
  const nostr::Event own = samples().front().event;
  ASSERT_EQ(own.kind, nipsa::kinds::kProfile);
  send(own);
  send(sign({own.kind, own.created_at + seconds(60), own.tags, own.content}, stranger()));
  const auto heads =
      found({.authors = {agent().public_key()}, .kinds = {own.kind}, .tags = {{'d', {"profile"}}}});
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads[0].id, own.id);
}

TEST_F(OnARelay, OnlyWhatIsForTheMomentIsGoneAfterAnHour) {
  std::set<nostr::EventId> lasting;
  std::size_t fleeting = 0;
  for (const Sample& sample : samples()) {
    send(sample.event);
    if (nostr::expiration_of(sample.event.tags))
      ++fleeting;
    else
      lasting.insert(sample.event.id);
  }
  EXPECT_EQ(found({}).size(), lasting.size() + fleeting);
  world_.clock.advance(std::chrono::hours(2));
  std::set<nostr::EventId> left;
  for (const nostr::Event& event : found({})) left.insert(event.id);
  EXPECT_EQ(left, lasting);
}

}  // namespace
