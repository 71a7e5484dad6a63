// A desk on a relay, with a database that survives it, and requests to put before it.
#pragma once

#include <filesystem>

#include "nostr/signer/key_signer.h"
#include "orchestration/approvals/desk.h"
#include "tests/orchestration/support/relay_world.h"

namespace orchestration::testing {

/// One desk with one database in a directory of its own. Messages leave only in pump(), so a test
/// decides when, and whether, the operators can read them.
class DeskWorld {
 public:
  explicit DeskWorld(std::size_t operators = 1);
  ~DeskWorld();

  /// Opens database and desk with `options`, whose operators and relays are filled in.
  void start(DeskOptions options);
  /// The same again, as after a restart of the process.
  void start() { start(options_); }
  /// Ends the desk as a process would, and forgets everything but the database.
  void stop();
  /// Sends what is due in the outbox.
  void pump();

  struct Wish {
    std::string content = "hello world";
    std::string reason = "they asked";
    std::chrono::seconds ttl{900};
    std::int64_t sats = 0;
    std::string action_class = "kind:1";
    bool needs_proof = false;
  };
  /// A request for a kind 1 note, rebuilt until its code may be issued.
  Ask wish() { return wish(Wish{}); }
  Ask wish(const Wish& wish);
  base::Result<void> put(Ask ask);
  /// Puts a question and sends it; its code.
  std::string ask() { return ask(wish()); }
  std::string ask(Ask ask);

  storage::Question question(const std::string& code);
  storage::QuestionState state(const std::string& code) { return question(code).state; }
  void until_state(const std::string& code, storage::QuestionState state);
  std::vector<storage::Signal> signals(const std::string& code);
  /// Verdicts and answers in the order said, as words: "accepted/approve".
  std::vector<std::string> verdicts(const std::string& code);
  std::vector<storage::Decision> decisions(const std::string& code) { return must(approvals().decisions(question(code).id)); }
  /// The id that replies to the question's last message to `person` refer to.
  nostr::EventId shown_id(const std::string& code, const Person& person);
  /// A 39213 for the question by `author`, with `digest` or the right one.
  nostr::Event decision_by(const Person& author, const std::string& code, bool approve,
                           std::optional<nostr::Sha256> digest = {});
  /// Moves the clock while the process is down, and starts it again.
  void advance(std::chrono::seconds by);

  storage::Approvals approvals() { return storage::Approvals(*db); }
  nostr::PublicKey desk_key() const { return asker.public_key(); }
  Person& oper(std::size_t i = 0) { return *operators[i]; }

  RelayWorld world;
  nostr::KeySigner asker{nostr::SecretKey::generate(world.rng), world.clock, world.rng};
  Person requester{world};
  std::vector<std::unique_ptr<Person>> operators;
  std::unique_ptr<storage::Db> db;
  std::unique_ptr<Desk> desk;
  std::function<std::vector<PromptTarget>()> signer_apps;  ///< of the operators, for each start
  std::vector<storage::QuestionState> changes;  ///< what `changed` reported

 private:
  std::filesystem::path directory_;
  DeskOptions options_;
};

}  // namespace orchestration::testing
