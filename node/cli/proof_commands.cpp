// proof ask | give: whether somebody holds a key.
#include <fmt/format.h>

#include "node/cli/command.h"
#include "node/cli/flags.h"
#include "node/cli/people.h"
#include "node/cli/signer_flags.h"
#include "node/config.h"
#include "node/control.h"
#include "node/group_side.h"
#include "node/key_proofs.h"

namespace node::cli {
namespace {

using base::Errc;
using base::Result;
using base::json::Value;

constexpr std::chrono::seconds kMaxWait{900};

struct ProofArguments {
  std::string who;
  std::string id;
  SignerFlags signer;
  std::vector<std::string> relays;
  std::chrono::seconds lasts{60};
};

int show(const Context& context, const Result<Value>& answer) {
  if (!answer) return report(context, answer.error());
  if (context.json)
    print_json(*answer);
  else if (answer->contains("npub"))
    print_line("proved: somebody holds the key of " + base::json::string_or(*answer, "npub"));
  else
    print_line("given: " + base::json::string_or(*answer, "response"));
  return kOk;
}

base::Task<Result<Value>> ask_with(Runtime& runtime, const Context& context,
                                   ProofArguments arguments, nostr::Signer& signer) {
  CO_TRY(const nostr::PublicKey who, co_await find_person(runtime, context, arguments.who));
  CO_TRY(const KeyProof proof,
         co_await ask_for_proof(runtime, arguments.relays, signer, who, arguments.lasts));
  co_return key_proof_view(proof);
}

base::Task<int> ask(Runtime& runtime, const Context& context, ProofArguments arguments,
                    nostr::Signer& signer) {
  const auto answer = co_await ask_with(runtime, context, std::move(arguments), signer);
  co_await runtime.pool.stop();
  co_return show(context, answer);
}

/// Without a key file the key of this home's node asks.
int run_ask(const Context& context, ProofArguments arguments) {
  Runtime runtime;
  if (arguments.signer.any())
    return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
      return ask(runtime, context, arguments, signer);
    });
  const auto config = load_config(context.home());
  if (!config) return report(context, config.error());
  auto key = load_node_key(context.home(), *config);
  if (!key) return report(context, key.error());
  nostr::KeySigner signer(*std::move(key), runtime.clock, runtime.rng);
  runtime.pool.set_auth("", &signer);
  if (arguments.relays.empty()) arguments.relays = config->node.relays;
  return runtime.loop.run_until_complete(ask(runtime, context, std::move(arguments), signer));
}

base::Task<Result<Value>> give_with(Runtime& runtime, ProofArguments arguments, nostr::EventId id,
                                    nostr::Signer& signer) {
  CO_TRY(const FoundChallenge found,
         co_await find_challenge(runtime.pool, arguments.relays, id, signer.public_key(),
                                 runtime.clock.now()));
  CO_TRY(nostr::Draft draft, proof_draft(found, arguments.relays.front(), runtime.clock.now()));
  CO_TRY(const nostr::Event event, co_await signer.sign(std::move(draft)));
  const auto outcomes = co_await runtime.pool.publish(arguments.relays, event);
  for (const nostr::PublishOutcome& outcome : outcomes)
    if (outcome.state == nostr::PublishOutcome::State::kAccepted)
      co_return Value{{"response", event.id.hex()}, {"challenge", id.hex()}};
  co_return base::fail(Errc::kUnavailable, "no relay took the proof");
}

base::Task<int> give(Runtime& runtime, const Context& context, ProofArguments arguments,
                     nostr::EventId id, nostr::Signer& signer) {
  const auto answer = co_await give_with(runtime, std::move(arguments), id, signer);
  co_await runtime.pool.stop();
  co_return show(context, answer);
}

/// Without a key file the running node proves the group's key, if its co-signers agree.
int run_give(const Context& context, const ProofArguments& arguments) {
  const auto id = nostr::EventId::from_hex(arguments.id);
  if (!id) return report_usage(context, base::in_context("id", id.error()));
  if (!arguments.signer.any()) {
    const auto answer =
        control_call(context.home().control_socket(), "proof", {{"id", id->hex()}}, kMaxWait);
    if (!answer && answer.error().code == Errc::kUnavailable)
      return report_control(context, answer.error());
    return show(context, answer);
  }
  if (arguments.relays.empty())
    return report_usage(context,
                        {Errc::kInvalid, "no relay to read the challenge from", "--relay URL"});
  Runtime runtime;
  return run_with_signer(runtime, context, arguments.signer, [&](nostr::Signer& signer) {
    return give(runtime, context, arguments, *id, signer);
  });
}

}  // namespace

void add_proof_commands(CLI::App& app, Context& context, Action* chosen) {
  auto arguments = std::make_shared<ProofArguments>();
  auto* proof = app.add_subcommand(
      "proof", "Whether somebody holds a key: challenge and answer (33410, 33411)");
  proof->require_subcommand(1);
  const auto add_relays = [&](CLI::App* command, const std::string& about) {
    command->add_option("--relay", arguments->relays, about)->allow_extra_args(false);
  };

  auto* asking = proof->add_subcommand("ask", "Challenge somebody, and wait for the answer");
  asking->add_option("who", arguments->who, "npub, hex or a NIP-05 name")->required();
  add_signer_flags(*asking, arguments->signer, "Who asks; without it the key of this home's node");
  add_relays(asking, "Where they read (repeat); without it those of the home");
  add_duration(*asking, "--for", arguments->lasts, "How long the challenge stands, at most 10m");
  asking->footer(
      "Each challenge is good for one answer. An agent answers those its configuration names in "
      "`proves_to`,\n"
      "or when its operator says `proof give`. Exit code 124 when no answer came that holds.\n"
      "Examples:\n"
      "  sovereign proof ask $NPUB --home agent\n"
      "  sovereign proof ask $NPUB --key-file me.key --relay ws://127.0.0.1:7777 --for 5m --json");
  asking->callback(
      [=, &context] { *chosen = [=, &context] { return run_ask(context, *arguments); }; });

  auto* giving = proof->add_subcommand("give", "Answer a challenge");
  giving->add_option("id", arguments->id, "Of the challenge (33410)")->required();
  add_signer_flags(*giving, arguments->signer,
                   "The key that is challenged; without it the agent's, by the running node");
  add_relays(giving, "Where the challenge is (repeat)");
  giving->footer(
      "For an agent's key the co-signers decide: by default they ask the operator, `[kinds.33411] "
      "verdict = \"sign\"`\n"
      "in their policy lets it go unasked.\n"
      "Examples:\n"
      "  sovereign proof give $NOTE --home agent\n"
      "  sovereign proof give $NOTE --key-file me.key --relay ws://127.0.0.1:7777 --json");
  giving->callback(
      [=, &context] { *chosen = [=, &context] { return run_give(context, *arguments); }; });
}

}  // namespace node::cli
