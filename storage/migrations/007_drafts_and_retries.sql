-- Publications.
-- Entries that are drafts until they are sent, relays that were asked to wait, and an end: next_try
-- is NULL once nothing more will be tried. SQLite cannot widen a CHECK, so both tables are copied;
-- the relays' table is dropped first because it refers to the other.

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
