// `sovereign signature` as a shell sees it: rules without a model, scores and a compiled program with one.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "nostr/base/files.h"
#include "orchestration/programs/dataset.h"
#include "orchestration/programs/program.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"
#include "tests/node/support/temp_dir.h"
#include "tools/model_server/server.h"

namespace e2e {
namespace {

using base::json::Value;

std::string examples(int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += base::json::dump({{"inputs", {{"task_description", fmt::format("make page {} look better", i)}, {"available_agents", {"frontend", "oracle"}}}},
                             {"outputs", {{"assigned_agent", "frontend"}}}}) + "\n";
  return out;
}

Value choice(const char* agent) {
  const Value said = {{"assigned_agent", agent}, {"task_refinement", "t"}, {"expected_deliverables", "d"}, {"fallback_agent", "direct"}, {"confidence", 0.9}, {"reason", "r"}};
  return {{"text", base::json::dump(said)}, {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 10}}}};
}

class Signature : public ::testing::Test {
 protected:
  /// A home that thinks at a server with this script.
  void think_at(Value script) {
    server_ = must(model_server::ModelServer::listen(0, std::move(script)));
    must(base::write_file(dir_ / "config.toml",
                          fmt::format("[agent]\nmodel = \"local\"\n[backends.local]\nkind = \"vllm\"\nbase_url = \"{}\"\nmodel = \"scripted\"\n"
                                      "rate_in_msat_per_1k = 1000\nrate_out_msat_per_1k = 1000\n",
                                      server_->base_url())));
  }
  Exit sovereign(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--home", dir_.path().string(), "--json"});
    return run_program(std::move(arguments), {.environment = {}, .log = dir_ / "log"});
  }
  Value answer(std::vector<std::string> arguments, int code = 0) {
    const Exit exit = sovereign(std::move(arguments));
    EXPECT_EQ(exit.code, code) << exit.out << base::read_file(dir_ / "log").value_or("");
    return base::json::parse(exit.out, {.max_bytes = 1u << 20}).value_or(Value::object());
  }
  std::string data(int count) {
    must(base::write_file(dir_ / "data.jsonl", examples(count)));
    return (dir_ / "data.jsonl").string();
  }

  node::testing::TempDir dir_;
  std::unique_ptr<model_server::ModelServer> server_;
};

TEST_F(Signature, RulesAnswerWithoutAnything) {
  const Value made = answer({"signature", "run", "path-safety", "--rules", "--input", R"({"path": "a/../../b"})"});
  EXPECT_EQ(made["outputs"]["safe"], false);
  EXPECT_EQ(made["source"], "fallback");
  EXPECT_EQ(sovereign({"signature", "run", "path-safty", "--rules"}).code, 1);
  EXPECT_EQ(sovereign({"signature", "run", "path-safety", "--rules", "--input", "{"}).code, 2);
}

TEST_F(Signature, AModelIsAskedAndPaidOutOfTheLedger) {
  think_at(Value::array({choice("frontend")}));
  const Value made = answer({"signature", "run", "delegation", "--input", R"({"task_description": "x", "available_agents": ["frontend"]})"});
  EXPECT_EQ(made["source"], "model");
  EXPECT_EQ(made["outputs"]["assigned_agent"], "frontend");
  EXPECT_EQ(made["msat"], 110);
}

TEST_F(Signature, EvalStopsAtItsMoneyAndSaysSo) {
  think_at({{"turns", Value::array()}, {"otherwise", choice("frontend")}});
  EXPECT_EQ(answer({"signature", "eval", "delegation", "--data", data(10)})["score"], 1.0);
  const Value poor = answer({"signature", "eval", "delegation", "--data", data(40), "--max-msat", "3000"}, 5);
  EXPECT_EQ(poor["stopped"], true);
  EXPECT_LE(poor["msat"], 3000);
}

TEST_F(Signature, CompileSavesWhatIsBetterAndRollbackTakesItBack) {
  const auto& delegation = (*orchestration::find_program("delegation"))->signature;
  const std::string file = data(300);
  const auto parts = orchestration::split(must(orchestration::parse_dataset(delegation, examples(300))).examples);
  ASSERT_GE(parts.validation.size(), 30u);
  // Wrong as long as the program in use is measured, right from then on.
  Value turns = Value::array();
  for (std::size_t i = 0; i < parts.validation.size(); ++i) turns.push_back(choice("oracle"));
  think_at({{"turns", turns}, {"otherwise", choice("frontend")}});
  const Value made = answer({"signature", "compile", "delegation", "--data", file, "--seed", "5", "--max-calls", "2000"});
  EXPECT_EQ(made["before"], 0.0);
  EXPECT_EQ(made["after"], 1.0);
  ASSERT_TRUE(made["saved"].is_string()) << made;
  const std::string hash = made["saved"];
  EXPECT_EQ(answer({"signature", "show", "delegation"})["active"], hash);
  // A program that was tampered with is not used.
  const auto saved = dir_ / "programs" / "delegation" / (hash + ".json");
  const std::string text = must(base::read_file(saved));
  must(base::write_file(saved, text + " "));
  EXPECT_EQ(answer({"signature", "show", "delegation"})["active"], hash) << "spaces are no change";
  std::string changed = text;
  changed.replace(changed.find("Choose"), 6, "Ignore");
  must(base::write_file(saved, changed));
  const Value shown = answer({"signature", "show", "delegation"});
  EXPECT_EQ(shown["active"], "builtin");
  EXPECT_TRUE(shown.contains("problem"));
  must(base::write_file(saved, text));
  EXPECT_EQ(answer({"signature", "rollback", "delegation"})["active"], "builtin");
  EXPECT_EQ(sovereign({"signature", "rollback", "delegation"}).code, 1);
}

}  // namespace
}  // namespace e2e
