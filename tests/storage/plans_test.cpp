// No statement of any store may walk a growing table: each plan is read and scans are refused.
#include <algorithm>

#include "storage/actions.h"
#include "storage/answers.h"
#include "storage/approvals.h"
#include "storage/audit.h"
#include "storage/budgets.h"
#include "storage/bunker.h"
#include "storage/cosign_log.h"
#include "storage/cursors.h"
#include "storage/goals.h"
#include "storage/grants.h"
#include "storage/holdings.h"
#include "storage/inbox.h"
#include "storage/issued_licences.h"
#include "storage/issues.h"
#include "storage/jobs.h"
#include "storage/kv.h"
#include "storage/leases.h"
#include "storage/licence_uses.h"
#include "storage/mcp_pins.h"
#include "storage/nonces.h"
#include "storage/outbox.h"
#include "storage/outputs.h"
#include "storage/payments.h"
#include "storage/purchases.h"
#include "storage/relay_health.h"
#include "storage/sales.h"
#include "storage/sessions.h"
#include "storage/spend_limits.h"
#include "storage/ticks.h"
#include "storage/todos.h"
#include "storage/trajectories.h"
#include "tests/storage/fixture.h"

namespace storage {
namespace {

using nostr::Filter;
using nostr::Sha256;
using testing::make_event;
using testing::must;
using testing::named;
using testing::StorageTest;
using testing::unix_time;

constexpr UnixTime kNow = unix_time(1'000'000);

// A plan line "SCAN x USING … INDEX" is an ordered walk that a LIMIT or a partial index bounds; a
// bare "SCAN x" reads the whole table. These may, for the reason given.
bool may_scan(const std::string& step) {
  return step == "SCAN CONSTANT ROW" || step.starts_with("SCAN EXISTS") ||
         step == "SCAN leases" ||        // a row for each member of a group
         step == "SCAN grants" ||        // ORDER BY id DESC LIMIT, as audit
         step == "SCAN goal_reports" ||  // at most a thousand, and one a goal
         step == "SCAN issues" ||        // ORDER BY number DESC LIMIT, as audit
         step == "SCAN audit" ||         // ORDER BY seq DESC LIMIT: walks the key from its end
         step == "SCAN newest" ||        // the thousand questions that an index gave
         step == "SCAN audit_anchors" ||
         step == "SCAN spend_limits";  // a row for each limit the operator set
}

class PlansTest : public StorageTest {
 protected:
  /// Touches every call so that its statements are prepared; what they answer is tested elsewhere.
  template <class T>
  static void touch(const base::Result<T>& result) {
    if (!result) EXPECT_NE(result.error().code, Errc::kDatabase) << result.error().detail;
  }

  void touch_hands() {
    Grants grants(*db_);
    touch(grants.add({.agent = "*", .tool = "bash", .pattern = "true", .expires = unix_time(2'000'000)}, kNow));
    touch(grants.of_tool("bash", kNow));
    touch(grants.use(1, kNow));
    touch(grants.revoke(1, kNow));
    touch(grants.list(10));
    Issues issues(*db_);
    const IssueRow issue{.id = "one", .title = "t", .created = kNow, .updated = kNow};
    touch(issues.add(issue, {}, "operator"));
    touch(issues.add({.id = "two", .title = "t", .created = kNow, .updated = kNow}, {1}, "operator"));
    touch(issues.list(std::nullopt, 10));
    touch(issues.list(IssueStatus::kOpen, 10));
    touch(issues.needs(2));
    touch(issues.events(1));
    touch(issues.ready("a", 10, kNow));
    touch(issues.claim(1, "run", kNow));
    touch(issues.keep("run", kNow));
    touch(issues.held_by("run"));
    touch(issues.ready("a", 10, kNow + std::chrono::hours{1}));
    touch(issues.prioritise(1, IssuePriority::kHigh, kNow));
    touch(issues.block(1, "", "why", kNow));
    touch(issues.unblock(1, kNow));
    touch(issues.release(1, "", "why", kNow));
    touch(issues.complete(1, "", kNow));
    Answers answers(*db_);
    touch(answers.put(named<Sha256>("asked"), "delegation", "{}", kNow));
    touch(answers.get(named<Sha256>("asked"), kNow));
    touch(answers.forget("delegation"));
    Outputs outputs(*db_);
    touch(outputs.put("s", "bash", "text", kNow));
    touch(outputs.get("s", 1));
    GoalReports goals(*db_);
    touch(goals.put({.goal = "g", .percent = 5, .note = "", .at = kNow}));
    touch(goals.get("g"));
    touch(goals.list());
    Todos todos(*db_);
    touch(todos.put("s", "[]", kNow));
    touch(todos.get("s"));
    BunkerRows bunker(*db_);
    const auto app = named<PublicKey>("app");
    touch(bunker.add_secret(named<Sha256>("secret"), kNow, unix_time(2'000'000)));
    touch(bunker.take_secret(named<Sha256>("secret"), kNow));
    touch(bunker.pair({.key = app}, {{"sign_event", 1, BunkerVerdict::kAllow}}));
    touch(bunker.clients());
    touch(bunker.saw(app, kNow));
    touch(bunker.rules(app));
    touch(bunker.verdict(app, "sign_event", nostr::Kind{1}));
    touch(bunker.open_request(app, "1", "ping", kNow, Durability::kNormal));
    touch(bunker.set_request(app, "1", BunkerRequestState::kAllowed, kNow));
    touch(bunker.fail_open_requests(kNow));
    touch(bunker.forget_requests(kNow));
    touch(bunker.revoke(app, kNow));
    touch_licences();
    McpPins pins(*db_);
    touch(pins.put("s__t", named<Sha256>("t"), kNow));
    touch(pins.get("s__t"));
  }

