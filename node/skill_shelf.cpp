// Opening a skill: everything that can be checked before the co-signers are asked is.
#include "node/skill_shelf.h"

#include <algorithm>

#include <fmt/format.h>

#include "nipsa/delivery.h"
#include "nipsa/kinds.h"
#include "nipsa/tick.h"
#include "nostr/base/failpoint.h"
#include "nostr/base/log.h"
#include "nostr/base/utf8.h"
#include "nostr/event/event_json.h"
#include "nostr/net/address.h"
#include "orchestration/envelope.h"
#include "orchestration/marketplace/handover.h"

namespace node {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Task;
using base::UnixTime;
using base::json::Value;
using storage::HoldingRow;
namespace kinds = nipsa::kinds;

constexpr std::chrono::seconds kFetchPatience{8};
constexpr std::chrono::seconds kClaimPatience{600};
constexpr std::chrono::seconds kBlobPatience{60};
constexpr std::uint32_t kMaxFetched = 500;
constexpr std::int64_t kMaxHeld = 500;
constexpr std::size_t kMaxTold = 65'536;  // of a skill's files, to the model

Value holding_view(const HoldingRow& row, const Result<nostr::Event>& licence) {
  Value out = {{"skill", row.skill},
               {"name", row.slug},
               {"version", row.version},
               {"licence", row.licence},
               {"received_at", base::to_unix(row.received)}};
  const auto read = licence ? nipsa::parse_licence(*licence) : Result<nipsa::Licence>(std::unexpected(licence.error()));
  out["status"] = !read || read->revoked ? "revoked" : "active";
  if (read && read->type) out["type"] = nipsa::licence_type_name(*read->type);
  if (read && read->max_uses) out["max_uses"] = *read->max_uses;
  if (read && read->expires) out["expires_at"] = base::to_unix(*read->expires);
  return out;
}

}  // namespace

OpenSkill::~OpenSkill() {
  for (nipsa::SkillFile& file : package.files) base::wipe(file.bytes);
}

SkillShelf::SkillShelf(Deps deps, SkillRules rules)
    : deps_(deps), rules_(std::move(rules)), holdings_(deps.db), events_(deps.db) {}

Task<Result<std::size_t>> SkillShelf::refresh() {
  const nostr::PublicKey agent = deps_.signer.public_key();
  nostr::Filters filters;  // one for each kind, so that a flood of one hides nothing of another
  for (const nostr::Kind kind : {nostr::kinds::kGiftWrap, kinds::kSkillDelivery})
    filters.push_back(
        {.kinds = {kind}, .tags = {{'p', {deps_.node.public_key().hex()}}}, .limit = kMaxFetched});
  if (!rules_.issuers.empty()) {
    filters.push_back({.authors = rules_.issuers,
                       .kinds = {kinds::kSkillLicence},
                       .tags = {{'p', {agent.hex()}}},
                       .limit = kMaxFetched});
    filters.push_back(
        {.authors = rules_.issuers, .kinds = {nostr::kinds::kDeletion}, .limit = kMaxFetched});
  }
  const nostr::FetchResult found =
      co_await deps_.runtime.pool.fetch(deps_.relays, std::move(filters), kFetchPatience);
  if (found.complete.empty()) co_return fail(Errc::kUnavailable, "no relay answered");
  const UnixTime now = deps_.runtime.clock.now();
  // Licences first: a delivery is held against its licence.
  for (const nostr::EventPtr& event : found.events)
    if (!nipsa::may_wrap_delivery(event->kind)) CO_TRY(events_.insert(*event, now));
  for (const nostr::EventPtr& event : found.events) {
    if (!nipsa::may_wrap_delivery(event->kind)) continue;
    if (auto taken = take_delivery(*event); !taken && taken.error().code == Errc::kDatabase)
      co_return std::unexpected(taken.error());
  }
  CO_TRY(const auto held, holdings_.list(kMaxHeld));
  co_return held.size();
}

