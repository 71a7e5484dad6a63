-- events: `id`, `author`, `address` and `event_tags.key` are the first 8 bytes of a hash or key as
-- an integer; the packed body holds the whole truth and is compared after every look-up. `pos` is
-- the order of NIP-01 in one number: created_at in the upper bits, the inverted start of the id
-- below, so that "newest first, then lowest id" is pos descending.

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,
  author INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  address INTEGER,
  expires INTEGER,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_author ON events (author, kind, pos);
CREATE INDEX events_by_kind ON events (kind, pos);
CREATE INDEX events_by_address ON events (address) WHERE address IS NOT NULL;
CREATE INDEX events_by_expiry ON events (expires) WHERE expires IS NOT NULL;

CREATE TABLE event_tags (
  key INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  author INTEGER NOT NULL,
  PRIMARY KEY (key, pos, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
  target BLOB NOT NULL CHECK (length(target) = 32),
  author BLOB NOT NULL CHECK (length(author) = 32),
  until INTEGER NOT NULL,
  PRIMARY KEY (target, author)
) STRICT, WITHOUT ROWID;
