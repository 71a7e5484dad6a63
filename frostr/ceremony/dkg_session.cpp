// The participant's side of a key generation and its clock.
#include "frostr/ceremony/dkg_session.h"

#include <algorithm>

#include "frostr/wire/envelope.h"
#include "nostr/base/log.h"
#include "nostr/base/result.h"

namespace frostr {

using base::Errc;
using base::fail;
using Type = CeremonyMessage::Type;

namespace {

constexpr int kFarewells = 3;

}  // namespace

Result<chilldkg::HostKey> host_key_of(const nostr::SecretKey& key) {
  TRY(SecretScalar secret, SecretScalar::from_bytes(key.expose()));
  TRY(const Point point, Point::base_times(secret));
  if (!point.has_even_y()) TRY(secret.negate());
  auto host = chilldkg::HostKey::from_bytes(secret.expose());
  if (!host) return std::unexpected(to_error(host.error()));
  return *std::move(host);
}

Result<chilldkg::SessionParams> dkg_params(const std::vector<nostr::PublicKey>& hosts,
                                           std::uint32_t threshold) {
  std::vector<base::Bytes> keys;
  for (const nostr::PublicKey& host : hosts) {
    base::Bytes key{2};
    key.insert(key.end(), host.view().begin(), host.view().end());
    keys.push_back(std::move(key));
  }
  auto params = chilldkg::SessionParams::create(keys, threshold);
  if (!params) return std::unexpected(to_error(params.error()));
  constexpr std::size_t kEnvelope = 256;
  const std::size_t longest = chilldkg::CoordinatorMsg1::size(threshold, hosts.size());
  if ((longest + 2) / 3 * 4 + kEnvelope > kMaxRpcBytes)
    return fail(Errc::kLimit, std::to_string(hosts.size()) +
                                  " parties are too many for messages that fit one event");
  return *std::move(params);
}

DkgSession::DkgSession(chilldkg::HostKey host, chilldkg::Participant1 round1, std::size_t id,
                       DkgMemory memory, base::UnixTime now, base::Rng& rng, Options options)
    : host_(std::move(host)),
      round1_(std::move(round1)),
      id_(id),
      memory_(std::move(memory)),
      now_(now),
      deadline_(now + options.patience),
      next_repeat_(now),
      rng_(&rng),
      options_(options) {
  for (const Point& key : round1_.params().host_keys()) hosts_.push_back(key.x_only());
  session_ = options_.session.value_or(round1_.params().hash());
  if (id_ == 0) coordinator_.emplace(round1_.params());
}

Result<DkgSession> DkgSession::create(chilldkg::HostKey host, chilldkg::SessionParams params,
                                      DkgMemory memory, base::UnixTime now, base::Rng& rng,
                                      Options options) {
  const auto id = params.find(host.public_key());
  if (!id) return std::unexpected(to_error(id.error()));
  auto round1 = chilldkg::Participant1::start(host, std::move(params), memory.random);
  if (!round1) return std::unexpected(to_error(round1.error()));
  DkgSession out(std::move(host), *std::move(round1), *id, std::move(memory), now, rng, options);
  if (!out.memory_.dealings.empty()) {
    // We signed these before we were interrupted; what was checked then is checked again.
    const base::Bytes dealings = std::move(out.memory_.dealings);
    out.memory_.dealings.clear();
    out.take_dealings({Type::kDealings, dealings, {}});
    if (out.failure_) return std::unexpected(*out.failure_);
    if (!out.memory_.certificate.empty())
      out.take_certificate({Type::kCertificate, base::Bytes(out.memory_.certificate), {}});
  }
  return out;
}

std::vector<CeremonyMail> DkgSession::receive(const nostr::PublicKey& from,
                                              std::string_view text) {
  const auto author = std::ranges::find(hosts_, from);
  const auto parsed = parse_ceremony_message(text);
  if (author == hosts_.end() || !parsed || outcome_) return {};
  const auto sender = static_cast<std::size_t>(author - hosts_.begin());
  if (parsed->session != session_) {
    foreign_ = party_name(sender) + " runs a session with other keys, order or threshold, or of another invitation";
    return {};
  }
  if (coordinator_) {
    for (const auto& answer : coordinator_->receive(sender, parsed->message)) deliver(answer);
  } else if (sender == 0) {
    take(parsed->message);
  }
  settle();
  return drain();
}

std::vector<CeremonyMail> DkgSession::tick(base::UnixTime now) {
  if (outcome_) return {};
  now_ = now;
  if (now >= next_repeat_) {
    next_repeat_ = now + options_.retry;
    for (const CeremonyMessage& message : to_repeat()) say(message);
    if (coordinator_)
      for (const auto& outgoing : coordinator_->repeat()) deliver(outgoing);
    if (abort_ || (coordinator_ && (coordinator_->complete() || coordinator_->failure())))
      ++farewells_;
  }
  settle();
  return drain();
}

// --- what the coordinator tells us -------------------------------------------------------------

void DkgSession::take(const CeremonyMessage& message) {
  switch (message.type) {
    case Type::kDealings:
      return take_dealings(message);
    case Type::kCertificate:
      return take_certificate(message);
    case Type::kDone:
      if (!finished_) return;
      finished_->confirmed = true;
      return say({Type::kDone, {}, {}});
    case Type::kEvidence:
      if (disputed_)
        give_up(to_error(round1_.investigate(host_, *disputed_, message.data)));
      return;
    case Type::kAbort:
      // With the certificate in hand the key exists, whatever anybody says.
      if (finished_) return;
      heard_the_end_ = true;
      say({Type::kAbort, {}, "as told"});
      if (!failure_)
        failure_ = base::Error{Errc::kPeer,
                               "the coordinator gave up: " + base::escape_for_terminal(message.text),
                               {}};
      return;
    case Type::kRound1:
    case Type::kRound2:
    case Type::kAck:
    case Type::kComplaint:
    case Type::kDealing:
    case Type::kSum:
    case Type::kConfirm:
    case Type::kRenewed:
      return;
  }
}

void DkgSession::take_dealings(const CeremonyMessage& message) {
  if (failure_ || disputed_) return;
  if (round2_) {
    if (message.data != memory_.dealings)
      give_up({Errc::kCrypto, "the coordinator is faulty: it sent two different sets of dealings", {}});
    return;
  }
  auto next = round1_.step2(host_, message.data, rng_->secret<32>());
  if (next) {
    memory_.dealings = message.data;
    round2_ = *std::move(next);
    say({Type::kRound2, round2_->message(), {}});
  } else if (next.error().kind == DkgFault::Kind::kUnknown) {
    disputed_ = message.data;
    say({Type::kComplaint, {}, {}});
  } else {
    give_up(to_error(next.error()));
  }
}

void DkgSession::take_certificate(const CeremonyMessage& message) {
  if (!round2_ || finished_ || failure_) return;
  auto finished = round2_->finish(message.data);
  // A wrong certificate proves nothing about the session: a right one may still come.
  if (!finished) return;
  const auto signature =
      acknowledge(host_, round1_.params(), finished->recovery_data, rng_->secret<32>());
  if (!signature) return give_up(signature.error());
  memory_.certificate = message.data;
  finished_ = Outcome{*std::move(finished), false};
  ack_ = CeremonyMessage{Type::kAck, {signature->view().begin(), signature->view().end()}, {}};
  say(*ack_);
}

void DkgSession::give_up(base::Error error) {
  if (failure_ || finished_) return;
  failure_ = error;
  abort_ = CeremonyMessage{Type::kAbort, {}, std::move(error.detail)};
  say(*abort_);
}

// --- speaking ----------------------------------------------------------------------------------

// Everything so far, because a coordinator that was restarted knows nothing.
std::vector<CeremonyMessage> DkgSession::to_repeat() const {
  if (abort_) return {*abort_};
  if (failure_) return {};
  std::vector<CeremonyMessage> out{{Type::kRound1, round1_.message(), {}}};
  if (disputed_) out.push_back({Type::kComplaint, {}, {}});
  if (round2_) out.push_back({Type::kRound2, round2_->message(), {}});
  if (ack_) out.push_back(*ack_);
  return out;
}

void DkgSession::say(const CeremonyMessage& message) {
  if (coordinator_) {
    for (const auto& answer : coordinator_->receive(id_, message)) deliver(answer);
    return;
  }
  out_.push_back({hosts_.front(), to_text(session_, message)});
}

void DkgSession::deliver(const DkgCoordinator::Outgoing& outgoing) {
  if (outgoing.to == id_) return take(outgoing.message);
  out_.push_back({hosts_[outgoing.to], to_text(session_, outgoing.message)});
}

std::vector<CeremonyMail> DkgSession::drain() { return std::exchange(out_, {}); }

std::string DkgSession::waiting_for() const {
  if (outcome_ || failure_) return {};
  if (coordinator_) {
    const std::string silent = coordinator_->waiting_for();
    return silent.empty() ? "saying goodbye" : "waiting for " + silent;
  }
  if (finished_) return "have the key; waiting until everybody holds the recovery data";
  return round2_ ? "signed the transcript; waiting for everybody's signature"
                 : "waiting for everybody's dealings";
}

/// Whether those who wait for what only we can tell them have heard it, or had their chance.
bool DkgSession::last_word_is_out() const {
  if (farewells_ >= kFarewells || now_ >= deadline_) return true;
  return coordinator_ ? coordinator_->all_know_the_end() : !abort_ || heard_the_end_;
}

void DkgSession::settle() {
  if (outcome_) return;
  if (coordinator_ && coordinator_->failure() && !finished_) failure_ = coordinator_->failure();
  const bool said = last_word_is_out();
  if (failure_ && said) {
    outcome_ = std::unexpected(*failure_);
  } else if (finished_ && finished_->confirmed && said) {
    outcome_ = std::move(*finished_);
  } else if (now_ >= deadline_) {
    // The key exists once we hold the certificate; the others can be convinced with it.
    if (finished_) {
      outcome_ = std::move(*finished_);
      return;
    }
    const std::string silent =
        coordinator_ ? coordinator_->waiting_for() : "the coordinator (participant 1)";
    outcome_ = fail(Errc::kTimeout,
                    "no answer from " + silent + (foreign_.empty() ? "" : "; " + foreign_),
                    "start it again with the same arguments: it goes on where it was");
  }
}

}  // namespace frostr
