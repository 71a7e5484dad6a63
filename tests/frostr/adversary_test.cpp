// Known attacks on threshold signing over relays, each played against our co-signer and requester:
// every one ends in a reject and a line of the audit, and spends nothing.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "frostr/own_mode.h"
#include "frostr/wire/transport.h"
#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;
using testing::reject_of;
using testing::reply_of;
using Look = Cosigner::Look;

constexpr ShareIndex kThief{1};  // holds a share, and the policy lets it ask
constexpr ShareIndex kMarket{2};
constexpr ShareIndex kGuardian{3};

Policy allowing(const Cast& cast) {
  Policy policy = cast.policy();
  policy.kinds[1].verdict = Rule::kSign;
  policy.max_per_hour = 1'000'000;
  return policy;
}

/// Share 1 in the wrong hands, against the co-signer of share 2.
class Adversary : public ::testing::Test {
 protected:
  Adversary() : thief_(cast_, 1, Policy{}), market_(cast_, 2, allowing(cast_)) {}

  WireNonce fresh_nonce() {
    if (stock_.empty()) stock_ = must(market_.nonces.top_up(kThief, 0, kNow));
    const WireNonce nonce = stock_.back();
    stock_.pop_back();
    return nonce;
  }
  SigningSession session(const nostr::UnsignedEvent& event) {
    return must(SigningSession::create(cast_.group(), thief_.share, thief_.nonces,
                                       {{kMarket, fresh_nonce()}},
                                       nostr::Sha256(nostr::compute_id(event).array()),
                                       nostr::to_json(event), std::nullopt, kNow));
  }
  std::string say(const RpcRequest& request, ShareIndex from = kThief, UnixTime now = kNow) {
    return reject_of(market_.cosigner.handle(from, request, now, Look::kFinal));
  }
  RpcRequest rpc(std::string method, std::string params) {
    return {new_rpc_id(cast_.rng), std::move(method), {std::move(params)}};
  }
  std::string ask(const SignRequest& request) { return say(rpc("sign", to_params(request))); }

  std::int64_t spent() { return in_state(storage::NonceState::kSpent); }
  std::int64_t in_state(storage::NonceState state) {
    return must(market_.ledger.count(storage::NonceSide::kIssued, 1, state));
  }
  std::int64_t audited() { return must(storage::AuditLog(*market_.db).verify()); }
  storage::AuditEntry last_audit() { return must(storage::AuditLog(*market_.db).tail(1)).at(0).entry; }

  Cast cast_;
  Party thief_;
  Party market_;
  std::vector<WireNonce> stock_;
};

// --- sign --------------------------------------------------------------------------------------

