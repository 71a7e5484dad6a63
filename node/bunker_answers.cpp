// What a paired client gets: its rules first, then the identity.
#include <algorithm>

#include <fmt/format.h>

#include "nipsa/digest.h"
#include "node/bunker.h"
#include "node/bunker_views.h"
#include "nostr/base/log.h"
#include "nostr/event/event_json.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::json::Value;
using nostr::PublicKey;
using nostr::SignerMethod;
using nostr::SignerRequest;
using storage::BunkerVerdict;

constexpr std::size_t kMaxShown = 2'000;  // characters of what a person is asked about
constexpr std::chrono::seconds kGrace{60};
constexpr int kMaxCodeTries = 64;

/// What a client may read of an error: nothing about files, databases or bugs.
base::Error told(base::Error error) {
  switch (error.code) {
    case Errc::kInvalid:
    case Errc::kDenied:
    case Errc::kApprovalRequired:
    case Errc::kLimit:
    case Errc::kTimeout:
    case Errc::kUnavailable:
    case Errc::kCrypto:
    case Errc::kUnsupported:
      return error;
    case Errc::kNotFound:
    case Errc::kConflict:
    case Errc::kCancelled:
    case Errc::kClosed:
    case Errc::kPeer:
    case Errc::kIo:
    case Errc::kDatabase:
    case Errc::kInternal:
      LOG(kError, "bunker", "an error of ours", {{"detail", error.detail}});
      return {Errc::kInternal, "the signer has a problem of its own", ""};
  }
  return {Errc::kInternal, "the signer has a problem of its own", ""};
}

std::string shown(std::string_view text) {
  std::string out = base::escape_for_terminal(text.substr(0, kMaxShown));
  if (text.size() > kMaxShown) out += fmt::format(" … ({} bytes in all)", text.size());
  return out;
}

}  // namespace

Result<std::vector<storage::BunkerRule>> read_bunker_rules(std::string_view text,
                                                           BunkerVerdict verdict) {
  std::vector<storage::BunkerRule> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto read = nostr::parse_permissions(word);
    const auto method = read.empty() ? std::nullopt : nostr::signer_method(read.front().method);
    const bool rules = method && (method == SignerMethod::kSignEvent || is_cipher(*method));
    if (!rules || (read.front().kind && method != SignerMethod::kSignEvent))
      return fail(Errc::kInvalid, fmt::format("\"{}\" is nothing a rule can be about", word),
                  "sign_event, sign_event:KIND, nip44_encrypt, nip44_decrypt, nip04_encrypt or "
                  "nip04_decrypt");
    out.push_back({read.front().method, read.front().kind, verdict});
  }
  return out;
}

bool is_cipher(SignerMethod method) {
  switch (method) {
    case SignerMethod::kNip04Encrypt:
    case SignerMethod::kNip04Decrypt:
    case SignerMethod::kNip44Encrypt:
    case SignerMethod::kNip44Decrypt:
      return true;
    case SignerMethod::kConnect:
    case SignerMethod::kSignEvent:
    case SignerMethod::kPing:
    case SignerMethod::kGetPublicKey:
    case SignerMethod::kGetRelays:
    case SignerMethod::kSwitchRelays:
    case SignerMethod::kLogout:
      return false;
  }
  return false;
}

base::Task<Bunker::Answer> Bunker::answer(PublicKey client, SignerRequest request) {
  const auto method = nostr::signer_method(request.method);
  if (!method) co_return fail(Errc::kUnsupported, "unknown method " + request.method);
  switch (*method) {
    case SignerMethod::kConnect:  // again, by one who is in
      co_return "ack";
    case SignerMethod::kPing:
      co_return "pong";
    case SignerMethod::kGetPublicKey:
      co_return deps_.identity.public_key().hex();
    case SignerMethod::kGetRelays:
      co_return "{}";
    case SignerMethod::kSwitchRelays:
      co_return "null";  // stay
    case SignerMethod::kLogout:
      CO_TRY(rows_.revoke(client, deps_.clock.now()));
      co_return "ack";
    case SignerMethod::kSignEvent:
      co_return co_await sign_event(client, std::move(request));
    case SignerMethod::kNip04Encrypt:
    case SignerMethod::kNip04Decrypt:
    case SignerMethod::kNip44Encrypt:
    case SignerMethod::kNip44Decrypt:
      co_return co_await cipher(client, *method, std::move(request));
  }
  co_return fail(Errc::kInternal, "a method without an answer");
}

base::Task<Bunker::Answer> Bunker::sign_event(PublicKey client, SignerRequest request) {
  if (request.params.empty()) co_return fail(Errc::kInvalid, "sign_event names no event");
  CO_TRY(nostr::Draft draft,
         nostr::parse_sign_template(request.params[0], deps_.identity.public_key()));
  if (draft.created_at == base::UnixTime{}) draft.created_at = deps_.clock.now();
  std::string text = base::json::dump(Value(draft.tags)) + "\n" + draft.content;
  CO_TRY(co_await permit(client, request, draft.kind, std::move(text)));
  auto signing = base::with_timeout(
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.ask_for + kGrace), "the signature",
      deps_.identity.sign(std::move(draft)));
  auto event = co_await std::move(signing);
  if (!event) co_return std::unexpected(told(event.error()));
  co_return nostr::to_json(*event);
}

