-- How far the agent says its goals are.

CREATE TABLE goal_reports (
  goal TEXT PRIMARY KEY,
  percent INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
  note TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
