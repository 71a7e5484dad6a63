// The bunker's door: who is heard, who is let in, and how answers leave. What is answered is in
// bunker_answers.cpp.
#include "node/bunker.h"

#include <algorithm>

#include <fmt/format.h>

#include "nostr/base/log.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using nostr::Event;
using nostr::PublicKey;
using nostr::SignerMethod;
using nostr::SignerRequest;
using nostr::SignerResponse;
using storage::Durability;
using storage::Tx;

/// A request is taken this long before and after it says it was written; copies are known longer.
constexpr std::chrono::seconds kWindow{600};
constexpr std::chrono::seconds kRequestMemory{2 * 3'600};
constexpr std::chrono::seconds kHousePeriod{600};
constexpr std::chrono::seconds kRelayPatience{5};
/// Base64 of the longest request that is read, and its frame.
constexpr std::size_t kMaxContent = nostr::kMaxSignerMessage * 4 / 3 + 1'024;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxClientRelays = 4;

nostr::Sha256 secret_hash(std::string_view secret) {
  return nostr::tagged_hash("sovereign/bunker-secret", base::as_bytes(secret));
}

std::string short_name(std::string text) {
  if (text.size() > kMaxName) text.resize(kMaxName);
  return text;
}

}  // namespace

Bunker::Bunker(Deps deps, BunkerOptions options)
    : deps_(deps),
      options_(std::move(options)),
      rows_(deps.db),
      came_live_(deps.loop),
      strangers_(options_.strangers_an_hour),
      decided_(deps.loop),
      scope_(deps.loop) {}

base::Task<Result<void>> Bunker::start() {
  CO_TRY(rows_.fail_open_requests(deps_.clock.now()));
  listen(options_.relays);
  CO_TRY(const auto clients, rows_.clients());
  for (const storage::BunkerClient& client : clients)
    if (client.stands()) listen(client.relays);
  scope_.spawn("bunker house", keep_house());
  co_await await_relays();
  co_return Result<void>{};
}

base::Task<void> Bunker::await_relays() {
  const auto is_live = [this](const std::string& relay) {
    return live_.contains(nostr::normalize_relay_url(relay));
  };
  const auto deadline = std::chrono::steady_clock::now() + kRelayPatience;
  while (!std::ranges::all_of(options_.relays, is_live)) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= left.zero()) co_return;
    co_await came_live_.wait_for(left);
  }
}

base::Task<void> Bunker::stop() {
  subscriptions_.clear();
  co_await scope_.stop();
}

base::Task<void> Bunker::keep_house() {
  for (;;) {
    if (auto forgotten = rows_.forget_requests(deps_.clock.now() - kRequestMemory); !forgotten)
      LOG(kError, "bunker", "cannot forget old requests", {{"detail", forgotten.error().detail}});
    co_await base::sleep_for(kHousePeriod);
  }
}

// ---- hearing -----------------------------------------------------------------------------------

void Bunker::listen(const std::vector<std::string>& relays) {
  std::vector<std::string> fresh;
  for (const std::string& relay : relays)
    if (heard_.insert(nostr::normalize_relay_url(relay)).second) fresh.push_back(relay);
  if (fresh.empty()) return;
  nostr::Filters filters{{.kinds = {nostr::kinds::kNostrConnect},
                          .tags = {{'p', {deps_.voice.public_key().hex()}}},
                          .since = deps_.clock.now() - kWindow}};
  subscriptions_.push_back(deps_.pool.subscribe(
      std::move(fresh), std::move(filters),
      {.on_events =
           [this](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) take(*delivery.event);
           },
       .on_eose =
           [this](const std::string& relay) {
             live_.insert(nostr::normalize_relay_url(relay));
             came_live_.notify();
           },
       .on_closed =
           [](const std::string& relay, const std::string& message) {
             LOG(kWarn, "bunker", "a relay does not serve us", {{"relay", relay}, {"why", message}});
           }}));
}

void Bunker::take(const Event& event) {
  if (auto admitted = admit_event(event); !admitted)
    LOG(kDebug, "bunker", "not looked at",
        {{"client", event.pubkey.hex()}, {"why", admitted.error().detail}});
}