/// Keeps a delivery that is what one of our licences promises; anything else is nobody's.
Result<void> SkillShelf::take_delivery(const nostr::Event& wrap) {
  TRY(const nostr::Rumor rumor, nipsa::unwrap_delivery(wrap, deps_.node.key()));
  TRY(const nipsa::Delivery delivery, nipsa::parse_delivery(rumor.event));
  if (!delivery.licence) return fail(Errc::kInvalid, "a delivery without a licence");
  const std::string address = delivery.licence->str();
  TRY(const auto known, holdings_.get(address));
  if (known) return {};
  TRY(const auto event, events_.head(*delivery.licence));
  if (!event) return fail(Errc::kNotFound, "no licence stands for this delivery");
  TRY(const nipsa::Licence licence, nipsa::parse_licence(*event));
  const UnixTime now = deps_.runtime.clock.now();
  TRY(nipsa::check_licence(licence, rules_.issuers, deps_.signer.public_key(), now));
  TRY(const nipsa::Manifest manifest, nipsa::check_delivery(delivery, rumor.event.pubkey, licence));
  return holdings_.put({.licence = address,
                        .skill = manifest.address().str(),
                        .slug = manifest.slug,
                        .version = manifest.version,
                        .event = *event,
                        .delivery = nostr::to_json(rumor.event),
                        .provider = rumor.event.pubkey,
                        .received = now});
}

Result<HoldingRow> SkillShelf::find(const std::string& name) {
  TRY(const auto rows, holdings_.list(kMaxHeld));
  const UnixTime now = deps_.runtime.clock.now();
  const HoldingRow* last = nullptr;
  for (const HoldingRow& row : rows) {
    if (row.slug != name && row.licence != name && row.skill != name) continue;
    const auto licence = licence_of(row);
    const auto read = licence ? nipsa::parse_licence(*licence) : Result<nipsa::Licence>(std::unexpected(licence.error()));
    // Of several, one that is good; else whichever, so that the refusal can say why.
    if (read && nipsa::check_licence(*read, rules_.issuers, deps_.signer.public_key(), now)) return row;
    if (last == nullptr) last = &row;
  }
  if (last == nullptr)
    return fail(Errc::kNotFound, fmt::format("no skill {} is held", name), "sovereign skill held");
  return *last;
}

/// The licence as it stands now: what its issuer put in its place, or that it is gone.
Result<nostr::Event> SkillShelf::licence_of(const HoldingRow& holding) {
  TRY(const auto address, nostr::Address::parse(holding.licence));
  TRY(const auto head, events_.head(address));
  if (!head)
    return nipsa::fail(nipsa::Code::kRevoked, "the licence was deleted by its issuer");
  return *head;
}

/// The operator's own relays may be in a private network; nothing else there is ever asked.
bool SkillShelf::is_beside_a_relay(const std::string& url) const {
  const auto host_of = [](std::string text) -> std::string {
    if (text.starts_with("http")) text.replace(0, 4, "ws");
    const auto parsed = nostr::parse_ws_url(text);
    return parsed ? parsed->host : "";
  };
  const std::string host = host_of(url);
  return !host.empty() && std::ranges::any_of(deps_.relays, [&](const std::string& relay) {
    return host_of(relay) == host;
  });
}

Task<Result<base::Bytes>> SkillShelf::fetch_blob(nipsa::Blob blob) {
  const bool known = is_beside_a_relay(blob.url);
  if (!blob.url.starts_with("https://") && !known)
    co_return fail(Errc::kDenied, "the delivery refers to an address without TLS");
  nostr::HttpCall call{.url = blob.url,
                       .total_timeout = kBlobPatience,
                       .max_body_bytes = static_cast<std::size_t>(blob.size),
                       .allow_private_addresses = known};
  CO_TRY(const nostr::HttpReply reply, co_await deps_.http.perform(std::move(call)));
  if (reply.status != 200)
    co_return fail(Errc::kUnavailable,
                   fmt::format("the skill's body is not there: HTTP status {}", reply.status));
  const base::ByteView bytes = base::as_bytes(reply.body);
  CO_TRY(orchestration::check_blob(blob, bytes));
  co_return base::Bytes(bytes.begin(), bytes.end());
}

Task<Result<void>> SkillShelf::complete(HoldingRow holding) {
  CO_TRY(const nostr::UnsignedEvent rumor, nostr::parse_unsigned_event(holding.delivery));
  CO_TRY(const nipsa::Delivery delivery, nipsa::parse_delivery(rumor));
  if (!delivery.blob) co_return Result<void>{};
  CO_TRY(const bool here, holdings_.has_blob(delivery.blob->sha256));
  if (here) co_return Result<void>{};
  CO_TRY(const base::Bytes bytes, co_await fetch_blob(*delivery.blob));
  co_return holdings_.put_blob(delivery.blob->sha256, bytes);
}

