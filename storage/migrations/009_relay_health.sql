-- Where relays were left, and which are dead.

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
