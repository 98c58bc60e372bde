-- What was last told or noted of each object, where a resource is polled with `changes`. A row of a
-- poll that is not completed stands beside the one before; when it is, only the newest stays.
-- Records are too long for a table without row numbers.
CREATE TABLE content (
  resource_id INTEGER NOT NULL,
  object_id TEXT NOT NULL,
  poll INTEGER NOT NULL,
  record BLOB,                     -- JSON, not sealed, as in notifications; NULL: nothing is known
  PRIMARY KEY (resource_id, object_id, poll)
);
CREATE INDEX content_poll ON content (resource_id, poll, object_id);
