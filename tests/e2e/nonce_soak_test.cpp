// Signature after signature while members are killed at random instants: none is lost, and no nonce
// signs twice. The ledgers say so, and so does somebody who reads everything that is said on the wire.
//
// SOVEREIGN_SOAK sets how many signatures (60 unless set).
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>

#include "frostr/wire/envelope.h"
#include "frostr/wire/messages.h"
#include "frostr/wire/credential.h"
#include "node/home.h"
#include "node/runtime.h"
#include "nostr/nips/nip44.h"
#include "storage/nonces.h"
#include "storage/schema.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/program.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr nostr::Kind kPeerMessage = 20000;
constexpr int kMembers = 3;
constexpr milliseconds kGlance{10};

int wanted_signatures() {
  const char* chosen = std::getenv("SOVEREIGN_SOAK");  // NOLINT(concurrency-mt-unsafe)
  return chosen != nullptr ? std::max(1, std::atoi(chosen)) : 60;
}

/// Reads all messages with the keys of all members, and remembers which nonce served what.
class Recorder {
 public:
  void know(nostr::SecretKey key) { keys_.insert_or_assign(key.public_key(), std::move(key)); }

  /// Keeps what cannot be read yet: the key of a process may become known after its first words.
  void take(const nostr::Event& event) {
    if (!read(event)) unread_.push_back(event);
  }
  void read_again() {
    std::erase_if(unread_, [&](const nostr::Event& event) { return read(event); });
  }

  /// Answers with a partial signature, by (member, code).
  struct Use {
    std::string session;
    std::string sighash;
    std::string partial;
  };
  const std::map<std::pair<std::uint32_t, std::string>, Use>& uses() const { return uses_; }
  std::size_t unread() const { return unread_.size(); }
  std::size_t requests() const { return requests_; }
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  bool read(const nostr::Event& event) {
    const auto author = keys_.find(event.pubkey);
    const auto recipient = nostr::PublicKey::from_hex(event.tags.at(0).at(1));
    if (author == keys_.end() || !recipient) return false;
    auto bytes = base::base64url_decode(event.content);
    if (!bytes) bytes = base::base64_decode(event.content);
    auto [key, is_new] = conversations_.try_emplace({event.pubkey, *recipient});
    if (is_new) key->second = must(nostr::nip44_conversation_key(author->second, *recipient));
    const auto message =
        must(frostr::parse_rpc(must(nostr::nip44_decrypt_bytes(*key->second, must(std::move(bytes))))));
    if (const auto* request = std::get_if<frostr::RpcRequest>(&message)) on_request(*request);
    if (const auto* accept = std::get_if<frostr::RpcAccept>(&message)) on_answer(accept->data);
    return true;
  }

  void on_request(const frostr::RpcRequest& rpc) {
    if (rpc.method != "sign") return;
    ++requests_;
    const auto request = must(frostr::parse_sign_request(rpc.params.at(0)));
    // A session is all that decides the challenge and the binding factors.
    std::string whole = request.hashes.at(0).sighash.hex();
    for (const auto& nonce : request.nonces)
      whole += fmt::format(" {} {} {}", nonce.idx.value, nonce.nonce.commitment.hiding.hex(),
                           nonce.nonce.commitment.binding.hex());
    for (const auto& nonce : request.nonces) {
      if (nonce.idx.value == 1) {
        // The requester's own nonces sign at once: each of its points serves one session.
        for (const auto& point : {nonce.nonce.commitment.hiding, nonce.nonce.commitment.binding})
          once(point.hex(), whole, "the requester's nonce");
      } else {
        // The session id covers no nonces, so only together with the code it names the session.
        Asked& asked = asked_[{nonce.idx.value, nonce.nonce.code.hex(), request.sid.hex()}];
        asked.sessions.insert(whole);
        asked.points = {nonce.nonce.commitment.hiding.hex(), nonce.nonce.commitment.binding.hex()};
      }
    }
  }

