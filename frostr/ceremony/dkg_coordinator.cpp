// The coordinating side of a key generation.
#include <algorithm>

#include "frostr/ceremony/dkg_session.h"
#include "nostr/base/log.h"

namespace frostr {

using base::Errc;
using Type = CeremonyMessage::Type;

DkgCoordinator::DkgCoordinator(chilldkg::SessionParams params)
    : params_(std::move(params)), parties_(params_.participants()) {}

std::vector<DkgCoordinator::Outgoing> DkgCoordinator::receive(std::size_t from,
                                                              const CeremonyMessage& message) {
  if (message.type == Type::kDone || (message.type == Type::kAbort && failure_)) {
    parties_[from].knows_the_end = complete() || failure_;
    return {};
  }
  if (failure_) return {};
  const bool had_dealt = dealt_.has_value();
  const bool had_certified = certified_.has_value();
  const bool was_complete = complete();
  switch (message.type) {
    case Type::kRound1:
      take_round1(from, message);
      break;
    case Type::kRound2:
      take_round2(from, message);
      break;
    case Type::kAck:
      take_ack(from, message);
      break;
    case Type::kComplaint: {
      if (!dealt_) return {};
      std::vector<base::Bytes> first;
      for (const Party& party : parties_) first.push_back(*party.round1);
      auto evidence = chilldkg::Coordinator::investigate(params_, first);
      if (!evidence) return {};
      return {{from, {Type::kEvidence, std::move((*evidence)[from]), {}}}};
    }
    case Type::kAbort:
      if (!certified_)
        give_up({Errc::kPeer,
                 party_name(from) + " gave up: " + base::escape_for_terminal(message.text),
                 {}});
      break;
    case Type::kDone:
    case Type::kDealings:
    case Type::kCertificate:
    case Type::kEvidence:
    case Type::kDealing:
    case Type::kSum:
    case Type::kConfirm:
    case Type::kRenewed:
      return {};
  }
  // Only what is new is worth sending before the next repeat.
  const bool news = failure_ || had_dealt != dealt_.has_value() ||
                    had_certified != certified_.has_value() || was_complete != complete();
  return news ? repeat() : std::vector<Outgoing>{};
}

void DkgCoordinator::take_round1(std::size_t from, const CeremonyMessage& message) {
  std::optional<base::Bytes>& kept = parties_[from].round1;
  if (kept && *kept != message.data)
    return give_up({Errc::kPeer,
                    party_name(from) + " sent two different first messages",
                    "it may have been started again without its state file"});
  kept = message.data;
  if (dealt_ || !std::ranges::all_of(parties_, [](const Party& p) { return p.round1.has_value(); }))
    return;
  std::vector<base::Bytes> first;
  for (const Party& party : parties_) first.push_back(*party.round1);
  auto dealt = chilldkg::Coordinator::start(params_, first);
  if (!dealt) return give_up(to_error(dealt.error()));
  dealt_ = *std::move(dealt);
}

void DkgCoordinator::take_round2(std::size_t from, const CeremonyMessage& message) {
  if (!dealt_ || certified_) return;
  parties_[from].round2 = message.data;
  if (!std::ranges::all_of(parties_, [](const Party& p) { return p.round2.has_value(); })) return;
  std::vector<base::Bytes> signatures;
  for (const Party& party : parties_) signatures.push_back(*party.round2);
  auto certified = dealt_->finish(signatures);
  if (!certified) return give_up(to_error(certified.error()));
  certified_ = *std::move(certified);
}

void DkgCoordinator::take_ack(std::size_t from, const CeremonyMessage& message) {
  const auto signature = nostr::Signature::from_bytes(message.data);
  if (!certified_ || parties_[from].acknowledged || !signature) return;
  if (!chilldkg::check_acknowledgement(params_, from, certified_->finished.recovery_data,
                                       *signature))
    return;
  parties_[from].acknowledged = true;
  ++acks_;
}

void DkgCoordinator::give_up(base::Error error) {
  if (!failure_) failure_ = std::move(error);
}

std::vector<DkgCoordinator::Outgoing> DkgCoordinator::repeat() const {
  std::vector<Outgoing> out;
  for (std::size_t to = 0; to < parties_.size(); ++to) {
    if (parties_[to].knows_the_end) continue;
    if (failure_) {
      out.push_back({to, {Type::kAbort, {}, failure_->detail}});
    } else if (complete()) {
      out.push_back({to, {Type::kDone, {}, {}}});
    } else if (!parties_[to].acknowledged) {
      if (dealt_) out.push_back({to, {Type::kDealings, dealt_->message(), {}}});
      if (certified_) out.push_back({to, {Type::kCertificate, certified_->certificate, {}}});
    }
  }
  return out;
}

bool DkgCoordinator::all_know_the_end() const {
  return std::ranges::all_of(parties_, &Party::knows_the_end);
}

std::string DkgCoordinator::waiting_for() const {
  std::string out;
  for (std::size_t id = 0; id < parties_.size(); ++id) {
    const Party& party = parties_[id];
    const bool spoke = certified_ ? party.acknowledged
                       : dealt_   ? party.round2.has_value()
                                  : party.round1.has_value();
    if (!spoke) out += (out.empty() ? "" : ", ") + party_name(id);
  }
  return out;
}

}  // namespace frostr
