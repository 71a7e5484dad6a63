-- Whose wish a purchase is: of an agent's call in a tick, or, where both are empty, the operator's.

ALTER TABLE purchases ADD COLUMN tick TEXT NOT NULL DEFAULT '';
ALTER TABLE purchases ADD COLUMN call_id TEXT NOT NULL DEFAULT '';
ALTER TABLE purchases ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX purchases_by_call ON purchases (tick, call_id) WHERE tick <> '';
