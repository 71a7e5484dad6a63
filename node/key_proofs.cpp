#include "node/key_proofs.h"

#include <algorithm>

#include "nostr/base/log.h"
#include "nostr/nips/nip19.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::UnixTime;
using nostr::Event;
using nostr::EventId;
using nostr::PublicKey;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::size_t kMaxAnHour = 60;
constexpr std::size_t kMaxRemembered = 1'024;

Result<void> accepted(const std::vector<nostr::PublishOutcome>& outcomes, std::string_view what) {
  std::string refusals;
  for (const nostr::PublishOutcome& outcome : outcomes) {
    if (outcome.state == nostr::PublishOutcome::State::kAccepted) return {};
    refusals += " " + outcome.relay + ": " + outcome.message;
  }
  return fail(Errc::kUnavailable, "no relay took the " + std::string(what) + ":" + refusals);
}

}  // namespace

base::json::Value key_proof_view(const KeyProof& proof) {
  return {{"pubkey", proof.who.hex()},
          {"npub", nostr::encode_npub(proof.who)},
          {"proved", true},
          {"challenge", proof.challenge.hex()},
          {"response", proof.response.hex()}};
}

base::Task<Result<KeyProof>> ask_for_proof(Runtime& runtime, std::vector<std::string> relays,
                                           nostr::Signer& asker, PublicKey who,
                                           std::chrono::seconds lasts) {
  const UnixTime now = runtime.clock.now();
  nipsa::AuthChallenge challenge = nipsa::new_challenge(who, now, runtime.rng);
  challenge.expires = now + std::min(lasts, nipsa::kChallengeTtlMax);
  CO_TRY(nostr::Draft draft, nipsa::build_auth_challenge(challenge, now));
  CO_TRY(const Event event, co_await asker.sign(std::move(draft)));
  nipsa::AuthDesk desk;
  CO_TRY(desk.open(event, runtime.clock.now()));
  std::optional<EventId> proved;
  std::string last_wrong;
  base::Signal heard(runtime.loop);
  nostr::Filters filters{{.authors = {who},
                          .kinds = {nipsa::kinds::kAuthResponse},
                          .tags = {{'e', {event.id.hex()}}}}};
  const auto answers = runtime.pool.subscribe(
      relays, std::move(filters), {.on_events = [&](std::span<const nostr::Delivery> batch) {
        for (const nostr::Delivery& delivery : batch) {
          const auto key = desk.accept(*delivery.event, runtime.clock.now());
          if (key)
            proved = delivery.event->id;
          else if (!proved)
            last_wrong = key.error().detail;
        }
        heard.notify();
      }});
  const auto outcomes = co_await runtime.pool.publish(relays, event);
  CO_TRY(accepted(outcomes, "challenge"));
  while (!proved && runtime.clock.now() <= challenge.expires + nipsa::kChallengeGrace)
    co_await heard.wait_for(std::chrono::seconds{1});
  if (!proved)
    co_return fail(Errc::kTimeout, last_wrong.empty() ? "nobody proved to hold that key in time"
                                                      : "no answer holds: " + last_wrong);
  co_return KeyProof{.who = who, .challenge = event.id, .response = *proved};
}

Result<FoundChallenge> check_challenge(const Event& event, const PublicKey& me, UnixTime now) {
  TRY(nipsa::check_event(event, nipsa::kinds::kAuthChallenge, now));
  TRY(const nipsa::AuthChallenge challenge, nipsa::parse_auth_challenge(event));
  if (challenge.challenged != me)
    return nipsa::fail(nipsa::Code::kAuthz, "the challenge is to another key");
  if (now > challenge.expires) return nipsa::fail(nipsa::Code::kExpired, "the challenge is over");
  return FoundChallenge{event, challenge};
}

base::Task<Result<FoundChallenge>> find_challenge(nostr::Pool& pool,
                                                  std::vector<std::string> relays, EventId id,
                                                  PublicKey me, UnixTime now) {
  nostr::Filters filters{{.ids = {id}, .kinds = {nipsa::kinds::kAuthChallenge}}};
  const nostr::FetchResult found =
      co_await pool.fetch(std::move(relays), std::move(filters), kFetchPatience);
  if (!found.events.empty()) co_return check_challenge(*found.events.front(), me, now);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  co_return fail(Errc::kNotFound, "no relay has that challenge");
}

Result<nostr::Draft> proof_draft(const FoundChallenge& found, std::string relay, UnixTime now) {
  return nipsa::build_auth_response({.challenge = found.event.id,
                                     .asker = found.event.pubkey,
                                     .nonce = found.challenge.nonce,
                                     .relay = std::move(relay)},
                                    found.challenge.expires, now);
}

Prover::Prover(Deps deps, std::vector<std::string> relays, PublicKey agent,
               std::vector<PublicKey> askers)
    : deps_(deps),
      relays_(std::move(relays)),
      agent_(agent),
      askers_(std::move(askers)),
      cap_(kMaxAnHour),
      scope_(deps.loop) {}

void Prover::start() {
  if (askers_.empty()) return;
  nostr::Filters filters{{.authors = askers_,
                          .kinds = {nipsa::kinds::kAuthChallenge},
                          .tags = {{'p', {agent_.hex()}}},
                          .since = deps_.clock.now() - nipsa::kChallengeTtlMax}};
  challenges_ = deps_.pool.subscribe(relays_, std::move(filters),
                                     {.on_events = [this](std::span<const nostr::Delivery> batch) {
                                       for (const nostr::Delivery& delivery : batch)
                                         on_challenge(*delivery.event);
                                     }});
}

base::Task<void> Prover::stop() {
  challenges_.reset();
  co_await scope_.stop();
}

void Prover::on_challenge(const Event& event) {
  const UnixTime now = deps_.clock.now();
  if (std::ranges::find(askers_, event.pubkey) == askers_.end() || given_.contains(event.id))
    return;
  auto found = check_challenge(event, agent_, now);
  if (!found || !cap_.take(now)) return;
  if (given_.size() >= kMaxRemembered) given_.clear();
  given_.insert(event.id);
  scope_.spawn("prove the key", give_by_itself(*std::move(found)));
}

base::Task<void> Prover::give_by_itself(FoundChallenge found) {
  const PublicKey asker = found.event.pubkey;
  auto given = co_await give(std::move(found));
  if (given)
    LOG(kInfo, "proof", "given", {{"to", asker.hex()}});
  else
    LOG(kWarn, "proof", "not given", {{"to", asker.hex()}, {"why", given.error().detail}});
}

base::Task<Result<EventId>> Prover::answer(EventId id) {
  CO_TRY(FoundChallenge found,
         co_await find_challenge(deps_.pool, relays_, id, agent_, deps_.clock.now()));
  co_return co_await give(std::move(found));
}

/// Handed over rather than put into the outbox: what is not out when the challenge ends is worth
/// nothing.
base::Task<Result<EventId>> Prover::give(FoundChallenge found) {
  CO_TRY(nostr::Draft draft, proof_draft(found, relays_.front(), deps_.clock.now()));
  Utterance utterance{
      .key = {std::string(kHandOverTick), "proof:" + found.event.id.hex()},
      .action_class = "proof",
      .draft = std::move(draft),
      .reason = "prove to " + nostr::encode_npub(found.event.pubkey) + " that the key is held"};
  CO_TRY(const Event event, co_await deps_.voice.sign_for(std::move(utterance)));
  const auto outcomes = co_await deps_.pool.publish(relays_, event);
  CO_TRY(accepted(outcomes, "proof"));
  co_return event.id;
}

}  // namespace node
