-- Outputs of tools that were too long for a model, whole.

CREATE TABLE outputs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session TEXT NOT NULL,
  number INTEGER NOT NULL,
  tool TEXT NOT NULL,
  content TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (session, number)
) STRICT;
