-- Money that leaves.
-- One payment per invoice stands at a time: only a failed one may be tried again, under a new key.
-- spend_limits.msat NULL: explicitly without limit.

CREATE TABLE payments (
  key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('intent','reserved','sent','settled','failed','unknown')),
  purpose TEXT NOT NULL,
  rail TEXT NOT NULL,
  agent TEXT NOT NULL,
  tick TEXT NOT NULL,
  task TEXT NOT NULL,
  skill TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  max_fee INTEGER NOT NULL CHECK (max_fee >= 0),
  invoice TEXT NOT NULL,
  payment_hash BLOB NOT NULL CHECK (length(payment_hash) = 32),
  expires INTEGER NOT NULL,
  reservation INTEGER REFERENCES reservations (id),
  request BLOB CHECK (length(request) = 32),
  request_expires INTEGER,
  preimage BLOB CHECK (length(preimage) = 32),
  fee INTEGER NOT NULL DEFAULT 0 CHECK (fee >= 0),
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX payments_by_hash ON payments (payment_hash) WHERE state <> 'failed';
CREATE INDEX payments_open ON payments (created) WHERE state IN ('intent','reserved','sent','unknown');
CREATE INDEX payments_by_time ON payments (created);

CREATE TABLE spend_limits (
  dimension TEXT NOT NULL,
  name TEXT NOT NULL,
  per TEXT NOT NULL,
  msat INTEGER CHECK (msat >= 0),
  changed INTEGER NOT NULL,
  PRIMARY KEY (dimension, name, per)
) STRICT, WITHOUT ROWID;

-- work we sell: a request is a row before anything is done about it
CREATE TABLE jobs (
  request BLOB PRIMARY KEY CHECK (length(request) = 32),
  customer BLOB NOT NULL CHECK (length(customer) = 32),
  state TEXT NOT NULL CHECK (state IN ('taken','invoiced','paid','done','failed','cancelled')),
  event TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  invoice TEXT NOT NULL DEFAULT '',
  payment_hash BLOB CHECK (length(payment_hash) = 32),
  result TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_open ON jobs (created) WHERE state IN ('taken','invoiced','paid');
CREATE INDEX jobs_by_customer ON jobs (customer, created);
CREATE INDEX jobs_by_change ON jobs (changed);

INSERT INTO counters (name, value)
  SELECT 'budget-time', value * 86400 FROM counters WHERE name = 'budget-day';
DELETE FROM counters WHERE name = 'budget-day';
