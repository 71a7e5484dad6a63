// The steps; what each of them found out stands in facts_.
#include "node/demo/story.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <re2/re2.h>

#include "nipsa/kinds.h"
#include "nostr/event/kinds.h"

namespace node::demo {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;

namespace {

constexpr int kSteps = 8;
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::chrono::seconds kFarewell{10};   ///< until a command that waited too long has said so
constexpr int kFirstCosigner = 2;  ///< its share's index: the node holds share 1
constexpr int kSecondCosigner = 3;

Value with_author(int kind, const std::string& author) {
  return {{"kinds", {kind}}, {"authors", {author}}};
}

std::string headline(int step, std::string_view what) {
  return fmt::format("\n{}/{}  {}", step, kSteps, what);
}

std::string as_quotation(const std::string& text) {
  std::string out = "     > ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "     > ";
  }
  return out;
}

}  // namespace

base::Task<Result<Value>> Story::stored(Value filter) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    CO_TRY(const std::string output, co_await cast_.run({"-q", "req", relay_, "-f", filter.dump()}));
    if (!output.empty()) co_return base::json::parse(std::string_view(output).substr(0, output.find('\n')));
    if (std::chrono::steady_clock::now() > deadline)
      co_return fail(Errc::kTimeout, fmt::format("the relay has nothing for {}", filter.dump()));
    co_await base::sleep_for(kLookAgain);
  }
}

base::Task<Result<std::string>> Story::stored_id(int kind, std::string author) {
  CO_TRY(const Value event, co_await stored(with_author(kind, author)));
  co_return base::json::string_or(event, "id");
}

base::Task<Result<void>> Story::open_relay() {
  CO_TRY(const std::string line, co_await cast_.start("relay", {"relay", "--listen", "127.0.0.1:0", "--db", cast_.path("relay.db")}, "listening "));
  relay_ = line.substr(line.find("ws"));
  facts_["relay"] = relay_;
  say_("     " + relay_);
  co_return Result<void>{};
}

base::Task<Result<void>> Story::make_people() {
  CO_TRY(const Value dealt, co_await cast_.ask({"-q", "frost", "deal", "-t", "2", "-n", "3", "--out", cast_.path("deal")}));
  identity_ = base::json::string_or(dealt, "identity");
  group_ = cast_.path("deal/group.txt");
  facts_["identity"] = identity_;
  say_("     agent " + identity_);
  for (const char* person : {"operator.key", "stranger.key"}) CO_TRY(co_await cast_.run({"key", "new", cast_.path(person)}));
  CO_TRY(const Value shown, co_await cast_.ask({"key", "show", operator_key_file()}));
  operator_ = base::json::string_or(shown, "pubkey");
  facts_["operator"] = operator_;
  // The operator's inbox, so that private messages find it.
  CO_TRY(co_await cast_.run({"-q", "event", "-k", std::to_string(nostr::kinds::kDmRelays), "-t", "relay=" + relay_, "--key-file",
                             operator_key_file(), "--relay", relay_}));
  co_return Result<void>{};
}

base::Task<Result<void>> Story::open_cosigner(int share) {
  const std::string name = fmt::format("cosigner-{}", share);
  const std::string home = cast_.path(name);
  std::vector<std::string> arguments{"cosigner", "init",     "--home",     home,  "--group", group_,   "--share", cast_.path(fmt::format("deal/share-{}.txt", share)),
                                     "--operator", operator_, "--runner", node_, "--relay", relay_};
  // A later one takes the first one's word that the operator said yes, should the first die.
  for (const std::string& other : cosigners_) arguments.insert(arguments.end(), {"--decisions-from", other});
  CO_TRY(const Value made, co_await cast_.ask(std::move(arguments)));
  cosigners_.push_back(base::json::string_or(made, "service"));
  CO_TRY(co_await cast_.start(name, {"cosigner", "--home", home}, "ready "));
  co_return Result<void>{};
}