TEST_F(Adversary, EverySessionThatIsNotWhatItClaimsIsRefusedAuditedAndCostsItsNonce) {
  struct Attack {
    std::string name;
    std::string word;  // what the reject starts with
    std::function<void(SignRequest&)> spoil;
    bool sign_anew = true;  // with a sid that fits what was spoilt
  };
  const auto set_members = [](std::vector<std::uint32_t> list) {
    return [list](SignRequest& r) {
      r.members.clear();
      for (const std::uint32_t idx : list) r.members.push_back({idx});
    };
  };
  const std::vector<Attack> attacks{
      {"one nonce pair under two hashes", "refused:one-hash-only",
       [](SignRequest& r) { r.hashes.push_back({nostr::sha256("another"), {}}); }},
      {"the same hash twice", "refused:one-hash-only",
       [](SignRequest& r) { r.hashes.push_back(r.hashes.front()); }},
      {"no hash at all", "refused:", [](SignRequest& r) { r.hashes.clear(); }},
      {"a hash that is not the event's", "refused:wrong-sighash",
       [](SignRequest& r) { r.hashes.front().sighash = nostr::sha256("meant"); }},
      {"a tweaked key", "refused:tweaks",
       [](SignRequest& r) { r.hashes.front().tweaks = {Scalar::from_u32(7)}; }},
      {"a session of another group", "refused:gid", [](SignRequest& r) { r.gid = GroupId{}; }},
      {"a session id that covers something else", "refused:sid",
       [](SignRequest& r) { r.sid = SessionId{}; }, false},
      {"a recorded session, later", "refused:stamp", [](SignRequest& r) { r.stamp -= 301; }},
      {"the co-signer alone", "refused:members", set_members({2})},
      {"without the requester", "refused:members", set_members({2, 3})},
      {"without the co-signer", "refused:members", set_members({1, 3})},
      {"one member twice", "refused:members", set_members({1, 2, 2})},
      {"members out of order", "refused:members", set_members({2, 1})},
      {"a member nobody knows", "refused:members", set_members({1, 2, 9})},
      {"index zero", "refused:", set_members({0, 1, 2})},
      {"two nonces of one member", "refused:nonces",
       [](SignRequest& r) { r.nonces.push_back(r.nonces.front()); }},
      {"a nonce of nobody", "refused:nonces", [](SignRequest& r) { r.nonces.front().idx = kGuardian; }},
      {"our code with points of the requester's making", "refused:nonces",
       [](SignRequest& r) { r.nonces[1].nonce.commitment = r.nonces[0].nonce.commitment; }},
      {"our points with their order changed", "refused:nonces",
       [](SignRequest& r) {
         auto& commitment = r.nonces[1].nonce.commitment;
         std::swap(commitment.hiding, commitment.binding);
       }},
      {"our point with the other parity", "refused:nonces",
       [](SignRequest& r) {
         auto& commitment = r.nonces[1].nonce.commitment;
         commitment.hiding = commitment.hiding.negated();
       }},
      {"a bare hash", "refused:blind", [](SignRequest& r) { r.content.reset(); }},
      {"an event of somebody else", "refused:",
       [&](SignRequest& r) {
         auto event = cast_.note("not the group's");
         event.pubkey = cast_.runner.public_key();
         const std::string json = nostr::to_json(event);
         r.content = base::Bytes(json.begin(), json.end());
         r.hashes.front().sighash = nostr::Sha256(nostr::compute_id(event).array());
       }},
  };
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(attack.name);
    SignRequest request = session(cast_.note(attack.name)).request();
    const std::string code = request.nonces[1].nonce.code.hex();
    const std::int64_t before = audited();
    attack.spoil(request);
    if (attack.sign_anew) request.sid = compute_session_id(request);
    const std::string word = ask(request);
    EXPECT_TRUE(word.starts_with(attack.word)) << word;
    EXPECT_EQ(audited(), before + 1);
    EXPECT_EQ(last_audit().verdict, "refused");
    const auto row = must(market_.ledger.find(storage::NonceSide::kIssued, 1, code));
    ASSERT_TRUE(row);
    EXPECT_NE(row->state, storage::NonceState::kSpent);
  }
  EXPECT_EQ(spent(), 0);
}

TEST_F(Adversary, PointsOffTheCurveAndScalarsOutOfRangeAreMalformed) {
  const std::string good = to_params(session(cast_.note("x")).request());
  const auto with = [&](const std::function<void(base::json::Value&)>& spoil) {
    auto body = must(base::json::parse(good));
    spoil(body);
    return say(rpc("sign", base::json::dump(body)));
  };
  const std::string off_curve = "02" + std::string(62, '0') + "05";  // x = 5 has no point
  const std::string zero_point = std::string(66, '0');
  for (const std::string& point : {off_curve, zero_point, std::string("02ff"), std::string()})
    for (const char* member : {"hidden_pn", "binder_pn"})
      EXPECT_TRUE(with([&](auto& body) { body["nonces"][0][member] = point; })
                      .starts_with("refused:malformed"))
          << member << " " << point;
  EXPECT_TRUE(with([](auto& body) { body["hashes"][0].push_back(std::string(64, 'f')); })
                  .starts_with("refused:malformed"));
  EXPECT_TRUE(with([](auto& body) { body["members"][0] = -1; }).starts_with("refused:malformed"));
  EXPECT_TRUE(with([](auto& body) { body["stamp"] = 1e300; }).starts_with("refused:malformed"));
  EXPECT_EQ(spent(), 0);
}

