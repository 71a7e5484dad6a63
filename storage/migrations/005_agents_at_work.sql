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
