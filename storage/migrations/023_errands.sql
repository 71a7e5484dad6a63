-- What the operator, at this machine, wants done: one row per tick that was planned for it.

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