  void on_answer(const base::json::Value& data) {
    if (!data.is_object() || !data.contains("psigs")) return;
    const auto answer = must(frostr::parse_sign_answer(data));
    const std::string sid = answer.sid.hex();
    const std::string code = answer.nonce_code.hex();
    const Use use{sid, answer.psigs.at(0).sighash.hex(), answer.psigs.at(0).z.hex()};
    const auto [known, is_new] = uses_.try_emplace({answer.idx.value, code}, use);
    if (!is_new && (known->second.session != sid || known->second.partial != use.partial))
      violations_.push_back("code " + code + " was answered twice");
    const auto asked = asked_.find({answer.idx.value, code, sid});
    if (asked == asked_.end() || asked->second.sessions.size() != 1) {
      violations_.push_back("an answer to a session that nobody, or more than one, asked for");
      return;
    }
    for (const std::string& point : asked->second.points)
      once(point, *asked->second.sessions.begin(), fmt::format("a nonce of member {}", answer.idx.value));
  }

  void once(const std::string& point, const std::string& session, const std::string& whose) {
    const auto [known, is_new] = served_.try_emplace(point, session);
    if (!is_new && known->second != session)
      violations_.push_back(whose + " signed in two sessions: " + point);
  }

  std::map<nostr::PublicKey, nostr::SecretKey> keys_;
  std::map<std::pair<nostr::PublicKey, nostr::PublicKey>, std::optional<nostr::ConversationKey>> conversations_;
  std::vector<nostr::Event> unread_;
  /// What a member was asked with one of its codes under one session id.
  struct Asked {
    std::set<std::string> sessions;
    std::array<std::string, 2> points;
  };
  std::map<std::tuple<std::uint32_t, std::string, std::string>, Asked> asked_;
  std::map<std::string, std::string> served_;
  std::map<std::pair<std::uint32_t, std::string>, Use> uses_;
  std::vector<std::string> violations_;
  std::size_t requests_ = 0;
};

