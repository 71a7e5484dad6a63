// Clients, rules, secrets and requests of a bunker.
#include "storage/bunker.h"

namespace storage {

namespace {

constexpr const char* kCountSecrets = "SELECT count(*) FROM bunker_secrets WHERE expires > ?";
constexpr const char* kDropSecrets = "DELETE FROM bunker_secrets WHERE expires <= ?";
constexpr const char* kAddSecret = "INSERT INTO bunker_secrets (hash, expires) VALUES (?,?)";
constexpr const char* kTakeSecret = "DELETE FROM bunker_secrets WHERE hash = ? AND expires > ?";
constexpr const char* kCountClients =
    "SELECT count(*) FROM bunker_clients WHERE revoked IS NULL AND client <> ?";
constexpr const char* kPutClient =
    "INSERT INTO bunker_clients (client, name, url, relays, paired, seen) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (client) DO UPDATE SET name = excluded.name, url = excluded.url, "
    "relays = excluded.relays, paired = excluded.paired, seen = excluded.seen, revoked = NULL";
constexpr const char* kGetClient =
    "SELECT client, name, url, relays, paired, seen, revoked FROM bunker_clients WHERE client = ?";
constexpr const char* kListClients =
    "SELECT client, name, url, relays, paired, seen, revoked FROM bunker_clients "
    "ORDER BY paired DESC LIMIT 1000";
constexpr const char* kSaw = "UPDATE bunker_clients SET seen = ? WHERE client = ?";
constexpr const char* kRevoke =
    "UPDATE bunker_clients SET revoked = coalesce(revoked, ?) WHERE client = ?";
constexpr const char* kDropRules = "DELETE FROM bunker_rules WHERE client = ?";
constexpr const char* kCountRules = "SELECT count(*) FROM bunker_rules WHERE client = ?";
constexpr const char* kPutRule =
    "INSERT INTO bunker_rules (client, method, kind, verdict) VALUES (?,?,?,?) "
    "ON CONFLICT (client, method, kind) DO UPDATE SET verdict = excluded.verdict";
constexpr const char* kListRules =
    "SELECT method, kind, verdict FROM bunker_rules WHERE client = ? ORDER BY method, kind";
constexpr const char* kVerdict =
    "SELECT verdict FROM bunker_rules WHERE client = ? AND method = ? AND kind IN (?, -1) "
    "ORDER BY kind DESC LIMIT 1";
constexpr const char* kOpenRequest =
    "INSERT INTO bunker_requests (client, id, method, state, created, changed) "
    "VALUES (?,?,?,'open',?,?) ON CONFLICT (client, id) DO NOTHING";
constexpr const char* kSetRequest =
    "UPDATE bunker_requests SET state = ?, changed = ? WHERE client = ? AND id = ? "
    "AND state IN ('open','asked')";
constexpr const char* kFailOpen =
    "UPDATE bunker_requests SET state = 'failed', changed = ? WHERE state IN ('open','asked')";
constexpr const char* kForget = "DELETE FROM bunker_requests WHERE created < ?";

constexpr std::int64_t kMaxRules = 256;  // of one client
constexpr std::int64_t kAnyKind = -1;

std::int64_t column(std::optional<nostr::Kind> kind) { return kind ? *kind : kAnyKind; }

std::string join(const std::vector<std::string>& relays) {
  std::string out;
  for (const std::string& relay : relays) out += (out.empty() ? "" : " ") + relay;
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

BunkerClient read_client(Row& r) {
  return {.key = r.take<nostr::PublicKey>(),
          .name = r.take<std::string>(),
          .url = r.take<std::string>(),
          .relays = split(r.take<std::string>()),
          .paired = r.take<UnixTime>(),
          .seen = r.take<UnixTime>(),
          .revoked = r.take<std::optional<UnixTime>>()};
}

BunkerRule read_rule(Row& r) {
  BunkerRule rule{.method = r.take<std::string>()};
  if (const auto kind = r.take<std::int64_t>(); kind != kAnyKind)
    rule.kind = static_cast<nostr::Kind>(kind);
  rule.verdict = r.take<BunkerVerdict>();
  return rule;
}

std::int64_t read_count(Row& r) { return r.take<std::int64_t>(); }

}  // namespace

Result<void> BunkerRows::add_secret(const nostr::Sha256& hash, UnixTime now, UnixTime expires) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(db_.run(kDropSecrets, now));
  TRY(const auto waiting, db_.one(kCountSecrets, read_count, now));
  if (waiting.value_or(0) >= kMaxSecrets)
    return fail(Errc::kLimit, "64 pairing secrets wait to be used already", "use one of them");
  TRY(db_.run(kAddSecret, hash, expires));
  return tx.commit();
}

Result<bool> BunkerRows::take_secret(const nostr::Sha256& hash, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const std::int64_t taken, db_.run(kTakeSecret, hash, now));
  TRY(tx.commit());
  return taken == 1;
}

