// Each verb is: read what stands, decide, commit rows and outbox together, wait for a relay.
#include "node/skill_seller.h"

#include <filesystem>

#include <fmt/format.h>

#include "nipsa/kinds.h"
#include "node/blob_store.h"
#include "nipsa/skill_listing.h"
#include "nipsa/skill_label.h"
#include "nostr/base/failpoint.h"
#include "nostr/event/event_json.h"
#include "nostr/nips/nip09.h"
#include "nostr/nips/nip59.h"
#include "storage/schema.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::UnixTime;
using base::json::Value;
using storage::Durability;
using storage::IssuedRow;
using storage::Tx;
namespace kinds = nipsa::kinds;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::chrono::seconds kPublishPatience{7 * 86'400};
constexpr std::chrono::seconds kWaitForRelay{30};
constexpr std::uint32_t kMaxVersions = 200;

/// Our own entries of a skill's log.
nostr::Filter log_filter(const nostr::Address& skill) {
  return {.authors = {skill.pubkey},
          .kinds = {kinds::kSkillVersion},
          .tags = {{'a', {skill.str()}}},
          .limit = kMaxVersions};
}

/// Our own withdrawals of it.
nostr::Filter withdrawal_filter(const nostr::Address& skill) {
  return {.authors = {skill.pubkey},
          .kinds = {nostr::kinds::kDeletion},
          .tags = {{'a', {skill.str()}}},
          .limit = kMaxVersions};
}

Value issued_view(const IssuedRow& row) {
  Value out = {{"licence", row.id},
               {"agent", row.agent.hex()},
               {"skill", row.slug},
               {"event", row.licence.id.hex()},
               {"status", row.revoked ? "revoked" : "active"},
               {"issued_at", base::to_unix(row.created)}};
  if (const auto licence = nipsa::parse_licence(row.licence)) {
    out["address"] = licence->address().str();
    out["version"] = licence->version;
    if (licence->type) out["type"] = nipsa::licence_type_name(*licence->type);
    if (licence->max_uses) out["max_uses"] = *licence->max_uses;
    if (licence->expires) out["expires_at"] = base::to_unix(*licence->expires);
  }
  return out;
}

Value sale_view(const storage::SaleRow& row) {
  Value out = {{"order", row.id},
               {"state", storage::name_of(row.state)},
               {"skill", row.skill},
               {"buyer", row.buyer.hex()},
               {"agent", row.agent.hex()},
               {"price_msat", row.price.value},
               {"created_at", base::to_unix(row.created)}};
  if (row.payment_hash) out["payment_hash"] = row.payment_hash->hex();
  if (!row.detail.empty()) out["detail"] = row.detail;
  return out;
}

}  // namespace

SkillSeller::SkillSeller(Runtime& runtime, const Home& home, std::unique_ptr<storage::Db> db,
                         nostr::SecretKey key, std::vector<std::string> relays)
    : runtime_(runtime),
      home_(home),
      db_(std::move(db)),
      signer_(std::move(key), runtime.clock, runtime.rng),
      relays_(std::move(relays)),
      events_(*db_),
      issued_(*db_),
      sales_(*db_),
      publisher_(runtime.loop, runtime.pool, *db_, runtime.clock) {}

Result<std::unique_ptr<SkillSeller>> SkillSeller::create(Runtime& runtime, const Home& home,
                                                         nostr::SecretKey key,
                                                         std::vector<std::string> relays) {
  TRY(home.ensure());
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(home.database().string()));
  std::unique_ptr<SkillSeller> out(
      new SkillSeller(runtime, home, std::move(db), std::move(key), std::move(relays)));
  runtime.pool.set_auth("", &out->signer_);
  out->publisher_.sign_for(out->signer_);
  out->publisher_.start();
  return out;
}

Result<std::unique_ptr<SkillSeller>> SkillSeller::create_for_group(Runtime& runtime, const Home& home,
                                                                   const Config& config,
                                                                   std::vector<std::string> relays) {
  if (config.identity.group.empty() || config.identity.share.empty())
    return fail(Errc::kInvalid, "this home has no share of a group", "sovereign init --group FILE --share FILE");
  TRY(home.ensure());
  TRY(nostr::SecretKey node, load_node_key(home, config));
  TRY(std::unique_ptr<storage::Db> db, storage::open_database(home.database().string()));
  std::unique_ptr<SkillSeller> out(
      new SkillSeller(runtime, home, std::move(db), std::move(node), std::move(relays)));
  TRY(out->group_, GroupSide::create(runtime, *out->db_, home, config,
                                     {.action_class = "sell", .reason = "it publishes, offers or licenses a skill"}));
  runtime.pool.set_auth("", &out->signer_);
  return out;
}