/// Everything that costs nothing to know comes before a key is used.
Result<void> Bunker::admit_event(const Event& event) {
  const base::UnixTime now = deps_.clock.now();
  if (event.created_at + kWindow < now || event.created_at > now + kWindow)
    return fail(Errc::kInvalid, "its time is outside the window");
  if (event.content.size() > kMaxContent) return fail(Errc::kLimit, "it is too large");
  TRY(const auto client, rows_.client(event.pubkey));
  const bool paired = client && client->stands();
  if (!paired && !strangers_.take(now))
    return fail(Errc::kLimit, "strangers have had their share of this hour");
  if (paired) {
    HourlyCap& cap = caps_.try_emplace(event.pubkey, options_.requests_an_hour).first->second;
    if (!cap.take(now)) {
      if (cap.should_tell())
        LOG(kWarn, "bunker", "a client asks too much; the rest of this hour is dropped",
            {{"client", event.pubkey.hex()}});
      return fail(Errc::kLimit, "this client has had its share of this hour");
    }
  }
  if (at_work_ >= options_.at_work || working_[event.pubkey] >= options_.at_work_per_client)
    return fail(Errc::kLimit, "too many requests are under way");
  ++at_work_;
  ++working_[event.pubkey];
  scope_.spawn("bunker request", serve(event, paired));
  return {};
}

Result<SignerRequest> Bunker::read(const Event& event) const {
  TRY(const nostr::ConversationKey key,
      nostr::nip44_conversation_key(deps_.voice.key(), event.pubkey));
  TRY(const std::string json,
      nostr::nip44_decrypt(key, event.content, nostr::kMaxSignerMessage));
  return nostr::parse_signer_request(json);
}

base::Task<void> Bunker::serve(Event event, bool paired) {
  struct Leave {
    Bunker& bunker;
    PublicKey client;
    ~Leave() {
      --bunker.at_work_;
      if (--bunker.working_[client] == 0) bunker.working_.erase(client);
    }
  } leave{*this, event.pubkey};
  auto request = read(event);
  if (!request) {
    LOG(kDebug, "bunker", "not understood", {{"why", request.error().detail}});
    co_return;
  }
  if (paired) co_return co_await serve_client(event.pubkey, *std::move(request));
  // To anybody else there is nobody here.
  const auto in = let_in(event.pubkey, *request);
  if (!in) LOG(kWarn, "bunker", "not paired", {{"why", in.error().detail}});
  if (in && *in) co_await reply(event.pubkey, {request->id, "ack", ""});
}

base::Task<void> Bunker::serve_client(PublicKey client, SignerRequest request) {
  const base::UnixTime now = deps_.clock.now();
  const bool signs = request.method == nostr::signer_method_name(SignerMethod::kSignEvent);
  const auto opened = rows_.open_request(client, request.id, request.method, now,
                                         signs ? Durability::kFull : Durability::kNormal);
  if (!opened || !*opened) {
    LOG(kDebug, "bunker", "a copy, or not kept", {{"client", client.hex()}});
    co_return;
  }
  SignerResponse response{request.id, std::nullopt, ""};
  const std::string id = request.id;
  const std::string method = request.method;
  auto answered = co_await answer(client, std::move(request));
  using State = storage::BunkerRequestState;
  State state = State::kAllowed;
  if (answered) {
    response.result = *std::move(answered);
  } else {
    const Errc code = answered.error().code;
    response.error = answered.error().detail;
    state = code == Errc::kDenied    ? State::kDenied
            : code == Errc::kTimeout ? State::kExpired
                                     : State::kFailed;
    LOG(kInfo, "bunker", "not done",
        {{"client", client.hex()}, {"method", method}, {"why", response.error}});
  }
  if (auto kept = rows_.set_request(client, id, state, deps_.clock.now()); !kept)
    LOG(kError, "bunker", "cannot keep what became of a request", {{"detail", kept.error().detail}});
  if (auto kept = rows_.saw(client, deps_.clock.now()); !kept)
    LOG(kError, "bunker", "cannot keep when a client was seen", {{"detail", kept.error().detail}});
  co_await reply(client, std::move(response));
}