Result<void> BunkerRows::pair(const BunkerClient& client, const std::vector<BunkerRule>& rules) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto others, db_.one(kCountClients, read_count, client.key));
  if (others.value_or(0) >= kMaxClients)
    return fail(Errc::kLimit, "256 clients are paired already", "revoke those that are not used");
  TRY(db_.run(kPutClient, client.key, client.name, client.url, join(client.relays), client.paired,
              client.seen));
  TRY(db_.run(kDropRules, client.key));
  for (const BunkerRule& rule : rules) TRY(set_rule(client.key, rule));
  return tx.commit();
}

Result<std::optional<BunkerClient>> BunkerRows::client(const nostr::PublicKey& key) {
  return db_.one(kGetClient, read_client, key);
}

Result<std::vector<BunkerClient>> BunkerRows::clients() { return db_.all(kListClients, read_client); }

Result<void> BunkerRows::saw(const nostr::PublicKey& key, UnixTime now) {
  TRY(db_.run(kSaw, now, key));
  return {};
}

Result<void> BunkerRows::revoke(const nostr::PublicKey& key, UnixTime now) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const std::int64_t changed, db_.run(kRevoke, now, key));
  if (changed == 0) return fail(Errc::kNotFound, "no client with this key was ever paired");
  TRY(db_.run(kDropRules, key));
  return tx.commit();
}

Result<void> BunkerRows::set_rule(const nostr::PublicKey& key, const BunkerRule& rule) {
  TRY(Tx tx, Tx::begin(db_, Durability::kFull));
  TRY(const auto known, client(key));
  if (!known || !known->stands()) return fail(Errc::kNotFound, "no client with this key is paired");
  TRY(db_.run(kPutRule, key, rule.method, column(rule.kind), rule.verdict));
  TRY(const auto count, db_.one(kCountRules, read_count, key));
  if (count.value_or(0) > kMaxRules) return fail(Errc::kLimit, "this client has 256 rules already");
  return tx.commit();
}

Result<std::vector<BunkerRule>> BunkerRows::rules(const nostr::PublicKey& key) {
  return db_.all(kListRules, read_rule, key);
}

Result<BunkerVerdict> BunkerRows::verdict(const nostr::PublicKey& key, std::string_view method,
                                          std::optional<nostr::Kind> kind) {
  TRY(const auto found,
      db_.one(kVerdict, [](Row& r) { return r.take<BunkerVerdict>(); }, key, method, column(kind)));
  return found.value_or(BunkerVerdict::kAsk);
}

Result<bool> BunkerRows::open_request(const nostr::PublicKey& key, std::string_view id,
                                      std::string_view method, UnixTime now,
                                      Durability durability) {
  TRY(Tx tx, Tx::begin(db_, durability));
  TRY(const std::int64_t added, db_.run(kOpenRequest, key, id, method, now, now));
  TRY(tx.commit());
  return added == 1;
}

Result<void> BunkerRows::set_request(const nostr::PublicKey& key, std::string_view id,
                                     BunkerRequestState state, UnixTime now) {
  TRY(db_.run(kSetRequest, state, now, key, id));
  return {};
}

Result<void> BunkerRows::fail_open_requests(UnixTime now) {
  TRY(db_.run(kFailOpen, now));
  return {};
}

Result<void> BunkerRows::forget_requests(UnixTime before) {
  TRY(db_.run(kForget, before));
  return {};
}

}  // namespace storage