base::Task<Result<void>> Story::open_node() {
  CO_TRY(co_await cast_.start("agent", {"run", "--home", cast_.path("agent")}, "running "));
  CO_TRY(const std::string profile, co_await stored_id(nipsa::kinds::kProfile, identity_));
  CO_TRY(const std::string schedule, co_await stored_id(nipsa::kinds::kSchedule, identity_));
  facts_["profile"] = profile;
  facts_["schedule"] = schedule;
  co_return Result<void>{};
}

base::Task<Result<void>> Story::mention() {
  CO_TRY(const Value note, co_await cast_.ask({"-q", "event", "-k", "1", "-c", "Hello Scout, are you there?", "-t", "p=" + identity_, "--key-file",
                                               cast_.path("stranger.key"), "--relay", relay_}));
  facts_["mention"] = base::json::string_or(note, "id");
  CO_TRY(const std::string request, co_await stored_id(nipsa::kinds::kApprovalRequest, node_));
  CO_TRY(const std::string tick, co_await stored_id(nipsa::kinds::kTickRequest, node_));
  facts_["approval_request"] = request;
  facts_["tick_request"] = tick;
  co_return Result<void>{};
}

base::Task<Result<Question>> Story::hear_question() {
  CO_TRY(const Value message, co_await cast_.ask({"dm", "list", "--key-file", operator_key_file(), "--relay", relay_, "--wait", "--match",
                                                  "yes [0-9A-Z]{4}-[0-9A-Z]{4}", "--timeout", "50s"}));
  Question question{.text = base::json::string_or(message, "text"), .code = "", .asker = base::json::string_or(message, "from")};
  static const RE2 kCode("yes ([0-9A-Z]{4}-[0-9A-Z]{4})");
  if (!RE2::PartialMatch(question.text, kCode, &question.code))
    co_return fail(Errc::kInvalid, "the question names no code");
  say_(as_quotation(question.text));
  co_return question;
}

base::Task<Result<std::string>> Story::send_as_operator(const Question& question, std::string words) {
  CO_TRY(const Value sent, co_await cast_.ask({"dm", "send", question.asker, std::move(words), "--key-file", operator_key_file(), "--relay", relay_}));
  facts_["approval"] = base::json::string_or(sent, "id");
  co_return base::json::string_or(sent, "id");
}

base::Task<Result<std::string>> Story::hear_outcome(const Question& question) {
  CO_TRY(const Value message, co_await cast_.ask({"dm", "list", "--key-file", operator_key_file(), "--relay", relay_, "--from", question.asker, "--wait", "--match",
                                                  question.code + " (done|denied|expired|undeliverable|withdrawn)", "--timeout", fmt::format("{}s", patience_.count())},
                                                 patience_ + kFarewell));
  const std::string text = base::json::string_or(message, "text");
  if (text.contains(question.code + " done")) co_return text;
  co_return fail(text.contains(" denied") ? Errc::kDenied : Errc::kTimeout, text, "nothing was signed");
}

base::Task<Result<void>> Story::look_at_answer(const Question& question) {
  CO_TRY(const std::string decision, co_await stored_id(nipsa::kinds::kApprovalDecision, question.asker));
  CO_TRY(const Value reply, co_await stored(with_author(nostr::kinds::kTextNote, identity_)));
  say_(fmt::format("     \"{}\"", base::json::string_or(reply, "content")));
  CO_TRY(const std::string result, co_await stored_id(nipsa::kinds::kTickResult, node_));
  CO_TRY(const std::string state, co_await stored_id(nipsa::kinds::kState, identity_));
  facts_["decision"] = decision;
  facts_["reply"] = base::json::string_or(reply, "id");
  facts_["tick_result"] = result;
  facts_["state"] = state;
  co_return Result<void>{};
}

