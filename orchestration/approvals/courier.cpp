// Finding inboxes and writing letters.
#include "orchestration/approvals/courier.h"

#include "nostr/event/event_json.h"
#include "nostr/nips/nip04.h"
#include "nostr/nips/nip17.h"
#include "nostr/nips/nip59.h"
#include "nostr/nips/nip65.h"

namespace orchestration {
namespace {

constexpr std::size_t kMaxInboxes = 8;  // of one person; the rest of a longer list is ignored
constexpr std::chrono::seconds kLocatePatience{5};

}  // namespace

Courier::Courier(nostr::Pool& pool, const nostr::KeySigner& sender, const base::Clock& clock,
                 base::Rng& rng, std::vector<nostr::PublicKey> people,
                 std::vector<std::string> relays)
    : pool_(pool),
      sender_(sender),
      clock_(clock),
      rng_(rng),
      people_(std::move(people)),
      relays_(std::move(relays)) {}

Courier::~Courier() = default;

void Courier::start() {
  subscription_.reset();
  if (people_.empty()) return;
  nostr::Filter lists{.authors = people_,
                      .kinds = {nostr::kinds::kDmRelays, nostr::kinds::kRelayList}};
  subscription_ = pool_.subscribe(relays_, {std::move(lists)},
                                  {.on_events =
                                       [this](std::span<const nostr::Delivery> batch) {
                                         for (const nostr::Delivery& d : batch) learn(*d.event);
                                       },
                                   .on_eose = {},
                                   .on_closed = {}});
}

void Courier::stop() {
  subscription_.reset();
}

void Courier::learn(const nostr::Event& event) {
  auto& known = event.kind == nostr::kinds::kDmRelays ? inboxes_ : relay_lists_;
  const auto it = known.find(event.pubkey);
  if (it == known.end())
    known.emplace(event.pubkey, event);
  else if (nostr::replaces(event, it->second))
    it->second = event;
}

std::vector<nostr::PublicKey> Courier::unknown_people() const {
  std::vector<nostr::PublicKey> out;
  for (const nostr::PublicKey& person : people_)
    if (!inboxes_.contains(person)) out.push_back(person);
  return out;
}

base::Task<void> Courier::locate() {
  const std::vector<nostr::PublicKey> missing = unknown_people();
  if (missing.empty()) co_return;
  nostr::Filters lists{
      {.authors = missing, .kinds = {nostr::kinds::kDmRelays, nostr::kinds::kRelayList}}};
  const nostr::FetchResult found = co_await pool_.fetch(relays_, std::move(lists), kLocatePatience);
  for (const nostr::EventPtr& event : found.events) learn(*event);
}

base::Result<Letter> Courier::write(const nostr::PublicKey& to, const std::string& text,
                                    const std::string& subject) const {
  const base::UnixTime now = clock_.now();
  if (const auto inbox = inboxes_.find(to); inbox != inboxes_.end()) {
    TRY(std::vector<std::string> relays, nostr::parse_dm_relays(inbox->second));
    if (relays.size() > kMaxInboxes) relays.resize(kMaxInboxes);
    if (!relays.empty()) {
      const nostr::UnsignedEvent rumor = nostr::build_private_message({.from = sender_.public_key(),
                                                                       .to = {to},
                                                                       .subject = subject,
                                                                       .refs = {},
                                                                       .text = text,
                                                                       .at = now});
      TRY(nostr::Event wrap, nostr::wrap_rumor(rumor, sender_.key(), to, now, rng_));
      return Letter{nostr::compute_id(rumor), "nip17", nostr::to_json(rumor), std::move(wrap),
                    std::move(relays)};
    }
  }
  std::vector<std::string> relays;
  if (const auto list = relay_lists_.find(to); list != relay_lists_.end())
    if (auto parsed = nostr::parse_relay_list(list->second)) relays = parsed->read;
  if (relays.size() > kMaxInboxes) relays.resize(kMaxInboxes);
  if (relays.empty()) relays = relays_;
  TRY(const nostr::SharedX shared, nostr::ecdh(sender_.key(), to));
  nostr::Event event = nostr::sign_event(
      {nostr::kinds::kLegacyDm, now, {{"p", to.hex()}}, nostr::nip04_encrypt(shared, text, rng_)},
      sender_.key(), rng_);
  std::string json = nostr::to_json(event);
  return Letter{event.id, "nip04", std::move(json), std::move(event), std::move(relays)};
}

}  // namespace orchestration
