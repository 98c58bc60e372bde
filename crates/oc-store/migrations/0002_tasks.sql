-- Loads of what was there, and sweeps for what has gone.
ALTER TABLE resource ADD COLUMN tracking INTEGER NOT NULL DEFAULT 0;       -- sweeps compare with the fingerprints: none is forgotten
ALTER TABLE resource ADD COLUMN sweep INTEGER NOT NULL DEFAULT 0;          -- the number of the sweep under way, else of the last one
ALTER TABLE resource ADD COLUMN last_sweep TEXT;                           -- what came of it, as JSON
ALTER TABLE resource ADD COLUMN task TEXT;                                 -- JSON; NULL: none
ALTER TABLE resource ADD COLUMN task_due INTEGER;                          -- NULL: none, or it waits for an answer
ALTER TABLE resource ADD COLUMN task_failures INTEGER NOT NULL DEFAULT 0;  -- in a row
ALTER TABLE resource ADD COLUMN task_error TEXT;
CREATE INDEX resource_task ON resource (task_due) WHERE task_due IS NOT NULL;
-- The last sweep that has seen the object; negative: the sweep that has found it to be gone.
ALTER TABLE fingerprint ADD COLUMN sweep INTEGER NOT NULL DEFAULT 0;