base::Task<Bunker::Answer> Bunker::cipher(PublicKey client, SignerMethod method,
                                          SignerRequest request) {
  CO_TRY(nostr::CipherParams params, nostr::parse_cipher_params(request.params));
  const bool encrypts = method == SignerMethod::kNip04Encrypt || method == SignerMethod::kNip44Encrypt;
  std::string text = (encrypts ? "to " : "from ") + params.peer.hex();
  if (encrypts) text += "\n" + params.text;
  CO_TRY(co_await permit(client, request, std::nullopt, std::move(text)));
  nostr::Signer& identity = deps_.identity;
  Answer done;
  if (method == SignerMethod::kNip04Encrypt)
    done = co_await identity.nip04_encrypt(params.peer, std::move(params.text));
  else if (method == SignerMethod::kNip04Decrypt)
    done = co_await identity.nip04_decrypt(params.peer, std::move(params.text));
  else if (method == SignerMethod::kNip44Encrypt)
    done = co_await identity.nip44_encrypt(params.peer, std::move(params.text));
  else
    done = co_await identity.nip44_decrypt(params.peer, std::move(params.text));
  if (!done) co_return std::unexpected(told(done.error()));
  co_return done;
}

// ---- rules and questions -----------------------------------------------------------------------

base::Task<Result<void>> Bunker::permit(PublicKey client, SignerRequest request,
                                        std::optional<nostr::Kind> kind, std::string text) {
  CO_TRY(const BunkerVerdict verdict, rows_.verdict(client, request.method, kind));
  const std::string action = kind ? fmt::format("{}:{}", request.method, *kind) : request.method;
  switch (verdict) {
    case BunkerVerdict::kAllow:
      co_return Result<void>{};
    case BunkerVerdict::kDeny:
      co_return fail(Errc::kDenied, "not allowed: " + action);
    case BunkerVerdict::kAsk:
      break;
  }
  CO_TRY(const bool yes, co_await ask(client, request, action, std::move(text)));
  if (!yes) co_return fail(Errc::kDenied, "denied by the operator");
  // The answer may be old by now: a client that was sent away meanwhile stays away.
  CO_TRY(const auto row, rows_.client(client));
  if (!row || !row->stands()) co_return fail(Errc::kDenied, "revoked");
  co_return Result<void>{};
}

base::Task<Result<bool>> Bunker::ask(PublicKey client, SignerRequest request, std::string action,
                                     std::string text) {
  if (questions_.size() >= options_.questions)
    co_return fail(Errc::kLimit, "too many questions wait for the operator");
  const base::UnixTime now = deps_.clock.now();
  auto question = std::make_shared<Question>(
      Question{"", name_of(client), std::move(action), shown(text), now, std::nullopt});
  for (int tries = 0; tries < kMaxCodeTries && question->code.empty(); ++tries) {
    const std::string code = nipsa::approval_code(nostr::EventId(deps_.rng.bytes<32>()));
    const bool taken = std::ranges::any_of(questions_, [&](const auto& q) { return q->code == code; });
    if (!taken && nipsa::is_issuable(code, {})) question->code = code;
  }
  if (question->code.empty()) co_return fail(Errc::kInternal, "no issuable code was found");
  CO_TRY(rows_.set_request(client, request.id, storage::BunkerRequestState::kAsked, now));
  struct Leave {
    std::vector<std::shared_ptr<Question>>& questions;
    std::shared_ptr<Question> question;
    ~Leave() { std::erase(questions, question); }
  } leave{questions_, question};
  questions_.push_back(question);
  LOG(kInfo, "bunker", "asks",
      {{"code", nipsa::format_code(question->code)}, {"action", question->action}});
  const auto deadline = std::chrono::steady_clock::now() + options_.ask_for;
  while (!question->answer) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return fail(Errc::kTimeout, "nobody answered in time");
    co_await decided_.wait_for(left);
  }
  co_return *question->answer;
}

Value Bunker::pending() const {
  Value out = Value::array();
  for (const auto& question : questions_)
    if (!question->answer)
      out.push_back({{"code", nipsa::format_code(question->code)},
                     {"state", "open"},
                     {"action", question->action},
                     {"client", question->client},
                     {"text", base::escape_for_terminal(question->client) + " wants " +
                                  question->action + "\n" + question->text},
                     {"created_at", base::to_unix(question->asked)},
                     {"age", (deps_.clock.now() - question->asked).count()}});
  return out;
}

Result<Value> Bunker::decide(const std::string& code, bool approve) {
  const auto folded = nipsa::fold_code(code);
  const auto found = std::ranges::find_if(
      questions_, [&](const auto& q) { return folded && q->code == *folded && !q->answer; });
  if (found == questions_.end())
    return fail(Errc::kNotFound, fmt::format("no open question has the code {}", code),
                "`sovereign pending` shows them");
  (*found)->answer = approve;
  decided_.notify();
  return Value{{"code", nipsa::format_code((*found)->code)},
               {"state", approve ? "approved" : "denied"},
               {"action", (*found)->action}};
}

Result<Value> Bunker::view() {
  TRY(const Value clients, bunker_clients_view(rows_, /*all=*/false));
  return Value{{"signer", deps_.voice.public_key().hex()},
               {"identity", deps_.identity.public_key().hex()},
               {"clients", clients}};
}

}  // namespace node
