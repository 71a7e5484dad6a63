// NIP-47: what is inside the encryption — requests, answers and notifications as JSON.
#include <algorithm>
#include <array>

#include "nostr/base/json.h"
#include "nostr/nips/nip47.h"

namespace nostr {

namespace {

using Json = base::json::Value;
using base::Errc;
using base::fail;
using base::Msat;
using base::Result;

constexpr base::json::Limits kMessage{.max_bytes = kMaxWalletMessage, .max_depth = 16};
constexpr std::size_t kMaxInvoices = 64;
constexpr std::size_t kMaxRecords = 64;
constexpr std::size_t kMaxTransactions = 1'000;
constexpr std::size_t kMaxNames = 64;
constexpr std::size_t kMaxId = 256;

// ---- members -----------------------------------------------------------------------------------

bool has(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

Result<Msat> get_msat(const Json& object, const char* key) {
  TRY(const std::int64_t value, base::json::get_int(object, key));
  if (value < 0 || Msat{value} > base::kMaxMsat)
    return fail(Errc::kInvalid, std::string(key) + " is no amount of millisatoshi");
  return Msat{value};
}

Result<std::optional<Msat>> optional_msat(const Json& object, const char* key) {
  if (!has(object, key)) return std::nullopt;
  TRY(const Msat value, get_msat(object, key));
  return value;
}

Result<std::optional<std::int64_t>> optional_count(const Json& object, const char* key) {
  if (!has(object, key)) return std::nullopt;
  TRY(const std::int64_t value, base::json::get_int(object, key));
  if (value < 0 || value > 0xffff'ffff)
    return fail(Errc::kInvalid, std::string(key) + " is out of range");
  return value;
}

Result<std::optional<UnixTime>> optional_time(const Json& object, const char* key) {
  TRY(const auto seconds, optional_count(object, key));
  if (!seconds) return std::nullopt;
  return base::unix_time(*seconds);
}

/// Hex values that are empty, as some services write them, count as absent.
template <class T>
Result<std::optional<T>> optional_hex(const Json& object, const char* key) {
  const std::string text = base::json::string_or(object, key);
  if (text.empty()) return std::nullopt;
  auto value = T::from_hex(text);
  if (!value) return std::unexpected(base::in_context(key, std::move(value).error()));
  return *value;
}

template <class T>
void put_hex(Json& out, const char* key, const std::optional<T>& value) {
  if (value) out[key] = value->hex();
}
void put_text(Json& out, const char* key, const std::string& value) {
  if (!value.empty()) out[key] = value;
}
void put_time(Json& out, const char* key, const std::optional<UnixTime>& value) {
  if (value) out[key] = base::to_unix(*value);
}
void put_msat(Json& out, const char* key, const std::optional<Msat>& value) {
  if (value) out[key] = value->value;
}

std::string_view type_name(TransactionType type) {
  return type == TransactionType::kIncoming ? "incoming" : "outgoing";
}
std::optional<TransactionType> type_named(std::string_view name) {
  for (const auto type : {TransactionType::kIncoming, TransactionType::kOutgoing})
    if (type_name(type) == name) return type;
  return std::nullopt;
}

/// Strings of an array; what is none is left out.
std::vector<std::string> names_of(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const Json& item : *found)
    if (item.is_string() && out.size() < kMaxNames) out.push_back(item.get<std::string>());
  return out;
}

// ---- requests, one function per method and direction -------------------------------------------

Json params_of(const PayInvoice& request) {
  Json out{{"invoice", request.invoice}};
  put_text(out, "id", request.id);
  put_msat(out, "amount", request.amount);
  return out;
}
Json params_of(const MultiPayInvoice& request) {
  Json invoices = Json::array();
  for (const auto& invoice : request.invoices) invoices.push_back(params_of(invoice));
  return {{"invoices", std::move(invoices)}};
}
Json params_of(const PayKeysend& request) {
  Json out{{"amount", request.amount.value}, {"pubkey", request.payee.hex()}};
  put_hex(out, "preimage", request.preimage);
  Json records = Json::array();
  for (const auto& record : request.records)
    records.push_back({{"type", record.type}, {"value", record.value}});
  if (!records.empty()) out["tlv_records"] = std::move(records);
  return out;
}
Json params_of(const MakeInvoice& request) {
  Json out{{"amount", request.amount.value}};
  put_text(out, "description", request.description);
  put_hex(out, "description_hash", request.description_hash);
  if (request.expiry) out["expiry"] = *request.expiry;
  return out;
}
Json params_of(const LookupInvoice& request) {
  Json out = Json::object();
  put_hex(out, "payment_hash", request.payment_hash);
  put_text(out, "invoice", request.invoice);
  return out;
}
Json params_of(const ListTransactions& request) {
  Json out = Json::object();
  put_time(out, "from", request.from);
  put_time(out, "until", request.until);
  if (request.limit) out["limit"] = *request.limit;
  if (request.offset) out["offset"] = *request.offset;
  if (request.unpaid) out["unpaid"] = true;
  if (request.type) out["type"] = type_name(*request.type);
  return out;
}
Json params_of(const GetBalance&) {
  return Json::object();
}
Json params_of(const GetInfo&) {
  return Json::object();
}

Result<PayInvoice> read_pay_invoice(const Json& params) {
  PayInvoice out;
  TRY(out.invoice, base::json::get_string(params, "invoice"));
  TRY(out.amount, optional_msat(params, "amount"));
  out.id = base::json::string_or(params, "id");
  if (out.id.size() > kMaxId) return fail(Errc::kInvalid, "id of an invoice is too long");
  return out;
}

Result<MultiPayInvoice> read_multi_pay(const Json& params) {
  TRY(const Json invoices, base::json::get_array(params, "invoices"));
  if (invoices.empty() || invoices.size() > kMaxInvoices)
    return fail(Errc::kInvalid, "invoices are " + std::to_string(invoices.size()) +
                                    ", allowed are 1 to " + std::to_string(kMaxInvoices));
  MultiPayInvoice out;
  for (const Json& invoice : invoices) {
    TRY(PayInvoice item, read_pay_invoice(invoice));
    out.invoices.push_back(std::move(item));
  }
  return out;
}

Result<PayKeysend> read_keysend(const Json& params) {
  PayKeysend out;
  TRY(out.amount, get_msat(params, "amount"));
  TRY(const std::string payee, base::json::get_string(params, "pubkey"));
  TRY(out.payee, NodeKey::from_hex(payee));
  TRY(out.preimage, optional_hex<Preimage>(params, "preimage"));
  if (!has(params, "tlv_records")) return out;
  TRY(const Json records, base::json::get_array(params, "tlv_records"));
  if (records.size() > kMaxRecords) return fail(Errc::kInvalid, "too many tlv_records");
  for (const Json& record : records) {
    TlvRecord item;
    TRY(item.type, base::json::get_int(record, "type"));
    TRY(item.value, base::json::get_string(record, "value"));
    TRY(base::hex_decode(item.value));
    out.records.push_back(std::move(item));
  }
  return out;
}

Result<MakeInvoice> read_make_invoice(const Json& params) {
  MakeInvoice out;
  TRY(out.amount, get_msat(params, "amount"));
  out.description = base::json::string_or(params, "description");
  TRY(out.description_hash, optional_hex<Sha256>(params, "description_hash"));
  TRY(out.expiry, optional_count(params, "expiry"));
  return out;
}

Result<LookupInvoice> read_lookup(const Json& params) {
  LookupInvoice out;
  TRY(out.payment_hash, optional_hex<Sha256>(params, "payment_hash"));
  out.invoice = base::json::string_or(params, "invoice");
  if (!out.payment_hash && out.invoice.empty())
    return fail(Errc::kInvalid, "neither payment_hash nor invoice is given");
  return out;
}

Result<ListTransactions> read_list(const Json& params) {
  ListTransactions out;
  TRY(out.from, optional_time(params, "from"));
  TRY(out.until, optional_time(params, "until"));
  TRY(out.limit, optional_count(params, "limit"));
  TRY(out.offset, optional_count(params, "offset"));
  if (has(params, "unpaid")) {
    TRY(out.unpaid, base::json::get_bool(params, "unpaid"));
  }
  out.type = type_named(base::json::string_or(params, "type"));
  return out;
}

Result<WalletRequest> read_request(WalletMethod method, const Json& params) {
  switch (method) {
    case WalletMethod::kPayInvoice:
      return read_pay_invoice(params);
    case WalletMethod::kMultiPayInvoice:
      return read_multi_pay(params);
    case WalletMethod::kPayKeysend:
      return read_keysend(params);
    case WalletMethod::kMakeInvoice:
      return read_make_invoice(params);
    case WalletMethod::kLookupInvoice:
      return read_lookup(params);
    case WalletMethod::kListTransactions:
      return read_list(params);
    case WalletMethod::kGetBalance:
      return GetBalance{};
    case WalletMethod::kGetInfo:
      return GetInfo{};
  }
  return fail(Errc::kUnsupported, "wallet method is not known");
}

// ---- answers -----------------------------------------------------------------------------------

Json result_of(const Payment& payment) {
  Json out = Json::object();
  put_hex(out, "preimage", payment.preimage);
  put_msat(out, "fees_paid", payment.fees_paid);
  return out;
}
Json result_of(const Transaction& item) {
  Json out{{"type", type_name(item.type)},
           {"amount", item.amount.value},
           {"fees_paid", item.fees_paid.value},
           {"created_at", base::to_unix(item.created_at)}};
  put_text(out, "state", item.state);
  put_text(out, "invoice", item.invoice);
  put_text(out, "description", item.description);
  put_hex(out, "description_hash", item.description_hash);
  put_hex(out, "preimage", item.preimage);
  put_hex(out, "payment_hash", item.payment_hash);
  put_time(out, "expires_at", item.expires_at);
  put_time(out, "settled_at", item.settled_at);
  return out;
}
Json result_of(const TransactionList& list) {
  Json items = Json::array();
  for (const auto& item : list.transactions) items.push_back(result_of(item));
  return {{"transactions", std::move(items)}};
}
Json result_of(const Balance& balance) {
  return {{"balance", balance.balance.value}};
}
Json result_of(const WalletInfo& info) {
  return {{"alias", info.alias},
          {"color", info.color},
          {"pubkey", info.pubkey},
          {"network", info.network},
          {"block_height", info.block_height},
          {"block_hash", info.block_hash},
          {"methods", info.methods},
          {"notifications", info.notifications}};
}

Result<Payment> read_payment(const Json& result) {
  Payment out;
  TRY(out.preimage, optional_hex<Preimage>(result, "preimage"));
  TRY(out.fees_paid, optional_msat(result, "fees_paid"));
  return out;
}

Result<Transaction> read_transaction(const Json& result) {
  Transaction out;
  out.type = type_named(base::json::string_or(result, "type")).value_or(TransactionType::kIncoming);
  out.state = base::json::string_or(result, "state");
  out.invoice = base::json::string_or(result, "invoice");
  out.description = base::json::string_or(result, "description");
  TRY(out.description_hash, optional_hex<Sha256>(result, "description_hash"));
  TRY(out.preimage, optional_hex<Preimage>(result, "preimage"));
  TRY(out.payment_hash, optional_hex<Sha256>(result, "payment_hash"));
  TRY(out.amount, get_msat(result, "amount"));
  TRY(const auto fees, optional_msat(result, "fees_paid"));
  out.fees_paid = fees.value_or(Msat{});
  TRY(const auto created, optional_time(result, "created_at"));
  out.created_at = created.value_or(UnixTime{});
  TRY(out.expires_at, optional_time(result, "expires_at"));
  TRY(out.settled_at, optional_time(result, "settled_at"));
  return out;
}

Result<TransactionList> read_transactions(const Json& result) {
  TRY(const Json items, base::json::get_array(result, "transactions"));
  TransactionList out;
  for (const Json& item : items) {
    if (out.transactions.size() == kMaxTransactions) break;
    TRY(Transaction transaction, read_transaction(item));
    out.transactions.push_back(std::move(transaction));
  }
  return out;
}

WalletInfo read_info(const Json& result) {
  return {.alias = base::json::string_or(result, "alias"),
          .color = base::json::string_or(result, "color"),
          .pubkey = base::json::string_or(result, "pubkey"),
          .network = base::json::string_or(result, "network"),
          .block_height = base::json::int_or(result, "block_height"),
          .block_hash = base::json::string_or(result, "block_hash"),
          .methods = names_of(result, "methods"),
          .notifications = names_of(result, "notifications")};
}

Result<WalletOutcome> read_outcome(WalletMethod method, const Json& result) {
  switch (method) {
    case WalletMethod::kPayInvoice:
    case WalletMethod::kMultiPayInvoice:
    case WalletMethod::kPayKeysend:
      return read_payment(result);
    case WalletMethod::kMakeInvoice:
    case WalletMethod::kLookupInvoice:
      return read_transaction(result);
    case WalletMethod::kListTransactions:
      return read_transactions(result);
    case WalletMethod::kGetBalance: {
      TRY(const Msat balance, get_msat(result, "balance"));
      return Balance{balance};
    }
    case WalletMethod::kGetInfo:
      return read_info(result);
  }
  return fail(Errc::kUnsupported, "wallet method is not known");
}

struct MethodName {
  WalletMethod method;
  std::string_view name;
};
constexpr std::array<MethodName, 8> kMethods{{
    {WalletMethod::kPayInvoice, "pay_invoice"},
    {WalletMethod::kMultiPayInvoice, "multi_pay_invoice"},
    {WalletMethod::kPayKeysend, "pay_keysend"},
    {WalletMethod::kMakeInvoice, "make_invoice"},
    {WalletMethod::kLookupInvoice, "lookup_invoice"},
    {WalletMethod::kListTransactions, "list_transactions"},
    {WalletMethod::kGetBalance, "get_balance"},
    {WalletMethod::kGetInfo, "get_info"},
}};
static_assert(std::variant_size_v<WalletRequest> == kMethods.size());

struct ErrcName {
  WalletErrc code;
  std::string_view name;
};
constexpr std::array<ErrcName, 11> kErrcs{{
    {WalletErrc::kRateLimited, "RATE_LIMITED"},
    {WalletErrc::kNotImplemented, "NOT_IMPLEMENTED"},
    {WalletErrc::kInsufficientBalance, "INSUFFICIENT_BALANCE"},
    {WalletErrc::kQuotaExceeded, "QUOTA_EXCEEDED"},
    {WalletErrc::kRestricted, "RESTRICTED"},
    {WalletErrc::kUnauthorized, "UNAUTHORIZED"},
    {WalletErrc::kInternal, "INTERNAL"},
    {WalletErrc::kUnsupportedEncryption, "UNSUPPORTED_ENCRYPTION"},
    {WalletErrc::kPaymentFailed, "PAYMENT_FAILED"},
    {WalletErrc::kNotFound, "NOT_FOUND"},
    {WalletErrc::kOther, "OTHER"},
}};

WalletError read_error(const Json& error) {
  const auto found =
      std::ranges::find(kErrcs, base::json::string_or(error, "code"), &ErrcName::name);
  return {found == kErrcs.end() ? WalletErrc::kOther : found->code,
          error.is_string() ? error.get<std::string>() : base::json::string_or(error, "message")};
}

/// The method's result, or nullopt for an error.
struct ResultJson {
  std::optional<Json> operator()(const WalletError&) const { return std::nullopt; }
  template <class T>
  std::optional<Json> operator()(const T& result) const {
    return result_of(result);
  }
};

}  // namespace

std::string_view wallet_method_name(WalletMethod method) {
  return std::ranges::find(kMethods, method, &MethodName::method)->name;
}

std::optional<WalletMethod> wallet_method(std::string_view name) {
  const auto found = std::ranges::find(kMethods, name, &MethodName::name);
  if (found == kMethods.end()) return std::nullopt;
  return found->method;
}

std::string_view wallet_errc_name(WalletErrc code) {
  return std::ranges::find(kErrcs, code, &ErrcName::code)->name;
}

WalletMethod method_of(const WalletRequest& request) {
  return kMethods[request.index()].method;
}

std::string build_wallet_request(const WalletRequest& request) {
  Json params = std::visit([](const auto& typed) { return params_of(typed); }, request);
  return base::json::dump(
      {{"method", wallet_method_name(method_of(request))}, {"params", std::move(params)}});
}

Result<WalletRequest> parse_wallet_request(std::string_view json) {
  TRY(const Json message, base::json::parse(json, kMessage));
  TRY(const std::string name, base::json::get_string(message, "method"));
  const auto method = wallet_method(name);
  if (!method) return fail(Errc::kUnsupported, "wallet method is not known");
  const Json params = has(message, "params") ? message["params"] : Json::object();
  return read_request(*method, params);
}

std::string build_wallet_response(const WalletResponse& response) {
  Json out{{"result_type", response.method}, {"error", nullptr}, {"result", nullptr}};
  if (const auto* error = std::get_if<WalletError>(&response.outcome))
    out["error"] = {{"code", wallet_errc_name(error->code)}, {"message", error->message}};
  if (auto result = std::visit(ResultJson{}, response.outcome)) out["result"] = *std::move(result);
  return base::json::dump(out);
}

Result<WalletResponse> parse_wallet_response(std::string_view json) {
  TRY(const Json message, base::json::parse(json, kMessage));
  if (!message.is_object()) return fail(Errc::kInvalid, "wallet answer is no object");
  WalletResponse out{base::json::string_or(message, "result_type"), WalletError{}};
  if (has(message, "error")) {
    out.outcome = read_error(message["error"]);
    return out;
  }
  const auto method = wallet_method(out.method);
  if (!method) return fail(Errc::kUnsupported, "wallet answers a method that is not known");
  TRY(const Json result, base::json::get_object(message, "result"));
  TRY(out.outcome, read_outcome(*method, result));
  return out;
}

std::string build_wallet_notification(const WalletNotification& notification) {
  return base::json::dump({{"notification_type", notification.type},
                           {"notification", result_of(notification.transaction)}});
}

Result<WalletNotification> parse_wallet_notification(std::string_view json) {
  TRY(const Json message, base::json::parse(json, kMessage));
  WalletNotification out;
  TRY(out.type, base::json::get_string(message, "notification_type"));
  TRY(const Json body, base::json::get_object(message, "notification"));
  TRY(out.transaction, read_transaction(body));
  return out;
}

}  // namespace nostr
