// The co-signer's dispatch: repetitions, ping, echo, onboard. Signing is in cosign.cpp.
#include "frostr/cosigner.h"

#include <fmt/format.h>

#include "frostr/reject.h"
#include "nostr/base/log.h"

namespace frostr {

using base::Errc;
using base::fail;
namespace json = base::json;

namespace {

constexpr std::size_t kMaxEchoBytes = 4'096;
constexpr base::seconds kReplayMemory{600};  // longer than the transport window, both ways

std::string body_of(const RpcRequest& request) {
  return request.params.empty() ? std::string() : request.params.front();
}

/// Whether the body of a ping says goodbye.
bool leaves(const std::string& body) {
  const auto object = json::parse(body);
  return object && object->is_object() && object->value("leaving", json::Value(false)) == true;
}

/// Calls whose repetition must not be worked on twice.
bool is_once(const std::string& method) {
  return method == "sign" || method == "ecdh";
}

}  // namespace

Cosigner::Cosigner(storage::Db& db, const GroupPackage& group, const SecretShare& share,
                   NoncePool& nonces, PeerBook& peers, base::Rng& rng, Policy policy,
                   ApprovalBook* approvals, CosignerOptions options)
    : db_(db),
      group_(group),
      share_(share),
      nonces_(nonces),
      peers_(peers),
      policy_(std::move(policy)),
      options_(options),
      boot_(rng.hex(8)),
      facts_(db, group, options.service, approvals),
      audit_(db),
      leases_(db),
      replays_(db) {}

Cosigner::Outcome Cosigner::handle(ShareIndex from, const RpcRequest& request, base::UnixTime now,
                                   Look look) {
  const CallKey key{from, request.id};
  if (is_once(request.method) && look == Look::kFirst) {
    if (const auto known = remembered_.find(key); known != remembered_.end()) {
      if (known->second.empty()) return Silence{};
      return Reply{known->second};
    }
    const GroupMember* member = group_.find(from);
    if (member == nullptr) return Silence{};
    const auto fresh = replays_.remember(member->identity(), request.id, now, now + kReplayMemory);
    if (!fresh) return Reply{to_text(RpcReject{request.id, retry_text("storage")})};
    if (!*fresh) return Reply{to_text(RpcReject{request.id, refused_text("replayed")})};
    remembered_.emplace(key, std::string());
    order_.push_back(key);
    if (order_.size() > options_.max_remembered) {
      remembered_.erase(order_.front());
      order_.pop_front();
    }
  }
  Answer result = answer(from, request, now, look);
  if (result.refresh) return Refresh{*std::move(result.refresh)};
  std::string text;
  if (result.data) {
    auto accepted = to_text(RpcAccept{request.id, *std::move(result.data)});
    text = accepted ? *std::move(accepted)
                    : to_text(RpcReject{request.id, refused_text("answer-too-large")});
  } else {
    text = to_text(RpcReject{request.id, std::move(result.reject)});
  }
  // An ecdh answer is as secret as the key it helps to make, so only its refusal is kept.
  if (const auto kept = remembered_.find(key); kept != remembered_.end()) {
    kept->second = request.method == "sign" || !result.data
                       ? text
                       : to_text(RpcReject{request.id, refused_text("replayed")});
  }
  return Reply{std::move(text)};
}

Cosigner::Answer Cosigner::answer(ShareIndex from, const RpcRequest& request, base::UnixTime now,
                                  Look look) {
  if (request.method == "echo") {
    std::string body = body_of(request);
    if (body.size() > kMaxEchoBytes) return {.reject = refused_text("echo-too-long")};
    return {.data = json::Value(std::move(body))};
  }
  if (from == share_.idx) return {.reject = refused_text("own-message")};
  if (request.method == "ping") return on_ping(from, request, now);
  if (request.method == "onboard") return on_onboard(from, request, now);
  if (!is_once(request.method)) return {.reject = refused_text("unknown-method")};
  if (!ready_) return {.reject = retry_text("starting: the relays have not been read yet")};
  if (pause_ && pause_()) {
    report(from, request.method, "refused", "paused", now);
    return {.reject = refused_text("paused: the operator paused this co-signer")};
  }
  if (request.method == "sign") return on_sign(from, request, now, look);
  return on_ecdh(from, request, now, look);
}

/// Who keeps silent loses its lease, so a ping keeps it as well as a request does.
Result<LeaseFact> Cosigner::use_lease(ShareIndex from, const Requester& requester,
                                      const RpcRequest& rpc, base::UnixTime now) {
  const auto claim = lease_claim(from, requester, rpc, now);
  TRY(auto used, leases_.use(requester, claim, policy_.lease_ttl, now));
  if (used.change)
    TRY(audit(from, "lease", used.change->verdict, used.change->reason, std::nullopt, std::nullopt,
              now));
  return used.fact;
}

std::optional<LeaseClaim> Cosigner::lease_claim(ShareIndex from, const Requester& requester,
                                                const RpcRequest& rpc, base::UnixTime now) const {
  if (!requester.runner) return std::nullopt;
  return proven_lease(rpc, {group_, from, share_.idx}, *requester.runner, now);
}

Result<storage::LeaseRow> Cosigner::revoke_lease(std::uint32_t member, base::seconds bar,
                                                 base::UnixTime now) {
  TRY(auto tx, storage::Tx::begin(db_, storage::Durability::kFull));
  TRY(auto row, leases_.revoke(member, bar, now));
  TRY(audit_.record({.kind = "lease",
                     .verdict = "revoked",
                     .reason = fmt::format("member {} home {} start {}, barred for {} s", member,
                                           row.home, row.generation, bar.count())},
                    now));
  TRY(tx.commit());
  return row;
}

Cosigner::Answer Cosigner::on_ping(ShareIndex from, const RpcRequest& rpc, base::UnixTime now) {
  const std::string body = body_of(rpc);
  const auto ping = parse_ping_request(body);
  if (!ping) return {.reject = refused_text("malformed: " + ping.error().detail)};
  const json::Value document = json::parse(body).value_or(json::Value());
  std::optional<LeaseNote> lease_note;
  bool kept_out = false;
  const Requester* requester = policy_.requester(from.value);
  if (requester != nullptr && requester->runner) {
    const auto claim = lease_claim(from, *requester, rpc, now);
    if (claim && leaves(body)) {
      if (!leases_.release(*requester, *claim, now)) return {.reject = retry_text("storage")};
    } else {
      const auto lease = use_lease(from, *requester, rpc, now);
      if (!lease) return {.reject = retry_text("storage")};
      lease_note = LeaseNote{lease->state == LeaseFact::State::kHeld, lease->until};
      kept_out = lease_refusal(*requester, *lease).has_value();
    }
  }
  PingAnswer answer;
  answer.recv = requester != nullptr;
  // Two processes share one list of nonces: what the one kept out takes, the holder would miss.
  if (!kept_out) {
    if (auto taken = take_notes(from, document, ping->nonces, now); !taken)
      return {.reject = retry_text("storage")};
    std::optional<std::size_t> held;
    for (const PoolStatus& status : ping->pool_status)
      if (status.peer_idx == share_.idx) held = status.available;
    if (auto fresh = nonces_for(from, held, now)) answer.nonces = *std::move(fresh);
  }
  if (const GroupMember* member = group_.find(from)) {
    const auto available = static_cast<std::uint32_t>(nonces_.available(from));
    answer.pool_status.push_back(
        {from, member->identity(), available, available < nonces_.low_water(), available == 0});
  }
  json::Value data = to_data(answer);
  add_notes(from, answer.nonces, data, lease_note);
  return {.data = std::move(data)};
}

Cosigner::Answer Cosigner::on_onboard(ShareIndex from, const RpcRequest& rpc, base::UnixTime now) {
  const auto request = parse_onboard_request(body_of(rpc));
  if (!request) return {.reject = refused_text("malformed: " + request.error().detail)};
  const GroupMember* member = group_.find(from);
  if (member == nullptr || request->idx != from || request->share_pk != member->identity() ||
      (request->share_point && *request->share_point != member->pubkey))
    return {.reject = refused_text("not-the-author: idx and share_pk must be the sender's own")};
  if (const Requester* requester = policy_.requester(from.value)) {
    const auto lease = use_lease(from, *requester, rpc, now);
    if (!lease) return {.reject = retry_text("storage")};
    if (const auto refusal = lease_refusal(*requester, *lease)) {
      if (!audit(from, "onboard", "refused", *refusal, std::nullopt, std::nullopt, now))
        return {.reject = retry_text("storage")};
      return {.reject = refusal_text(*refusal, lease->until)};
    }
  }
  // Who asks to be taken in has none left, whatever it was sent before.
  auto fresh = nonces_for(from, 0, now);
  if (!fresh) return {.reject = retry_text("storage")};
  json::Value data = to_data(OnboardAnswer{group_, *fresh});
  add_notes(from, *fresh, data);
  return {.data = std::move(data)};
}

Result<std::vector<WireNonce>> Cosigner::nonces_for(ShareIndex peer,
                                                    std::optional<std::size_t> held,
                                                    base::UnixTime now) {
  if (policy_.requester(peer.value) == nullptr) return std::vector<WireNonce>();
  return nonces_.top_up(peer, held, now);
}

Result<void> Cosigner::keep_house(base::UnixTime now) {
  TRY(replays_.purge(now));
  TRY(audit_.flush(now));
  return facts_.forget_old(now);
}

PeerNotes Cosigner::notes() const {
  PeerNotes notes{.service = options_.service, .judges = options_.judges, .boot = boot_};
  if (own_ != nullptr) {
    notes.own = own_->hello();
    notes.boot = notes.own->boot;
  }
  return notes;
}

void Cosigner::add_notes(ShareIndex peer, std::span<const WireNonce> fresh, json::Value& body,
                         std::optional<LeaseNote> lease) {
  PeerNotes notes = this->notes();
  notes.lease = lease;
  notes.held = nonces_.held(peer, PeerNotes::kHeldDigits);
  if (own_ != nullptr) {
    notes.seen = own_->last_known(peer);
    if (const Hello* hello = own_->pinned(peer)) notes.listens = hello->boot;
    if (!fresh.empty()) notes.batch = own_->sign_batch(peer, fresh);
  }
  notes.add_to(body);
}

Result<void> Cosigner::take_notes(ShareIndex from, const json::Value& body,
                                  std::span<const WireNonce> nonces, base::UnixTime now) {
  const PeerNotes notes = PeerNotes::read(body);
  if (peers_.on_notes(from, notes)) {
    nonces_.drop_received(from);
    TRY(nonces_.forget_issued(from, now));
  }
  if (own_ != nullptr) {
    if (notes.own) {
      TRY(own_->on_hello(from, *notes.own));
    } else {
      own_->unpin(from);
    }
    // Only who issues nonces has something to lose; a requester's share may be used by two programs.
    if (notes.seen && !policy_.requesters.empty()) {
      TRY(const bool forgotten, own_->on_seen(*notes.seen, now));
      if (forgotten) TRY(doubt(fmt::format("member {} has seen a later run of ours", from.value), now));
    }
  }
  if (notes.held) TRY(nonces_.reconcile(from, *notes.held, now));
  take_nonces(from, nonces, notes.batch);
  return {};
}

void Cosigner::take_nonces(ShareIndex from, std::span<const WireNonce> nonces,
                           const std::optional<nostr::Signature>& batch) {
  if (nonces.empty()) return;
  const bool signs = own_ != nullptr && own_->pinned(from) != nullptr;
  if (signs && !(batch && own_->check_batch(from, nonces, *batch))) {
    LOG(kWarn, "frost", "nonces without their issuer's signature dropped",
        {{"member", fmt::to_string(from.value)}});
    return;
  }
  nonces_.receive(from, nonces);
}

Result<void> Cosigner::doubt(std::string_view why, base::UnixTime now) {
  LOG(kWarn, "frost", "every nonce dropped", {{"why", std::string(why)}});
  TRY(nonces_.forget_earlier(now));
  return audit(share_.idx, "custody", "doubt", why, std::nullopt, std::nullopt, now);
}

void Cosigner::report(ShareIndex from, std::string_view kind, std::string_view verdict,
                      std::string_view reason, base::UnixTime now) {
  auto written = audit(from, kind, verdict, reason, std::nullopt, std::nullopt, now);
  if (!written)
    LOG(kError, "frost", "an audit row was not written", {{"error", written.error().detail}});
}

std::optional<ShareIndex> Cosigner::requester_of(const nostr::PublicKey& runner) const {
  for (const Requester& requester : policy_.requesters)
    if (requester.runner == runner) return ShareIndex{requester.idx};
  return std::nullopt;
}

Result<void> Cosigner::audit(ShareIndex from, std::string_view kind, std::string_view verdict,
                             std::string_view reason, std::optional<nostr::Sha256> digest,
                             std::optional<nostr::EventId> event, base::UnixTime now) {
  return audit_.record({.member = from.value,
                        .kind = std::string(kind),
                        .verdict = std::string(verdict),
                        .reason = std::string(reason),
                        .digest = digest,
                        .event_id = event},
                       now);
}

}  // namespace frostr
