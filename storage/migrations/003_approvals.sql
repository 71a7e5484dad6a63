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