/// A relay, three members as processes, and somebody who listens.
class Soak {
 public:
  explicit Soak(int wanted) : wanted_(wanted), dealt_(must(frostr::deal(runtime_.rng))) {
    std::string name = (fs::temp_directory_path() / "sovereign-soak.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    root_ = name;
    must(node::write_file(root_ / "group.txt", frostr::encode_group(dealt_.group)));
    for (const auto& share : dealt_.shares) {
      const auto idx = share.idx.value;
      must(node::write_file(root_ / fmt::format("share-{}.txt", idx), frostr::encode_share(share).expose(), 0600));
      fs::create_directories(home(static_cast<int>(idx)));
      recorder_.know(must(share.transport_key()));
    }
    relay_.emplace(std::vector<std::string>{"relay", "--listen", "127.0.0.1:0"},
                   ProgramOptions{.environment = {}, .log = root_ / "relay.log", .binary = {}, .input = {}});
    url_ = relay_->read_line("listening ").value_or("").substr(10);
    listen();
  }
  ~Soak() {
    subscription_.reset();
    runtime_.loop.run_until_complete(runtime_.pool.stop());
    members_.clear();
    relay_.reset();
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  void run() {
    for (int idx = kMembers; idx >= 1; --idx) start(idx);
    std::mt19937 chance(std::random_device{}());
    std::uniform_int_distribution<int> pause(30, 200);
    std::uniform_int_distribution<int> victim(1, kMembers);
    auto next_kill = steady_clock::now() + milliseconds(pause(chance));
    auto last_progress = steady_clock::now();
    while (static_cast<int>(signatures_.size()) < wanted_ || kills_ < kMembers) {
      runtime_.loop.run_until_complete(base::sleep_for(kGlance));
      const std::size_t before = signatures_.size();
      for (auto& [idx, member] : members_) read(*member);
      recorder_.read_again();
      if (signatures_.size() > before) last_progress = steady_clock::now();
      ASSERT_LT(steady_clock::now() - last_progress, kPatience) << "signature " << signatures_.size();
      if (steady_clock::now() < next_kill) continue;
      const int idx = victim(chance);
      members_.at(idx)->kill();
      read(*members_.at(idx));
      ++kills_;
      start(idx);
      next_kill = steady_clock::now() + milliseconds(pause(chance));
    }
    // What was said last is still on its way to the listener.
    for (int i = 0; i < 30; ++i) {
      runtime_.loop.run_until_complete(base::sleep_for(kGlance));
      recorder_.read_again();
    }
    for (auto& [idx, member] : members_) member->kill();
  }

  void check_signatures() const {
    for (const auto& [i, signature] : signatures_)
      EXPECT_TRUE(nostr::verify(dealt_.group.identity(), nostr::sha256(fmt::format("soak/{}", i)), signature)) << i;
    EXPECT_EQ(static_cast<int>(signatures_.size()), wanted_);
  }

  void check_wire() const {
    for (const std::string& violation : recorder_.violations()) ADD_FAILURE() << violation;
    EXPECT_EQ(recorder_.unread(), 0U) << "messages nobody can read";
    EXPECT_GE(recorder_.uses().size(), static_cast<std::size_t>(wanted_));
  }

  /// Every answer on the wire is in its ledger, spent for that session and hash and no other.
  void check_ledgers() const {
    std::int64_t spent = 0;
    for (int idx = 2; idx <= kMembers; ++idx) {
      const auto db = must(storage::open_database((home(idx) / "sovereign.db").string()));
      storage::NonceLedger ledger(*db);
      spent += must(ledger.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent));
      for (const auto& [key, use] : recorder_.uses()) {
        if (static_cast<int>(key.first) != idx) continue;
        const auto row = must(ledger.find(storage::NonceSide::kIssued, 1, key.second));
        ASSERT_TRUE(row) << "an answer the ledger does not know";
        EXPECT_EQ(row->state, storage::NonceState::kSpent);
        EXPECT_EQ(row->session, use.session);
        EXPECT_EQ(row->sighash, use.sighash);
      }
    }
    // A member may die between spending and answering, never the other way round.
    EXPECT_GE(spent, static_cast<std::int64_t>(recorder_.uses().size()));
    fmt::print("{} signatures, {} kills, {} sign requests, {} answers on the wire, {} codes spent\n",
               signatures_.size(), kills_, recorder_.requests(), recorder_.uses().size(), spent);
  }

 private:
  fs::path home(int idx) const { return root_ / fmt::format("home-{}", idx); }

  void start(int idx) {
    std::vector<std::string> arguments{(root_ / "group.txt").string(),
                                       (root_ / fmt::format("share-{}.txt", idx)).string(), url_,
                                       home(idx).string()};
    if (idx == 1) {
      const int done = signatures_.empty() ? 0 : signatures_.rbegin()->first + 1;
      for (const std::string& word : {std::string("sign"), std::string("soak"), std::to_string(done), std::to_string(wanted_)})
        arguments.push_back(word);
    } else {
      arguments.push_back("cosign");
    }
    members_[idx] = std::make_unique<Program>(
        std::move(arguments), ProgramOptions{.environment = {}, .log = root_ / fmt::format("{}.log", idx),
                                             .binary = SOVEREIGN_PARTY, .input = {}});
    const auto line = members_[idx]->read_line("transport ");
    if (!line) throw std::runtime_error(must(node::read_file(root_ / fmt::format("{}.log", idx))));
    recorder_.know(must(nostr::SecretKey::from_hex(line->substr(10))));
  }

  void read(Program& member) {
    while (const auto line = member.read_line("signed ", milliseconds{0})) {
      const std::size_t space = line->find(' ', 7);
      signatures_.insert_or_assign(std::stoi(line->substr(7)),
                                   must(nostr::Signature::from_hex(line->substr(space + 1))));
    }
  }

  void listen() {
    subscription_ = runtime_.pool.subscribe(
        {url_}, {{.kinds = {kPeerMessage}}},
        {.on_events =
             [this](std::span<const nostr::Delivery> batch) {
               for (const nostr::Delivery& delivery : batch) recorder_.take(*delivery.event);
             },
         .on_eose = [this](const std::string&) { open_.notify(); },
         .on_closed = {}});
    const bool heard = runtime_.loop.run_until_complete(open_.wait_for(kPatience));
    if (!heard) throw std::runtime_error("the relay does not answer");
  }

  const int wanted_;
  node::Runtime runtime_;
  base::Signal open_{runtime_.loop};
  frostr::Dealt dealt_;
  fs::path root_;
  std::string url_;
  Recorder recorder_;
  std::optional<Program> relay_;
  std::unique_ptr<nostr::Subscription> subscription_;
  std::map<int, std::unique_ptr<Program>> members_;
  std::map<int, nostr::Signature> signatures_;
  int kills_ = 0;
};

TEST(NonceSoak, NoNonceSignsTwiceHoweverOftenMembersAreKilled) {
  Soak soak(wanted_signatures());
  soak.run();
  if (HasFatalFailure()) return;
  soak.check_signatures();
  soak.check_wire();
  soak.check_ledgers();
}

}  // namespace
}  // namespace e2e
