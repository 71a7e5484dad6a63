// Kinds 33410 and 33411: a key proves that somebody holds it (nip-sa 3.12).
#pragma once

#include <map>

#include "nipsa/kinds.h"
#include "nipsa/reading.h"

namespace nipsa {

inline constexpr std::chrono::seconds kChallengeTtl{60};
inline constexpr std::chrono::seconds kChallengeTtlMax{600};
inline constexpr std::chrono::seconds kChallengeGrace{5};  ///< of a response on its way
inline constexpr std::size_t kMaxOpenChallenges = 1'024;

using AuthNonce = base::FixedBytes<struct AuthNonceTag, 32>;

/// By the relying party.
struct AuthChallenge {
  nostr::PublicKey challenged;
  AuthNonce nonce;
  UnixTime expires;
  friend bool operator==(const AuthChallenge&, const AuthChallenge&) = default;
};
/// One with a nonce nobody can guess.
AuthChallenge new_challenge(const nostr::PublicKey& challenged, UnixTime now, base::Rng& rng);
Result<nostr::Draft> build_auth_challenge(const AuthChallenge& challenge, UnixTime at);
/// E_NUM for an expiry not within ten minutes after created_at.
Result<AuthChallenge> parse_auth_challenge(const nostr::Event& event);

/// By the key that was challenged.
struct AuthResponse {
  nostr::EventId challenge;
  nostr::PublicKey asker;
  AuthNonce nonce;
  std::string relay;  ///< where the challenge is
  friend bool operator==(const AuthResponse&, const AuthResponse&) = default;
};
/// Expires for relays when the challenge does.
Result<nostr::Draft> build_auth_response(const AuthResponse& response, UnixTime expires, UnixTime at);
Result<AuthResponse> parse_auth_response(const nostr::Event& event);
/// Whether `response` answers `challenge`, received at `received`: E_SIGNER unless it is by the key that
/// was challenged, E_REF for another challenge, asker or nonce, E_STALE when dated before it, E_EXPIRED
/// when dated after its end or received over five seconds later.
Result<void> check_auth_response(const nostr::Event& response_event, const AuthResponse& response,
                                 const nostr::Event& challenge_event, const AuthChallenge& challenge,
                                 UnixTime received);

/// The challenges a relying party has open: each is good for one response.
class AuthDesk {
 public:
  /// Opens what was signed and published. E_SIZE when too many are open; those that have ended are
  /// forgotten first.
  Result<void> open(const nostr::Event& challenge_event, UnixTime now);
  /// Whose key the response proves. Its signature and date are checked here. E_REPLAY when its challenge
  /// is not open: never asked, answered before, or over.
  Result<nostr::PublicKey> accept(const nostr::Event& response_event, UnixTime received);
  std::size_t open_count() const { return open_.size(); }

 private:
  struct Open {
    nostr::Event event;
    AuthChallenge challenge;
  };
  std::map<nostr::EventId, Open> open_;
};

}  // namespace nipsa
