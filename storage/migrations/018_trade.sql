-- Licences bought and sold.

CREATE TABLE purchases (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('wanted','ordered','billed','paid','done','refused','failed')),
  skill TEXT NOT NULL,
  slug TEXT NOT NULL,
  version TEXT NOT NULL,
  seller BLOB NOT NULL CHECK (length(seller) = 32),
  listing TEXT NOT NULL,
  manifest BLOB NOT NULL CHECK (length(manifest) = 32),
  price INTEGER NOT NULL CHECK (price >= 0),
  untrusted INTEGER NOT NULL CHECK (untrusted IN (0, 1)),
  agent TEXT NOT NULL,
  lifted INTEGER NOT NULL DEFAULT 0 CHECK (lifted IN (0, 1)),
  claim BLOB CHECK (length(claim) = 32),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- one at a time of each skill: an order given twice is one order
CREATE UNIQUE INDEX purchases_under_way ON purchases (skill)
  WHERE state IN ('wanted','ordered','billed','paid');
CREATE INDEX purchases_open ON purchases (created)
  WHERE state IN ('wanted','ordered','billed','paid');
CREATE INDEX purchases_by_time ON purchases (created);

-- long bodies of skills, as they lay where the delivery said: ciphertext
CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE offers (
  skill TEXT PRIMARY KEY,
  slug TEXT NOT NULL,
  folder TEXT NOT NULL,
  listing TEXT NOT NULL,
  sold INTEGER NOT NULL CHECK (sold IN (0, 1)),
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX offers_by_time ON offers (changed);

CREATE TABLE sales (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('taken','billed','paid','done','failed')),
  buyer BLOB NOT NULL CHECK (length(buyer) = 32),
  agent BLOB NOT NULL CHECK (length(agent) = 32),
  skill TEXT NOT NULL,
  listing TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sales_open ON sales (created) WHERE state IN ('taken','billed','paid');
CREATE INDEX sales_by_buyer ON sales (buyer, created);
CREATE INDEX sales_by_time ON sales (created);
