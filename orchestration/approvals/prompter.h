// Prompter: puts a question before an operator's signer app (NIP-46), whose "sign" button is the yes.
//
// The app is asked to sign the very 39213 that would approve the question, and shows what is asked in
// its content and `alt`. What comes back is an operator's own signature over this request and digest:
// the strongest word there is. A refusal or silence in the app decides nothing; the question stays
// open in the other channels.
// Source: NIP-46 "sign_event"; NIP-31 for `alt`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "nostr/base/loop.h"
#include "nostr/client/remote_signer.h"
#include "storage/approvals.h"

namespace orchestration {

/// One signer app, and the key by which it knows us.
struct PromptTarget {
  nostr::BunkerUri uri;
  nostr::SecretKey client;
  bool paired = false;             ///< the app let this key in before
  std::function<void()> paired_now;  ///< called once the app has let it in
};

/// App thread. stop() before destruction.
class Prompter {
 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    const base::Clock& clock;
    base::Rng& rng;
  };
  struct Options {
    std::string agent_name;
    std::chrono::milliseconds again_after{240'000};  ///< apps drop requests that are five minutes old
    std::chrono::milliseconds retry_after{30'000};   ///< when the app cannot be reached
  };
  struct Callbacks {
    std::function<void(const nostr::Event& decision)> signed_yes;
    /// Said once per app: it signs faster than a person reads, time after time.
    std::function<void(const nostr::PublicKey& user)> signs_by_itself;
  };
  Prompter(Deps deps, std::vector<PromptTarget> targets, Options options, Callbacks callbacks);
  ~Prompter();

  base::Task<void> stop();
  /// Shows the question in every app, again now and then, until drop() or its time is up. Twice is once.
  void ask(const storage::Question& question);
  void drop(const nostr::EventId& question) { open_.erase(question); }

 private:
  struct App;
  base::Task<void> show(App& app, storage::Question question);
  base::Task<base::Result<nostr::RemoteSigner*>> reach(App& app);
  void note_speed(App& app, std::chrono::milliseconds taken);

  Deps deps_;
  Options options_;
  Callbacks callbacks_;
  std::vector<std::unique_ptr<App>> apps_;
  std::set<nostr::EventId> open_;
  base::Scope scope_;
};

/// The 39213 that would approve `question`, with what a person reads in `content` and `alt`. Pure.
base::Result<nostr::Draft> draft_of_yes(const storage::Question& question,
                                        const std::string& agent_name, nostr::UnixTime at);

}  // namespace orchestration