Task<Result<void>> SkillSeller::start() {
  if (group_) co_return co_await group_->start();
  co_return Result<void>{};
}

Task<void> SkillSeller::stop() {
  if (group_) co_await group_->stop();
  else co_await publisher_.stop();
  co_await runtime_.pool.stop();
}

Task<Result<nostr::Event>> SkillSeller::sign(nostr::Draft draft) {
  if (group_) co_return co_await group_->signer().sign(std::move(draft));
  co_return nostr::sign_event(std::move(draft), signer_.key(), runtime_.rng);
}

nostr::Address SkillSeller::address_of(const std::string& slug) const {
  return {kinds::kSkillManifest, key(), slug};
}

Result<void> SkillSeller::post(const nostr::Event& event, std::string_view purpose) {
  return publisher().post(event, relays_, purpose, kPublishPatience);
}

Task<Result<void>> SkillSeller::settled(std::vector<nostr::EventId> events) {
  for (const nostr::EventId& id : events) {
    CO_TRY(const bool taken,
           co_await base::with_timeout<bool>(kWaitForRelay, "a relay's answer", publisher().settled(id)));
    if (!taken) co_return fail(Errc::kUnavailable, "no relay took it", "sovereign outbox says why");
  }
  co_return Result<void>{};
}

/// What relays have of this skill, into the own store: another machine may have published before.
Task<Result<void>> SkillSeller::learn(std::string slug) {
  nostr::Filters filters{{.authors = {key()},
                          .kinds = {kinds::kSkillManifest},
                          .tags = {{'d', {slug}}}},
                         log_filter(address_of(slug)),
                         withdrawal_filter(address_of(slug))};
  const nostr::FetchResult found =
      co_await runtime_.pool.fetch(relays_, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  for (const nostr::EventPtr& event : found.events)
    CO_TRY(events_.insert(*event, runtime_.clock.now()));
  co_return Result<void>{};
}

/// What was ever published of a skill: its log outlives the manifests that were withdrawn.
Result<SkillSeller::Past> SkillSeller::past_of(const nostr::Address& skill) {
  const UnixTime now = runtime_.clock.now();
  Past past;
  TRY(past.head, events_.head(skill));
  if (past.head) {
    TRY(nipsa::Manifest manifest, nipsa::parse_manifest(*past.head));
    past.version = std::move(manifest.version);
    past.last = past.head->created_at;
  }
  std::vector<nipsa::VersionEntry> log;
  TRY(const auto entries, events_.query({log_filter(skill)}, kMaxVersions, now));
  for (const nostr::Event& event : entries)
    if (auto entry = nipsa::parse_version_entry(event)) log.push_back(*std::move(entry));
  TRY(const auto ordered, nipsa::order_log(std::move(log)));
  if (!past.head && !ordered.empty()) past.version = ordered.front().version;
  TRY(const auto withdrawals, events_.query({withdrawal_filter(skill)}, 1, now));
  for (const nostr::Event& event : withdrawals)
    past.last = std::max(past.last.value_or(event.created_at), event.created_at);
  return past;
}

Task<Result<Value>> SkillSeller::publish(PublishSkill wish) {
  CO_TRY(const auto package, orchestration::read_package(wish.folder));
  if (wish.version.empty())
    if (const auto known = package.front.metadata.find("version"); known != package.front.metadata.end())
      wish.version = known->second;
  if (wish.version.empty())
    co_return fail(Errc::kInvalid, "the skill has no version",
                   "--as 1.0.0, or version below metadata in SKILL.md");
  CO_TRY(const nipsa::Semver version, nipsa::parse_semver(wish.version));
  CO_TRY(co_await learn(package.front.name));
  CO_TRY(const Past before, past_of(address_of(package.front.name)));
  if (!before.version.empty()) {
    CO_TRY(const nipsa::Semver stands, nipsa::parse_semver(before.version));
    if (version <= stands)
      co_return fail(Errc::kConflict, fmt::format("version {} is published already", before.version),
                     "a new version is a greater one");
  }
  const UnixTime now = runtime_.clock.now();
  // Later than a withdrawal as well: that takes away whatever is not.
  CO_TRY(const UnixTime at, nipsa::next_created_at(now, before.last));
  nipsa::Manifest manifest;
  manifest.publisher = key();
  manifest.slug = manifest.name = package.front.name;
  manifest.version = wish.version;
  manifest.description = package.front.description;
  manifest.capabilities = wish.capabilities;
  manifest.expires = at + wish.lasts;
  manifest.topics = wish.topics;
  manifest.note = wish.note;
  if (before.head) manifest.previous = before.head->id;
  CO_TRY(nostr::Draft draft, nipsa::build_manifest(manifest, package.files, at));
  CO_TRY(const nostr::Event event, co_await sign(std::move(draft)));
  CO_TRY(nostr::Draft entry_draft,
         nipsa::build_version_entry(
             event, before.version.empty() ? nipsa::ChangeType::kAdded : wish.change, before.version,
             at, runtime_.rng));
  CO_TRY(const nostr::Event entry, co_await sign(std::move(entry_draft)));
  CO_TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  for (const nostr::Event* made : {&event, &entry}) {
    CO_TRY(events_.insert(*made, now));
    CO_TRY(post(*made, "skill"));
  }
  CO_TRY(tx.commit());
  CO_TRY(co_await settled({event.id, entry.id}));
  co_return Value{{"skill", manifest.address().str()},
                  {"version", manifest.version},
                  {"manifest", event.id.hex()},
                  {"log", entry.id.hex()},
                  {"hash", package.hash.hex()}};
}

Task<Result<Value>> SkillSeller::withdraw(std::string slug, std::string reason) {
  CO_TRY(co_await learn(slug));
  CO_TRY(const auto head, events_.head(address_of(slug)));
  if (!head) co_return fail(Errc::kNotFound, fmt::format("no skill {} was published", slug));
  std::vector<nostr::Event> versions{*head};
  const UnixTime now = runtime_.clock.now();
  CO_TRY(const auto entries, events_.query({log_filter(address_of(slug))}, kMaxVersions, now));
  for (const nostr::Event& event : entries)
    if (const auto entry = nipsa::parse_version_entry(event);
        entry && entry->archived && entry->archived->id != head->id)
      versions.push_back(*entry->archived);
  CO_TRY(nostr::Draft draft, nipsa::build_skill_revocation(versions, reason, "Withdrawn by publisher",
                                                           std::max(now, head->created_at)));
  CO_TRY(const nostr::Event event, co_await sign(std::move(draft)));
  CO_TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  CO_TRY(events_.insert(event, now));
  CO_TRY(post(event, "skill-revocation"));
  CO_TRY(tx.commit());
  CO_TRY(co_await settled({event.id}));
  co_return Value{{"skill", address_of(slug).str()},
                  {"revocation", event.id.hex()},
                  {"versions", versions.size()}};
}

/// The manifest of ours that stands for what is in a folder.
Result<nostr::Event> SkillSeller::published(const orchestration::SkillPackage& package) {
  TRY(const auto head, events_.head(address_of(package.front.name)));
  if (!head)
    return fail(Errc::kNotFound, fmt::format("{} is not published under this key", package.front.name),
                "sovereign skill publish DIR");
  TRY(const nipsa::Manifest manifest, nipsa::parse_manifest(*head));
  if (manifest.hash != package.hash)
    return fail(Errc::kConflict, "the folder is not what was published any more",
                "publish it again as a new version");
  return *head;
}

Task<Result<Value>> SkillSeller::offer(OfferSkill wish) {
  CO_TRY(const auto package, orchestration::read_package(wish.folder));
  CO_TRY(co_await learn(package.front.name));
  CO_TRY(const nostr::Event manifest_event, published(package));
  CO_TRY(const nipsa::Manifest manifest, nipsa::parse_manifest(manifest_event));
  nipsa::SkillListing listing{.seller = key(),
                              .skill = manifest.address(),
                              .manifest = manifest_event.id,
                              .version = manifest.version,
                              .title = manifest.name,
                              .summary = manifest.description,
                              .price = wish.price,
                              .terms = wish.terms,
                              .sold = wish.withdraw,
                              .desk = desk()};
  const UnixTime now = runtime_.clock.now();
  CO_TRY(const auto before, sales_.offer(listing.skill.str()));
  CO_TRY(const UnixTime at,
         nipsa::next_created_at(now, before ? std::optional(before->listing.created_at) : std::nullopt));
  CO_TRY(nostr::Draft draft, nipsa::build_skill_listing(listing, at));
  CO_TRY(const nostr::Event event, co_await sign(std::move(draft)));
  CO_TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  CO_TRY(sales_.put_offer({.skill = listing.skill.str(),
                           .slug = manifest.slug,
                           .folder = std::filesystem::absolute(wish.folder).string(),
                           .listing = event,
                           .sold = wish.withdraw,
                           .changed = now}));
  CO_TRY(events_.insert(event, now));
  CO_TRY(post(event, "listing"));
  CO_TRY(tx.commit());
  CO_TRY(co_await settled({event.id}));
  co_return Value{{"skill", listing.skill.str()},
                  {"version", listing.version},
                  {"listing", event.id.hex()},
                  {"price_sats", wish.price.value},
                  {"type", nipsa::licence_type_name(wish.terms.type)},
                  {"status", wish.withdraw ? "withdrawn" : "for sale"}};
}

Task<Result<Value>> SkillSeller::issue(IssueLicence wish) {
  CO_TRY(const auto package, orchestration::read_package(wish.folder));
  CO_TRY(co_await learn(package.front.name));
  CO_TRY(const nostr::Event manifest, published(package));
  const UnixTime now = runtime_.clock.now();
  wish.grant.blobs_at = blobs_at_;
  CO_TRY(orchestration::Handover made,
         orchestration::hand_over(package, manifest, wish.grant, key(), signer_.key(), now, runtime_.rng));
  // It lies there before anybody is told.
  if (made.blob) CO_TRY(keep_blob(home_, nostr::sha256(*made.blob), *made.blob));
  CO_TRY(const nostr::Event licence, co_await sign(std::move(made.licence_draft)));
  const nostr::UnsignedEvent rumor = nostr::with_author(made.delivery, signer_.public_key());
  CO_TRY(const nostr::Event wrap,
         nostr::wrap_rumor(rumor, signer_.key(), wish.receiver, now, runtime_.rng));
  const IssuedRow row{.id = made.licence.id,
                      .agent = wish.grant.agent,
                      .receiver = wish.receiver,
                      .slug = package.front.name,
                      .licence = licence,
                      .delivery = nostr::to_json(rumor),
                      .created = now,
                      .changed = now};
  CO_TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  CO_TRY(const auto standing, issued_.get(row.id));
  if (standing) co_return fail(Errc::kConflict, fmt::format("licence {} was issued before", row.id));
  CO_TRY(issued_.add(row));
  if (wish.also) CO_TRY(wish.also());
  CO_TRY(events_.insert(licence, now));
  CO_TRY(post(licence, "licence"));
  CO_TRY(post(wrap, "delivery"));
  CO_TRY(tx.commit());
  FAILPOINT("licence-committed");
  CO_TRY(co_await settled({licence.id, wrap.id}));
  co_return issued_view(row);
}

Result<void> SkillSeller::deliver_again(std::string id) {
  TRY(const auto row, issued_.get(id));
  if (!row) return fail(Errc::kNotFound, fmt::format("no licence {} was issued here", id));
  TRY(const nostr::UnsignedEvent rumor, nostr::parse_unsigned_event(row->delivery));
  TRY(const nostr::Event wrap, nostr::wrap_rumor(rumor, signer_.key(), row->receiver,
                                                 runtime_.clock.now(), runtime_.rng));
  TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  TRY(post(row->licence, "licence"));
  TRY(post(wrap, "delivery"));
  return tx.commit();
}

Task<Result<Value>> SkillSeller::revoke(std::string id, std::string reason) {
  CO_TRY(auto row, issued_.get(id));
  if (!row) co_return fail(Errc::kNotFound, fmt::format("no licence {} was issued here", id),
                           "sovereign license list");
  if (row->revoked) co_return issued_view(*row);
  const UnixTime now = runtime_.clock.now();
  CO_TRY(nostr::Draft draft, orchestration::revoked_licence(row->licence, now));
  CO_TRY(const nostr::Event revoked, co_await sign(std::move(draft)));
  // The head says so for good; a kind 5 that took the address away would take this away as well, so it
  // names the earlier version only.
  // A group is not asked to sign that as well: the head is enough, and a question costs a person's time.
  std::optional<nostr::Event> gone;
  if (!group_) {
    CO_TRY(gone, co_await sign({.kind = nostr::kinds::kDeletion,
                                .created_at = revoked.created_at,
                                .tags = {{"e", row->licence.id.hex()},
                                         {"k", std::to_string(kinds::kSkillLicence)}},
                                .content = std::move(reason)}));
  }
  CO_TRY(Tx tx, Tx::begin(*db_, Durability::kFull));
  CO_TRY(issued_.replace(id, revoked, true, now));
  CO_TRY(events_.insert(revoked, now));
  CO_TRY(post(revoked, "licence"));
  if (gone) CO_TRY(post(*gone, "licence-revocation"));
  CO_TRY(tx.commit());
  FAILPOINT("revocation-committed");
  CO_TRY(co_await settled({revoked.id}));
  row->licence = revoked;
  row->revoked = true;
  co_return issued_view(*row);
}

Result<Value> SkillSeller::list(std::int64_t limit) {
  TRY(const auto rows, issued_.list(limit));
  Value out = Value::array();
  for (const IssuedRow& row : rows) out.push_back(issued_view(row));
  return out;
}

Result<Value> SkillSeller::orders(std::int64_t limit) {
  TRY(const auto rows, sales_.list(limit));
  Value out = Value::array();
  for (const storage::SaleRow& row : rows) out.push_back(sale_view(row));
  return out;
}

}  // namespace node