base::Task<Result<void>> Story::check() {
  CO_TRY(const std::string head, co_await stored_id(nipsa::kinds::kTrajectory, identity_));
  CO_TRY(const Value listed, co_await cast_.ask({"trajectory", "list", "--agent", identity_, "--relay", relay_}));
  CO_TRY(const Value record, co_await cast_.ask({"trajectory", "verify", base::json::string_or(listed, "session"), "--agent", identity_, "--relay", relay_}));
  facts_["trajectory"] = head;
  facts_["trajectory_events"] = base::json::int_or(record, "count");
  facts_["trajectory_hash"] = base::json::string_or(record, "hash");
  CO_TRY(std::string events, co_await cast_.run({"-q", "req", relay_, "-f", R"({"limit":500})"}));
  const auto count = std::ranges::count(events, '\n');
  CO_TRY(co_await cast_.run({"verify"}, std::move(events)));
  say_(fmt::format("     {} events: every id and signature holds", count));
  say_(fmt::format("     the record of how the answer came about: {} entries, one chain, complete", base::json::int_or(record, "count")));
  co_return Result<void>{};
}

base::Task<Result<Value>> Story::tell(Operator answer) {
  say_(headline(1, "a relay on loopback"));
  CO_TRY(co_await open_relay());

  say_(headline(2, "an identity that is whole nowhere: 2 of 3 shares sign"));
  CO_TRY(co_await make_people());
  std::vector<std::string> init{"init",   "--home", cast_.path("agent"), "--group",    group_,    "--share", cast_.path("deal/share-1.txt"),
                                "--relay", relay_,  "--operator",        operator_, "--name", "Scout"};
  if (!mind_.base_url.empty()) init.insert(init.end(), {"--base-url", mind_.base_url, "--model", mind_.model});
  if (!mind_.api_key_env.empty()) init.insert(init.end(), {"--api-key-env", mind_.api_key_env});
  CO_TRY(const Value made, co_await cast_.ask(std::move(init)));
  node_ = base::json::string_or(made, "node");
  facts_["node"] = node_;

  say_(headline(3, "two co-signers, each with one share, a policy and a voice of its own"));
  CO_TRY(co_await open_cosigner(kFirstCosigner));
  CO_TRY(co_await open_cosigner(kSecondCosigner));
  facts_["cosigners"] = cosigners_;
  std::error_code error;
  for (int share = 1; share <= kSecondCosigner; ++share) std::filesystem::remove(cast_.path(fmt::format("deal/share-{}.txt", share)), error);

  say_(headline(4, "the node: holds one share, cannot sign alone"));
  CO_TRY(co_await open_node());

  say_(headline(5, "a stranger mentions the agent, which wants to answer"));
  CO_TRY(co_await mention());

  say_(headline(6, "the co-signer asks the operator what it was asked to sign:"));
  CO_TRY(const Question question, co_await hear_question());
  CO_TRY(co_await answer(question));
  CO_TRY(co_await hear_outcome(question));

  say_(headline(7, "only now the co-signer signs, and the reply stands on the relay"));
  CO_TRY(co_await look_at_answer(question));

  say_(headline(8, "everything is checked from the relay alone"));
  CO_TRY(co_await check());
  co_return facts_;
}

std::string Story::command_to_answer(const Question& question, std::string_view words) const {
  return fmt::format("{} dm send {} '{}' --key-file {} --relay {}", cast_.program_name(), question.asker, words, operator_key_file(), relay_);
}

std::vector<std::string> Story::further() const {
  const std::string program = cast_.program_name();
  return {
      fmt::format("{} status --home {}", program, cast_.path("agent")),
      fmt::format("{} top --home {}", program, cast_.path("agent")),
      fmt::format("{} event -k 1 -c 'and what now?' -t p={} --key-file {} --relay {}", program, identity_, cast_.path("stranger.key"), relay_),
      fmt::format("{} pending --home {}", program, cast_.path("cosigner-2")),
  };
}

}  // namespace node::demo
