// What co-signer tests share: a dealt 2-of-3 group, and members with a database, nonces and a
// co-signer each, driven by hand.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "frostr/cosigner.h"
#include "frostr/reject.h"
#include "frostr/signing_session.h"
#include "nipsa/approval.h"
#include "nipsa/digest.h"
#include "nipsa/tick.h"
#include "nostr/event/event_json.h"
#include "storage/schema.h"

namespace frostr::testing {

inline const UnixTime kNow = base::unix_time(1'760'000'000);

template <class T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << base::errc_name(result.error().code) << ": " << result.error().detail;
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// Group, shares and the ordinary keys around it, all from one seed.
struct Cast {
  explicit Cast(std::uint64_t seed = 1, std::uint32_t threshold = 2, std::uint32_t members = 3)
      : rng(seed),
        dealt(must(deal(rng, threshold, members))),
        runner(nostr::SecretKey::generate(rng)),
        operator_key(nostr::SecretKey::generate(rng)),
        service(nostr::SecretKey::generate(rng)) {}

  const GroupPackage& group() const { return dealt.group; }
  const SecretShare& share(std::uint32_t idx) const { return dealt.shares.at(idx - 1); }

  /// A policy under which member 1, run by `runner`, may ask.
  Policy policy() const {
    Policy out;
    out.operators = {operator_key.public_key()};
    out.requesters = {{.idx = 1, .runner = runner.public_key()}};
    return out;
  }
  nostr::UnsignedEvent note(std::string text, UnixTime at = kNow, nostr::Kind kind = 1) const {
    return {group().identity(), at, kind, {}, std::move(text)};
  }
  nostr::Event claim(UnixTime at = kNow) {
    nipsa::TickRequest request;
    request.d = nipsa::random_d("tick-", rng);
    request.agent = group().identity();
    request.trigger = nipsa::TriggerName::kManual;
    request.slot = nipsa::slot_of_manual(rng);
    return nostr::sign_event(must(nipsa::build_tick_request(request, runner.public_key(), at)), runner, rng);
  }
  /// A 39213 by `author` about `digest`.
  nostr::Event decision(const nostr::SecretKey& author, const nostr::Sha256& digest, bool yes = true,
                        UnixTime at = kNow) {
    nipsa::ApprovalDecision decision;
    decision.request = nostr::EventId(rng.bytes<32>());
    decision.tick = nostr::EventId(rng.bytes<32>());
    decision.requester = runner.public_key();
    decision.decision = yes ? nipsa::Decision::kApproved : nipsa::Decision::kDenied;
    decision.agent = group().identity();
    decision.action = "publish";
    decision.action_hash = digest;
    decision.expires = at + base::seconds(600);
    return nostr::sign_event(must(nipsa::build_approval_decision(decision, at)), author, rng);
  }

  base::SeededRng rng;
  Dealt dealt;
  nostr::SecretKey runner;
  nostr::SecretKey operator_key;
  nostr::SecretKey service;
};

/// A desk that says what the test told it.
class ScriptedBook final : public ApprovalBook {
 public:
  base::Result<ApprovalFact> word_on(const nostr::Sha256& digest, UnixTime) override {
    const auto it = words.find(digest);
    return it == words.end() ? ApprovalFact{} : it->second;
  }
  base::Result<void> consume(const nostr::EventId& approval, const nostr::EventId& event, UnixTime) override {
    consumed.emplace_back(approval, event);
    return {};
  }
  std::size_t rendered_chars(const nostr::UnsignedEvent& event) override { return event.content.size(); }

  std::map<nostr::Sha256, ApprovalFact> words;
  std::vector<std::pair<nostr::EventId, nostr::EventId>> consumed;
};

/// One member on a database of its own.
struct Party {
  Party(Cast& cast, std::uint32_t idx, Policy policy, ApprovalBook* book = nullptr,
        const std::string& path = ":memory:")
      : share(cast.share(idx)),
        db(must(storage::open_database(path))),
        ledger(*db),
        nonces(share, ledger, cast.rng),
        peers(cast.group(), share.idx),
        cosigner(*db, cast.group(), share, nonces, peers, cast.rng, std::move(policy), book,
                 {.service = cast.service.public_key()}) {}

  const SecretShare& share;
  std::unique_ptr<storage::Db> db;
  storage::NonceLedger ledger;
  NoncePool nonces;
  PeerBook peers;
  Cosigner cosigner;
};

/// Text of the reply, parsed; aborts when there is none.
inline RpcMessage reply_of(Cosigner::Outcome outcome) {
  auto* reply = std::get_if<Cosigner::Reply>(&outcome);
  CHECK(reply != nullptr);
  return must(parse_rpc(reply->text));
}

inline std::string reject_of(Cosigner::Outcome outcome) {
  const RpcMessage message = reply_of(std::move(outcome));
  const auto* reject = std::get_if<RpcReject>(&message);
  return reject != nullptr ? reject->reason : "(accepted)";
}

}  // namespace frostr::testing
