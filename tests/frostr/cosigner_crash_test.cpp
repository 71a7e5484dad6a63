// A co-signer killed between its commit and its partial: the nonce is gone, the approval is bound,
// and the event that was approved can still be signed.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/frostr/party.h"

namespace frostr {
namespace {

using testing::Cast;
using testing::kNow;
using testing::must;
using testing::Party;
using testing::ScriptedBook;

constexpr ShareIndex kNode{1};
constexpr ShareIndex kMarket{2};

/// One whole request by a fresh node to `market`; the reject's text, or "(signed)".
std::string request_signature(Cast& cast, Party& market, const nostr::UnsignedEvent& event) {
  Party node(cast, 1, Policy{});
  node.nonces.receive(kMarket, must(market.nonces.top_up(kNode, 0, kNow)));
  const auto session = must(SigningSession::create(
      cast.group(), node.share, node.nonces, {{kMarket, *node.nonces.next(kMarket)}},
      nostr::Sha256(nostr::compute_id(event).array()), nostr::to_json(event), std::nullopt, kNow));
  const auto reply = testing::reply_of(
      market.cosigner.handle(kNode, {new_rpc_id(cast.rng), "sign", {to_params(session.request())}},
                             kNow, Cosigner::Look::kFirst));
  const auto* reject = std::get_if<RpcReject>(&reply);
  return reject != nullptr ? reject->reason : "(signed)";
}

TEST(CosignerCrash, WhatWasCommittedHoldsAfterTheKill) {
#ifndef SOVEREIGN_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#else
  const auto path = std::filesystem::path(::testing::TempDir()) /
                    ("cosigner_crash_" + std::to_string(::getpid()) + ".db");
  Cast cast;
  const auto event = cast.note("approved once");
  ScriptedBook book;
  book.words[nipsa::event_digest(event)] = {OperatorWord::kApproved,
                                            nostr::EventId(cast.rng.bytes<32>())};

  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("SOVEREIGN_FAILPOINT", "cosign.spent", 1);
    Party market(cast, 2, cast.policy(), &book, path);
    (void)request_signature(cast, market, event);
    ::_exit(0);  // the failpoint did not strike
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));

  // The child drew from its own copy of the generator; ours must not repeat its codes.
  (void)cast.rng.bytes<32>();
  Party market(cast, 2, cast.policy(), &book, path);
  const auto count = [&](storage::NonceState state) {
    return must(market.ledger.count(storage::NonceSide::kIssued, 1, state));
  };
  EXPECT_EQ(count(storage::NonceState::kSpent), 1);
  EXPECT_GT(must(market.nonces.forget_earlier(kNow)), 0);
  EXPECT_EQ(count(storage::NonceState::kReady), 0);
  EXPECT_EQ(count(storage::NonceState::kSpent), 1);

  auto restamped = event;
  restamped.created_at += base::seconds(1);
  EXPECT_TRUE(request_signature(cast, market, restamped).starts_with("refused:already-consumed"));
  EXPECT_EQ(request_signature(cast, market, event), "(signed)");
  EXPECT_EQ(count(storage::NonceState::kSpent), 2);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(path.string() + suffix);
#endif
}

}  // namespace
}  // namespace frostr
