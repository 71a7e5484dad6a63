// The append-only list of migrations.
//
// To add one: write its script as a constant, put {next number, constant} at the end of kSteps, and
// never touch an entry that was released. Conventions: STRICT tables, ids BLOB, money INTEGER msat,
// time INTEGER Unix seconds, enumerations TEXT in the words of EnumText (append-only).
#include "storage/schema.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace storage {

namespace {

// --- 1: everything the main job needs ------------------------------------------------------------

// events: `id`, `author`, `address` and `event_tags.key` are the first 8 bytes of a hash or key as
// an integer; the packed body holds the whole truth and is compared after every look-up. `pos` is
// the order of NIP-01 in one number: created_at in the upper bits, the inverted start of the id
// below, so that "newest first, then lowest id" is pos descending.
constexpr const char* kEvents = R"sql(
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,
  author INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  address INTEGER,
  expires INTEGER,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_author ON events (author, kind, pos);
CREATE INDEX events_by_kind ON events (kind, pos);
CREATE INDEX events_by_address ON events (address) WHERE address IS NOT NULL;
CREATE INDEX events_by_expiry ON events (expires) WHERE expires IS NOT NULL;

CREATE TABLE event_tags (
  key INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  author INTEGER NOT NULL,
  PRIMARY KEY (key, pos, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
  target BLOB NOT NULL CHECK (length(target) = 32),
  author BLOB NOT NULL CHECK (length(author) = 32),
  until INTEGER NOT NULL,
  PRIMARY KEY (target, author)
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kMessages = R"sql(
CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY,
  event_id BLOB NOT NULL CHECK (length(event_id) = 32),
  handler TEXT NOT NULL,
  relay TEXT NOT NULL,
  received INTEGER NOT NULL,
  event BLOB,
  closed INTEGER,
  CHECK ((event IS NULL) = (closed IS NOT NULL)),
  UNIQUE (event_id, handler)
) STRICT;
CREATE INDEX inbox_open ON inbox (seq) WHERE closed IS NULL;
CREATE INDEX inbox_closed ON inbox (closed) WHERE closed IS NOT NULL;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  event_id BLOB NOT NULL UNIQUE CHECK (length(event_id) = 32),
  event TEXT NOT NULL,
  purpose TEXT NOT NULL,
  quorum INTEGER NOT NULL CHECK (quorum >= 1),
  state TEXT NOT NULL CHECK (state IN ('open','done','failed')),
  created INTEGER NOT NULL,
  deadline INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_open_by_deadline ON outbox (deadline) WHERE state = 'open';

CREATE TABLE outbox_relays (
  outbox INTEGER NOT NULL REFERENCES outbox (id),
  url TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending','accepted','rejected','unknown')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (outbox, url)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_relays_due ON outbox_relays (next_try) WHERE state IN ('pending','unknown');
)sql";

constexpr const char* kApprovals = R"sql(
CREATE TABLE questions (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  code TEXT NOT NULL,
  asker TEXT NOT NULL,
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  tick TEXT NOT NULL,
  requester BLOB NOT NULL CHECK (length(requester) = 32),
  action_class TEXT NOT NULL,
  summary TEXT NOT NULL,
  action TEXT NOT NULL,
  request TEXT NOT NULL,
  sats INTEGER NOT NULL,
  required INTEGER NOT NULL CHECK (required >= 1),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open','approved','consumed','denied','expired','withdrawn',
                                       'cancelled','undeliverable')),
  changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX questions_live_digest ON questions (digest) WHERE state IN ('open','approved');
CREATE INDEX questions_by_digest ON questions (digest, created_at);
CREATE INDEX questions_by_code ON questions (code, created_at);
CREATE INDEX questions_by_state ON questions (state, created_at);
CREATE INDEX questions_by_expiry ON questions (expires_at) WHERE state IN ('open','approved');
CREATE INDEX questions_by_time ON questions (created_at);

CREATE TABLE question_operators (
  operator BLOB NOT NULL CHECK (length(operator) = 32),
  question BLOB NOT NULL REFERENCES questions (id),
  place INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (question, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX question_operators_by_time ON question_operators (operator, created_at);

-- every denial, kept even when a newer answer overturned it
CREATE TABLE denials (
  digest BLOB NOT NULL,
  at INTEGER NOT NULL,
  question BLOB NOT NULL REFERENCES questions (id),
  PRIMARY KEY (digest, at, question)
) STRICT, WITHOUT ROWID;

-- an approval's one event, for ever
CREATE TABLE bound_events (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  event_id BLOB NOT NULL CHECK (length(event_id) = 32),
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE presentations (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  question BLOB NOT NULL REFERENCES questions (id),
  channel TEXT NOT NULL,
  shown_to BLOB NOT NULL CHECK (length(shown_to) = 32),
  part INTEGER NOT NULL,
  rumor TEXT NOT NULL,
  wrap TEXT NOT NULL,
  sent TEXT NOT NULL CHECK (sent IN ('stored','sent','delivered','failed')),
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX presentations_by_question ON presentations (question, created_at, part);
CREATE INDEX presentations_by_sent ON presentations (sent, created_at);

CREATE TABLE signals (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  question BLOB REFERENCES questions (id),
  author BLOB NOT NULL CHECK (length(author) = 32),
  channel TEXT NOT NULL,
  strength TEXT NOT NULL CHECK (strength IN ('A','B')),
  answer TEXT NOT NULL CHECK (answer IN ('approve','deny','withdraw','none')),
  verdict TEXT NOT NULL CHECK (verdict IN ('accepted','not-an-approver','unknown-code','closed',
                                           'ambiguous','duplicate','late','other-digest')),
  refers_to BLOB,
  said_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  relay TEXT NOT NULL,
  raw TEXT NOT NULL,
  wrap TEXT NOT NULL
) STRICT;
CREATE INDEX signals_by_question ON signals (question, said_at, id);

CREATE TABLE decisions (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  question BLOB NOT NULL REFERENCES questions (id),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  approved INTEGER NOT NULL CHECK (approved IN (0, 1)),
  decided_by BLOB NOT NULL CHECK (length(decided_by) = 32),
  signal BLOB,
  event TEXT NOT NULL,
  decided_at INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_by_question ON decisions (question, decided_at);
CREATE INDEX decisions_by_digest ON decisions (digest, decided_at);

CREATE TABLE receipts (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  question BLOB NOT NULL REFERENCES questions (id),
  told_to BLOB NOT NULL CHECK (length(told_to) = 32),
  channel TEXT NOT NULL,
  outcome TEXT NOT NULL,
  rumor TEXT NOT NULL,
  wrap TEXT NOT NULL,
  sent TEXT NOT NULL CHECK (sent IN ('stored','sent','delivered','failed')),
  created_at INTEGER NOT NULL,
  UNIQUE (question, told_to)
) STRICT;
CREATE INDEX receipts_by_sent ON receipts (sent, created_at);
)sql";

constexpr const char* kSigning = R"sql(
CREATE TABLE nonces (
  side TEXT NOT NULL CHECK (side IN ('issued','received')),
  peer INTEGER NOT NULL,
  code TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ready','spent','void')),
  session TEXT NOT NULL DEFAULT '',
  sighash TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (side, peer, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_ready ON nonces (side, peer) WHERE state = 'ready';
CREATE INDEX nonces_by_state ON nonces (state, changed);

CREATE TABLE replays (
  author BLOB NOT NULL CHECK (length(author) = 32),
  request TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (author, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX replays_by_expiry ON replays (expires);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  requester TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest BLOB,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  event_id BLOB,
  prev BLOB NOT NULL CHECK (length(prev) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows never change'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows never go'); END;

CREATE TABLE cosign_uses (
  scope TEXT NOT NULL,
  ref TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (scope, ref)
) STRICT, WITHOUT ROWID;
CREATE INDEX cosign_uses_by_time ON cosign_uses (scope, at);
CREATE INDEX cosign_uses_by_age ON cosign_uses (at);

CREATE TABLE cosign_heads (
  address TEXT PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 32),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cosign_bindings (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  event_id BLOB NOT NULL CHECK (length(event_id) = 32),
  at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kWork = R"sql(
CREATE TABLE reservations (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  purpose TEXT NOT NULL,
  agent TEXT NOT NULL,
  tick TEXT NOT NULL,
  session TEXT NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  settled INTEGER NOT NULL DEFAULT 0 CHECK (settled >= 0),
  state TEXT NOT NULL CHECK (state IN ('reserved','settled','released','unknown')),
  estimated INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX reservations_open ON reservations (id) WHERE state IN ('reserved','unknown');
CREATE INDEX reservations_by_tick ON reservations (tick);
CREATE INDEX reservations_by_session ON reservations (session);

-- day is -1 where the scope is not daily
CREATE TABLE reservation_scopes (
  reservation INTEGER NOT NULL REFERENCES reservations (id),
  scope TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (reservation, scope, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE budget_totals (
  scope TEXT NOT NULL,
  day INTEGER NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  spent INTEGER NOT NULL CHECK (spent >= 0),
  PRIMARY KEY (scope, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticks (
  slot TEXT PRIMARY KEY,
  trigger_kind TEXT NOT NULL,
  trigger_event BLOB,
  claim_id BLOB UNIQUE,
  claim TEXT NOT NULL DEFAULT '',
  phase TEXT NOT NULL CHECK (phase IN ('planned','claimed','running','reporting','done','lost','failed')),
  note TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT '',
  started INTEGER NOT NULL,
  finished INTEGER,
  result_id BLOB
) STRICT;
CREATE INDEX ticks_unfinished ON ticks (started) WHERE finished IS NULL;
CREATE INDEX ticks_by_time ON ticks (started);

CREATE TABLE actions (
  seq INTEGER PRIMARY KEY,
  tick TEXT NOT NULL,
  call_id TEXT NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  action_class TEXT NOT NULL,
  draft TEXT NOT NULL,
  event_id BLOB,
  event TEXT NOT NULL DEFAULT '',
  question BLOB,
  decision BLOB,
  state TEXT NOT NULL CHECK (state IN ('proposed','asked','approved','signed','published','done','denied',
                                       'expired','withdrawn','undeliverable','refused','failed')),
  result TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  UNIQUE (tick, call_id)
) STRICT;
CREATE INDEX actions_by_question ON actions (question) WHERE question IS NOT NULL;
CREATE INDEX actions_by_event ON actions (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX actions_unfinished ON actions (seq)
  WHERE state IN ('proposed','asked','approved','signed','published');

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  tick TEXT NOT NULL,
  agent TEXT NOT NULL,
  model TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running','ended','failed')),
  note TEXT NOT NULL DEFAULT '',
  started INTEGER NOT NULL,
  ended INTEGER
) STRICT;
CREATE INDEX sessions_by_tick ON sessions (tick, started);
CREATE INDEX sessions_running ON sessions (started) WHERE state = 'running';
CREATE TABLE session_messages (
  session TEXT NOT NULL REFERENCES sessions (id),
  seq INTEGER NOT NULL,
  role TEXT NOT NULL,
  json TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE session_calls (
  seq INTEGER PRIMARY KEY,
  session TEXT NOT NULL REFERENCES sessions (id),
  call_id TEXT NOT NULL,
  name TEXT NOT NULL,
  args TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed','started','finished')),
  result TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  UNIQUE (session, call_id)
) STRICT;

CREATE TABLE trajectories (
  d TEXT PRIMARY KEY,
  tick TEXT NOT NULL,
  writer BLOB NOT NULL CHECK (length(writer) = 32),
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  model TEXT NOT NULL,
  first_head BLOB,
  last_head BLOB,
  started INTEGER NOT NULL,
  ended INTEGER,
  hash BLOB,
  steps INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX trajectories_by_tick ON trajectories (tick);
CREATE INDEX trajectories_by_time ON trajectories (started);
CREATE INDEX trajectories_open ON trajectories (started) WHERE ended IS NULL;
CREATE TABLE trajectory_steps (
  trajectory TEXT NOT NULL REFERENCES trajectories (d),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  event_id BLOB NOT NULL CHECK (length(event_id) = 32),
  event TEXT NOT NULL,
  PRIMARY KEY (trajectory, seq)
) STRICT, WITHOUT ROWID;
)sql";

// --- 6: a co-signer's spending, leases, anchors of its record, and questions that want a signature --

constexpr const char* kCosigner = R"sql(
CREATE TABLE cosign_spending (
  event_id BLOB PRIMARY KEY CHECK (length(event_id) = 32),
  at INTEGER NOT NULL,
  msat INTEGER NOT NULL CHECK (msat >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX cosign_spending_by_time ON cosign_spending (at, event_id, msat);

CREATE TABLE leases (
  member INTEGER PRIMARY KEY,
  runner BLOB NOT NULL CHECK (length(runner) = 32),
  home TEXT NOT NULL,
  generation INTEGER NOT NULL,
  boot TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  barred TEXT NOT NULL,
  barred_until INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_anchors (
  seq INTEGER PRIMARY KEY,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  time INTEGER NOT NULL,
  event TEXT NOT NULL
) STRICT;
CREATE TRIGGER anchors_keep BEFORE UPDATE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'anchors never change'); END;
CREATE TRIGGER anchors_stay BEFORE DELETE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'anchors never go'); END;

-- 1: only a yes that an operator signed (39213) counts
ALTER TABLE questions ADD COLUMN needs_proof INTEGER NOT NULL DEFAULT 0 CHECK (needs_proof IN (0, 1));
)sql";

// --- 7: publications -----------------------------------------------------------------------------

// Entries that are drafts until they are sent, relays that were asked to wait, and an end: next_try
// is NULL once nothing more will be tried. SQLite cannot widen a CHECK, so both tables are copied;
// the relays' table is dropped first because it refers to the other.
constexpr const char* kPublishing = R"sql(
CREATE TABLE outbox_copy (
  id INTEGER PRIMARY KEY,
  event_id BLOB UNIQUE CHECK (length(event_id) = 32),
  event TEXT,
  purpose TEXT NOT NULL,
  quorum INTEGER NOT NULL CHECK (quorum >= 1),
  state TEXT NOT NULL CHECK (state IN ('open','done','failed','superseded')),
  created INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  signing TEXT NOT NULL CHECK (signing IN ('given','draft','signed','kept')),
  signer BLOB CHECK (length(signer) = 32),
  draft TEXT,
  address TEXT,
  signed_at INTEGER,
  CHECK (signing = 'draft' OR (event_id IS NOT NULL AND event IS NOT NULL)),
  CHECK (signing = 'given' OR (signer IS NOT NULL AND draft IS NOT NULL))
) STRICT;
INSERT INTO outbox_copy (id, event_id, event, purpose, quorum, state, created, deadline, signing)
  SELECT id, event_id, event, purpose, quorum, state, created, deadline, 'given' FROM outbox;

CREATE TABLE outbox_relays_copy (
  outbox INTEGER NOT NULL REFERENCES outbox_copy (id),
  url TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending','accepted','rejected','unknown','retrying')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER,
  deadline INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (outbox, url)
) STRICT, WITHOUT ROWID;
INSERT INTO outbox_relays_copy (outbox, url, state, attempts, next_try, deadline, reason)
  SELECT r.outbox, r.url,
         CASE WHEN r.state = 'pending' AND r.attempts > 0 THEN 'retrying' ELSE r.state END,
         r.attempts,
         CASE WHEN r.state IN ('pending','unknown') AND o.state <> 'failed' THEN r.next_try END,
         r.deadline, r.reason
  FROM outbox_relays r JOIN outbox o ON o.id = r.outbox;

DROP TABLE outbox_relays;
DROP TABLE outbox;
ALTER TABLE outbox_copy RENAME TO outbox;
ALTER TABLE outbox_relays_copy RENAME TO outbox_relays;
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_open_by_deadline ON outbox (deadline) WHERE state = 'open';
CREATE INDEX outbox_over_by_deadline ON outbox (deadline) WHERE state <> 'open';
CREATE INDEX outbox_open_by_purpose ON outbox (purpose) WHERE state = 'open';
CREATE INDEX outbox_open_by_address ON outbox (address) WHERE state = 'open';
CREATE INDEX outbox_relays_due ON outbox_relays (url, next_try) WHERE next_try IS NOT NULL;
CREATE INDEX outbox_relays_by_deadline ON outbox_relays (deadline) WHERE next_try IS NOT NULL;
)sql";

// --- 8: requests to vanish -----------------------------------------------------------------------

// `until` is the created_at of the author's latest NIP-62 request: nothing older comes back.
constexpr const char* kVanish = R"sql(
CREATE TABLE vanished (
  author BLOB PRIMARY KEY CHECK (length(author) = 32),
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// --- 9: where relays were left, and which are dead ------------------------------------------------

constexpr const char* kRelays = R"sql(
CREATE TABLE cursors (
  relay TEXT NOT NULL,
  filter BLOB NOT NULL CHECK (length(filter) = 32),
  at INTEGER NOT NULL,
  PRIMARY KEY (relay, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay_health (
  relay TEXT PRIMARY KEY,
  failures INTEGER NOT NULL CHECK (failures >= 1),
  failed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX relay_health_by_time ON relay_health (failed);
)sql";

// --- 10: what the operator answered in advance, and what sessions mean to do ------------------------

constexpr const char* kHands = R"sql(
CREATE TABLE grants (
  id INTEGER PRIMARY KEY,
  agent TEXT NOT NULL,
  tool TEXT NOT NULL,
  pattern TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  max_uses INTEGER NOT NULL CHECK (max_uses >= 0),
  uses INTEGER NOT NULL CHECK (uses >= 0),
  revoked INTEGER
) STRICT;
CREATE INDEX grants_by_tool ON grants (tool, expires);
CREATE INDEX grants_by_end ON grants (expires);

CREATE TABLE mcp_pins (
  tool TEXT PRIMARY KEY,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  agreed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE todos (
  session TEXT PRIMARY KEY,
  items TEXT NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// --- 11: money that leaves -----------------------------------------------------------------------

// One payment per invoice stands at a time: only a failed one may be tried again, under a new key.
// spend_limits.msat NULL: explicitly without limit.
constexpr const char* kPayments = R"sql(
CREATE TABLE payments (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('intent','reserved','sent','settled','failed','unknown')),
  purpose TEXT NOT NULL,
  rail TEXT NOT NULL,
  agent TEXT NOT NULL,
  tick TEXT NOT NULL,
  task TEXT NOT NULL,
  skill TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  max_fee INTEGER NOT NULL CHECK (max_fee >= 0),
  invoice TEXT NOT NULL,
  payment_hash BLOB NOT NULL CHECK (length(payment_hash) = 32),
  expires INTEGER NOT NULL,
  reservation INTEGER REFERENCES reservations (id),
  request BLOB CHECK (length(request) = 32),
  request_expires INTEGER,
  preimage BLOB CHECK (length(preimage) = 32),
  fee INTEGER NOT NULL DEFAULT 0 CHECK (fee >= 0),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX payments_by_hash ON payments (payment_hash) WHERE state <> 'failed';
CREATE INDEX payments_open ON payments (created) WHERE state IN ('intent','reserved','sent','unknown');
CREATE INDEX payments_by_time ON payments (created);

CREATE TABLE spend_limits (
  dimension TEXT NOT NULL,
  name TEXT NOT NULL,
  per TEXT NOT NULL,
  msat INTEGER CHECK (msat >= 0),
  changed INTEGER NOT NULL,
  PRIMARY KEY (dimension, name, per)
) STRICT, WITHOUT ROWID;

-- work we sell: a request is a row before anything is done about it
CREATE TABLE jobs (
  request BLOB PRIMARY KEY CHECK (length(request) = 32),
  customer BLOB NOT NULL CHECK (length(customer) = 32),
  state TEXT NOT NULL CHECK (state IN ('taken','invoiced','paid','done','failed','cancelled')),
  event TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  result TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (created) WHERE state IN ('taken','invoiced','paid');
CREATE INDEX jobs_by_customer ON jobs (customer, created);
CREATE INDEX jobs_by_change ON jobs (changed);

INSERT INTO counters (name, value)
  SELECT 'budget-time', value * 86400 FROM counters WHERE name = 'budget-day';
DELETE FROM counters WHERE name = 'budget-day';
)sql";

constexpr const char* kBunker = R"sql(
-- pairing secrets nobody used yet: only their hashes
CREATE TABLE bunker_secrets (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bunker_secrets_by_time ON bunker_secrets (expires);

CREATE TABLE bunker_clients (
  client BLOB PRIMARY KEY CHECK (length(client) = 32),
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  relays TEXT NOT NULL,
  paired INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  revoked INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX bunker_clients_by_time ON bunker_clients (paired);
CREATE INDEX bunker_clients_standing ON bunker_clients (client) WHERE revoked IS NULL;

-- kind -1: every kind without a row of its own
CREATE TABLE bunker_rules (
  client BLOB NOT NULL REFERENCES bunker_clients (client),
  method TEXT NOT NULL,
  kind INTEGER NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('allow','ask','deny')),
  PRIMARY KEY (client, method, kind)
) STRICT, WITHOUT ROWID;

-- a request is a row before anything is done about it, so that no copy of it is answered again
CREATE TABLE bunker_requests (
  client BLOB NOT NULL,
  id TEXT NOT NULL,
  method TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open','asked','allowed','denied','expired','failed')),
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (client, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bunker_requests_by_time ON bunker_requests (created);
CREATE INDEX bunker_requests_open ON bunker_requests (created) WHERE state IN ('open','asked');
)sql";

constexpr const char* kLicences = R"sql(
-- licences this home issued
CREATE TABLE issued (
  id TEXT PRIMARY KEY,
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  receiver BLOB NOT NULL CHECK (length(receiver) = 32),
  slug TEXT NOT NULL,
  licence TEXT NOT NULL,
  delivery TEXT NOT NULL,
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issued_by_time ON issued (created);

-- uses a co-signer admitted; never purged: a used licence stays used
CREATE TABLE licence_uses (
  licence TEXT NOT NULL,
  ref TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (licence, ref)
) STRICT, WITHOUT ROWID;

-- skills this home holds, encrypted as they came
CREATE TABLE holdings (
  licence TEXT PRIMARY KEY,
  skill TEXT NOT NULL,
  slug TEXT NOT NULL,
  version TEXT NOT NULL,
  event TEXT NOT NULL,
  delivery TEXT NOT NULL,
  provider BLOB NOT NULL CHECK (length(provider) = 32),
  received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holdings_by_time ON holdings (received);

CREATE TABLE skill_loads (
  tick TEXT NOT NULL,
  licence TEXT NOT NULL,
  pos INTEGER NOT NULL,
  PRIMARY KEY (tick, licence)
) STRICT, WITHOUT ROWID;
)sql";

// What models answered to programs, and how much of it there is.
constexpr const char* kAnswers = R"sql(
CREATE TABLE answers (
  key BLOB PRIMARY KEY CHECK (length(key) = 32),
  program TEXT NOT NULL,
  answer TEXT NOT NULL,
  made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (made);
CREATE INDEX answers_by_program ON answers (program);
CREATE TABLE answers_total (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
INSERT INTO answers_total VALUES (1, 0);
CREATE TRIGGER answers_added AFTER INSERT ON answers BEGIN
  UPDATE answers_total SET bytes = bytes + length(NEW.answer) WHERE one = 1;
END;
CREATE TRIGGER answers_changed AFTER UPDATE OF answer ON answers BEGIN
  UPDATE answers_total SET bytes = bytes + length(NEW.answer) - length(OLD.answer) WHERE one = 1;
END;
CREATE TRIGGER answers_dropped AFTER DELETE ON answers BEGIN
  UPDATE answers_total SET bytes = bytes - length(OLD.answer) WHERE one = 1;
END;
)sql";

constexpr const char* kTasks = R"sql(
-- work that one agent's session handed to another agent
CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  tick TEXT NOT NULL,
  parent TEXT NOT NULL,
  call TEXT NOT NULL,
  agent TEXT NOT NULL,
  description TEXT NOT NULL,
  brief TEXT NOT NULL,
  depth INTEGER NOT NULL CHECK (depth >= 1),
  session TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('pending','running','completed','failed','cancelled')),
  starts INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  started INTEGER,
  ended INTEGER,
  told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
  UNIQUE (parent, call),
  CHECK ((ended IS NULL) = (state IN ('pending','running')))
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_tick ON tasks (tick);
CREATE INDEX tasks_active ON tasks (created) WHERE ended IS NULL;
CREATE INDEX tasks_by_time ON tasks (created);
)sql";

// Work that waits for an agent. `urgency` is the priority as a number, for the order of the queue.
constexpr const char* kIssues = R"sql(
CREATE TABLE issues (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open','in_progress','done')),
  priority TEXT NOT NULL CHECK (priority IN ('urgent','high','medium','low')),
  type TEXT NOT NULL CHECK (type IN ('task','bug','feature')),
  agent TEXT NOT NULL,
  blocked INTEGER NOT NULL CHECK (blocked IN (0, 1)),
  blocked_reason TEXT NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_at INTEGER,
  lease_until INTEGER,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  completed INTEGER,
  urgency INTEGER NOT NULL,
  CHECK ((status = 'in_progress') = (lease_until IS NOT NULL)),
  CHECK ((status = 'in_progress') = (claimed_by <> ''))
) STRICT;
CREATE INDEX issues_ready ON issues (urgency, created, number) WHERE status = 'open' AND blocked = 0;
CREATE INDEX issues_by_status ON issues (status, number);
CREATE INDEX issues_by_run ON issues (claimed_by) WHERE status = 'in_progress';
CREATE INDEX issues_by_lease ON issues (lease_until) WHERE lease_until IS NOT NULL;
CREATE TABLE issue_needs (
  issue INTEGER NOT NULL REFERENCES issues (number),
  needs INTEGER NOT NULL REFERENCES issues (number),
  PRIMARY KEY (issue, needs)
) STRICT, WITHOUT ROWID;
CREATE TABLE issue_events (
  seq INTEGER PRIMARY KEY,
  issue INTEGER NOT NULL REFERENCES issues (number),
  what TEXT NOT NULL,
  by TEXT NOT NULL,
  detail TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_events_by_issue ON issue_events (issue, seq);
)sql";

constexpr const char* kOrders = R"sql(
CREATE TABLE orders (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  author BLOB NOT NULL CHECK (length(author) = 32),
  nonce INTEGER NOT NULL CHECK (nonce > 0),
  text TEXT NOT NULL,
  channel TEXT NOT NULL,
  outcome TEXT NOT NULL,
  said_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  raw_json TEXT NOT NULL,
  UNIQUE (author, nonce)
) STRICT;
CREATE INDEX orders_by_time ON orders (received_at);
CREATE INDEX signals_by_author ON signals (author, received_at);
)sql";

// Licences bought and sold.
constexpr const char* kTrade = R"sql(
CREATE TABLE purchases (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('wanted','ordered','billed','paid','done','refused','failed')),
  skill TEXT NOT NULL,
  slug TEXT NOT NULL,
  version TEXT NOT NULL,
  seller BLOB NOT NULL CHECK (length(seller) = 32),
  listing TEXT NOT NULL,
  manifest BLOB NOT NULL CHECK (length(manifest) = 32),
  price INTEGER NOT NULL CHECK (price >= 0),
  untrusted INTEGER NOT NULL CHECK (untrusted IN (0, 1)),
  agent TEXT NOT NULL,
  lifted INTEGER NOT NULL DEFAULT 0 CHECK (lifted IN (0, 1)),
  claim BLOB CHECK (length(claim) = 32),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- one at a time of each skill: an order given twice is one order
CREATE UNIQUE INDEX purchases_under_way ON purchases (skill)
  WHERE state IN ('wanted','ordered','billed','paid');
CREATE INDEX purchases_open ON purchases (created)
  WHERE state IN ('wanted','ordered','billed','paid');
CREATE INDEX purchases_by_time ON purchases (created);

-- long bodies of skills, as they lay where the delivery said: ciphertext
CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE offers (
  skill TEXT PRIMARY KEY,
  slug TEXT NOT NULL,
  folder TEXT NOT NULL,
  listing TEXT NOT NULL,
  sold INTEGER NOT NULL CHECK (sold IN (0, 1)),
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX offers_by_time ON offers (changed);

CREATE TABLE sales (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('taken','billed','paid','done','failed')),
  buyer BLOB NOT NULL CHECK (length(buyer) = 32),
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  skill TEXT NOT NULL,
  listing TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sales_open ON sales (created) WHERE state IN ('taken','billed','paid');
CREATE INDEX sales_by_buyer ON sales (buyer, created);
CREATE INDEX sales_by_time ON sales (created);
)sql";

// Outputs of tools that were too long for a model, whole.
constexpr const char* kOutputs = R"sql(
CREATE TABLE outputs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,
  number INTEGER NOT NULL,
  tool TEXT NOT NULL,
  content TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (session, number)
) STRICT;
)sql";

// Whose wish a purchase is: of an agent's call in a tick, or, where both are empty, the operator's.
constexpr const char* kPurchaseWishes = R"sql(
ALTER TABLE purchases ADD COLUMN tick TEXT NOT NULL DEFAULT '';
ALTER TABLE purchases ADD COLUMN call_id TEXT NOT NULL DEFAULT '';
ALTER TABLE purchases ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX purchases_by_call ON purchases (tick, call_id) WHERE tick <> '';
)sql";

// How far the agent says its goals are.
constexpr const char* kGoals = R"sql(
CREATE TABLE goal_reports (
  goal TEXT PRIMARY KEY,
  percent INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
  note TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Tasks in the order they were handed out: two of one second are not told apart by their time.
constexpr const char* kTaskOrder = R"sql(
ALTER TABLE tasks ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET place = (SELECT count(*) FROM tasks AS t WHERE (t.created, t.id) <= (tasks.created, tasks.id));
DROP INDEX tasks_active;
CREATE UNIQUE INDEX tasks_by_place ON tasks (place);
CREATE INDEX tasks_active ON tasks (place) WHERE ended IS NULL;
)sql";

// What the operator, at this machine, wants done: one row per tick that was planned for it.
constexpr const char* kErrands = R"sql(
CREATE TABLE errands (
  slot TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  text TEXT NOT NULL,
  called_off INTEGER NOT NULL DEFAULT 0 CHECK (called_off IN (0, 1)),
  outcome TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('','success','partial','error')),
  detail TEXT NOT NULL DEFAULT '',
  said TEXT NOT NULL DEFAULT '',
  turns INTEGER NOT NULL DEFAULT 0,
  calls INTEGER NOT NULL DEFAULT 0,
  cost_msat INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  ended INTEGER,
  CHECK ((ended IS NULL) = (outcome = ''))
) STRICT, WITHOUT ROWID;
CREATE INDEX errands_by_time ON errands (created);
)sql";

constexpr std::array kSteps{
    Migration{1, kEvents},  Migration{2, kMessages}, Migration{3, kApprovals},
    Migration{4, kSigning}, Migration{5, kWork},     Migration{6, kCosigner},
    Migration{7, kPublishing}, Migration{8, kVanish},
    Migration{9, kRelays}, Migration{10, kHands}, Migration{11, kPayments},
    Migration{12, kBunker}, Migration{13, kLicences}, Migration{14, kAnswers},
    Migration{15, kTasks}, Migration{16, kIssues},
    Migration{17, kOrders},  Migration{18, kTrade},
    Migration{19, kOutputs}, Migration{20, kPurchaseWishes},
    Migration{21, kGoals},
    Migration{22, kTaskOrder}, Migration{23, kErrands},
};

}  // namespace

std::span<const Migration> migrations() {
  return kSteps;
}

Result<void> migrate(Db& db, std::span<const Migration> steps) {
  TRY(const auto found,
      db.one("PRAGMA user_version", [](Row& r) { return r.take<std::int64_t>(); }));
  const std::int64_t have = found.value_or(0);
  const int last = steps.empty() ? 0 : steps.back().version;
  if (have > last)
    return fail(
        Errc::kUnsupported,
        fmt::format("{} has schema version {}, this program knows {}", db.path(), have, last),
        "use the newer program that wrote it, or another --home");
  for (const Migration& step : steps) {
    if (step.version <= have) continue;
    TRY(Tx tx, Tx::begin(db, Durability::kFull));
    if (auto done = db.script(step.sql); !done)
      return std::unexpected(
          base::in_context(fmt::format("migration {}", step.version), std::move(done).error()));
    TRY(db.script(fmt::format("PRAGMA user_version = {}", step.version).c_str()));
    TRY(tx.commit());
  }
  return {};
}

Result<std::unique_ptr<Db>> open_database(const std::string& path, DbOptions options) {
  TRY(auto db, Db::open(path, options));
  TRY(migrate(*db));
  return db;
}

}  // namespace storage