  void touch_licences() {
    const auto who = named<PublicKey>("agent");
    const auto event = make_event("seller", 39220, 1, {{"d", "x"}});
    IssuedLicences issued(*db_);
    touch(issued.add({.id = "l", .agent = who, .receiver = who, .slug = "x", .licence = event,
                      .delivery = "{}", .created = kNow}));
    touch(issued.get("l"));
    touch(issued.replace("l", event, true, kNow));
    touch(issued.list(10));
    LicenceUses uses(*db_);
    touch(uses.add("l", "r", kNow));
    touch(uses.count("l", "r", kNow));
    Holdings holdings(*db_);
    touch(holdings.put({.licence = "l", .skill = "x", .slug = "x", .version = "1", .event = event,
                        .delivery = "{}", .provider = who, .received = kNow}));
    touch(holdings.get("l"));
    touch(holdings.list(10));
    touch(holdings.add_load("t", "l"));
    touch(holdings.loads("t"));
  }

  void touch_events() {
    EventDb events(*db_);
    touch(events.insert(
        make_event("a", 30078, 1, {{"d", "x"}, {"t", "y"}, {"expiration", "2000000"}}), kNow));
    touch(events.insert(make_event("a", 30078, 2, {{"d", "x"}}), kNow));
    touch(events.insert(make_event("a", 5, 3, {{"e", named<EventId>("e").hex()}}), kNow));
    touch(events.has(named<EventId>("e")));
    touch(events.get(named<EventId>("e")));
    touch(events.purge_expired(unix_time(1)));
    const auto author = named<PublicKey>("a");
    for (const Filter& filter :
         {Filter{}, Filter{.ids = {named<EventId>("e")}}, Filter{.authors = {author}},
          Filter{.kinds = {5}}, Filter{.authors = {author}, .kinds = {5}},
          Filter{.tags = {{'t', {"y"}}}},
          Filter{.authors = {author}, .kinds = {30078}, .tags = {{'d', {"x"}}}},
          Filter{.since = kNow, .until = kNow}})
      touch(events.query({filter}, 10, kNow));
  }

