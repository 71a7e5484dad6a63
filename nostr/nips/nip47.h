// NIP-47: a lightning wallet over relays — connection string, requests, answers, notifications.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nostr/base/money.h"
#include "nostr/event/event.h"
#include "nostr/nips/bolt11.h"

namespace nostr {

/// The longest request, answer or notification that is read, in bytes of JSON.
inline constexpr std::size_t kMaxWalletMessage = 262'144;

// ---- connection string -------------------------------------------------------------------------

/// `nostr+walletconnect://…`. Whoever has the text has the wallet, so it is handled like a key.
struct WalletUri {
  PublicKey wallet;                 ///< the service's key
  std::vector<std::string> relays;  ///< at least one
  SecretKey secret;                 ///< signs and encrypts for this connection only
  std::string lud16;                ///< the wallet's lightning address, "" when it does not say
};
/// The result is secret: the caller wipes it.
std::string build_wallet_uri(const WalletUri& uri);
/// Liberal: also without the slashes, malformed relays left out, at most 16 kept. kInvalid without
/// a key, a secret or a relay, or over 8 KiB. Errors never quote the text.
base::Result<WalletUri> parse_wallet_uri(std::string_view text);

// ---- how messages are encrypted ----------------------------------------------------------------

enum class WalletEncryption { kNip04, kNip44 };
/// "nip04" or "nip44_v2", as `encryption` tags name them.
std::string_view wallet_encryption_name(WalletEncryption encryption);
/// What a request says it is encrypted with; one that says nothing is older than the choice and
/// uses NIP-04. kUnsupported for any other name.
base::Result<WalletEncryption> wallet_encryption_of(const Event& request);

/// What a wallet service offers (kind 13194).
struct WalletService {
  std::vector<std::string> methods;           ///< without "notifications"
  std::vector<std::string> notifications;     ///< the types it sends, "payment_received"…
  std::vector<WalletEncryption> encryptions;  ///< NIP-04 alone when it does not say
  friend bool operator==(const WalletService&, const WalletService&) = default;
};
Draft build_wallet_service(const WalletService& service, UnixTime at);
/// kInvalid for another kind. At most 64 names are kept per list.
base::Result<WalletService> parse_wallet_service(const Event& event);
/// NIP-44 where the service has it.
WalletEncryption preferred_encryption(const WalletService& service);

// ---- requests ----------------------------------------------------------------------------------

enum class WalletMethod {
  kPayInvoice,
  kMultiPayInvoice,
  kPayKeysend,
  kMakeInvoice,
  kLookupInvoice,
  kListTransactions,
  kGetBalance,
  kGetInfo,
};
std::string_view wallet_method_name(WalletMethod method);
std::optional<WalletMethod> wallet_method(std::string_view name);

enum class TransactionType { kIncoming, kOutgoing };

struct PayInvoice {
  std::string id;       ///< only inside MultiPayInvoice: comes back as `d`; "" for none
  std::string invoice;  ///< BOLT-11, not checked here
  std::optional<base::Msat> amount;  ///< for invoices that leave it open
  friend bool operator==(const PayInvoice&, const PayInvoice&) = default;
};
struct MultiPayInvoice {
  std::vector<PayInvoice> invoices;  ///< 1..64; each gets an answer of its own
  friend bool operator==(const MultiPayInvoice&, const MultiPayInvoice&) = default;
};
struct TlvRecord {
  std::int64_t type = 0;
  std::string value;  ///< hex
  friend bool operator==(const TlvRecord&, const TlvRecord&) = default;
};
struct PayKeysend {
  base::Msat amount;
  NodeKey payee;
  std::optional<Preimage> preimage;  ///< the wallet makes one when absent
  std::vector<TlvRecord> records;
  friend bool operator==(const PayKeysend&, const PayKeysend&) = default;
};
struct MakeInvoice {
  base::Msat amount;
  std::string description;
  std::optional<Sha256> description_hash;
  std::optional<std::int64_t> expiry;  ///< seconds
  friend bool operator==(const MakeInvoice&, const MakeInvoice&) = default;
};
/// One of the two is needed.
struct LookupInvoice {
  std::optional<Sha256> payment_hash;
  std::string invoice;
  friend bool operator==(const LookupInvoice&, const LookupInvoice&) = default;
};
struct ListTransactions {
  std::optional<UnixTime> from;
  std::optional<UnixTime> until;
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> offset;
  bool unpaid = false;  ///< list unpaid invoices too
  std::optional<TransactionType> type;
  friend bool operator==(const ListTransactions&, const ListTransactions&) = default;
};
struct GetBalance {
  friend bool operator==(const GetBalance&, const GetBalance&) = default;
};
struct GetInfo {
  friend bool operator==(const GetInfo&, const GetInfo&) = default;
};

/// In the order of WalletMethod.
using WalletRequest = std::variant<PayInvoice, MultiPayInvoice, PayKeysend, MakeInvoice,
                                   LookupInvoice, ListTransactions, GetBalance, GetInfo>;
WalletMethod method_of(const WalletRequest& request);

std::string build_wallet_request(const WalletRequest& request);
/// The service's side. kUnsupported for a method this program does not know (to be answered with
/// NOT_IMPLEMENTED), kInvalid for malformed parameters or amounts outside 0..kMaxMsat.
base::Result<WalletRequest> parse_wallet_request(std::string_view json);

/// The kind 23194 around an encrypted request. `expires`, if given, lets the service drop it
/// unread.
Draft build_wallet_request_event(const PublicKey& wallet, std::string encrypted,
                                 WalletEncryption encryption, UnixTime at,
                                 std::optional<UnixTime> expires = std::nullopt);

// ---- answers and notifications -----------------------------------------------------------------

enum class WalletErrc {
  kRateLimited,
  kNotImplemented,
  kInsufficientBalance,
  kQuotaExceeded,
  kRestricted,
  kUnauthorized,
  kInternal,
  kUnsupportedEncryption,
  kPaymentFailed,
  kNotFound,
  kOther,  ///< also every code this program does not know
};
std::string_view wallet_errc_name(WalletErrc code);

struct WalletError {
  WalletErrc code = WalletErrc::kOther;
  std::string message;  ///< the service's words: escape before showing
  friend bool operator==(const WalletError&, const WalletError&) = default;
};
struct Payment {
  std::optional<Preimage> preimage;  ///< absent from services that write none or ""
  std::optional<base::Msat> fees_paid;
  friend bool operator==(const Payment&, const Payment&) = default;
};
struct Transaction {
  TransactionType type = TransactionType::kIncoming;
  std::string state;  ///< "pending", "settled", "expired", "failed"; "" from older services
  std::string invoice;
  std::string description;
  std::optional<Sha256> description_hash;
  std::optional<Preimage> preimage;
  std::optional<Sha256> payment_hash;
  base::Msat amount;
  base::Msat fees_paid;
  UnixTime created_at;
  std::optional<UnixTime> expires_at;
  std::optional<UnixTime> settled_at;  ///< present once it is paid
  friend bool operator==(const Transaction&, const Transaction&) = default;
};
struct TransactionList {
  std::vector<Transaction> transactions;  ///< newest first; at most 1 000 are read
  friend bool operator==(const TransactionList&, const TransactionList&) = default;
};
struct Balance {
  base::Msat balance;
  friend bool operator==(const Balance&, const Balance&) = default;
};
struct WalletInfo {
  std::string alias;
  std::string color;
  std::string pubkey;   ///< of the lightning node, as written
  std::string network;  ///< "mainnet", "testnet", "signet" or "regtest"
  std::int64_t block_height = 0;
  std::string block_hash;
  std::vector<std::string> methods;
  std::vector<std::string> notifications;
  friend bool operator==(const WalletInfo&, const WalletInfo&) = default;
};

/// What came of a request: an error, or what its method returns.
using WalletOutcome =
    std::variant<WalletError, Payment, Transaction, TransactionList, Balance, WalletInfo>;
struct WalletResponse {
  std::string method;  ///< `result_type`
  WalletOutcome outcome;
  friend bool operator==(const WalletResponse&, const WalletResponse&) = default;
};

std::string build_wallet_response(const WalletResponse& response);
/// The client's side. kUnsupported for a result of a method this program does not know, kInvalid
/// when malformed or an amount is outside 0..kMaxMsat. An error is read whatever the method.
base::Result<WalletResponse> parse_wallet_response(std::string_view json);
/// The kind 23195 around an encrypted answer to `request`; `item` is the `d` of a multi_ request's
/// part.
Draft build_wallet_response_event(const Event& request, std::string encrypted,
                                  std::string_view item, UnixTime at);

struct WalletNotification {
  std::string type;  ///< "payment_received", "payment_sent", …
  Transaction transaction;
  friend bool operator==(const WalletNotification&, const WalletNotification&) = default;
};
std::string build_wallet_notification(const WalletNotification& notification);
base::Result<WalletNotification> parse_wallet_notification(std::string_view json);
/// Kind 23197, or 23196 for clients that read NIP-04 only.
Draft build_wallet_notification_event(const PublicKey& client, std::string encrypted,
                                      WalletEncryption encryption, UnixTime at);

}  // namespace nostr