TEST_F(Adversary, ASpentCodeSignsNothingElseUnderAnyRequestId) {
  const auto first = session(cast_.note("first"));
  ASSERT_EQ(ask(first.request()), "(accepted)");
  EXPECT_EQ(spent(), 1);
  const WireNonce used = first.request().nonces[1].nonce;
  for (const char* text : {"second", "third"}) {
    auto next = session(cast_.note(text)).request();
    next.nonces[1].nonce = used;
    EXPECT_EQ(ask(next), "retry:unknown-nonce");
    EXPECT_EQ(last_audit().verdict, "retry");
  }
  EXPECT_EQ(spent(), 1);
}

TEST_F(Adversary, ARefusedCodeIsNotGoodForABetterRequestLater) {
  auto bad = session(cast_.note("x")).request();
  const auto good = bad;
  bad.hashes.push_back({nostr::sha256("another"), {}});
  bad.sid = compute_session_id(bad);
  ASSERT_TRUE(ask(bad).starts_with("refused:one-hash-only"));
  EXPECT_EQ(ask(good), "retry:unknown-nonce");
}

TEST_F(Adversary, AnotherMembersCodesCannotBeBurnt) {
  const WireNonce nonce = fresh_nonce();
  Policy policy = allowing(cast_);
  policy.requesters.push_back({3, std::nullopt, false});
  market_.cosigner.set_policy(policy);
  auto stolen = session(cast_.note("x")).request();
  stolen.members = {kMarket, kGuardian};
  stolen.nonces = {{kMarket, nonce}, {kGuardian, stolen.nonces.front().nonce}};
  stolen.sid = compute_session_id(stolen);
  EXPECT_EQ(say(rpc("sign", to_params(stolen)), kGuardian), "retry:unknown-nonce");
  EXPECT_NE(market_.nonces.find(kThief, nonce.code), nullptr) << "the owner still has it";
}

// --- the requester's side ----------------------------------------------------------------------

/// A 3-of-5 session whose coordinator is member 1.
struct BigSession {
  BigSession() : rng(5), dealt(must(deal(rng, 3, 5))) {
    for (std::uint32_t i = 1; i <= 5; ++i) pairs.push_back(NoncePair::generate(dealt.shares[i - 1], rng));
    db = must(storage::open_database(":memory:"));
    ledger.emplace(*db);
    pool.emplace(dealt.shares[0], *ledger, rng);
    session.emplace(must(SigningSession::create(
        dealt.group, dealt.shares[0], *pool, {{{2}, nonce(2)}, {{4}, nonce(4)}}, nostr::sha256("m"),
        std::nullopt, std::nullopt, kNow)));
  }
  WireNonce nonce(std::uint32_t idx) {
    return {NonceCode(rng.bytes<32>()), pairs[idx - 1].commitment()};
  }
  SignAnswer answer(std::uint32_t idx) {
    const SignRequest& request = session->request();
    std::vector<Signer> signers;
    for (const MemberNonce& entry : request.nonces) signers.push_back({entry.idx, entry.nonce.commitment});
    const auto context = must(SigningContext::create(KeyContext(dealt.group.group_pk()),
                                                     request.hashes[0].sighash.view(), signers));
    SignAnswer out{{idx}, dealt.group.find(ShareIndex{idx})->pubkey, request.sid, {}, {}, {}};
    for (const MemberNonce& entry : request.nonces)
      if (entry.idx.value == idx) out.nonce_code = entry.nonce.code;
    out.psigs = {{request.hashes[0].sighash,
                  must(context.sign_partial(std::move(pairs[idx - 1]), dealt.shares[idx - 1]))}};
    return out;
  }

  base::SeededRng rng;
  Dealt dealt;
  std::vector<NoncePair> pairs;
  std::unique_ptr<storage::Db> db;
  std::optional<storage::NonceLedger> ledger;
  std::optional<NoncePool> pool;
  std::optional<SigningSession> session;
};

TEST(AdversaryCosigner, OneMemberAnsweringTwiceIsNotTwoMembers) {
  BigSession big;
  const SignAnswer answer = big.answer(2);
  EXPECT_EQ(must(big.session->on_answer({2}, answer)), std::nullopt);
  for (const ShareIndex under : {ShareIndex{2}, ShareIndex{4}}) {
    const auto again = big.session->on_answer(under, answer);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, base::Errc::kPeer);
  }
}

