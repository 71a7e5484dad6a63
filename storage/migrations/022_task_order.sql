-- Tasks in the order they were handed out: two of one second are not told apart by their time.

ALTER TABLE tasks ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET place = (SELECT count(*) FROM tasks AS t WHERE (t.created, t.id) <= (tasks.created, tasks.id));
DROP INDEX tasks_active;
CREATE UNIQUE INDEX tasks_by_place ON tasks (place);
CREATE INDEX tasks_active ON tasks (place) WHERE ended IS NULL;
