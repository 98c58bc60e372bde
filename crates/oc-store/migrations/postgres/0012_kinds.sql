-- What each column means is said where SQLite has it.
ALTER TABLE notification ADD COLUMN kinds BIGINT NOT NULL DEFAULT 0;
CREATE INDEX notification_kinds ON notification (resource_id, kinds, seq);