base::Task<void> Bunker::reply(PublicKey client, SignerResponse response) {
  const std::string json = nostr::build_signer_response(response);
  const auto key = nostr::nip44_conversation_key(deps_.voice.key(), client);
  if (!key) co_return;
  auto encrypted = nostr::nip44_encrypt(*key, json, deps_.rng,
                                        json.size() > nostr::kNip44MaxPlaintext
                                            ? nostr::Nip44Form::kLong
                                            : nostr::Nip44Form::kClassic);
  if (!encrypted) co_return;
  Event event = nostr::sign_event(
      nostr::build_signer_event(client, *std::move(encrypted), deps_.clock.now()),
      deps_.voice.key(), deps_.rng);
  std::vector<std::string> relays = options_.relays;
  if (const auto row = rows_.client(client); row && *row)
    relays.insert(relays.end(), (*row)->relays.begin(), (*row)->relays.end());
  co_await deps_.pool.publish(std::move(relays), std::move(event));
}

// ---- pairing -----------------------------------------------------------------------------------

Result<std::string> Bunker::invite() {
  const std::string secret = deps_.rng.hex(16);
  const base::UnixTime now = deps_.clock.now();
  TRY(rows_.add_secret(secret_hash(secret), now, now + options_.secret_life));
  return nostr::build_bunker_uri({deps_.voice.public_key(), options_.relays, secret});
}

/// Whether a stranger's request shows a secret nobody used; then it is used up and they are a client,
/// in one commit.
Result<bool> Bunker::let_in(const PublicKey& client, const SignerRequest& request) {
  if (nostr::signer_method(request.method) != SignerMethod::kConnect) return false;
  const nostr::ConnectParams params = nostr::parse_connect_params(request.params);
  if (params.secret.empty() || (params.signer && *params.signer != deps_.voice.public_key()))
    return false;
  const base::UnixTime now = deps_.clock.now();
  TRY(Tx tx, Tx::begin(deps_.db, Durability::kFull));
  TRY(const bool taken, rows_.take_secret(secret_hash(params.secret), now));
  if (!taken) return false;
  TRY(rows_.pair({.key = client,
                  .name = short_name(params.name),
                  .url = short_name(params.url),
                  .relays = {},
                  .paired = now,
                  .seen = now,
                  .revoked = {}},
                 options_.rules));
  TRY(rows_.open_request(client, request.id, request.method, now, Durability::kFull));
  TRY(rows_.set_request(client, request.id, storage::BunkerRequestState::kAllowed, now));
  TRY(tx.commit());
  LOG(kInfo, "bunker", "paired", {{"client", client.hex()}});
  return true;
}

Result<void> Bunker::accept(const nostr::NostrConnectUri& uri) {
  if (uri.secret.empty())
    return fail(Errc::kInvalid, "the nostrconnect:// text has no secret",
                "the client is too old to be told apart from an impostor");
  std::vector<std::string> relays = uri.relays;
  if (relays.size() > kMaxClientRelays) relays.resize(kMaxClientRelays);
  const base::UnixTime now = deps_.clock.now();
  TRY(rows_.pair({.key = uri.client,
                  .name = short_name(uri.name),
                  .url = short_name(uri.url),
                  .relays = relays,
                  .paired = now,
                  .seen = now,
                  .revoked = {}},
                 options_.rules));
  listen(relays);
  LOG(kInfo, "bunker", "paired", {{"client", uri.client.hex()}});
  scope_.spawn("bunker pairing", reply(uri.client, {deps_.rng.hex(16), uri.secret, ""}));
  return {};
}

std::string Bunker::name_of(const PublicKey& client) {
  const auto row = rows_.client(client);
  const std::string name = row && *row ? (*row)->name : "";
  return fmt::format("{}{}", name.empty() ? "" : name + " ", client.hex().substr(0, 8));
}

}  // namespace node
