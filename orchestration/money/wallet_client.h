// The NIP-47 client: one wallet of somebody else's, spoken to over its relays.
//
// What matters here is what is known when no answer comes. A request that certainly reached no relay is
// kUnavailable; everything else that is no answer is kTimeout or kPeer: the wallet may have acted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "nostr/client/pool.h"
#include "nostr/nips/nip47.h"

namespace orchestration {

struct WalletClientOptions {
  std::chrono::milliseconds reach_timeout{15'000};   ///< until one relay serves our subscription
  std::chrono::milliseconds answer_timeout{60'000};  ///< from sending a request to its answer
  std::chrono::seconds request_life{60};             ///< its `expiration`: later it is not acted on
  std::size_t max_waiting = 64;                      ///< requests without an answer at a time
  /// A wallet that offers NIP-04 only is refused unless this says otherwise.
  bool allow_nip04 = true;
};

/// A request that is signed and not sent: its id can be committed first.
struct WalletMessage {
  nostr::Event event;  ///< kind 23194
  nostr::WalletMethod method{};
  nostr::WalletEncryption encryption{};
  base::UnixTime expires;
};

/// App thread. One object per connection string.
class WalletClient {
 public:
  using OnNotification = std::function<void(const nostr::WalletNotification&)>;

  /// The references outlive the client.
  WalletClient(nostr::Pool& pool, const base::Clock& clock, base::Rng& rng, nostr::WalletUri uri,
               WalletClientOptions options = {}, OnNotification on_notification = {});
  ~WalletClient();
  WalletClient(const WalletClient&) = delete;
  WalletClient& operator=(const WalletClient&) = delete;

  const nostr::PublicKey& wallet() const;
  const std::vector<std::string>& relays() const;
  const std::string& lud16() const;

  /// What the wallet says of itself (kind 13194); asked once, then remembered. kUnavailable when no
  /// relay answers, kNotFound when none has it: the connection may have been revoked.
  base::Task<base::Result<nostr::WalletService>> service();
  /// Encrypts as the wallet prefers, and signs. kUnsupported when the wallet does not offer the method.
  base::Task<base::Result<WalletMessage>> prepare(nostr::WalletRequest request);
  /// Sends it and waits. The wallet's own refusal is a value (nostr::WalletError). Errors: kUnavailable
  /// (reached no relay), kTimeout (no answer), kPeer (an answer that breaks the protocol), kLimit (too
  /// many are waiting; nothing was sent). Send each message once.
  base::Task<base::Result<nostr::WalletOutcome>> send(WalletMessage message);
  /// prepare() and send().
  base::Task<base::Result<nostr::WalletOutcome>> ask(nostr::WalletRequest request);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< shared with what waits in the pool
};

/// The outcome as the type a method returns: kDenied with the wallet's words for its refusal, kPeer for
/// another type.
template <class T>
base::Result<T> expect_outcome(base::Result<nostr::WalletOutcome> outcome);

/// "INSUFFICIENT_BALANCE: …" as an error for a person.
base::Error wallet_refusal(const nostr::WalletError& error);

template <class T>
base::Result<T> expect_outcome(base::Result<nostr::WalletOutcome> outcome) {
  if (!outcome) return std::unexpected(std::move(outcome).error());
  if (auto* value = std::get_if<T>(&*outcome)) return std::move(*value);
  if (const auto* refused = std::get_if<nostr::WalletError>(&*outcome))
    return std::unexpected(wallet_refusal(*refused));
  return base::fail(base::Errc::kPeer, "the wallet answered something else than it was asked");
}

}  // namespace orchestration
