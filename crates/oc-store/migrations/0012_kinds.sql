-- Which kinds of events a notification tells: 1 for created, 2 for updated, 4 for deleted, added up;
-- 0: it was written by a version that did not note them, and its body says.
ALTER TABLE notification ADD COLUMN kinds INTEGER NOT NULL DEFAULT 0;
CREATE INDEX notification_kinds ON notification (resource_id, kinds, seq);
