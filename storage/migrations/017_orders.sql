CREATE TABLE orders (
  id BLOB PRIMARY KEY CHECK (length(id) = 32),
  author BLOB NOT NULL CHECK (length(author) = 32),
  nonce INTEGER NOT NULL CHECK (nonce > 0),
  text TEXT NOT NULL,
  channel TEXT NOT NULL,
  outcome TEXT NOT NULL,
  said_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  raw_json TEXT NOT NULL,
  UNIQUE (author, nonce)
) STRICT;
CREATE INDEX orders_by_time ON orders (received_at);
CREATE INDEX signals_by_author ON signals (author, received_at);
