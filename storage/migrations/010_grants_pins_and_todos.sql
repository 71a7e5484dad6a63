-- What the operator answered in advance, and what sessions mean to do.

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
