// The protocol of a renewal: who has heard what from whom, and when the old may go.
#include "frostr/ceremony/renewal_session.h"

#include <algorithm>

#include "nostr/base/log.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;
using Type = CeremonyMessage::Type;

namespace {

constexpr int kFarewells = 3;
constexpr std::size_t kSignature = 64;
constexpr std::size_t kNamedDealing = 32 + kSignature;  ///< of one dealer in a confirmation

/// HMAC in counter mode under a secret seed: what is dealt is the same after a restart.
class DerivedRng final : public base::Rng {
 public:
  explicit DerivedRng(const base::Secret<32>& seed) : seed_(seed.clone()) {}
  void fill(std::span<std::uint8_t> out) override {
    while (!out.empty()) {
      const auto block = nostr::hmac_sha256(seed_.expose(), base::as_bytes(std::to_string(counter_++)));
      const std::size_t n = std::min(out.size(), block.expose().size());
      std::copy_n(block.expose().begin(), n, out.begin());
      out = out.subspan(n);
    }
  }

 private:
  base::Secret<32> seed_;
  std::uint64_t counter_ = 0;
};

void append(base::Bytes& out, base::ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

RenewalSession::RenewalSession(RenewalRules rules, nostr::SecretKey host, std::size_t self,
                               std::optional<SecretShare> share, base::UnixTime now, base::Rng& rng,
                               Options options)
    : rules_(std::move(rules)),
      id_(rules_.invitation().id()),
      host_(std::move(host)),
      self_(self),
      share_(std::move(share)),
      now_(now),
      deadline_(now + options.patience),
      next_repeat_(now),
      rng_(&rng),
      options_(options),
      parties_(rules_.invitation().parties.size()) {}

Result<RenewalSession> RenewalSession::create(Invitation invitation, nostr::SecretKey host,
                                              std::optional<SecretShare> share, RenewalMemory memory,
                                              base::UnixTime now, base::Rng& rng, Options options) {
  TRY(const std::size_t self, invitation.find(host.public_key()));
  TRY(RenewalRules rules, RenewalRules::create(std::move(invitation)));
  RenewalSession out(std::move(rules), std::move(host), self, std::move(share), now, rng, options);
  if (!memory.confirmations.empty()) {
    const std::size_t size = out.confirmation_size();
    if (memory.confirmations.size() != size * out.parties_.size())
      return fail(Errc::kInvalid, "the memory of this renewal is damaged");
    for (std::size_t i = 0; i < out.parties_.size(); ++i) {
      const auto one = base::ByteView(memory.confirmations).subspan(i * size, size);
      out.parties_[i].confirmation.assign(one.begin(), one.end());
    }
    out.let_go_ = true;
    return out;
  }
  if (out.rules_.deals(self)) TRY(out.deal(memory.seed));
  return out;
}

Result<void> RenewalSession::deal(const base::Secret<32>& seed) {
  const ShareIndex idx = *rules_.invitation().parties[self_].holds;
  if (!share_ || share_->idx != idx)
    return fail(Errc::kInvalid, "the invitation counts on share " + std::to_string(idx.value) +
                                    " from us, and that is not the one here");
  TRY(check_share(*share_, *rules_.invitation().group));
  DerivedRng derived(seed);
  TRY(dealt_, rules_.deal(*share_, derived));
  Party& mine = parties_[self_];
  mine.commitment = dealt_.commitment;
  mine.signature = host_.sign(dealing_digest(self_, nostr::sha256(dealt_.commitment)), *rng_);
  if (const auto own = dealt_.shares.find(self_); own != dealt_.shares.end())
    mine.share = own->second.clone();
  return {};
}

// --- hearing -----------------------------------------------------------------------------------

std::vector<CeremonyMail> RenewalSession::receive(const nostr::PublicKey& from, std::string_view text) {
  const auto author = rules_.invitation().find(from);
  const auto parsed = parse_ceremony_message(text);
  if (outcome_ || !author || *author == self_ || !parsed || parsed->session != id_) return {};
  take(*author, parsed->message);
  advance();
  settle();
  return std::exchange(out_, {});
}

void RenewalSession::take(std::size_t from, const CeremonyMessage& message) {
  Party& party = parties_[from];
  switch (message.type) {
    case Type::kDealing:
      return take_dealing(from, message.data);
    case Type::kSum: {
      if (message.data.size() != 32 || !rules_.deals(from) || party.sum) return;
      auto sum = SecretScalar::from_bytes(std::span<const std::uint8_t, 32>(message.data));
      if (!sum) return give_up({Errc::kCrypto, party_name(from) + " sent a sum that is no number", {}});
      party.sum = *std::move(sum);
      return;
    }
    case Type::kConfirm:
      return take_confirmation(message.data);
    case Type::kRenewed:
      party.heard_us = party.heard_us || !message.data.empty();
      if (!party.renewed) {
        party.renewed = true;
        if (let_go_) say(from, last_word(from));
      }
      return;
    case Type::kAbort:
      // Once everybody confirmed there is no way back, whatever anybody says.
      if (!let_go_ && !failure_)
        failure_ = base::Error{
            Errc::kPeer, party_name(from) + " gave up: " + base::escape_for_terminal(message.text),
            renewed_ ? "others may have gone on: start it again with the same arguments to find out" : ""};
      return;
    case Type::kRound1:
    case Type::kDealings:
    case Type::kRound2:
    case Type::kCertificate:
    case Type::kAck:
    case Type::kDone:
    case Type::kComplaint:
    case Type::kEvidence:
      return;
  }
}

void RenewalSession::take_dealing(std::size_t from, const base::Bytes& data) {
  const bool with_share = rules_.is_dealt_to(self_);
  const std::size_t tail = kSignature + (with_share ? 32 : 0);
  if (!rules_.deals(from) || let_go_ || data.size() <= tail) return;
  const base::ByteView in(data);
  const base::ByteView commitment = in.first(in.size() - tail);
  const auto signature = nostr::Signature::from_bytes(in.subspan(commitment.size(), kSignature));
  if (!signature || !nostr::verify(rules_.invitation().parties[from].host,
                                   dealing_digest(from, nostr::sha256(commitment)), *signature))
    return give_up({Errc::kCrypto, party_name(from) + " sent a dealing that it did not sign", {}});
  Party& party = parties_[from];
  if (party.commitment) {
    if (!std::ranges::equal(*party.commitment, commitment))
      give_up({Errc::kCrypto, party_name(from) + " sent two different dealings",
               "it may have been started again without its state file"});
    return;
  }
  if (with_share) {
    auto share = SecretScalar::from_bytes(in.last<32>());
    if (!share) return give_up({Errc::kCrypto, party_name(from) + " sent a share that is no number", {}});
    party.share = *std::move(share);
  }
  party.commitment = base::Bytes(commitment.begin(), commitment.end());
  party.signature = *signature;
}

std::size_t RenewalSession::confirmation_size() const {
  return kNamedDealing * rules_.dealers().size() + 32 + kSignature;
}

/// Whoever brings it: the signature says whose it is.
void RenewalSession::take_confirmation(const base::Bytes& data) {
  if (data.size() != 1 + confirmation_size() || data[0] >= parties_.size()) return;
  Party& party = parties_[data[0]];
  const base::ByteView in = base::ByteView(data).subspan(1);
  const auto signature = nostr::Signature::from_bytes(in.last(kSignature));
  if (!party.confirmation.empty() || !signature ||
      !nostr::verify(rules_.invitation().parties[data[0]].host,
                     confirmation_digest(in.first(in.size() - kSignature)), *signature))
    return;  // it proves nothing; a right one may still come
  party.confirmation.assign(in.begin(), in.end());
}

// --- going on ----------------------------------------------------------------------------------

void RenewalSession::advance() {
  if (failure_ || let_go_) return;
  if (!renewed_) combine();
  if (!renewed_ || failure_) return;
  for (std::size_t i = 0; i < parties_.size(); ++i) {
    if (parties_[i].confirmation.empty()) return;
    if (const auto same = compare(i); !same) return give_up(same.error());
  }
  let_go_ = true;
  for (std::size_t i = 0; i < parties_.size(); ++i)
    if (i != self_) say(i, last_word(i));
}

void RenewalSession::combine() {
  auto made = combined();
  if (!made) return give_up(made.error());
  if (*made) confirm(std::move(**made));
}

/// Nothing while something is missing.
Result<std::optional<Renewed>> RenewalSession::combined() {
  std::vector<base::Bytes> commitments;
  std::vector<SecretScalar> shares, sums;
  for (const std::size_t dealer : rules_.dealers()) {
    const Party& party = parties_[dealer];
    if (!party.commitment) return std::nullopt;
    commitments.push_back(*party.commitment);
    if (party.share) shares.push_back(party.share->clone());
    if (party.sum) sums.push_back(party.sum->clone());
  }
  TRY(GroupPackage group, rules_.group(commitments));
  Renewed out{std::move(group), std::nullopt};
  if (rules_.is_repair() && rules_.deals(self_)) {
    TRY(my_sum_, rules_.sum_parts(self_, commitments, shares));
    say(rules_.lost(), {Type::kSum, {my_sum_->expose().begin(), my_sum_->expose().end()}, {}});
  } else if (rules_.is_repair()) {
    if (sums.size() < commitments.size()) return std::nullopt;
    TRY(out.share, rules_.repaired(commitments, sums));
  } else if (rules_.is_dealt_to(self_)) {
    TRY(out.share, rules_.new_share(self_, share_ ? &*share_ : nullptr, commitments, shares));
  }
  return out;
}

void RenewalSession::confirm(Renewed renewed) {
  base::Bytes body;
  for (const std::size_t dealer : rules_.dealers()) {
    append(body, nostr::sha256(*parties_[dealer].commitment).view());
    append(body, parties_[dealer].signature->view());
  }
  append(body, renewed.group.id().view());
  append(body, host_.sign(confirmation_digest(body), *rng_).view());
  renewed_ = std::move(renewed);
  parties_[self_].confirmation = std::move(body);
  say_to_all(confirmation_of(self_));
}

base::Bytes RenewalSession::confirmations() const {
  base::Bytes out;
  for (const Party& party : parties_) append(out, party.confirmation);
  return out;
}

/// That `other` confirmed what we confirmed. Whoever signed two dealings is named, else `other`.
Result<void> RenewalSession::compare(std::size_t other) const {
  const base::ByteView ours(parties_[self_].confirmation), theirs(parties_[other].confirmation);
  for (std::size_t i = 0; i < rules_.dealers().size(); ++i) {
    const std::size_t dealer = rules_.dealers()[i];
    const auto named = theirs.subspan(i * kNamedDealing, 32);
    if (std::ranges::equal(named, ours.subspan(i * kNamedDealing, 32))) continue;
    const auto hash = nostr::Sha256::from_bytes(named);
    const auto signature = nostr::Signature::from_bytes(theirs.subspan(i * kNamedDealing + 32, kSignature));
    const bool signed_both =
        hash && signature && nostr::verify(rules_.invitation().parties[dealer].host,
                                           dealing_digest(dealer, *hash), *signature);
    return fail(Errc::kCrypto, signed_both ? party_name(dealer) + " dealt differently to us and to " +
                                                 party_name(other)
                                           : party_name(other) + " confirmed a dealing nobody made");
  }
  const std::size_t gid = kNamedDealing * rules_.dealers().size();
  if (!std::ranges::equal(ours.subspan(gid, 32), theirs.subspan(gid, 32)))
    return fail(Errc::kCrypto, party_name(other) + " confirmed another group");
  return {};
}

void RenewalSession::give_up(base::Error error) {
  if (failure_ || let_go_) return;
  failure_ = error;
  abort_ = CeremonyMessage{Type::kAbort, {}, std::move(error.detail)};
  say_to_all(*abort_);
}

// --- speaking ----------------------------------------------------------------------------------

std::vector<CeremonyMail> RenewalSession::tick(base::UnixTime now) {
  if (outcome_) return {};
  now_ = now;
  advance();
  if (now >= next_repeat_) {
    next_repeat_ = now + options_.retry;
    for (std::size_t to = 0; to < parties_.size(); ++to)
      if (to != self_)
        for (const CeremonyMessage& message : to_repeat(to)) say(to, message);
    const bool all = std::ranges::all_of(parties_, [&](const Party& p) {
      return p.renewed || &p == &parties_[self_];
    });
    if (abort_ || (let_go_ && all)) ++farewells_;
  }
  settle();
  return std::exchange(out_, {});
}

/// Everything that `to` may still need, because a party that was started again knows nothing.
std::vector<CeremonyMessage> RenewalSession::to_repeat(std::size_t to) const {
  if (abort_) return {*abort_};
  if (failure_ || (parties_[to].renewed && parties_[to].heard_us)) return {};
  std::vector<CeremonyMessage> out;
  if (parties_[self_].commitment && !parties_[to].renewed) out.push_back(dealing_for(to));
  if (my_sum_ && to == rules_.lost() && !parties_[to].renewed)
    out.push_back({Type::kSum, {my_sum_->expose().begin(), my_sum_->expose().end()}, {}});
  for (std::size_t i = 0; i < parties_.size(); ++i)
    if (i == self_ ? !parties_[i].confirmation.empty() : let_go_ && !parties_[to].renewed)
      out.push_back(confirmation_of(i));
  if (let_go_) out.push_back(last_word(to));
  return out;
}

CeremonyMessage RenewalSession::confirmation_of(std::size_t party) const {
  CeremonyMessage out{Type::kConfirm, {static_cast<std::uint8_t>(party)}, {}};
  append(out.data, parties_[party].confirmation);
  return out;
}

CeremonyMessage RenewalSession::dealing_for(std::size_t to) const {
  CeremonyMessage out{Type::kDealing, dealt_.commitment, {}};
  append(out.data, parties_[self_].signature->view());
  if (const auto share = dealt_.shares.find(to); share != dealt_.shares.end())
    append(out.data, share->second.expose());
  return out;
}

/// With a byte in it when we know that `to` let go as well.
CeremonyMessage RenewalSession::last_word(std::size_t to) const {
  return {Type::kRenewed, parties_[to].renewed ? base::Bytes{1} : base::Bytes{}, {}};
}

void RenewalSession::say(std::size_t to, const CeremonyMessage& message) {
  out_.push_back({rules_.invitation().parties[to].host, to_text(id_, message)});
}

void RenewalSession::say_to_all(const CeremonyMessage& message) {
  for (std::size_t to = 0; to < parties_.size(); ++to)
    if (to != self_) say(to, message);
}

nostr::Sha256 RenewalSession::dealing_digest(std::size_t dealer, const nostr::Sha256& commitment) const {
  base::Bytes in(id_.view().begin(), id_.view().end());
  in.push_back(static_cast<std::uint8_t>(dealer));  // at most 64 parties
  append(in, commitment.view());
  return nostr::tagged_hash("sovereign/ceremony/dealing", in);
}

nostr::Sha256 RenewalSession::confirmation_digest(base::ByteView body) const {
  base::Bytes in(id_.view().begin(), id_.view().end());
  append(in, body);
  return nostr::tagged_hash("sovereign/ceremony/confirmation", in);
}

// --- ending ------------------------------------------------------------------------------------

std::string RenewalSession::silent() const {
  std::string out;
  for (std::size_t i = 0; i < parties_.size(); ++i) {
    const Party& party = parties_[i];
    const bool spoke = i == self_ || (let_go_ ? party.renewed
                                      : renewed_ ? !party.confirmation.empty()
                                                 : !rules_.deals(i) || party.commitment.has_value());
    if (!spoke) out += (out.empty() ? "" : ", ") + party_name(i);
  }
  return out;
}

std::string RenewalSession::waiting_for() const {
  const std::string who = silent();
  if (outcome_ || failure_ || who.empty()) return {};
  if (let_go_) return "everybody holds what is new; waiting for the goodbye of " + who;
  return (renewed_ ? "have what is new; waiting for the confirmation of " : "waiting for ") + who;
}

void RenewalSession::settle() {
  if (outcome_) return;
  const bool late = now_ >= deadline_;
  if (failure_) {
    if (!abort_ || farewells_ >= kFarewells || late) outcome_ = std::unexpected(*failure_);
    return;
  }
  const bool all_renewed = let_go_ && silent().empty();
  const bool all_know = all_renewed && std::ranges::all_of(parties_, [&](const Party& party) {
    return party.heard_us || &party == &parties_[self_];
  });
  if (all_know || (all_renewed && farewells_ >= kFarewells)) {
    outcome_ = Outcome{true};
  } else if (late && let_go_) {
    outcome_ = Outcome{all_renewed};
  } else if (late) {
    outcome_ = fail(Errc::kTimeout, "no answer from " + silent(),
                    renewed_ ? "nothing changed here, but others may have gone on: start it again with the "
                               "same arguments before anything else"
                             : "nothing changed: start it again with the same arguments");
  }
}

}  // namespace frostr
