// Peer bookkeeping and the order in which peers are asked.
#include "frostr/peers.h"

#include <algorithm>
#include <tuple>

namespace frostr {

void PeerNotes::add_to(base::json::Value& body) const {
  if (service) body["service"] = service->hex();
  body["judges"] = judges;
  body["boot"] = boot;
  if (own) body["own"] = to_json(*own);
  if (seen) body["seen"] = to_json(*seen);
  if (!listens.empty()) body["listens"] = listens;
  if (held) body["held"] = *held;
  if (batch) body["batch"] = batch->hex();
  if (lease) body["lease"] = {{"held", lease->held}, {"until", base::to_unix(lease->until)}};
}

namespace {

std::optional<std::vector<std::string>> read_held(const base::json::Value& body) {
  const auto list = body.find("held");
  if (list == body.end() || !list->is_array() || list->size() > PeerNotes::kMaxHeld)
    return std::nullopt;
  std::vector<std::string> out;
  for (const base::json::Value& code : *list) {
    if (!code.is_string()) return std::nullopt;
    out.push_back(code.get<std::string>().substr(0, PeerNotes::kHeldDigits));
  }
  return out;
}

}  // namespace

PeerNotes PeerNotes::read(const base::json::Value& body) {
  PeerNotes notes;
  if (!body.is_object()) return notes;
  const std::string service = base::json::string_or(body, "service");
  if (const auto key = nostr::PublicKey::from_hex(service)) notes.service = *key;
  if (const auto judges = base::json::get_bool(body, "judges")) notes.judges = *judges;
  notes.boot = base::json::string_or(body, "boot").substr(0, 64);
  if (const auto own = body.find("own"); own != body.end()) notes.own = read_hello(*own);
  if (const auto seen = body.find("seen"); seen != body.end()) notes.seen = read_hello(*seen);
  notes.listens = base::json::string_or(body, "listens").substr(0, 64);
  notes.held = read_held(body);
  if (const auto sig = nostr::Signature::from_hex(base::json::string_or(body, "batch")))
    notes.batch = *sig;
  if (const auto lease = base::json::get_object(body, "lease")) {
    const auto held = base::json::get_bool(*lease, "held");
    notes.lease = LeaseNote{held && *held, base::unix_time(base::json::int_or(*lease, "until"))};
  }
  return notes;
}

PeerBook::PeerBook(const GroupPackage& group, ShareIndex self) {
  for (const GroupMember& member : group.members())
    if (member.idx != self) peers_.push_back({.idx = member.idx, .identity = member.identity()});
}

Peer* PeerBook::locate(ShareIndex idx) {
  const auto it = std::ranges::find(peers_, idx, &Peer::idx);
  return it == peers_.end() ? nullptr : &*it;
}

const Peer* PeerBook::find(ShareIndex idx) const {
  const auto it = std::ranges::find(peers_, idx, &Peer::idx);
  return it == peers_.end() ? nullptr : &*it;
}

void PeerBook::on_message(ShareIndex from, base::UnixTime now) {
  if (Peer* peer = locate(from)) {
    peer->last_seen = now;
    peer->silent = false;
  }
}

void PeerBook::on_answer(ShareIndex from, std::chrono::milliseconds round_trip,
                         base::UnixTime now) {
  on_message(from, now);
  if (Peer* peer = locate(from))
    peer->round_trip = std::max(round_trip, std::chrono::milliseconds(1));
}

void PeerBook::on_silence(ShareIndex from) {
  if (Peer* peer = locate(from)) peer->silent = true;
}

void PeerBook::on_trouble(ShareIndex from, std::string why) {
  if (Peer* peer = locate(from)) peer->trouble = std::move(why);
}

void PeerBook::on_lease_held(ShareIndex from, base::UnixTime until) {
  if (Peer* peer = locate(from)) peer->notes.lease = LeaseNote{false, until};
}

std::optional<std::pair<ShareIndex, base::UnixTime>> PeerBook::lease_elsewhere(
    base::UnixTime now) const {
  for (const Peer& peer : peers_)
    if (peer.notes.lease && !peer.notes.lease->held && peer.notes.lease->until > now)
      return std::pair(peer.idx, peer.notes.lease->until);
  return std::nullopt;
}

bool PeerBook::on_notes(ShareIndex from, const PeerNotes& notes) {
  Peer* peer = locate(from);
  if (peer == nullptr) return false;
  const bool restarted =
      !peer->notes.boot.empty() && !notes.boot.empty() && peer->notes.boot != notes.boot;
  const std::optional<LeaseNote> lease = restarted ? std::nullopt : peer->notes.lease;
  peer->notes = notes;
  // Only its answers speak of our lease: what it asks of us takes none away.
  if (!peer->notes.lease) peer->notes.lease = lease;
  return restarted;
}

bool PeerBook::online(ShareIndex idx, base::UnixTime now) const {
  const Peer* peer = find(idx);
  return peer != nullptr && peer->last_seen && !peer->silent &&
         now - *peer->last_seen <= kOnlineFor;
}

std::vector<ShareIndex> PeerBook::order(std::optional<ShareIndex> first, base::UnixTime now) const {
  const auto rank = [&](const Peer& peer) {
    return std::make_tuple(peer.idx != first, peer.silent, !online(peer.idx, now), peer.round_trip,
                           peer.idx);
  };
  std::vector<Peer> sorted = peers_;
  std::ranges::sort(sorted, {}, rank);
  std::vector<ShareIndex> out;
  for (const Peer& peer : sorted) out.push_back(peer.idx);
  return out;
}

}  // namespace frostr