Task<Result<OpenSkill>> SkillShelf::open(std::string name, nostr::EventId claim, bool untrusted) {
  CO_TRY(co_await refresh());
  CO_TRY(HoldingRow holding, find(name));
  CO_TRY(const nostr::Event licence_event, licence_of(holding));
  CO_TRY(const nipsa::Licence licence, nipsa::parse_licence(licence_event));
  const UnixTime now = deps_.runtime.clock.now();
  CO_TRY(nipsa::check_licence(licence, rules_.issuers, deps_.signer.public_key(), now));
  CO_TRY(const nostr::UnsignedEvent rumor, nostr::parse_unsigned_event(holding.delivery));
  CO_TRY(const nipsa::Delivery delivery, nipsa::parse_delivery(rumor));
  CO_TRY(const nipsa::Manifest manifest,
         nipsa::check_delivery(delivery, holding.provider, licence));
  CO_TRY(const SkillEvidence evidence,
         co_await find_evidence(deps_.runtime.pool, deps_.relays, manifest.address(),
                                delivery.manifest_id));
  OpenSkill out;
  out.trust = judge_skill(*delivery.manifest, evidence, rules_.trust,
                          {manifest.address(), licence.manifest, licence.manifest_hash}, now);
  if (!passes_gate(out.trust, untrusted))
    co_return fail(Errc::kDenied, doubt_text(out.trust),
                   out.trust.trust == nipsa::Trust::kUntrusted ? "--untrusted lets it pass all the same"
                                                               : "");
  out.granted = nipsa::common_capabilities(
      nipsa::common_capabilities(manifest.capabilities, licence.capabilities), rules_.capabilities);
  // Before a use is spent on it.
  CO_TRY(co_await complete(holding));
  base::Bytes blob;
  if (delivery.blob) {
    CO_TRY(auto kept, holdings_.blob(delivery.blob->sha256));
    if (!kept) co_return fail(Errc::kNotFound, "the skill's body is not here");
    blob = *std::move(kept);
    CO_TRY(orchestration::check_blob(*delivery.blob, blob));
  }
  FAILPOINT("skill-before-secret");
  auto key = co_await deps_.signer.nip44_key(
      *licence.content_key, {.purpose = "proven", .tick = claim, .proof = {licence_event}});
  if (!key) co_return std::unexpected(std::move(key).error());
  CO_TRY(out.package, orchestration::open_delivery(delivery, manifest, *key, blob));
  FAILPOINT("skill-opened");
  out.holding = std::move(holding);
  out.manifest = *delivery.manifest;
  co_return out;
}

Task<Result<nostr::EventId>> SkillShelf::claim_for_operator() {
  const nipsa::TickRequest request{.d = nipsa::random_d("tick-", deps_.runtime.rng),
                                   .agent = deps_.signer.public_key(),
                                   .trigger = nipsa::TriggerName::kManual,
                                   .slot = nipsa::slot_of_manual(deps_.runtime.rng)};
  const UnixTime now = deps_.runtime.clock.now();
  CO_TRY(nostr::Draft draft, nipsa::build_tick_request(request, deps_.node.public_key(), now));
  const nostr::Event event =
      nostr::sign_event(std::move(draft), deps_.node.key(), deps_.runtime.rng);
  CO_TRY(deps_.publisher.post(event, deps_.relays, "claim", kClaimPatience));
  CO_TRY(const bool taken, co_await deps_.publisher.settled(event.id));
  if (!taken) co_return fail(Errc::kUnavailable, "no relay took the claim");
  co_return event.id;
}

// ---- for agents at work ------------------------------------------------------------------------

void SkillShelf::start() {
  if (rules_.issuers.empty()) return;
  nostr::Filters filters{{.authors = rules_.issuers,
                          .kinds = {kinds::kSkillLicence},
                          .tags = {{'p', {deps_.signer.public_key().hex()}}},
                          .limit = kMaxFetched},
                         {.authors = rules_.issuers,
                          .kinds = {nostr::kinds::kDeletion},
                          .tags = {{'k', {std::to_string(kinds::kSkillLicence)}}},
                          .limit = kMaxFetched},
                         // Relays keep no wrap of this kind: it is taken when it comes or not at all.
                         {.kinds = {nipsa::kFleetingWrap}, .tags = {{'p', {deps_.node.public_key().hex()}}}}};
  licences_ = deps_.runtime.pool.subscribe(
      deps_.relays, std::move(filters),
      {.on_events =
           [this](std::span<const nostr::Delivery> batch) {
             for (const nostr::Delivery& delivery : batch) keep(*delivery.event);
           },
       .on_eose = {},
       .on_closed = {}});
}

void SkillShelf::keep(const nostr::Event& event) {
  if (nipsa::may_wrap_delivery(event.kind)) {
    if (auto taken = take_delivery(event); !taken)
      LOG(kDebug, "market", "what came is no delivery of ours", {{"detail", taken.error().detail}});
  } else if (auto kept = events_.insert(event, deps_.runtime.clock.now()); !kept) {
    LOG(kError, "market", "a licence cannot be kept", {{"detail", kept.error().detail}});
  }
}

