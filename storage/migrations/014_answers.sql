-- What models answered to programs, and how much of it there is.

CREATE TABLE answers (
  key BLOB PRIMARY KEY CHECK (length(key) = 32),
  program TEXT NOT NULL,
  answer TEXT NOT NULL,
  made INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (made);
CREATE INDEX answers_by_program ON answers (program);
CREATE TABLE answers_total (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
INSERT INTO answers_total VALUES (1, 0);
CREATE TRIGGER answers_added AFTER INSERT ON answers BEGIN
  UPDATE answers_total SET bytes = bytes + length(NEW.answer) WHERE one = 1;
END;
CREATE TRIGGER answers_changed AFTER UPDATE OF answer ON answers BEGIN
  UPDATE answers_total SET bytes = bytes + length(NEW.answer) - length(OLD.answer) WHERE one = 1;
END;
CREATE TRIGGER answers_dropped AFTER DELETE ON answers BEGIN
  UPDATE answers_total SET bytes = bytes - length(OLD.answer) WHERE one = 1;
END;
