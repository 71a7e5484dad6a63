// A thief with share 1 talks to a running co-signer: every rule of a session, of the policy and of
// approvals is broken once, and never does a partial signature or a key share leave.
#include <gtest/gtest.h>

#include <functional>

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nipsa/tick.h"
#include "node/approval_book.h"
#include "node/key_file.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "storage/approvals.h"
#include "storage/audit.h"
#include "storage/nonces.h"
#include "tests/e2e/support/hostile_member.h"
#include "tests/e2e/support/must.h"
#include "tests/e2e/support/story.h"

namespace e2e {
namespace {

using frostr::Reject;
using frostr::ShareIndex;
using frostr::SignRequest;

constexpr int kMarket = World::kFirstCosigner;

/// One world for the whole suite: a co-signer has to survive all of it.
class HostileCosign : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new World;
    world_->start_cosigner(World::kFirstCosigner);
    world_->start_cosigner(World::kSecondCosigner);
    thief_ = new HostileMember(*world_, 1);
    node_key_ = new nostr::SecretKey(must(node::load_key_file(world_->node_home() / "node.key")));
  }
  static void TearDownTestSuite() {
    delete node_key_;
    delete thief_;
    delete world_;
  }

  static World& world() { return *world_; }
  static HostileMember& thief() { return *thief_; }
  static const nostr::SecretKey& node_key() { return *node_key_; }

  static nostr::UnsignedEvent draft(nostr::Kind kind, std::string content, nostr::Tags tags = {}) {
    return {world().identity(), thief().now(), kind, std::move(tags), std::move(content)};
  }
  /// The one event the policy signs without asking: the first profile.
  static nostr::UnsignedEvent admitted() {
    return draft(nostr::kinds::kMetadata, R"({"name":"Scout"})");
  }

  static std::string verdict_on(const nostr::UnsignedEvent& event, frostr::SignReason reason = {}) {
    SignRequest request = thief().session(kMarket, event);
    request.reason = std::move(reason);
    return thief().sign(kMarket, request).text();
  }
  static Reject::Kind kind_of(const std::string& text) { return frostr::read_reject(text).kind; }

  /// A claim for the agent, by whoever `author` is.
  static nostr::Event claim(const nostr::SecretKey& author, const nostr::PublicKey& agent) {
    nipsa::TickRequest request;
    request.d = nipsa::random_d("tick-", thief().rng());
    request.agent = agent;
    request.trigger = nipsa::TriggerName::kManual;
    request.slot = nipsa::slot_of_manual(thief().rng());
    return nostr::sign_event(
        must(nipsa::build_tick_request(request, author.public_key(), thief().now())), author,
        thief().rng());
  }

  struct Question {
    nostr::PublicKey guardian = world().service(kMarket);
    std::optional<nostr::Sha256> digest;  ///< default: that of the event
    nostr::PublicKey agent = world().identity();
    std::string reason = "because";
    std::optional<std::string> content;  ///< default: the event, encrypted
    std::chrono::seconds ttl{600};
  };
  /// A 39212 about `event` with a code that may be issued.
  static nostr::Event question(const nostr::UnsignedEvent& event, const Question& asked,
                               const nostr::SecretKey& author) {
    nipsa::ApprovalRequest request{.guardian = asked.guardian,
                                   .operators = {world().owner().pubkey()},
                                   .tick = nostr::EventId(thief().rng().bytes<32>()),
                                   .agent = asked.agent,
                                   .action = fmt::format("kind:{}", event.kind),
                                   .action_hash = asked.digest.value_or(nipsa::event_digest(event)),
                                   .reason = asked.reason,
                                   .expires = thief().now() + asked.ttl};
    const auto key = must(nostr::nip44_conversation_key(author, asked.guardian));
    request.content = asked.content.value_or(must(nostr::nip44_encrypt(
        key, node::encode_question_body({.event = event, .action = {}}), thief().rng())));
    for (;;) {
      request.d = nipsa::random_d("apr-", thief().rng());
      const nostr::Event out = nostr::sign_event(
          must(nipsa::build_approval_request(request, thief().now())), author, thief().rng());
      if (nipsa::is_issuable(nipsa::approval_code(out.id), {})) return out;
    }
  }
  static nostr::Event decision(const nostr::SecretKey& author, const nostr::UnsignedEvent& event) {
    const nipsa::ApprovalDecision decision{.request = nostr::EventId(thief().rng().bytes<32>()),
                                           .requester = node_key().public_key(),
                                           .decision = nipsa::Decision::kApproved,
                                           .agent = world().identity(),
                                           .action = "kind:1",
                                           .action_hash = nipsa::event_digest(event),
                                           .expires = thief().now() + std::chrono::seconds{600}};
    return nostr::sign_event(must(nipsa::build_approval_decision(decision, thief().now())), author,
                             thief().rng());
  }
  static base::json::Value pending() {
    return world().ask({"pending", "--home", world().cosigner_home(kMarket).string()});
  }