/// What stands of a licence now, by what was heard of it.
Result<void> SkillShelf::still_good(const std::string& licence) {
  TRY(const auto address, nostr::Address::parse(licence));
  TRY(const auto head, events_.head(address));
  if (!head) return nipsa::fail(nipsa::Code::kRevoked, "the licence was deleted by its issuer");
  TRY(const nipsa::Licence read, nipsa::parse_licence(*head));
  return nipsa::check_licence(read, rules_.issuers, deps_.signer.public_key(),
                              deps_.runtime.clock.now());
}

Result<bool> SkillShelf::holds(const std::string& skill, const std::string& version) {
  TRY(const auto rows, holdings_.list(kMaxHeld));
  for (const HoldingRow& row : rows)
    if (row.skill == skill && row.version == version && still_good(row.licence)) return true;
  return false;
}

orchestration::SkillInUse SkillShelf::in_use(const OpenSkill& skill) {
  orchestration::SkillInUse out;
  out.name = skill.holding.slug;
  out.version = skill.holding.version;
  out.licence = skill.holding.licence;
  out.text = skill.package.instructions();
  for (const nipsa::SkillFile& file : skill.package.files)
    if (file.path != nipsa::kSkillFile && base::is_utf8(file.bytes))
      out.text += fmt::format("\n## {}\n{}", file.path, file.bytes);
  if (out.text.size() > kMaxTold) {
    const std::size_t kept = orchestration::cut_utf8(out.text, kMaxTold).size();
    base::wipe(std::span(reinterpret_cast<std::uint8_t*>(out.text.data()) + kept, out.text.size() - kept));
    out.text.resize(kept);
  }
  out.granted = skill.granted;
  out.limits_tools = skill.package.front.limits_tools;
  out.allowed_tools = skill.package.front.allowed_tools;
  out.still_good = [this, licence = out.licence] { return still_good(licence); };
  return out;
}

Task<Result<orchestration::SkillInUse>> SkillShelf::use(std::string name, std::string tick,
                                                        nostr::EventId claim) {
  CO_TRY(const OpenSkill opened, co_await open(std::move(name), claim, /*untrusted=*/false));
  CO_TRY(holdings_.add_load(tick, opened.holding.licence));
  FAILPOINT("skill-in-use");
  co_return in_use(opened);
}

Task<Result<void>> SkillShelf::reopen(orchestration::SkillBench& bench, std::string tick,
                                      nostr::EventId claim) {
  CO_TRY(const auto licences, holdings_.loads(tick));
  for (const std::string& licence : licences) {
    if (bench.has(tick, licence)) continue;
    auto opened = co_await open(licence, claim, /*untrusted=*/false);
    if (opened) {
      bench.put(tick, in_use(*opened));
    } else if (opened.error().code == Errc::kUnavailable || opened.error().code == Errc::kDatabase ||
               opened.error().code == Errc::kTimeout) {
      co_return std::unexpected(std::move(opened).error());
    } else {
      bench.put_shut(tick, licence, opened.error().detail);
    }
  }
  co_return Result<void>{};
}

// ---- for the operator --------------------------------------------------------------------------

Task<Result<Value>> SkillShelf::load(Value params) {
  CO_TRY(const std::string name, base::json::get_string(params, "name"));
  CO_TRY(const nostr::EventId claim, co_await claim_for_operator());
  auto opened = co_await open(name, claim, params.value("untrusted", false));
  deps_.signer.forget();
  if (!opened) co_return std::unexpected(std::move(opened).error());
  Value out = skill_view(opened->manifest, opened->trust);
  out["licence"] = opened->holding.licence;
  out["files"] = opened->package.files.size();
  out["granted"] = opened->granted;
  out["claim"] = claim.hex();
  if (opened->package.front.limits_tools) out["allowed_tools"] = opened->package.front.allowed_tools;
  co_return out;
}

Result<Value> SkillShelf::held() {
  Value out = Value::array();
  TRY(const auto rows, holdings_.list(kMaxHeld));
  for (const HoldingRow& row : rows) out.push_back(holding_view(row, licence_of(row)));
  return out;
}

Task<Result<Value>> SkillShelf::answer(Value params) {
  const std::string verb = base::json::string_or(params, "verb");
  if (verb == "load") co_return co_await load(std::move(params));
  if (verb != "held") co_return fail(Errc::kUnsupported, fmt::format("skills have no verb \"{}\"", verb));
  CO_TRY(co_await refresh());
  co_return held();
}

}  // namespace node
