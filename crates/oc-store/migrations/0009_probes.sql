-- Of an instance whose subscription is deactivated: why, when one notification is tried again (NULL:
-- never by itself), and how many such probes have failed in a row.
ALTER TABLE instance ADD COLUMN queued_why TEXT;
ALTER TABLE instance ADD COLUMN probe_due INTEGER;
ALTER TABLE instance ADD COLUMN probes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX instance_probe ON instance (probe_due) WHERE probe_due IS NOT NULL;
