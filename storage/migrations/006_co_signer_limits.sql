-- A co-signer's spending, leases, anchors of its record, and questions that want a signature.

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
