// NIP-90: jobs, their results and feedback, in the open and for the worker's eyes only.
#include <gtest/gtest.h>

#include "nostr/nips/nip90.h"
#include "tests/nostr/nips/keys_fixture.h"

namespace {

using namespace nips_test;
using base::Errc;
using base::Msat;
using nostr::JobInputType;

nostr::Event sign(const nostr::Draft& draft) {
  return signed_by(key('1'), draft.kind, draft.tags, draft.content, draft.created_at);
}

nostr::JobRequest job() {
  return {.kind = 5'050,
          .inputs = {{"What is the capital of France? ", JobInputType::kText, "", "prompt"},
                     {id('a').hex(), JobInputType::kEvent, "wss://r", ""},
                     {"https://x", JobInputType::kUrl, "", ""},
                     {id('b').hex(), JobInputType::kJob, "", ""}},
          .params = {{"model", {"LLaMA-2"}}, {"stop", {"a", "b"}}, {"bare", {}}},
          .output = "text/plain",
          .bid = Msat{5'000},
          .relays = {"wss://a", "wss://b"},
          .providers = {pub('2')}};
}

TEST(Nip90, RequestsComeBack) {
  EXPECT_EQ(nostr::parse_job_request(sign(nostr::build_job_request(job(), kNow))).value(), job());
  EXPECT_FALSE(nostr::parse_job_request(signed_by(key('1'), 6'050, {}, "")));
  EXPECT_TRUE(nostr::is_job_request(5'000) && nostr::is_job_request(5'999) &&
              !nostr::is_job_request(6'000));
}

TEST(Nip90, PrivatePartsStayOutOfTheTags) {
  auto request = job();
  request.encrypted = true;
  request.content = "cipher";
  const auto event = sign(nostr::build_job_request(request, kNow));
  for (const auto& tag : event.tags) EXPECT_TRUE(tag[0] != "i" && tag[0] != "param") << tag[0];
  auto read = nostr::parse_job_request(event).value();
  EXPECT_TRUE(read.encrypted);
  EXPECT_EQ(read.content, "cipher");
  EXPECT_TRUE(nostr::read_private_job(nostr::build_private_job(request), read));
  EXPECT_EQ(read, request);
  for (const char* bad : {"", "{}", "[[]]", "[[1]]", "[\"i\"]"})
    EXPECT_FALSE(nostr::read_private_job(bad, read)) << bad;
}

TEST(Nip90, AStrangersRequestIsReadLiberallyAndBounded) {
  nostr::Tags tags{
      {"i"},      {"i", "x", "nonsense"},           {"i", "plain"}, {"param"}, {"bid", "-3"},
      {"p", "x"}, {"relays", "http://x", "wss://y"}};
  for (int i = 0; i < 200; ++i) tags.push_back({"i", std::to_string(i), "text"});
  const auto read = nostr::parse_job_request(signed_by(key('1'), 5'000, tags, "")).value();
  EXPECT_EQ(read.inputs.size(), 64u);
  EXPECT_EQ(read.inputs[0], (nostr::JobInput{"plain", JobInputType::kText, "", ""}));
  EXPECT_EQ(read.bid, std::nullopt);
  EXPECT_TRUE(read.params.empty() && read.providers.empty());
  EXPECT_EQ(read.relays, std::vector<std::string>{"wss://y"});
}

TEST(Nip90, ResultsAnswerTheirRequest) {
  const auto request = sign(nostr::build_job_request(job(), kNow));
  const auto event = sign(nostr::build_job_result(request, "wss://r", "Paris",
                                                  nostr::JobPrice{Msat{1'000}, "lnbc1"}, kNow));
  const auto result = nostr::parse_job_result(event);
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(*result, (nostr::JobResult{6'050, request.id, request.pubkey, "Paris",
                                       nostr::JobPrice{Msat{1'000}, "lnbc1"}, false}));
  EXPECT_EQ(nostr::tag_values(event.tags, "i").size(), 4u);
  auto secret_job = job();
  secret_job.encrypted = true;
  const auto secret = sign(nostr::build_job_request(secret_job, kNow));
  const auto answer = sign(nostr::build_job_result(secret, "", "cipher", {}, kNow));
  EXPECT_TRUE(nostr::parse_job_result(answer)->encrypted);
  EXPECT_TRUE(nostr::tag_values(answer.tags, "i").empty());
  for (const nostr::Tags& tags :
       {nostr::Tags{{"p", pub('1').hex()}}, nostr::Tags{{"e", id('1').hex()}}, nostr::Tags{}})
    EXPECT_FALSE(nostr::parse_job_result(signed_by(key('1'), 6'050, tags, "")));
  EXPECT_FALSE(nostr::parse_job_result(signed_by(key('1'), 5'050, event.tags, "")));
}

TEST(Nip90, FeedbackComesBack) {
  for (int i = 0; i <= static_cast<int>(nostr::JobStatus::kPartial); ++i) {
    const nostr::JobFeedback feedback{
        static_cast<nostr::JobStatus>(i),
        i % 2 == 0 ? "why" : "",
        id('1'),
        pub('2'),
        "half",
        i == 0 ? std::optional(nostr::JobPrice{Msat{5}, ""}) : std::nullopt,
        false};
    EXPECT_EQ(
        nostr::parse_job_feedback(sign(nostr::build_job_feedback(feedback, "", kNow))).value(),
        feedback);
  }
  EXPECT_EQ(nostr::job_status_name(nostr::JobStatus::kPaymentRequired), "payment-required");
  const nostr::Tags rest{{"e", id('1').hex()}, {"p", pub('2').hex()}};
  for (const nostr::Tag& status :
       {nostr::Tag{"status"}, nostr::Tag{"status", "done"}, nostr::Tag{"x", "y"}}) {
    auto tags = rest;
    tags.push_back(status);
    EXPECT_FALSE(nostr::parse_job_feedback(signed_by(key('1'), 7'000, tags, "")));
  }
}

}  // namespace
