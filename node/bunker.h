// Bunker: signs for ordinary clients over relays (NIP-46), each within its own rules.
//
// A stranger who shows no pairing secret gets no answer at all. A paired client's request is a row
// before anything is done about it, so a copy of it does nothing; then its rule says allow, ask or
// deny. Ask waits for `approve CODE` at this home. Behind it stands any nostr::Signer: a local key,
// or a group whose co-signers judge every event once more.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "node/hourly_cap.h"
#include "nostr/base/json.h"
#include "nostr/client/pool.h"
#include "nostr/nips/nip46.h"
#include "nostr/signer/key_signer.h"
#include "storage/bunker.h"

namespace node {

struct BunkerOptions {
  std::vector<std::string> relays;            ///< where clients find it
  std::vector<storage::BunkerRule> rules;     ///< of a client that is paired from now on
  std::chrono::seconds ask_for{900};          ///< how long a question stays open
  std::chrono::seconds secret_life{86'400};   ///< of a bunker:// text nobody used
  std::size_t requests_an_hour = 20'000;      ///< of one client; the rest is dropped
  std::size_t strangers_an_hour = 1'000;      ///< their events that are opened, to look for a secret
  std::size_t at_work = 64;                   ///< requests under way; the rest is dropped
  std::size_t at_work_per_client = 32;
  std::size_t questions = 32;                 ///< open at a time; beyond, the answer is no
};

/// App thread.
class Bunker {
 public:
  struct Deps {
    base::Loop& loop;
    nostr::Pool& pool;
    storage::Db& db;
    const base::Clock& clock;
    base::Rng& rng;
    const nostr::KeySigner& voice;  ///< the key clients talk to
    nostr::Signer& identity;        ///< the one they sign as
  };
  /// Everything in `deps` outlives the bunker.
  Bunker(Deps deps, BunkerOptions options);

  /// Listens, also where clients paired earlier read. Returns once its own relays listen for it, or
  /// after some seconds without all of them: requests are ephemeral, and a relay keeps none.
  base::Task<base::Result<void>> start();
  base::Task<void> stop();

  /// A bunker:// text with a secret that lets one client in.
  base::Result<std::string> invite();
  /// Lets the client of a nostrconnect:// text in and tells it so. kInvalid when it has no secret.
  base::Result<void> accept(const nostr::NostrConnectUri& uri);

  /// What `status` shows: clients and open questions.
  base::Result<base::json::Value> view();
  /// Questions that wait here, in the shape of desk_views.h.
  base::json::Value pending() const;
  /// Answers the question with `code`; kNotFound when there is none.
  base::Result<base::json::Value> decide(const std::string& code, bool approve);

 private:
  struct Question {
    std::string code;
    std::string client;  ///< how a person knows it
    std::string action;
    std::string text;
    base::UnixTime asked;
    std::optional<bool> answer;
  };
  using Answer = base::Result<std::string>;  ///< the result, or why not

  void listen(const std::vector<std::string>& relays);
  base::Task<void> await_relays();
  void take(const nostr::Event& event);
  base::Result<void> admit_event(const nostr::Event& event);
  base::Task<void> serve(nostr::Event event, bool paired);
  base::Result<nostr::SignerRequest> read(const nostr::Event& event) const;
  base::Task<void> serve_client(nostr::PublicKey client, nostr::SignerRequest request);
  base::Result<bool> let_in(const nostr::PublicKey& client, const nostr::SignerRequest& request);
  base::Task<Answer> answer(nostr::PublicKey client, nostr::SignerRequest request);
  base::Task<Answer> sign_event(nostr::PublicKey client, nostr::SignerRequest request);
  base::Task<Answer> cipher(nostr::PublicKey client, nostr::SignerMethod method,
                            nostr::SignerRequest request);
  base::Task<base::Result<void>> permit(nostr::PublicKey client, nostr::SignerRequest request,
                                        std::optional<nostr::Kind> kind, std::string text);
  base::Task<base::Result<bool>> ask(nostr::PublicKey client, nostr::SignerRequest request,
                                     std::string action, std::string text);
  base::Task<void> reply(nostr::PublicKey client, nostr::SignerResponse response);
  base::Task<void> keep_house();
  std::string name_of(const nostr::PublicKey& client);

  Deps deps_;
  const BunkerOptions options_;
  storage::BunkerRows rows_;
  std::set<std::string> heard_;  ///< relays that are listened to
  std::set<std::string> live_;   ///< those of them that have answered
  base::Signal came_live_;
  std::vector<std::unique_ptr<nostr::Subscription>> subscriptions_;
  HourlyCap strangers_;
  std::map<nostr::PublicKey, HourlyCap> caps_;
  std::map<nostr::PublicKey, std::size_t> working_;
  std::size_t at_work_ = 0;
  std::vector<std::shared_ptr<Question>> questions_;
  base::Signal decided_;
  base::Scope scope_;
};

/// Whether the method encrypts or decrypts for the identity.
bool is_cipher(nostr::SignerMethod method);
/// "sign_event:1,nip44_encrypt" as rules of one verdict. kInvalid for a word that is no method a rule
/// can be about, or a kind behind another method than sign_event.
base::Result<std::vector<storage::BunkerRule>> read_bunker_rules(std::string_view text,
                                                                 storage::BunkerVerdict verdict);

}  // namespace node
