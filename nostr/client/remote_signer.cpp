// Asking a signer over relays: subscribe, ask, wait for the answer with the right author and id.
#include "nostr/client/remote_signer.h"

#include <algorithm>
#include <map>
#include <set>

#include "nostr/base/log.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip44.h"
#include "nostr/nips/nip65.h"
#include "nostr/signer/key_signer.h"

namespace nostr {

namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookInterval{2'000};  // at whether an answer is still wanted
constexpr std::size_t kMaxError = 300;      // characters of a signer's complaint that are passed on
constexpr std::size_t kMaxCandidates = 64;  // authors whose answers to a nostrconnect:// are opened

bool is_hopeless(const PublishOutcome& outcome) {
  return outcome.state == PublishOutcome::State::kRejected ||
         outcome.state == PublishOutcome::State::kUnsent;
}

/// Whether `event` is what `draft` becomes under `author`, and nothing else.
bool is_draft_signed(const Event& event, const Draft& draft, const PublicKey& author) {
  return event.pubkey == author && event.kind == draft.kind &&
         event.created_at == draft.created_at && event.tags == draft.tags &&
         event.content == draft.content;
}

}  // namespace

struct RemoteSigner::State : std::enable_shared_from_this<State> {
  struct Waiting {
    std::optional<Result<std::string>> answer;
  };

  State(Pool& pool_in, const base::Clock& clock_in, base::Rng& rng_in, SecretKey key,
        std::vector<std::string> relays_in, RemoteSignerOptions options_in)
      : pool(pool_in),
        clock(clock_in),
        rng(rng_in),
        client(std::move(key), clock_in, rng_in),
        relays(std::move(relays_in)),
        options(std::move(options_in)),
        changed(pool_in.loop()) {}

  void listen();
  Task<Result<void>> wait_until_heard();
  void take(const Event& event);
  void take_answer(const Event& event);
  void take_pairing(const Event& event);
  Task<Result<std::string>> call(SignerMethod method, std::vector<std::string> params);
  Task<Result<std::string>> call(SignerMethod method, std::vector<std::string> params,
                                 SignerPatience patience);
  Result<void> send_request(const std::string& id, const std::string& text);
  // These run in the pool and may begin when everybody else has let go of the state.
  static Task<void> send(std::shared_ptr<State> state, std::string id, Event event);
  static Task<void> move_relays(std::shared_ptr<State> state);

  Pool& pool;
  const base::Clock& clock;
  base::Rng& rng;
  const KeySigner client;
  std::optional<PublicKey> signer;          ///< unknown until the pairing, of a nostrconnect://
  std::optional<ConversationKey> key;       ///< with the signer
  std::string pairing_secret;               ///< of a nostrconnect://
  std::set<PublicKey> candidates;           ///< who answered to it
  PublicKey user;
  std::vector<std::string> relays;
  const RemoteSignerOptions options;
  bool gone = false;                        ///< nobody asks any more
  std::size_t listening = 0;                ///< relays that answered our REQ
  std::map<std::string, std::shared_ptr<Waiting>> waiting;  ///< by request id
  base::Signal changed;
  std::unique_ptr<Subscription> subscription;
};

// ---- hearing -----------------------------------------------------------------------------------

void RemoteSigner::State::listen() {
  Filter filter{.kinds = {kinds::kNostrConnect}, .tags = {{'p', {client.public_key().hex()}}}};
  if (signer) filter.authors = {*signer};
  const std::weak_ptr<State> self = weak_from_this();
  subscription = pool.subscribe(
      relays, {std::move(filter)},
      {.on_events =
           [self](std::span<const Delivery> batch) {
             for (const Delivery& delivery : batch)
               if (const auto state = self.lock()) state->take(*delivery.event);
           },
       .on_eose =
           [self](const std::string&) {
             if (const auto state = self.lock()) {
               ++state->listening;
               state->changed.notify();
             }
           },
       .on_closed = {}});
}

/// Answers are ephemeral: nothing may be asked before somebody keeps an ear open for the answer.
Task<Result<void>> RemoteSigner::State::wait_until_heard() {
  const auto deadline = steady_clock::now() + options.connect_timeout;
  while (listening == 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0)
      co_return fail(Errc::kUnavailable, "none of the signer's relays can be reached");
    co_await changed.wait_for(left);
  }
  co_return Result<void>{};
}

void RemoteSigner::State::take(const Event& event) {
  if (!signer) return take_pairing(event);
  if (event.pubkey == *signer) take_answer(event);
}

void RemoteSigner::State::take_answer(const Event& event) {
  const auto json = nostr::nip44_decrypt(*key, event.content);
  if (!json) return;
  const auto response = parse_signer_response(*json);
  if (!response) return;
  const auto found = waiting.find(response->id);
  if (found == waiting.end() || found->second->answer) return;
  std::optional<Result<std::string>>& answer = found->second->answer;
  if (const auto page = auth_url(*response))
    answer = fail(Errc::kDenied, "the signer wants you to open a page first", *page);
  else if (!response->error.empty())
    answer = fail(Errc::kDenied, "the signer says: " + response->error.substr(0, kMaxError));
  else
    answer = *response->result;
  changed.notify();
}

