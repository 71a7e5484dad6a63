// chain-v1 and the verdicts on it.
#include "nipsa/chain.h"

#include <algorithm>
#include <map>

#include "nipsa/trajectory.h"

namespace nipsa {

namespace {

constexpr std::size_t kMaxListed = 100;    // missing seqs named in a result
constexpr std::size_t kMaxBranches = 256;  // forks followed before giving up

struct Step {
  nostr::EventId id;
  std::optional<nostr::EventId> previous;
  std::string content;
};
/// Steps of one writer by seq; more than one for a seq is a fork.
using Steps = std::map<std::uint32_t, std::vector<Step>>;

Steps collect(const ChainClaim& claim, const std::vector<nostr::Event>& events) {
  Steps out;
  for (const nostr::Event& event : events) {
    if (event.kind != kinds::kTrajectoryEvent || event.pubkey != claim.writer) continue;
    const auto step = parse_trajectory_step(event);
    if (!step || step->session.d != claim.session_d || step->session.pubkey != claim.agent)
      continue;
    const auto known = out.find(step->seq);
    if (known != out.end() &&
        std::ranges::find(known->second, event.id, &Step::id) != known->second.end())
      continue;  // a second copy
    if (!nostr::check(event)) continue;
    out[step->seq].push_back({event.id, step->previous, event.content});
  }
  return out;
}

std::vector<std::uint32_t> missing_of(const Steps& steps, std::uint32_t count) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t seq = 1; seq <= count && seq != 0 && out.size() < kMaxListed; ++seq)
    if (!steps.contains(seq)) out.push_back(seq);
  return out;
}

std::uint32_t first_fork(const Steps& steps, std::uint32_t count) {
  for (const auto& [seq, candidates] : steps)
    if (seq <= count && candidates.size() > 1) return seq;
  return 0;
}

/// One way through the forks: the hash so far and the id the next reply link must name.
struct Branch {
  nostr::Sha256 hash;
  std::optional<nostr::EventId> last;
};

/// How many branches whose reply links hold end in the claimed hash.
std::size_t matching_branches(const ChainClaim& claim, const Steps& steps) {
  std::vector<Branch> branches{{chain_start(claim.agent, claim.session_d), std::nullopt}};
  for (std::uint32_t seq = 1; seq <= claim.count; ++seq) {
    std::vector<Branch> next;
    for (const Branch& branch : branches)
      for (const Step& step : steps.at(seq))
        if (step.previous == branch.last && next.size() < kMaxBranches)
          next.push_back({chain_extend(branch.hash, step.id), step.id});
    branches = std::move(next);
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(branches, [&](const Branch& b) { return b.hash == claim.hash; }));
}

ChainVerdict judge_chain(const ChainClaim& claim, const Steps& steps, std::uint32_t fork) {
  const std::size_t matches = matching_branches(claim, steps);
  if (matches == 1) return ChainVerdict::kValid;
  return fork != 0 ? ChainVerdict::kForked : ChainVerdict::kMismatch;
}

ChainVerdict judge_contents(const ChainClaim& claim, const Steps& steps, std::uint32_t fork) {
  if (fork != 0) return ChainVerdict::kForked;
  std::vector<std::string> contents;
  for (std::uint32_t seq = 1; seq <= claim.count; ++seq)
    contents.push_back(steps.at(seq).front().content);
  const auto hash = content_join(contents);
  return hash && *hash == claim.hash ? ChainVerdict::kValid : ChainVerdict::kMismatch;
}

}  // namespace

nostr::Sha256 chain_start(const nostr::PublicKey& agent, std::string_view session_d) {
  std::string text = "nip-sa:trajectory:v1\n" + agent.hex() + "\n";
  text.append(session_d).push_back('\n');
  return nostr::sha256(text);
}

nostr::Sha256 chain_extend(const nostr::Sha256& link, const nostr::EventId& id) {
  std::array<std::uint8_t, 64> both;
  std::ranges::copy(link.view(), both.begin());
  std::ranges::copy(id.view(), both.begin() + 32);
  return nostr::sha256(base::ByteView(both));
}

Result<nostr::Sha256> content_join(const std::vector<std::string>& contents) {
  if (contents.empty()) return fail(Code::kChain, "no contents to hash");
  std::string text = contents[0];
  for (std::size_t i = 1; i < contents.size(); ++i) text += "\n" + contents[i];
  return nostr::sha256(text);
}

std::string_view chain_verdict_name(ChainVerdict verdict) {
  switch (verdict) {
    case ChainVerdict::kValid:
      return "valid";
    case ChainVerdict::kIncomplete:
      return "incomplete";
    case ChainVerdict::kForked:
      return "forked";
    case ChainVerdict::kMismatch:
      return "mismatch";
    case ChainVerdict::kUnknownAlg:
      return "unknown-alg";
  }
  return "";
}

ChainResult verify_chain(const ChainClaim& claimed, const std::vector<nostr::Event>& events) {
  ChainClaim claim = claimed;
  ChainResult out;
  out.alg = claim.alg.empty() ? std::string(kChainV1) : claim.alg;
  if (out.alg != kChainV1 && out.alg != kContentJoin) {
    out.verdict = ChainVerdict::kUnknownAlg;
    return out;
  }
  const Steps steps = collect(claim, events);
  out.count = static_cast<std::uint32_t>(steps.size());
  if (claim.alg.empty() && claim.count == 0) claim.count = out.count;  // older writers give neither
  out.missing = missing_of(steps, claim.count);
  if (!out.missing.empty()) {
    out.verdict = ChainVerdict::kIncomplete;
    return out;
  }
  out.forked_at = first_fork(steps, claim.count);
  out.verdict = out.alg == kChainV1 ? judge_chain(claim, steps, out.forked_at)
                                    : judge_contents(claim, steps, out.forked_at);
  if (claim.alg.empty() && out.verdict == ChainVerdict::kMismatch &&
      judge_contents(claim, steps, out.forked_at) == ChainVerdict::kValid) {
    out.verdict = ChainVerdict::kValid;
    out.alg = kContentJoin;
  }
  return out;
}

}  // namespace nipsa