TEST(AdversaryCosigner, ANegatedPartialIsCaughtAndItsMemberNamed) {
  BigSession big;
  EXPECT_EQ(must(big.session->on_answer({2}, big.answer(2))), std::nullopt);
  SignAnswer wrong = big.answer(4);
  wrong.psigs.front().z = wrong.psigs.front().z.negated();
  const auto result = big.session->on_answer({4}, wrong);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, base::Errc::kCrypto);
  EXPECT_NE(result.error().detail.find("member 4"), std::string::npos) << result.error().detail;
}

// --- secrets -----------------------------------------------------------------------------------

TEST_F(Adversary, NoEcdhOracleForMembersOrBlindedPointsOrBorrowedProofs) {
  const auto claim = cast_.claim();
  must(market_.cosigner.facts().events().insert(claim, kNow));
  const auto ask_for = [&](const nostr::PublicKey& target, const std::string& purpose,
                           std::vector<nostr::Event> proof) {
    const auto session = must(EcdhSession::create(cast_.group(), thief_.share, {kMarket},
                                                  must(EcdhTarget::from_key(target)),
                                                  EcdhReason{purpose, claim.id.hex(), std::move(proof)}));
    return say(rpc("ecdh", to_params(session.request())));
  };
  const Point guardian = cast_.group().find(kGuardian)->pubkey;
  const nostr::PublicKey market = cast_.group().find(kMarket)->identity();
  // Whoever gets s·(Y + r·G) has s·Y: the blinded point looks like nobody's.
  const nostr::PublicKey blinded = must(guardian.plus_base_vartime(Scalar::from_u32(77))).x_only();
  const nostr::PublicKey doubled = must(guardian.times_vartime(Scalar::from_u32(2))).x_only();
  const auto anybody = nostr::SecretKey::generate(cast_.rng);
  const auto proof = nostr::sign_event({.kind = 1, .created_at = kNow, .content = "me"}, anybody, cast_.rng);
  auto forged = proof;
  forged.pubkey = blinded;
  std::int64_t rows = audited();
  for (const auto& [name, target, purpose, events] :
       std::vector<std::tuple<const char*, nostr::PublicKey, const char*, std::vector<nostr::Event>>>{
           {"a member", guardian.x_only(), "self", {}},
           {"a member with a proof", guardian.x_only(), "proven", {proof}},
           {"the co-signer itself", market, "self", {}},
           {"a blinded member", blinded, "self", {}},
           {"a blinded member, proven by somebody else", blinded, "proven", {proof}},
           {"a blinded member, proven by a forgery", blinded, "proven", {forged}},
           {"a multiple of a member", doubled, "proven", {}}}) {
    const std::string word = ask_for(target, purpose, events);
    EXPECT_TRUE(word.starts_with("refused:")) << name << ": " << word;
    EXPECT_EQ(audited(), ++rows) << name;
  }
}

// --- forged transport --------------------------------------------------------------------------

TEST_F(Adversary, ForgedEventsAndBorrowedKeysAreNotOpened) {
  const auto transport = must(cast_.share(1).transport_key());
  const auto market = must(cast_.share(2).transport_key());
  const auto text = must(to_text(rpc("ping", "ping")));
  auto event = must(seal_message(transport, market.public_key(), text, kNow, cast_.rng));
  ASSERT_TRUE(open_message(event, market, cast_.group(), kNow));
  auto altered = event;
  altered.content.back() = altered.content.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(open_message(altered, market, cast_.group(), kNow).error().code, base::Errc::kCrypto);
  auto renamed = event;
  renamed.pubkey = cast_.group().find(kGuardian)->identity();
  EXPECT_EQ(open_message(renamed, market, cast_.group(), kNow).error().code, base::Errc::kCrypto);
  EXPECT_EQ(open_message(event, market, cast_.group(), kNow + base::seconds(121)).error().code,
            base::Errc::kTimeout);
  const auto stranger = must(seal_message(cast_.runner, market.public_key(), text, kNow, cast_.rng));
  EXPECT_EQ(open_message(stranger, market, cast_.group(), kNow).error().code, base::Errc::kDenied);
}

