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
