-- work that one agent's session handed to another agent
CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  tick TEXT NOT NULL,
  parent TEXT NOT NULL,
  call TEXT NOT NULL,
  agent TEXT NOT NULL,
  description TEXT NOT NULL,
  brief TEXT NOT NULL,
  depth INTEGER NOT NULL CHECK (depth >= 1),
  session TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('pending','running','completed','failed','cancelled')),
  starts INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '',
  created INTEGER NOT NULL,
  started INTEGER,
  ended INTEGER,
  told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
  UNIQUE (parent, call),
  CHECK ((ended IS NULL) = (state IN ('pending','running')))
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_by_tick ON tasks (tick);
CREATE INDEX tasks_active ON tasks (created) WHERE ended IS NULL;
CREATE INDEX tasks_by_time ON tasks (created);