/// Anybody can write to a key that a text on a screen names; only who read the text knows the secret.
void RemoteSigner::State::take_pairing(const Event& event) {
  if (candidates.size() >= kMaxCandidates || !candidates.insert(event.pubkey).second) return;
  auto shared = nip44_conversation_key(client.key(), event.pubkey);
  if (!shared) return;
  const auto json = nostr::nip44_decrypt(*shared, event.content);
  if (!json) return;
  const auto response = parse_signer_response(*json);
  if (!response || !response->error.empty() || !echoes_secret(*response, pairing_secret)) return;
  signer = event.pubkey;
  key = *std::move(shared);
  changed.notify();
}

// ---- asking ------------------------------------------------------------------------------------

Task<void> RemoteSigner::State::send(std::shared_ptr<State> state, std::string id, Event event) {
  std::vector<std::string> to = state->relays;
  const auto outcomes = co_await state->pool.publish(std::move(to), std::move(event));
  if (!std::ranges::all_of(outcomes, is_hopeless)) co_return;
  const auto found = state->waiting.find(id);
  if (found == state->waiting.end() || found->second->answer) co_return;
  const std::string why = outcomes.empty() ? "no relay" : outcomes.front().message;
  found->second->answer = fail(Errc::kUnavailable, "no relay of the signer takes the request: " + why);
  state->changed.notify();
}

/// Seals and signs the carrier anew each time: what is repeated has to be fresh, and another event.
Result<void> RemoteSigner::State::send_request(const std::string& id, const std::string& text) {
  // A reader that is asked for more than the classic form holds has to know the long one anyway.
  TRY(std::string encrypted,
      nostr::nip44_encrypt(*key, text, rng,
                           text.size() > kNip44MaxPlaintext ? Nip44Form::kLong : Nip44Form::kClassic));
  Event event = sign_event(build_signer_event(*signer, std::move(encrypted), clock.now()),
                           client.key(), rng);
  pool.spawn("remote signer", send(shared_from_this(), id, std::move(event)));
  return {};
}

Task<Result<std::string>> RemoteSigner::State::call(SignerMethod method,
                                                    std::vector<std::string> params) {
  return call(method, std::move(params), {.at_most = options.answer_timeout, .again_after = {}, .wanted = {}});
}

Task<Result<std::string>> RemoteSigner::State::call(SignerMethod method,
                                                    std::vector<std::string> params,
                                                    SignerPatience patience) {
  const auto keep = shared_from_this();
  SignerRequest request{rng.hex(16), std::string(signer_method_name(method)), std::move(params)};
  std::string text = build_signer_request(request);
  const auto place = std::make_shared<Waiting>();
  waiting.emplace(request.id, place);
  // However this ends, also by cancellation, nobody waits for the answer any more.
  struct Leave {
    State& state;
    const std::string& id;
    std::string& text;
    ~Leave() {
      state.waiting.erase(id);
      base::wipe(text);
    }
  } leave{*this, request.id, text};
  CO_TRY(send_request(request.id, text));
  const auto begun = steady_clock::now();
  auto sent = begun;
  while (!place->answer) {
    const auto now = steady_clock::now();
    if (now - begun >= patience.at_most)
      co_return fail(Errc::kTimeout, "the signer did not answer " + request.method,
                     "is it running, and does it still know this client?");
    if (patience.wanted && !patience.wanted())
      co_return fail(Errc::kCancelled, "the signer's answer is no longer wanted");
    if (patience.again_after.count() > 0 && now - sent >= patience.again_after) {
      CO_TRY(send_request(request.id, text));
      sent = now;
    }
    auto next = begun + patience.at_most - now;
    if (patience.again_after.count() > 0) next = std::min(next, sent + patience.again_after - now);
    if (patience.wanted) next = std::min<steady_clock::duration>(next, kLookInterval);
    co_await changed.wait_for(std::chrono::duration_cast<std::chrono::milliseconds>(next) +
                              std::chrono::milliseconds(1));
  }
  co_return *std::move(place->answer);
}

/// A signer may want to be talked to elsewhere. Those that do not know the question stay silent.
Task<void> RemoteSigner::State::move_relays(std::shared_ptr<State> state) {
  const auto answer = co_await state->call(SignerMethod::kSwitchRelays, {});
  if (!answer || state->gone) co_return;
  auto moved = parse_switch_relays_result(*answer);
  if (!moved || !*moved || **moved == state->relays) co_return;
  LOG(kInfo, "signer", "moves to other relays", {{"relays", std::to_string((*moved)->size())}});
  state->relays = **std::move(moved);
  state->listen();
}

// ---- the signer --------------------------------------------------------------------------------

RemoteSigner::RemoteSigner(std::shared_ptr<State> state) : state_(std::move(state)) {}

RemoteSigner::~RemoteSigner() {
  state_->gone = true;
  state_->subscription.reset();
}

