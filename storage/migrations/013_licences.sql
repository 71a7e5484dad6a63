-- licences this home issued
CREATE TABLE issued (
  id TEXT PRIMARY KEY,
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  receiver BLOB NOT NULL CHECK (length(receiver) = 32),
  slug TEXT NOT NULL,
  licence TEXT NOT NULL,
  delivery TEXT NOT NULL,
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issued_by_time ON issued (created);

-- uses a co-signer admitted; never purged: a used licence stays used
CREATE TABLE licence_uses (
  licence TEXT NOT NULL,
  ref TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (licence, ref)
) STRICT, WITHOUT ROWID;

-- skills this home holds, encrypted as they came
CREATE TABLE holdings (
  licence TEXT PRIMARY KEY,
  skill TEXT NOT NULL,
  slug TEXT NOT NULL,
  version TEXT NOT NULL,
  event TEXT NOT NULL,
  delivery TEXT NOT NULL,
  provider BLOB NOT NULL CHECK (length(provider) = 32),
  received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holdings_by_time ON holdings (received);

CREATE TABLE skill_loads (
  tick TEXT NOT NULL,
  licence TEXT NOT NULL,
  pos INTEGER NOT NULL,
  PRIMARY KEY (tick, licence)
) STRICT, WITHOUT ROWID;