  void touch_boxes() {
    EventDb events(*db_);
    Inbox inbox(*db_);
    const Event event = make_event("a", 1, 9);
    const std::vector<std::string> handlers{"x"};
    touch(inbox.ingest(events, event, handlers, "r", kNow));
    touch(inbox.is_open(event.id, "x"));
    touch(inbox.knows(event.id, "x"));
    touch(inbox.list_open());
    touch(inbox.close(event.id, "x", kNow));
    touch(inbox.purge_closed(kNow));
    touch(inbox.claim(named<EventId>("rumor"), "dm", kNow));
    Cursors cursors(*db_);
    touch(cursors.advance("wss://one", named<Sha256>("filter"), kNow));
    touch(cursors.get("wss://one", named<Sha256>("filter")));
    RelayHealthRows health(*db_);
    touch(health.put({.relay = "wss://one", .failures = 1, .last = kNow}));
    touch(health.load(10));
    touch(health.forget("wss://one"));
    Outbox outbox(*db_);
    touch(outbox.add(event, {"wss://r"}, "x", 1, kNow, kNow));
    touch(outbox.add(event, {"wss://s"}, "x", 1, kNow, kNow));
    touch(outbox.list_due(kNow));
    touch(outbox.next_due());
    touch(outbox.start_try(1, "wss://r", event.id, kNow));
    touch(outbox.settle(1, "wss://r", RelayState::kAccepted, "", kNow));
    const auto draft = outbox.add_draft({event.pubkey, {0, {}, {}, "x"}}, {"wss://r"}, "x", 1, kNow,
                                        kNow);
    touch(draft);
    touch(outbox.draft_of(2));
    touch(outbox.set_signed(2, event));
    touch(outbox.unsign(2));
    touch(outbox.delay(2, kNow));
    touch(outbox.prune(kNow));
    touch(outbox.expire(kNow));
    touch(outbox.get(1));
    touch(outbox.find(event.id));
    touch(outbox.list(OutboxState::kDone));
    touch(outbox.counts());
    Kv kv(*db_);
    touch(kv.set("k", "v"));
    touch(kv.get("k"));
    touch(kv.erase("k"));
    touch(kv.bump("n"));
  }

  void touch_approvals() {
    Approvals desk(*db_);
    const auto id = named<EventId>("q");
    const auto digest = named<Sha256>("d");
    const auto zoe = named<PublicKey>("zoe");
    touch(desk.add(
        {.id = id, .digest = digest, .operators = {zoe}, .created_at = kNow, .expires_at = kNow}));
    touch(desk.set_state(id, QuestionState::kOpen, QuestionState::kDenied, kNow));
    touch(desk.consume(id, id, kNow));
    touch(desk.bind_event(digest, id, kNow));
    touch(desk.expire(kNow));
    touch(desk.latest(digest));
    touch(desk.by_code("c"));
    touch(desk.list(QuestionState::kDenied));
    touch(desk.history());
    touch(desk.tally());
    touch(desk.answer_times());
    touch(desk.denied_since(digest, kNow));
    touch(desk.open_for(zoe));
    touch(desk.asked_since(zoe, kNow));
    touch(desk.add_presentation({.id = id, .question = id, .created_at = kNow}));
    touch(desk.set_presentation_sent(id, SendState::kSent));
    touch(desk.presentations(id));
    touch(desk.presentation(id));
    touch(desk.presentations_in(SendState::kSent));
    touch(desk.add_signal({.id = id, .said_at = kNow}));
    touch(desk.has_signal(id));
    touch(desk.signals(id));
    touch(desk.add_decision({.id = id, .question = id, .digest = digest, .decided_at = kNow}));
    touch(desk.decisions(id));
    touch(desk.decision_for(digest));
    touch(desk.add_receipt({.id = id, .question = id, .created_at = kNow}));
    touch(desk.set_receipt_sent(id, SendState::kSent));
    touch(desk.receipts(id));
    touch(desk.receipts_in(SendState::kSent));
  }

  void touch_signing() {
    NonceLedger ledger(*db_);
    touch(ledger.add(NonceSide::kIssued, 1, {"a", "b"}, kNow));
    touch(ledger.mark_spent(NonceSide::kIssued, 1, "a", "", "", kNow));
    touch(ledger.mark_void(NonceSide::kIssued, 1, "b", kNow));
    touch(ledger.void_all(kNow));
    touch(ledger.void_peer(NonceSide::kIssued, 1, kNow));
    touch(ledger.find(NonceSide::kIssued, 1, "a"));
    touch(ledger.count(NonceSide::kIssued, 1, NonceState::kReady));
    touch(ledger.purge_void(kNow, 10));
    ReplayCache replays(*db_);
    touch(replays.remember(named<PublicKey>("p"), "r", kNow, kNow));
    touch(replays.purge(kNow));
    AuditLog audit(*db_);
    touch(audit.append({.time = kNow}));
    touch(audit.tail(1));
    touch(audit.verify());
    touch(audit.add_anchor({{1, named<Sha256>("h")}, kNow, "{}"}));
    touch(audit.check_anchor({1, named<Sha256>("h")}));
    touch(audit.after(0));
    Leases leases(*db_);
    touch(leases.put({.member = 1}));
    touch(leases.get(1));
    touch(leases.renew(1, kNow));
    touch(leases.list());
    CosignLog log(*db_);
    const Address address{.kind = 39201, .pubkey = named<PublicKey>("p"), .d = "state"};
    touch(log.add_use("s", "r", kNow));
    touch(log.uses_since("s", kNow));
    touch(log.purge_uses(kNow));
    touch(log.add_spending(named<EventId>("e"), Msat{1}, kNow));
    touch(log.spent_since(kNow, named<EventId>("e")));
    touch(log.purge_spending(kNow));
    touch(log.advance_head(address, {named<EventId>("e"), kNow}));
    touch(log.bind("s", "k", named<EventId>("e"), kNow));
  }

