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
