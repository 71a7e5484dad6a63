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