Task<RemoteSigner::Made> RemoteSigner::introduce(std::shared_ptr<State> state) {
  CO_TRY(const std::string hex, co_await state->call(SignerMethod::kGetPublicKey, {}));
  const auto user = PublicKey::from_hex(hex);
  if (!user) co_return fail(Errc::kPeer, "the signer does not say whose signer it is");
  state->user = *user;
  state->pool.spawn("signer relays", State::move_relays(state));
  co_return std::unique_ptr<RemoteSigner>(new RemoteSigner(std::move(state)));
}

Task<RemoteSigner::Made> RemoteSigner::connect(Pool& pool, const base::Clock& clock, base::Rng& rng,
                                               SecretKey client, BunkerUri uri,
                                               RemoteSignerOptions options) {
  auto state = std::make_shared<State>(pool, clock, rng, std::move(client), uri.relays, std::move(options));
  state->signer = uri.signer;
  CO_TRY(state->key, nip44_conversation_key(state->client.key(), uri.signer));
  state->listen();
  CO_TRY(co_await state->wait_until_heard());
  if (!state->options.paired) {
    ConnectParams params{.signer = uri.signer,
                         .secret = uri.secret,
                         .permissions = state->options.permissions,
                         .name = state->options.name,
                         .url = ""};
    CO_TRY(const std::string answer,
           co_await state->call(SignerMethod::kConnect, build_connect_params(params)));
    if (!admits({"", answer, ""}, uri.secret))
      co_return fail(Errc::kPeer, "the signer answers the pairing with neither ack nor the secret");
  }
  co_return co_await introduce(std::move(state));
}

Task<RemoteSigner::Made> RemoteSigner::await_signer(Pool& pool, const base::Clock& clock,
                                                    base::Rng& rng, SecretKey client,
                                                    NostrConnectUri uri,
                                                    RemoteSignerOptions options) {
  if (uri.secret.empty() || uri.client != client.public_key())
    co_return fail(Errc::kInvalid, "this nostrconnect:// text proves nothing to this client");
  auto state = std::make_shared<State>(pool, clock, rng, std::move(client), uri.relays, std::move(options));
  state->pairing_secret = uri.secret;
  state->listen();
  const auto deadline = steady_clock::now() + state->options.answer_timeout;
  while (!state->signer) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0)
      co_return fail(Errc::kTimeout, "no signer answered the nostrconnect:// text in time");
    co_await state->changed.wait_for(left);
  }
  co_return co_await introduce(std::move(state));
}

PublicKey RemoteSigner::public_key() const { return state_->user; }

Task<Result<Event>> RemoteSigner::sign(Draft draft) {
  return sign(std::move(draft),
              {.at_most = state_->options.answer_timeout, .again_after = {}, .wanted = {}});
}

Task<Result<Event>> RemoteSigner::sign(Draft draft, SignerPatience patience) {
  if (draft.created_at == UnixTime{}) draft.created_at = state_->clock.now();
  std::vector<std::string> params{build_sign_template(draft)};
  CO_TRY(const std::string json,
         co_await state_->call(SignerMethod::kSignEvent, std::move(params), std::move(patience)));
  auto event = parse_event(json, {.max_bytes = kMaxSignerMessage});
  if (!event) co_return fail(Errc::kPeer, "the signer returns no event: " + event.error().detail);
  if (!is_draft_signed(*event, draft, public_key()))
    co_return fail(Errc::kPeer, "the signer returns another event than it was asked to sign");
  CO_TRY(check(*event));
  co_return event;
}

Task<Result<std::string>> RemoteSigner::cipher(SignerMethod method, PublicKey peer, std::string text) {
  std::vector<std::string> params{peer.hex(), std::move(text)};
  co_return co_await state_->call(method, std::move(params));
}

Task<Result<std::string>> RemoteSigner::nip44_encrypt(PublicKey peer, std::string plaintext) {
  return cipher(SignerMethod::kNip44Encrypt, peer, std::move(plaintext));
}

Task<Result<std::string>> RemoteSigner::nip44_decrypt(PublicKey peer, std::string payload) {
  return cipher(SignerMethod::kNip44Decrypt, peer, std::move(payload));
}

Task<Result<std::string>> RemoteSigner::nip04_encrypt(PublicKey peer, std::string plaintext) {
  return cipher(SignerMethod::kNip04Encrypt, peer, std::move(plaintext));
}

Task<Result<std::string>> RemoteSigner::nip04_decrypt(PublicKey peer, std::string payload) {
  return cipher(SignerMethod::kNip04Decrypt, peer, std::move(payload));
}

Task<Result<void>> RemoteSigner::ping() {
  CO_TRY(const std::string answer, co_await state_->call(SignerMethod::kPing, {}));
  if (answer != "pong") co_return fail(Errc::kPeer, "the signer answers ping with something else");
  co_return Result<void>{};
}

BunkerUri RemoteSigner::uri() const { return {*state_->signer, state_->relays, ""}; }

}  // namespace nostr
