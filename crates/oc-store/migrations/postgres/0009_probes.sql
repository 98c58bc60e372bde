-- What each column means is said where SQLite has it.
ALTER TABLE instance ADD COLUMN queued_why TEXT;
ALTER TABLE instance ADD COLUMN probe_due BIGINT;
ALTER TABLE instance ADD COLUMN probes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX instance_probe ON instance (probe_due) WHERE probe_due IS NOT NULL;