/// Two members in our own mode, as pings would have introduced them.
class AdversaryApart : public Adversary {
 protected:
  AdversaryApart() {
    own_ = mode(*market_.db, 2);
    market_.cosigner.set_own_mode(own_.get());
  }
  std::unique_ptr<OwnMode> mode(storage::Db& db, std::uint32_t idx, UnixTime now = kNow) {
    return must(OwnMode::begin(db, cast_.group(), cast_.share(idx),
                               nostr::SecretKey::generate(cast_.rng), now, cast_.rng));
  }
  void tell(const PeerNotes& notes, std::span<const WireNonce> nonces = {}, ShareIndex from = kThief) {
    base::json::Value body = base::json::Value::object();
    notes.add_to(body);
    must(market_.cosigner.take_notes(from, body, nonces, kNow));
  }
  std::unique_ptr<OwnMode> own_;
};

TEST_F(AdversaryApart, ATransportKeyIsPinnedOnlyUnderItsOwnersShareAndByItsHolder) {
  const auto thief = mode(*thief_.db, 1);
  const Hello honest = thief->hello();
  EXPECT_FALSE(must(own_->on_hello(kGuardian, honest))) << "said by somebody else";
  auto moved = honest;
  moved.member = kGuardian;
  EXPECT_FALSE(must(own_->on_hello(kGuardian, moved))) << "the voucher is another share's";
  // A member vouches for a key that is not its own: without that key's proof it gets nowhere.
  const auto share = must(cast_.share(3).transport_key());
  Hello claimed = make_hello(cast_.group(), kGuardian, share, nostr::SecretKey::generate(cast_.rng),
                             honest.boot, honest.life, cast_.rng);
  claimed.key = honest.key;
  EXPECT_FALSE(must(own_->on_hello(kGuardian, claimed)));
  EXPECT_EQ(own_->pinned(kGuardian), nullptr);

  EXPECT_TRUE(must(own_->on_hello(kThief, honest)));
  must(thief->begin_again(kNow));
  EXPECT_TRUE(must(own_->on_hello(kThief, thief->hello())));
  EXPECT_FALSE(must(own_->on_hello(kThief, honest))) << "an older life does not come back";
  EXPECT_EQ(own_->pinned(kThief)->boot, thief->hello().boot);
}

TEST_F(AdversaryApart, NoncesOfAPinnedMemberNeedItsSignatureOverThisBatch) {
  const auto thief = mode(*thief_.db, 1);
  const auto batch = must(Party(cast_, 1, Policy{}).nonces.top_up(kMarket, 0, kNow));
  PeerNotes notes{.own = thief->hello()};
  tell(notes, batch);
  EXPECT_EQ(market_.nonces.available(kThief), 0U) << "unsigned";
  notes.batch = thief->sign_batch(kGuardian, batch);
  tell(notes, batch);
  EXPECT_EQ(market_.nonces.available(kThief), 0U) << "signed for another member";
  notes.batch = thief->sign_batch(kMarket, batch);
  auto altered = batch;
  std::swap(altered[0].commitment, altered[1].commitment);
  tell(notes, altered);
  EXPECT_EQ(market_.nonces.available(kThief), 0U) << "altered on the way";
  tell(notes, batch);
  EXPECT_EQ(market_.nonces.available(kThief), batch.size());
}

TEST_F(AdversaryApart, MessagesApartAreOpenedFromPinnedKeysOnly) {
  const auto thief = mode(*thief_.db, 1);
  Transport ours(own_->transport().clone(), kMarket);
  Transport theirs(thief->transport().clone(), kThief);
  theirs.pin(kMarket, own_->hello().key);
  const auto event = must(theirs.seal(own_->hello().key, "hello there", kNow, cast_.rng));
  EXPECT_TRUE(base::base64_decode(event.content)) << "NIP-44 as it is written";
  EXPECT_EQ(ours.open_verified(event, kNow).error().code, base::Errc::kDenied);
  ours.pin(kThief, thief->hello().key);
  EXPECT_EQ(must(ours.open_verified(event, kNow)).from, kThief);
  ours.pin(kThief, nostr::SecretKey::generate(cast_.rng).public_key());
  EXPECT_EQ(ours.open_verified(event, kNow).error().code, base::Errc::kDenied) << "its key of before";
}

