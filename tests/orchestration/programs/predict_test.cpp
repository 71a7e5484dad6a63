// Programs asked over real HTTP: repairs, money, kept answers, fallbacks, and the ways to ask.
#include <gtest/gtest.h>

#include "orchestration/llm/chat_completions.h"
#include "orchestration/llm/playbook.h"
#include "tests/orchestration/support/program_world.h"

namespace orchestration {
namespace {

using base::json::Value;
using testing::ProgramWorld;
using testing::says;

Program sure() {
  Program out{.signature = {.id = "sure",
                            .instruction = "Answer.",
                            .inputs = {{.name = "question", .about = "what is asked"}},
                            .outputs = {{.name = "answer", .about = "the answer"}, {.name = "confidence", .about = "how sure", .shape = Shape::kNumber}},
                            .max_output_tokens = 100}};
  out.fallback = [](const Value&) -> Value { return {{"answer", "by rule"}, {"confidence", 0.1}}; };
  return out;
}

const Value kAsk = {{"question", "why?"}};
const Value kGood = {{"answer", "because"}, {"confidence", 0.9}};
const Value kBad = {{"answer", "because"}, {"confidence", "high"}};

TEST(Predict, AsksOnceWithASchema) {
  ProgramWorld world({says(kGood)});
  const auto answer = world.run(sure(), kAsk).value();
  EXPECT_EQ(answer.values, kGood);
  EXPECT_EQ(answer.source, AnswerSource::kModel);
  EXPECT_EQ(answer.backend, "local");
  EXPECT_EQ(world.sent(0)["response_format"]["json_schema"]["schema"]["required"], (Value{"answer", "confidence"}));
  EXPECT_EQ(world.spent().value, 2000);
}

TEST(Predict, AsksWithMarkersWhereThereIsNoSchema) {
  // The suffix comes of the seeded generator: 7 is the world's, and the first thing drawn is the suffix.
  base::SeededRng rng(7);
  std::array<std::uint8_t, 6> bytes{};
  rng.fill(bytes);
  const std::string suffix = base::hex_encode(bytes);
  ProgramWorld world({{{"text", "[[ ## answer:" + suffix + " ## ]]\nbecause\n[[ ## confidence:" + suffix + " ## ]]\n90%\n[[ ## completed:" + suffix + " ## ]]"}}}, /*json=*/false);
  EXPECT_EQ(world.run(sure(), kAsk)->values, kGood);
  EXPECT_FALSE(world.sent(0).contains("response_format"));
}

// Checklist 92.
TEST(Predict, BadThenGoodIsGoodAndBothAreCharged) {
  ProgramWorld world({says(kBad), says(kGood)});
  const auto answer = world.run(sure(), kAsk).value();
  EXPECT_EQ(answer.values, kGood);
  EXPECT_EQ(answer.calls, 2u);
  EXPECT_EQ(answer.usage.prompt_tokens, 2000u);
  EXPECT_EQ(world.spent().value, 4000);
  const std::string repair = world.sent(1)["messages"].back()["content"];
  EXPECT_NE(repair.find("confidence is no number"), std::string::npos);
}

// Checklist 92.
TEST(Predict, ThreeBadOnesLeaveTheFallbackWhichSaysSo) {
  ProgramWorld world({says(kBad), says(kBad), says(kBad)});
  const auto answer = world.run(sure(), kAsk, {.temperature = 0.5}).value();
  EXPECT_EQ(answer.source, AnswerSource::kFallback);
  EXPECT_EQ(answer.values["answer"], "by rule");
  EXPECT_EQ(answer.calls, 3u);
  EXPECT_NE(answer.why.find("confidence is no number"), std::string::npos);
  EXPECT_EQ(world.sent(1)["temperature"], 0.5);
  EXPECT_EQ(world.sent(2)["temperature"], 0.0) << "the last repair takes no chances";
  EXPECT_EQ(world.spent().value, 6000);
}

// Checklist 92.
TEST(Predict, ACutAnswerIsAskedForOnceWithTwiceTheRoom) {
  Value cut = {{"text", R"({"answer":"be)"}, {"finish", "length"}};
  ProgramWorld mended({cut, says(kGood)});
  EXPECT_EQ(mended.run(sure(), kAsk)->values, kGood);
  EXPECT_EQ(mended.sent(0)["max_tokens"], 100);
  EXPECT_EQ(mended.sent(1)["max_tokens"], 200);
  ProgramWorld hopeless({cut, cut});
  Program strict = sure();
  strict.fallback = {};
  EXPECT_EQ(hopeless.run(strict, kAsk).error().code, base::Errc::kPeer);
  EXPECT_EQ(hopeless.calls(), 2u);
}

TEST(Predict, WithoutFallbackAFailureIsAnError) {
  Program strict = sure();
  strict.fallback = {};
  ProgramWorld down({{{"status", 500}}});
  EXPECT_EQ(down.run(strict, kAsk).error().code, base::Errc::kUnavailable);
  ProgramWorld ruled({{{"status", 500}}});
  EXPECT_EQ(ruled.run(sure(), kAsk, {.fall_back = false}).error().code, base::Errc::kUnavailable);
  EXPECT_EQ(ruled.run(sure(), {{"questoin", "?"}}).error().code, base::Errc::kInvalid) << "wrong inputs have no fallback";
}

TEST(Predict, StopsAtTheBudget) {
  ProgramWorld world({says(kGood)}, true, {.session = base::Msat{50}});
  const auto answer = world.run(sure(), kAsk).value();
  EXPECT_EQ(answer.source, AnswerSource::kFallback);
  EXPECT_EQ(world.calls(), 0u);
  EXPECT_EQ(world.spent().value, 0);
}

// Checklist 94.
TEST(Predict, KeepsAnswersUnderEverythingThatWasAsked) {
  ProgramWorld world({says(kGood), says({{"answer", "new"}, {"confidence", 1}}), says(kGood), says(kGood)});
  EXPECT_EQ(world.run(sure(), kAsk, {.temperature = 0.0})->source, AnswerSource::kModel);
  const auto again = world.run(sure(), kAsk, {.temperature = 0.0}).value();
  EXPECT_EQ(again.source, AnswerSource::kKept);
  EXPECT_EQ(again.values, kGood);
  EXPECT_EQ(again.model, "scripted");
  EXPECT_EQ(world.calls(), 1u);
  Program better = sure();
  better.signature.instruction = "Answer well.";
  EXPECT_EQ(world.run(better, kAsk, {.temperature = 0.0})->values["answer"], "new") << "a better program is not served old answers";
  Program shown = sure();
  shown.signature.demos = {{kAsk, kGood}};
  EXPECT_EQ(world.run(shown, kAsk, {.temperature = 0.0})->source, AnswerSource::kModel);
  EXPECT_EQ(world.run(sure(), kAsk)->source, AnswerSource::kModel) << "chance was wanted";
  EXPECT_EQ(world.calls(), 4u);
}

// Checklist 94: what another model said is no answer of this one.
TEST(Predict, AnotherModelIsAskedAnew) {
  ProgramWorld world({says(kGood), says({{"answer", "other"}, {"confidence", 1}})});
  EXPECT_EQ(world.run(sure(), kAsk, {.temperature = 0.0})->source, AnswerSource::kModel);
  HttpBackendOptions options{.id = "local", .base_url = world.server->base_url(), .wire = {.model = "another"}};
  const auto other = HttpBackend::create(world.http, world.clock, std::make_unique<ChatDialect>(), std::move(options)).value();
  Router router(*other);
  Runner runner({.caller = {.router = router, .hooks = world.hooks, .rng = world.rng}, .answers = world.answers.get(), .clock = world.clock, .rng = world.rng},
                {.session = "another", .tick = ""});
  const auto answer = world.loop.run_until_complete(runner.run(sure(), kAsk, {.temperature = 0.0})).value();
  EXPECT_EQ(answer.source, AnswerSource::kModel);
  EXPECT_EQ(answer.values["answer"], "other");
}

TEST(Predict, AKeptAnswerAgesAndTheStoreIsBounded) {
  auto db = storage::open_database(":memory:").value();
  storage::Answers answers(*db, {.max_age = std::chrono::seconds{100}, .max_bytes = 1000});
  const auto key = [](int n) { return nostr::sha256(std::to_string(n)); };
  const auto at = [](int s) { return base::unix_time(1'000'000 + s); };
  ASSERT_TRUE(answers.put(key(0), "p", "{}", at(0)).has_value());
  EXPECT_TRUE(answers.get(key(0), at(100))->has_value());
  EXPECT_FALSE(answers.get(key(0), at(101))->has_value());
  for (int i = 1; i <= 40; ++i) ASSERT_TRUE(answers.put(key(i), "p", std::string(100, 'x'), at(i)).has_value());
  int left = 0;
  for (int i = 1; i <= 40; ++i) left += answers.get(key(i), at(40))->has_value();
  EXPECT_LE(left, 10);
  EXPECT_TRUE(answers.get(key(40), at(40))->has_value()) << "the newest stays";
  EXPECT_EQ(answers.forget("p").value(), left);
}

TEST(Modules, ThinkingAloudIsKeptApart) {
  ProgramWorld world({says({{"reasoning", "first this"}, {"answer", "because"}, {"confidence", 0.9}})});
  const auto module = chain_of_thought(*world.runner, sure());
  const auto answer = world.run(*module, kAsk).value();
  EXPECT_EQ(answer.values, kGood);
  EXPECT_EQ(answer.reasoning, "first this");
  EXPECT_EQ(world.sent(0)["response_format"]["json_schema"]["schema"]["required"][0], "reasoning");
}

double by_confidence(const Value&, const Value& outputs) { return outputs["confidence"].get<double>(); }

Value sure_by(double confidence) { return {{"answer", "a"}, {"confidence", confidence}}; }

TEST(Modules, RefineStopsAtTheFirstThatIsGoodEnough) {
  ProgramWorld world({says(sure_by(0.2)), says(sure_by(0.8)), says(sure_by(1))});
  const auto module = refine(predict(*world.runner, sure()), by_confidence, {.attempts = 3, .threshold = 0.6});
  const auto answer = world.run(*module, kAsk).value();
  EXPECT_EQ(answer.values["confidence"], 0.8);
  EXPECT_EQ(answer.calls, 2u);
  EXPECT_NE(base::json::dump(world.sent(1)).find("scored 0.20"), std::string::npos);
}

TEST(Modules, RefineTakesTheBestIfItHasHalf) {
  ProgramWorld half({says(sure_by(0.2)), says(sure_by(0.4)), says(sure_by(0.3))});
  const auto module = refine(predict(*half.runner, sure()), by_confidence, {.attempts = 3, .threshold = 0.8});
  EXPECT_EQ(half.run(*module, kAsk)->values["confidence"], 0.4);
  ProgramWorld none({says(sure_by(0.1)), says(sure_by(0.2)), says(sure_by(0.1))});
  const auto strict = refine(predict(*none.runner, sure()), by_confidence, {.attempts = 3, .threshold = 0.8});
  EXPECT_EQ(none.run(*strict, kAsk).error().code, base::Errc::kPeer);
}

TEST(Modules, BestOfAsksAllAndGivesEachItsSeed) {
  ProgramWorld world({says(sure_by(0.3)), says(sure_by(0.9)), says(sure_by(0.5))});
  const auto module = best_of(predict(*world.runner, sure()), by_confidence, 3);
  const auto answer = world.run(*module, kAsk).value();
  EXPECT_EQ(answer.values["confidence"], 0.9);
  EXPECT_EQ(answer.calls, 3u);
  EXPECT_EQ(world.sent(0)["seed"], 0);
  EXPECT_EQ(world.sent(2)["seed"], 2);
}

TEST(Modules, FirstOfGoesOnUntilAModelAnswers) {
  ProgramWorld world({{{"status", 500}}, says(kGood)});
  std::vector<std::unique_ptr<Module>> chain;
  chain.push_back(on_route(predict(*world.runner, sure()), "oracle"));
  chain.push_back(on_route(predict(*world.runner, sure()), "explore"));
  const auto module = first_of(std::move(chain));
  EXPECT_EQ(world.run(*module, kAsk)->values, kGood);
  EXPECT_EQ(world.calls(), 2u);
}

TEST(Predict, APlaybookAnswersAProgram) {
  ProgramWorld world(Value::array());
  PlaybookBackend backend("play", Playbook::parse("[[rule]]\non = \"heartbeat\"\nsay = '{\"answer\":\"played\",\"confidence\":1}'\n").value());
  Router router(backend);
  Runner runner({.caller = {.router = router, .hooks = world.hooks, .rng = world.rng}, .answers = nullptr, .clock = world.clock, .rng = world.rng}, {.session = "play", .tick = ""});
  const auto answer = world.loop.run_until_complete(runner.run(sure(), kAsk, {})).value();
  EXPECT_EQ(answer.values["answer"], "played");
  EXPECT_EQ(answer.source, AnswerSource::kModel);
}

}  // namespace
}  // namespace orchestration
