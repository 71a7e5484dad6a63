// The hash that makes a trajectory tamper-evident, and its verification (nip-sa 3.10 "chain-v1").
#pragma once

#include "nipsa/reading.h"

namespace nipsa {

inline constexpr std::string_view kChainV1 = "chain-v1";
inline constexpr std::string_view kContentJoin = "content-join";

/// C0 of a session; extend() folds in one event id after another.
nostr::Sha256 chain_start(const nostr::PublicKey& agent, std::string_view session_d);
nostr::Sha256 chain_extend(const nostr::Sha256& link, const nostr::EventId& id);
/// The hash of older writers: SHA-256 of the contents joined by newlines. It binds neither author nor
/// time. E_CHAIN for no contents.
Result<nostr::Sha256> content_join(const std::vector<std::string>& contents);

enum class ChainVerdict { kValid, kIncomplete, kForked, kMismatch, kUnknownAlg };
std::string_view chain_verdict_name(ChainVerdict verdict);

struct ChainResult {
  ChainVerdict verdict = ChainVerdict::kMismatch;
  std::vector<std::uint32_t> missing;  ///< for kIncomplete; at most 100 are listed
  std::uint32_t forked_at = 0;         ///< for kForked: the first contested seq (also set when kValid
                                       ///< resolved a fork)
  std::string alg;                     ///< what was recomputed
  std::uint32_t count = 0;             ///< distinct steps of the writer that were found
};

/// What a session head, a result or a payment claims.
struct ChainClaim {
  nostr::PublicKey agent;
  std::string session_d;
  nostr::PublicKey writer;
  nostr::Sha256 hash;
  std::string alg;      ///< "" = try chain-v1, then content-join
  std::uint32_t count = 0;
};

/// Recomputes `claim` from `events` in any order, with duplicates and strangers' events among them;
/// only verified 39231 of the writer and this session count. Signatures are checked here.
ChainResult verify_chain(const ChainClaim& claim, const std::vector<nostr::Event>& events);

}  // namespace nipsa