// --- restored homes ----------------------------------------------------------------------------

TEST_F(AdversaryApart, ARestoredSnapshotOfTheWholeHomeIsFoundOutByWhatPeersSaw) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "adversary_restore";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto home = folder / "home.db";
  const auto run = [&](UnixTime now) {
    auto db = must(storage::open_database(home));
    return mode(*db, 2, now)->hello();
  };
  const Hello first = run(kNow);
  const auto snapshot = folder / "snapshot.db";
  std::filesystem::copy_file(home, snapshot);
  const Hello second = run(kNow + base::seconds(100));
  EXPECT_GT(second.life, first.life);
  std::filesystem::copy_file(snapshot, home, std::filesystem::copy_options::overwrite_existing);

  Party restored(cast_, 2, allowing(cast_), nullptr, home);
  const auto own = mode(*restored.db, 2, kNow + base::seconds(200));
  restored.cosigner.set_own_mode(own.get());
  const Hello third = own->hello();
  must(restored.nonces.top_up(kThief, 0, kNow));
  const auto see = [&](const Hello& hello) {
    base::json::Value body = base::json::Value::object();
    PeerNotes{.seen = hello}.add_to(body);
    must(restored.cosigner.take_notes(kThief, body, {}, kNow));
  };
  see(first);
  auto invented = second;
  invented.life += 1'000;
  see(invented);
  EXPECT_EQ(own->hello(), third) << "a run it remembers and one it never signed for prove nothing";
  EXPECT_GT(restored.nonces.issued(kThief), 0U);

  see(second);
  EXPECT_GT(own->hello().life, second.life);
  EXPECT_EQ(restored.nonces.issued(kThief), 0U) << "every nonce is dropped";
  const auto rows = must(storage::AuditLog(*restored.db).tail(1));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].entry.verdict, "doubt");
  const Hello fourth = own->hello();
  see(second);
  see(third);
  EXPECT_EQ(own->hello(), fourth) << "once is enough";
  std::filesystem::remove_all(folder);
}

TEST_F(AdversaryApart, AMachineThatWasAwayHoldsNoNonces) {
  using std::chrono::seconds;
  const std::chrono::steady_clock::time_point start{seconds(1'000)};
  EXPECT_FALSE(own_->clock_jumped(kNow, start));
  EXPECT_FALSE(own_->clock_jumped(kNow + seconds(3'600), start + seconds(3'600)));
  // Restored from a snapshot: the monotonic clock goes on, the time of day is an hour later.
  EXPECT_TRUE(own_->clock_jumped(kNow + seconds(7'300), start + seconds(3'700)));
  EXPECT_FALSE(own_->clock_jumped(kNow + seconds(7'301), start + seconds(3'701)));
}

// --- floods ------------------------------------------------------------------------------------

TEST_F(Adversary, AFloodFillsNeitherAuditNorLedgerAndTheNextHonestRequestIsSigned) {
  constexpr int kFlood = 2'000;
  for (int i = 0; i < kFlood; ++i)
    EXPECT_TRUE(say(rpc("sign", i % 2 == 0 ? "{" : "[]")).starts_with("refused:malformed"));
  const std::int64_t rows = audited();
  EXPECT_GE(rows, 200);
  EXPECT_LE(rows, 210) << "the rest is counted";
  ASSERT_EQ(ask(session(cast_.note("honest")).request()), "(accepted)");
  EXPECT_EQ(audited(), rows + 1) << "what is signed is always written";
}

TEST_F(Adversary, NoncesAreNotHandedOutForEver) {
  std::size_t given = 0;
  for (int i = 0; i < 2'000; ++i) given += must(market_.nonces.top_up(kThief, 0, kNow)).size();
  const NoncePoolOptions limits;
  EXPECT_EQ(given, limits.burst);
  EXPECT_LE(market_.nonces.issued(kThief), 2 * limits.size);
  EXPECT_FALSE(must(market_.nonces.top_up(kThief, 0, kNow + base::seconds(1))).empty());
}

}  // namespace
}  // namespace frostr
