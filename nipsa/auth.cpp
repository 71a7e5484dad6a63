// Kinds 33410 and 33411.
#include "nipsa/auth.h"

#include "nostr/nips/nip40.h"

namespace nipsa {
namespace {

Result<void> check_expiry(UnixTime created_at, UnixTime expires) {
  if (expires <= created_at || expires > created_at + kChallengeTtlMax)
    return fail(Code::kNum, "exp is not within ten minutes after created_at");
  return {};
}

Result<AuthNonce> read_nonce(const nostr::Tags& tags) {
  TRY(const auto text, required_tag(tags, "nonce"));
  const auto nonce = AuthNonce::from_hex(text);
  if (!nonce) return fail(Code::kHex, "nonce is not 64 lower-case hex characters");
  return *nonce;
}

}  // namespace

AuthChallenge new_challenge(const nostr::PublicKey& challenged, UnixTime now, base::Rng& rng) {
  AuthChallenge out{.challenged = challenged, .nonce = {}, .expires = now + kChallengeTtl};
  rng.fill({out.nonce.data(), AuthNonce::kSize});
  return out;
}

Result<nostr::Draft> build_auth_challenge(const AuthChallenge& c, UnixTime at) {
  TRY(check_expiry(at, c.expires));
  if (c.nonce.is_zero()) return fail(Code::kTagMissing, "nonce");
  return checked({.kind = kinds::kAuthChallenge,
                  .created_at = at,
                  .tags = {{"d", c.nonce.hex()},
                           {"p", c.challenged.hex()},
                           {"nonce", c.nonce.hex()},
                           time_tag("exp", c.expires),
                           nostr::expiration_tag(c.expires)},
                  .content = ""});
}

Result<AuthChallenge> parse_auth_challenge(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kAuthChallenge));
  AuthChallenge out;
  TRY(out.challenged, required_key(event.tags, "p"));
  TRY(out.nonce, read_nonce(event.tags));
  TRY(const auto exp, required_tag(event.tags, "exp"));
  TRY(out.expires, parse_time(exp, "exp"));
  TRY(check_expiry(event.created_at, out.expires));
  return out;
}

Result<nostr::Draft> build_auth_response(const AuthResponse& r, UnixTime expires, UnixTime at) {
  const std::string challenge = r.challenge.hex();
  nostr::Draft draft{.kind = kinds::kAuthResponse,
                     .created_at = at,
                     .tags = {{"d", challenge}, {"e", challenge}},
                     .content = ""};
  if (!r.relay.empty()) draft.tags.back().push_back(r.relay);
  draft.tags.push_back({"p", r.asker.hex()});
  draft.tags.push_back({"nonce", r.nonce.hex()});
  draft.tags.push_back(nostr::expiration_tag(expires));
  return checked(std::move(draft));
}

Result<AuthResponse> parse_auth_response(const nostr::Event& event) {
  TRY(check_shape(event, kinds::kAuthResponse));
  AuthResponse out;
  TRY(out.challenge, required_id(event.tags, "e"));
  if (const nostr::Tag* e = nostr::find_tag(event.tags, "e"); e->size() > 2) out.relay = (*e)[2];
  TRY(out.asker, required_key(event.tags, "p"));
  TRY(out.nonce, read_nonce(event.tags));
  return out;
}

Result<void> check_auth_response(const nostr::Event& response_event, const AuthResponse& response,
                                 const nostr::Event& challenge_event, const AuthChallenge& challenge,
                                 UnixTime received) {
  if (response_event.pubkey != challenge.challenged)
    return fail(Code::kSigner, "the response is by another key than was challenged");
  if (response.challenge != challenge_event.id)
    return fail(Code::kRef, "the response is to another challenge");
  if (response.asker != challenge_event.pubkey)
    return fail(Code::kRef, "the response is to another asker");
  if (response.nonce != challenge.nonce) return fail(Code::kRef, "the response has another nonce");
  if (response_event.created_at < challenge_event.created_at - kSkewPast)
    return fail(Code::kStale, "the response is older than the challenge");
  if (response_event.created_at > challenge.expires ||
      received > challenge.expires + kChallengeGrace)
    return fail(Code::kExpired, "the response came after the challenge's end");
  return {};
}

Result<void> AuthDesk::open(const nostr::Event& challenge_event, UnixTime now) {
  TRY(check_event(challenge_event, kinds::kAuthChallenge, now));
  TRY(const auto challenge, parse_auth_challenge(challenge_event));
  std::erase_if(open_, [&](const auto& entry) {
    return now > entry.second.challenge.expires + kChallengeGrace;
  });
  if (open_.size() >= kMaxOpenChallenges) return fail(Code::kSize, "too many challenges are open");
  open_.insert_or_assign(challenge_event.id, Open{challenge_event, challenge});
  return {};
}

Result<nostr::PublicKey> AuthDesk::accept(const nostr::Event& response_event, UnixTime received) {
  TRY(check_event(response_event, kinds::kAuthResponse, received));
  TRY(const auto response, parse_auth_response(response_event));
  const auto open = open_.find(response.challenge);
  if (open == open_.end()) return fail(Code::kReplay, "the challenge is not open");
  TRY(check_auth_response(response_event, response, open->second.event, open->second.challenge,
                          received));
  open_.erase(open);
  return response_event.pubkey;
}

}  // namespace nipsa