  void touch_payments() {
    Payments payments(*db_);
    touch(payments.add({.key = "p", .amount = Msat{1}, .created = kNow}));
    touch(payments.reserve("p", {}, kNow));
    touch(payments.set_sent("p", named<EventId>("r"), kNow, kNow));
    touch(payments.set_unknown("p", "", kNow));
    touch(payments.settle("p", std::nullopt, Msat{}, "", kNow));
    touch(payments.add({.key = "q", .amount = Msat{1}, .payment_hash = named<Sha256>("q")}));
    touch(payments.fail("q", "", kNow));
    touch(payments.by_hash(named<Sha256>("q")));
    touch(payments.list_open());
    touch(payments.list(5));
    Purchases purchases(*db_);
    const Event listing = make_event("s", 30402, 1, {{"d", "x"}});
    touch(purchases.add({.id = "p", .skill = "s", .listing = listing, .created = kNow}));
    touch(purchases.set_claim("p", named<EventId>("c"), kNow));
    touch(purchases.set_lifted("p", kNow));
    touch(purchases.move("p", PurchaseState::kOrdered, "", kNow));
    touch(purchases.set_billed("p", "", named<Sha256>("h"), kNow));
    touch(purchases.note("p", "", kNow));
    touch(purchases.of_call("t", "c"));
    touch(purchases.list_open());
    touch(purchases.list(10));
    Sales sales(*db_);
    touch(sales.put_offer({.skill = "s", .listing = listing, .changed = kNow}));
    touch(sales.offer("s"));
    touch(sales.offers(10));
    touch(sales.take({.id = "o", .skill = "s", .listing = listing, .created = kNow}));
    touch(sales.set_billed("o", "", named<Sha256>("h"), kNow));
    touch(sales.move("o", SaleState::kPaid, "", kNow));
    touch(sales.note("o", "", kNow));
    touch(sales.get("o"));
    touch(sales.list_open());
    touch(sales.list(10));
    touch(sales.count_since(named<PublicKey>("c"), kNow));
    Holdings long_bodies(*db_);
    touch(long_bodies.put_blob(named<Sha256>("b"), base::Bytes{1}));
    touch(long_bodies.has_blob(named<Sha256>("b")));
    touch(long_bodies.blob(named<Sha256>("b")));
    Jobs jobs(*db_);
    touch(jobs.take({.event = make_event("c", 5050, 1), .created = kNow}));
    touch(jobs.set_invoiced(named<EventId>("j"), "", named<Sha256>("h"), kNow));
    touch(jobs.set_paid(named<EventId>("j"), kNow));
    touch(jobs.set_done(named<EventId>("j"), make_event("c", 6050, 1), kNow));
    touch(jobs.end(named<EventId>("j"), JobState::kFailed, "", kNow));
    touch(jobs.get(named<EventId>("j")));
    touch(jobs.list_open());
    touch(jobs.done_since(kNow));
    touch(jobs.count_since(named<PublicKey>("c"), kNow));
    SpendLimits limits(*db_);
    touch(limits.set({.changed = kNow}));
    touch(limits.get(Dimension::kNode, "", Per::kDay));
    touch(limits.list());
    touch(limits.erase(Dimension::kNode, "", Per::kDay));
  }

