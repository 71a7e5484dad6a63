// Finding inboxes and writing letters.
#include "orchestration/approvals/courier.h"

#include <algorithm>

#include "nostr/event/event_json.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip59.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxInboxes = 8;  // of one person; the rest of a longer list is ignored
constexpr std::chrono::seconds kLocatePatience{5};

}  // namespace

std::string_view reach_name(Reach reach) {
  switch (reach) {
    case Reach::kPrivate:
      return "private messages";
    case Reach::kLegacy:
      return "legacy messages only";
    case Reach::kBlind:
      break;
  }
  return "no relay they are known to read";
}

Courier::Courier(nostr::Pool& pool, const nostr::KeySigner& sender, const base::Clock& clock,
                 base::Rng& rng, std::vector<nostr::PublicKey> people,
                 std::vector<std::string> relays)
    : sender_(sender),
      clock_(clock),
      rng_(rng),
      people_(std::move(people)),
      relays_(std::move(relays)),
      directory_(pool, clock, relays_) {}

Courier::~Courier() = default;

void Courier::start() {
  directory_.follow(people_);
}

void Courier::stop() {
  directory_.stop();
}

base::Task<void> Courier::locate() {
  co_await directory_.locate(people_, nostr::kinds::kDmRelays, kLocatePatience);
}

Reach Courier::reach(const nostr::PublicKey& person) const {
  if (!directory_.book().dm_relays(person).empty()) return Reach::kPrivate;
  return directory_.book().read_relays(person).empty() ? Reach::kBlind : Reach::kLegacy;
}

std::vector<std::string> Courier::usable(std::vector<std::string> relays) const {
  relays = nostr::living_first(std::move(relays), directory_.health(), clock_.now());
  if (relays.size() > kMaxInboxes) relays.resize(kMaxInboxes);
  return relays;
}

Letter Courier::mention(const nostr::PublicKey& to, const std::string& text,
                        const nostr::Event& about) const {
  const std::string hint = relays_.empty() ? "" : relays_.front();
  nostr::Event event =
      nostr::sign_event({nostr::kinds::kTextNote,
                         clock_.now(),
                         {{"p", to.hex()}, {"q", about.id.hex(), hint, about.pubkey.hex()}},
                         text},
                        sender_.key(), rng_);
  std::vector<std::string> relays = usable(directory_.book().read_relays(to));
  for (const std::string& relay : relays_)
    if (std::find(relays.begin(), relays.end(), relay) == relays.end()) relays.push_back(relay);
  std::string json = nostr::to_json(event);
  return {event.id, "note", std::move(json), std::move(event), std::move(relays)};
}

base::Result<Letter> Courier::write(const nostr::PublicKey& to, const std::string& text,
                                    const std::string& subject, bool legacy,
                                    base::seconds later) const {
  const base::UnixTime now = clock_.now() + later;
  std::vector<std::string> inboxes = usable(directory_.book().dm_relays(to));
  if (!inboxes.empty() && !legacy) {
    const nostr::UnsignedEvent rumor = nostr::build_private_message({.from = sender_.public_key(),
                                                                     .to = {to},
                                                                     .subject = subject,
                                                                     .refs = {},
                                                                     .text = text,
                                                                     .at = now});
    TRY(nostr::Event wrap, nostr::wrap_rumor(rumor, sender_.key(), to, now, rng_));
    return Letter{nostr::compute_id(rumor), "nip17", nostr::to_json(rumor), std::move(wrap),
                  std::move(inboxes)};
  }
  std::vector<std::string> relays = usable(directory_.book().read_relays(to));
  if (relays.empty()) relays = relays_;
  TRY(const nostr::SharedX shared, nostr::ecdh(sender_.key(), to));
  nostr::Event event = nostr::sign_event(
      {nostr::kinds::kLegacyDm, now, {{"p", to.hex()}}, nostr::nip04_encrypt(shared, text, rng_)},
      sender_.key(), rng_);
  std::string json = nostr::to_json(event);
  return Letter{event.id, "nip04", std::move(json), std::move(event), std::move(relays)};
}

}  // namespace orchestration
