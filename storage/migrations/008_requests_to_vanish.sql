-- Requests to vanish.
-- `until` is the created_at of the author's latest NIP-62 request: nothing older comes back.

CREATE TABLE vanished (
  author BLOB PRIMARY KEY CHECK (length(author) = 32),
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