  static inline World* world_ = nullptr;
  static inline HostileMember* thief_ = nullptr;
  static inline nostr::SecretKey* node_key_ = nullptr;
};

TEST_F(HostileCosign, EverySessionRuleIsKept) {
  struct Case {
    const char* says;
    std::function<void(SignRequest&)> spoil;
    bool renamed = true;  ///< with a sid that fits the spoilt request
  };
  const std::vector<Case> cases{
      {"refused:gid", [](SignRequest& r) { r.gid = frostr::GroupId{}; }},
      {"refused:sid", [](SignRequest& r) { r.sid = frostr::SessionId{}; }, false},
      {"refused:members: 9", [](SignRequest& r) { r.members.push_back(ShareIndex{9}); }},
      {"refused:members: one is named twice",
       [](SignRequest& r) { r.members = {ShareIndex{1}, ShareIndex{2}, ShareIndex{2}}; }},
      {"refused:members: not sorted",
       [](SignRequest& r) { r.members = {ShareIndex{2}, ShareIndex{1}}; }},
      {"refused:members: 1 are below", [](SignRequest& r) { r.members = {ShareIndex{2}}; }},
      {"refused:members: we are not",
       [](SignRequest& r) { r.members = {ShareIndex{1}, ShareIndex{3}}; }},
      {"refused:members: the requester",
       [](SignRequest& r) { r.members = {ShareIndex{2}, ShareIndex{3}}; }},
      {"refused:stamp", [](SignRequest& r) { r.stamp -= 301; }},
      {"refused:stamp", [](SignRequest& r) { r.stamp += 600; }},
      {"refused:nonces", [](SignRequest& r) { r.nonces.erase(r.nonces.begin()); }},
      {"refused:nonces", [](SignRequest& r) { r.nonces.push_back(r.nonces.front()); }},
      {"refused:nonces", [](SignRequest& r) { r.nonces.back().idx = ShareIndex{3}; }},
      {"refused:nonces: ours is altered",
       [](SignRequest& r) {
         std::swap(r.nonces.back().nonce.commitment.hiding,
                   r.nonces.back().nonce.commitment.binding);
       }},
      {"retry:unknown-nonce",
       [](SignRequest& r) { r.nonces.back().nonce.code = frostr::NonceCode{}; }},
      {"refused:one-hash-only: 2",
       [](SignRequest& r) { r.hashes.push_back({nostr::sha256("another"), {}}); }},
      {"refused:one-hash-only: 0", [](SignRequest& r) { r.hashes.clear(); }},
      {"refused:tweaks",
       [](SignRequest& r) { r.hashes.front().tweaks.push_back(frostr::Scalar::from_u32(3)); }},
      {"refused:wrong-sighash",
       [](SignRequest& r) { r.hashes.front().sighash = nostr::sha256("something else"); }},
      {"refused:malformed", [](SignRequest& r) { r.content = base::Bytes{'{', '}'}; }},
      {"refused:malformed", [](SignRequest& r) { r.content = base::Bytes(4'000, '['); }},
      {"refused:malformed", [](SignRequest& r) { r.content = base::Bytes{}; }},
      {"refused:blind", [](SignRequest& r) { r.content.reset(); }},
      {"refused:too-large-to-cosign",
       [](SignRequest& r) {
         const std::string json = nostr::to_json(draft(0, std::string(19'000, 'x')));
         r.content = base::Bytes(json.begin(), json.end());
       }},
  };
  for (const Case& wrong : cases) {
    SignRequest request = thief().session(kMarket, admitted());
    wrong.spoil(request);
    if (wrong.renamed) request.sid = frostr::compute_session_id(request);
    const std::string text = thief().sign(kMarket, request).text();
    EXPECT_TRUE(text.starts_with(wrong.says)) << "expected " << wrong.says << ", got " << text;
  }
}

TEST_F(HostileCosign, TheKindsAGroupNeverSignsAreRefusedByName) {
  for (const int kind : {4, 13, 1059, 21059, 24133, 27235})
    EXPECT_EQ(verdict_on(draft(static_cast<nostr::Kind>(kind), "x")),
              fmt::format("refused:never-signed: kind {}", kind));
  for (const int kind : {14, 3, 39210, 39211, 39212, 39213, 39220, 31337})
    EXPECT_EQ(verdict_on(draft(static_cast<nostr::Kind>(kind), "x")),
              fmt::format("refused:kind-not-allowed: kind {}", kind));
}

TEST_F(HostileCosign, TheEventMustBeTheGroupsAndOfNow) {
  auto foreign = admitted();
  foreign.pubkey = node_key().public_key();
  EXPECT_TRUE(verdict_on(foreign).starts_with("refused:wrong-author"));
  auto old = admitted();
  old.created_at -= std::chrono::seconds{301};
  EXPECT_TRUE(verdict_on(old).starts_with("refused:created-at-out-of-window"));
  auto future = admitted();
  future.created_at += std::chrono::seconds{120};
  EXPECT_TRUE(verdict_on(future).starts_with("refused:created-at-out-of-window"));
  EXPECT_TRUE(
      verdict_on(draft(22242, "", {{"relay", "wss://elsewhere.example"}, {"challenge", "c"}}))
          .starts_with("refused:relay-not-allowed"));
  EXPECT_TRUE(
      verdict_on(draft(39201, "AgAA", {{"d", "state"}, {"encrypted"}, {"state_version", "1"}}))
          .starts_with("refused:no-live-claim"));
  EXPECT_TRUE(verdict_on(draft(39230, "free text", {{"d", "sess-" + std::string(32, 'a')}}))
                  .starts_with("refused:malformed: session head"));
}

TEST_F(HostileCosign, NobodyButTheOperatorDecides) {
  const auto event = draft(1, "signed by a thief");
  EXPECT_EQ(verdict_on(event), frostr::approval_required_text(nipsa::event_digest(event)));
  base::Rng& rng = thief().rng();
  const nostr::SecretKey stranger = nostr::SecretKey::generate(rng);
  for (const nostr::SecretKey* author : {&node_key(), &stranger}) {
    frostr::SignReason reason;
    reason.decision = decision(*author, event);
    EXPECT_EQ(kind_of(verdict_on(event, reason)), Reject::Kind::kApprovalRequired);
  }
  const nostr::SecretKey share = thief().transport_key();
  frostr::SignReason by_share;
  by_share.decision = decision(share, event);
  EXPECT_EQ(kind_of(verdict_on(event, by_share)), Reject::Kind::kApprovalRequired);
  // The operator's and the agent's names under a signature that is not theirs.
  for (const nostr::PublicKey& name :
       {world().owner().pubkey(), world().identity(), world().service(kMarket)}) {
    frostr::SignReason forged;
    forged.decision = decision(stranger, event);
    forged.decision->pubkey = name;
    forged.decision->id = nostr::compute_id(nostr::unsigned_part(*forged.decision));
    EXPECT_EQ(kind_of(verdict_on(event, forged)), Reject::Kind::kApprovalRequired);
  }
  // The operator's word about another event.
  frostr::SignReason other;
  other.decision = decision(world().owner().key(), draft(1, "something harmless"));
  EXPECT_EQ(kind_of(verdict_on(event, other)), Reject::Kind::kApprovalRequired);
  // A decision that only lies on the relay counts no more.
  world().stranger().publish(decision(stranger, event));
  EXPECT_EQ(kind_of(verdict_on(event)), Reject::Kind::kApprovalRequired);
}

TEST_F(HostileCosign, SecretsNeedTheRunnersClaimAndAKnownTarget) {
  const auto refusal = [](const frostr::EcdhPackage& package) {
    return thief().ecdh(kMarket, package).text();
  };
  const nostr::PublicKey group = world().identity();
  EXPECT_TRUE(
      refusal(thief().secret_with(kMarket, group, "")).starts_with("refused:no-live-claim"));
  EXPECT_TRUE(refusal(thief().secret_with(kMarket, group, std::string(64, 'a')))
                  .starts_with("refused:no-live-claim"));
  auto stock = thief().secret_with(kMarket, group, "");
  stock.reason.reset();
  EXPECT_TRUE(refusal(stock).starts_with("refused:no-live-claim"));

  base::Rng& rng = thief().rng();
  const nostr::SecretKey stranger = nostr::SecretKey::generate(rng);
  const nostr::Event not_ours = claim(stranger, group);
  const nostr::Event not_for_us = claim(node_key(), stranger.public_key());
  world().stranger().publish(not_ours);
  world().stranger().publish(not_for_us);
  for (const nostr::Event& wrong : {not_ours, not_for_us})
    EXPECT_TRUE(refusal(thief().secret_with(kMarket, group, wrong.id.hex()))
                    .starts_with("refused:no-live-claim"));

  const nostr::Event live = claim(node_key(), group);
  world().stranger().publish(live);
  const std::string tick = live.id.hex();
  for (const frostr::GroupMember& member : thief().group().members())
    EXPECT_TRUE(refusal(thief().secret_with(kMarket, member.identity(), tick))
                    .starts_with("refused:member-key"));
  EXPECT_EQ(refusal(thief().secret_with(kMarket, world().owner().pubkey(), tick)),
            "refused:target-not-proven");
  // A blinded point: nobody can show its secret.
  const auto blinded =
      thief().group().find(ShareIndex{3})->pubkey.times_vartime(frostr::Scalar::from_u32(2));
  ASSERT_TRUE(blinded.has_value());
  EXPECT_EQ(refusal(thief().secret_with(kMarket, blinded->x_only(), tick)),
            "refused:target-not-proven");
  auto two = thief().secret_with(kMarket, group, tick);
  two.entries.push_back(two.entries.front());
  EXPECT_TRUE(refusal(two).starts_with("refused:one-target-only"));
  auto renamed = thief().secret_with(kMarket, group, tick);
  renamed.idx = ShareIndex{3};
  EXPECT_TRUE(refusal(renamed).starts_with("refused:idx"));
  auto alone = thief().secret_with(kMarket, group, tick);
  alone.members = {ShareIndex{2}};
  EXPECT_TRUE(refusal(alone).starts_with("refused:members"));
  // A point that is none.
  EXPECT_TRUE(thief()
                  .call(kMarket, {"off-curve",
                                  "ecdh",
                                  {R"({"idx":1,"members":[1,2],"entries":[{"ecdh_pk":")" +
                                   std::string(64, 'f') + R"(","keyshare":""}]})"}})
                  .text()
                  .starts_with("refused:malformed"));
}

TEST_F(HostileCosign, WhatIsNoPeerMessageGetsNoAnswer) {
  base::Rng& rng = thief().rng();
  const nostr::SecretKey stranger = nostr::SecretKey::generate(rng);
  const nostr::SecretKey self = thief().transport_key();
  const std::string ping = must(frostr::to_text(frostr::RpcRequest{"silence", "ping", {"ping"}}));
  const auto now = thief().now();
  thief().post(thief().seal(kMarket, ping, stranger, now));
  thief().post(thief().seal(kMarket, ping, self, now - std::chrono::seconds{121}));
  thief().post(thief().seal(kMarket, ping, self, now + std::chrono::seconds{200}));
  nostr::Event wrong = thief().seal(kMarket, ping, self, now);
  for (const std::string& content : {std::string("garbage"), std::string(200, 'A'),
                                     wrong.content.substr(0, wrong.content.size() - 4),
                                     "#" + wrong.content, std::string(60'000, '_'), std::string()})
    thief().post(nostr::sign_event({nostr::kinds::kBifrost, now, wrong.tags, content}, self, rng));
  nostr::Tags many = wrong.tags;
  for (int i = 0; i < 500; ++i) many.push_back({"p", std::string(64, 'b')});
  thief().post(nostr::sign_event({nostr::kinds::kBifrost, now, many, "x"}, self, rng));

  const std::string deep(2'000, '[');
  for (const std::string& text :
       {std::string("not json"), std::string("[]"), std::string("{}"), deep,
        std::string(R"({"id":7,"type":"request"})"),
        R"({"id":")" + std::string(1'000, 'i') +
            R"(","type":"request","method":"ping","params":["ping"]})",
        std::string(R"({"id":"silence","type":"event","topic":"x","data":1})"),
        std::string(R"({"id":"silence","type":"accept","data":{}})"),
        std::string(R"({"id":"silence","type":"request","method":"ping","params":[{}]})"),
        std::string(
            R"({"id":"silence","type":"request","method":"ping","params":["1","2","3","4","5"]})"),
        std::string("{\"id\":\"silence\",\"type\":\"request\",\"method\":\"ping\",\"params\":["
                    "\"\xff\xfe\"]}")})
    thief().say(kMarket, text);
  EXPECT_EQ(thief().settle(kMarket), 0u);
}

TEST_F(HostileCosign, RequestsThatMeanNothingAreRefusedWithAWord) {
  int number = 0;
  const auto says = [&](const std::string& method, const std::string& body) {
    return thief().call(kMarket, {fmt::format("odd-{}", ++number), method, {body}}).text();
  };
  EXPECT_TRUE(says("steal", "{}").starts_with("refused:unknown-method"));
  for (const std::string body :
       {"", "[]", "{}", "{\"hashes\":[]}", "\"sign\"", "{\"members\":[1,2],\"members\":[1,2]}"}) {
    EXPECT_TRUE(says("sign", body).starts_with("refused:malformed")) << body;
    EXPECT_TRUE(says("ecdh", body).starts_with("refused:malformed")) << body;
  }
  EXPECT_TRUE(
      says("sign", std::string(15, '[') + std::string(15, ']')).starts_with("refused:malformed"));
  EXPECT_TRUE(says("onboard", frostr::onboard_params(ShareIndex{3},
                                                     thief().group().find(ShareIndex{3})->pubkey))
                  .starts_with("refused:not-the-author"));
  EXPECT_TRUE(says("echo", std::string(5'000, 'e')).starts_with("refused:echo-too-long"));
}

TEST_F(HostileCosign, AMemberThatThePolicyDoesNotNameGetsNothing) {
  HostileMember third(world(), 3);
  // The code was issued to member 1: member 3 can neither use it nor spoil it.
  const frostr::WireNonce stolen = thief().take_nonce(kMarket);
  SignRequest request = third.session(kMarket, admitted(), stolen);
  EXPECT_EQ(third.sign(kMarket, request).text(), "refused:not-a-requester");
  EXPECT_EQ(third.ecdh(kMarket, third.secret_with(kMarket, world().identity(), "")).text(),
            "refused:not-a-requester");
  EXPECT_THROW((void)third.take_nonce(kMarket), std::runtime_error);
}

TEST_F(HostileCosign, QuestionsThatLieAreNotAskedOrAskedTruthfully) {
  const auto event = draft(1, "what would really be said");
  Person& anybody = world().stranger();
  base::Rng& rng = thief().rng();
  const nostr::SecretKey stranger = nostr::SecretKey::generate(rng);
  anybody.publish(question(event, {}, stranger));  // not a runner
  anybody.publish(question(event, {.digest = nostr::sha256("a friendlier event")},
                           node_key()));  // another digest
  anybody.publish(question(event, {.content = "not encrypted at all"}, node_key()));
  anybody.publish(question(event,
                           {.guardian = world().service(World::kSecondCosigner), .content = "AgAA"},
                           node_key()));  // somebody else's
  anybody.publish(question(draft(4, "a kind that is never signed"), {}, node_key()));
  anybody.publish(question(draft(14, "a kind that nobody allows"), {}, node_key()));
  anybody.publish(question(draft(1, std::string(5'000, 'x')), {}, node_key()));  // too long to show
  auto foreign = draft(1, "in another's name");
  foreign.pubkey = stranger.public_key();
  anybody.publish(question(foreign, {}, node_key()));

  const nostr::Event lie = question(event,
                                    {.agent = stranger.public_key(),
                                     .reason = "harmless! \xe2\x80\xae answer yes FAKE-C0DE",
                                     .ttl = std::chrono::hours{23}},
                                    node_key());
  anybody.publish(lie);
  const std::string code = nipsa::format_code(nipsa::approval_code(lie.id));
  const Message message = world().owner().await_message(
      [&](const Message& m) { return m.text.find(code) != std::string::npos; });
  EXPECT_EQ(message.from, world().service(kMarket));
  EXPECT_NE(message.text.find("| what would really be said\n"), std::string::npos) << message.text;
  EXPECT_NE(message.text.find("agent says: \"harmless! \\u202e answer yes …\""), std::string::npos)
      << message.text;
  const auto open = pending();
  ASSERT_EQ(open.size(), 1u) << base::json::dump(open);
  EXPECT_EQ(open[0]["agent"], world().identity().hex());
  EXPECT_EQ(open[0]["digest"], nipsa::event_digest(event).hex());
  // The policy says 900 s; the runner does not make it longer.
  EXPECT_LE(open[0]["expires_at"].get<std::int64_t>(), base::to_unix(thief().now()) + 900);
  EXPECT_EQ(kind_of(verdict_on(event)), Reject::Kind::kApprovalRequired);

  // The same once more is the same question.
  anybody.publish(question(event, {}, node_key()));
  // No is no: for this event, its twin with another time, and a new request for either.
  world().owner().send(message.from, "no " + code);
  anybody.await({.authors = {message.from}, .kinds = {39213}},
                [&](const nostr::Event& e) { return tag(e, "d") == lie.id.hex(); });
  EXPECT_TRUE(verdict_on(event).starts_with("refused:denied"));
  auto twin = event;
  twin.created_at += std::chrono::seconds{1};
  EXPECT_TRUE(verdict_on(twin).starts_with("refused:denied"));
  anybody.publish(question(twin, {}, node_key()));
  const nostr::Event next = question(draft(1, "the next thing"), {}, node_key());
  anybody.publish(next);
  const std::string next_code = nipsa::format_code(nipsa::approval_code(next.id));
  const Message second = world().owner().await_message(
      [&](const Message& m) { return m.text.find(next_code) != std::string::npos; });
  EXPECT_EQ(pending().size(), 1u);
  world().owner().send(second.from, "no " + next_code);
  anybody.await({.authors = {second.from}, .kinds = {39213}},
                [&](const nostr::Event& e) { return tag(e, "d") == next.id.hex(); });
}

TEST_F(HostileCosign, WhatBreaksNoRuleIsSignedAndOnlyOnce) {
  const nostr::UnsignedEvent event = admitted();
  SignRequest request = thief().session(kMarket, event);
  const frostr::RpcRequest rpc{
      frostr::new_rpc_id(thief().rng()), "sign", {frostr::to_params(request)}};
  const Spoken first = thief().call(kMarket, rpc);
  ASSERT_TRUE(first.accepted) << first.reason;
  const frostr::SignAnswer answer = must(frostr::parse_sign_answer(first.data));
  ASSERT_EQ(answer.psigs.size(), 1u);
  // The same request again brings the recorded answer: the same partial, no second nonce.
  const Spoken again = thief().call(kMarket, rpc);
  EXPECT_EQ(again.data, first.data);
  // The spent code under a new request.
  EXPECT_EQ(thief().sign(kMarket, request).text(), "retry:unknown-nonce");
  // The same code for another event.
  auto other = draft(nostr::kinds::kRelayList, "");
  EXPECT_EQ(
      thief().sign(kMarket, thief().session(kMarket, other, request.nonces.back().nonce)).text(),
      "retry:unknown-nonce");
  // A second profile is a change, and changes ask.
  auto second = admitted();
  second.created_at += std::chrono::seconds{1};
  second.content = R"({"name":"Thief"})";
  EXPECT_EQ(kind_of(verdict_on(second)), Reject::Kind::kApprovalRequired);
}

TEST_F(HostileCosign, ARequestRecordedBeforeARestartIsRefusedAfterIt) {
  const frostr::RpcRequest rpc{frostr::new_rpc_id(thief().rng()),
                               "sign",
                               {frostr::to_params(thief().session(kMarket, draft(1, "replay")))}};
  EXPECT_EQ(kind_of(thief().call(kMarket, rpc).text()), Reject::Kind::kApprovalRequired);
  const frostr::WireNonce before = thief().take_nonce(kMarket);
  world().cosigner(kMarket).terminate();
  world().start_cosigner(kMarket);
  EXPECT_EQ(thief().call(kMarket, rpc).text(), "refused:replayed");
  // A nonce of the earlier process is dead.
  std::string text = "retry:starting";
  while (text.starts_with("retry:starting"))
    text = thief()
               .sign(kMarket, thief().session(kMarket, draft(nostr::kinds::kRelayList, ""), before))
               .text();
  EXPECT_EQ(text, "retry:unknown-nonce");
}

TEST_F(HostileCosign, NothingHasChangedAndTheMainJobStillWorks) {
  EXPECT_TRUE(world().cosigner(World::kFirstCosigner).running());
  EXPECT_TRUE(world().cosigner(World::kSecondCosigner).running());
  EXPECT_TRUE(world().stranger().fetch({.authors = {world().identity()}}).empty());
  world().cosigner(kMarket).terminate();
  {
    const auto db = world().open_cosigner_db(kMarket);
    storage::NonceLedger nonces(*db);
    EXPECT_EQ(must(nonces.count(storage::NonceSide::kIssued, 1, storage::NonceState::kSpent)), 1);
    EXPECT_EQ(must(nonces.count(storage::NonceSide::kIssued, 3, storage::NonceState::kSpent)), 0);
    storage::AuditLog audit(*db);
    EXPECT_GT(must(audit.verify()), 50);
    int signatures = 0;
    for (const storage::AuditRow& row : must(audit.tail(1'000))) {
      if (row.entry.verdict == "signed") ++signatures;
      EXPECT_NE(row.entry.verdict, "granted") << row.entry.reason;
    }
    EXPECT_EQ(signatures, 1);
    storage::Approvals approvals(*db);
    EXPECT_EQ(must(approvals.list(storage::QuestionState::kDenied)).size(), 2u);
    EXPECT_EQ(must(approvals.history()).size(), 2u);
  }
  world().start_cosigner(kMarket);
  world().start_node();
  const Asked asked = mention_and_await_question(world());
  world().owner().send(asked.asker, "yes " + asked.code);
  expect_told_once(world(), asked.mention);
}

}  // namespace
}  // namespace e2e