  void touch_work() {
    Budgets budgets(*db_);
    touch(budgets.reserve({.key = "k", .amount = Msat{1}, .scopes = {{.key = "s", .window = Window::kDay}}},
                          kNow));
    touch(budgets.mark_unknown(1, kNow));
    touch(budgets.settle(1, Msat{1}, kNow));
    touch(budgets.list_open());
    touch(budgets.spent_today("agent:", kNow));
    touch(budgets.spent_in_tick("t"));
    touch(budgets.spent_in_session("s"));
    touch_payments();
    const Event event = make_event("a", 1, 1);
    Ticks ticks(*db_);
    touch(ticks.add("s", "mention", std::nullopt, kNow));
    touch(ticks.set_claim("s", event));
    touch(ticks.set_phase("s", TickPhase::kClaimed, TickPhase::kRunning, "", kNow));
    touch(ticks.set_note("s", "n"));
    touch(ticks.set_state_json("s", "{}"));
    touch(ticks.set_result("s", event.id));
    touch(ticks.get("s"));
    touch(ticks.by_claim(event.id));
    touch(ticks.list_unfinished());
    touch(ticks.history());
    Actions actions(*db_);
    touch(actions.add({.tick = "s", .call_id = "c", .digest = named<Sha256>("d")}));
    touch(actions.set_stamped("s", "c", event.id, "{}", kNow));
    touch(actions.set_question("s", "c", event.id, kNow));
    touch(actions.set_decision("s", "c", event.id, kNow));
    touch(actions.set_signed("s", "c", event, kNow));
    touch(actions.set_state("s", "c", ActionState::kSigned, ActionState::kPublished, "", kNow));
    touch(actions.by_question(event.id));
    touch(actions.by_event(event.id));
    touch(actions.list("s"));
    touch(actions.list_unfinished());
    touch(actions.list_asking());
    Sessions sessions(*db_);
    touch(sessions.add({.id = "s", .started = kNow}));
    touch(sessions.append("s", "user", "", kNow));
    touch(sessions.transcript("s"));
    touch(sessions.add_call("s", "c", "n", "{}", kNow));
    touch(sessions.start_call("s", "c", kNow));
    touch(sessions.finish_call("s", "c", "{}", kNow));
    touch(sessions.call("s", "c"));
    touch(sessions.calls("s"));
    touch(sessions.list_running());
    touch(sessions.of_tick("s"));
    touch(sessions.finish("s", SessionState::kEnded, "", kNow));
    Trajectories record(*db_);
    touch(record.add({.d = "d", .started = kNow}));
    touch(record.set_first_head("d", event.id));
    touch(record.append("d", 1, event));
    touch(record.close("d", named<Sha256>("h"), event.id, kNow));
    touch(record.close("d", named<Sha256>("h"), event.id, kNow));
    touch(record.of_tick("t"));
    touch(record.list_open());
    touch(record.history());
    touch(record.steps("d"));
    touch(record.last_step("d"));
  }
};

TEST_F(PlansTest, NoStatementScansATable) {
  touch_events();
  touch_hands();
  touch_boxes();
  touch_approvals();
  touch_signing();
  touch_work();
  const auto plans = must(db_->plans());
  EXPECT_GT(plans.size(), 120u) << "every store was asked";
  for (const Db::Plan& plan : plans)
    for (const std::string& step : plan.steps) {
      const bool bare_scan = step.starts_with("SCAN ") && step.find(" USING ") == std::string::npos;
      EXPECT_FALSE(bare_scan && !may_scan(step)) << plan.sql << "\n  " << step;
      EXPECT_FALSE(step.find("TEMP B-TREE FOR ORDER BY") != std::string::npos &&
                   plan.sql.find("event") != std::string::npos &&
                   plan.sql.find("pos") != std::string::npos)
          << plan.sql << "\n  " << step;
    }
}

TEST_F(PlansTest, AScanWouldBeSeen) {
  touch(
      db_->one("SELECT id FROM outbox WHERE purpose = 'x'", [](Row& r) { return r.take<int>(); }));
  const auto plans = must(db_->plans());
  EXPECT_TRUE(std::any_of(plans.begin(), plans.end(), [](const Db::Plan& plan) {
    return !plan.steps.empty() && plan.steps.front() == "SCAN outbox";
  }));
}

}  // namespace
}  // namespace storage
