-- Work that waits for an agent. `urgency` is the priority as a number, for the order of the queue.

CREATE TABLE issues (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open','in_progress','done')),
  priority TEXT NOT NULL CHECK (priority IN ('urgent','high','medium','low')),
  type TEXT NOT NULL CHECK (type IN ('task','bug','feature')),
  agent TEXT NOT NULL,
  blocked INTEGER NOT NULL CHECK (blocked IN (0, 1)),
  blocked_reason TEXT NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_at INTEGER,
  lease_until INTEGER,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  completed INTEGER,
  urgency INTEGER NOT NULL,
  CHECK ((status = 'in_progress') = (lease_until IS NOT NULL)),
  CHECK ((status = 'in_progress') = (claimed_by <> ''))
) STRICT;
CREATE INDEX issues_ready ON issues (urgency, created, number) WHERE status = 'open' AND blocked = 0;
CREATE INDEX issues_by_status ON issues (status, number);
CREATE INDEX issues_by_run ON issues (claimed_by) WHERE status = 'in_progress';
CREATE INDEX issues_by_lease ON issues (lease_until) WHERE lease_until IS NOT NULL;
CREATE TABLE issue_needs (
  issue INTEGER NOT NULL REFERENCES issues (number),
  needs INTEGER NOT NULL REFERENCES issues (number),
  PRIMARY KEY (issue, needs)
) STRICT, WITHOUT ROWID;
CREATE TABLE issue_events (
  seq INTEGER PRIMARY KEY,
  issue INTEGER NOT NULL REFERENCES issues (number),
  what TEXT NOT NULL,
  by TEXT NOT NULL,
  detail TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_events_by_issue ON issue_events (issue, seq);
