-- Webhooks of the provider: where an instance receives them, and what it is subscribed to.
CREATE TABLE hook (
  instance_id INTEGER PRIMARY KEY,
  suffix TEXT NOT NULL UNIQUE,     -- of the url; nobody can guess it
  secret BLOB NOT NULL,            -- sealed; deliveries are signed with it
  wanted TEXT NOT NULL,            -- JSON array of events; empty: nothing is received
  revision INTEGER NOT NULL DEFAULT 1,   -- counts changes of the instance
  due INTEGER,                     -- when subscriptions are looked at; NULL: never
  failures INTEGER NOT NULL DEFAULT 0,   -- in a row
  error TEXT
);
CREATE INDEX hook_due ON hook (due) WHERE due IS NOT NULL;

-- The provider's subscriptions of each instance, as they were when it was asked last.
CREATE TABLE subscription (
  instance_id INTEGER NOT NULL,
  id TEXT NOT NULL,                -- the provider's
  event TEXT NOT NULL,
  url TEXT NOT NULL,
  PRIMARY KEY (instance_id, id)
) WITHOUT ROWID;

-- What was pushed and is not worked off. Bodies are not sealed, as in notifications.
CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  instance_id INTEGER NOT NULL,
  resource_id INTEGER NOT NULL,
  kind TEXT NOT NULL,              -- created, updated or deleted, as the provider says
  received INTEGER NOT NULL,
  body BLOB NOT NULL               -- JSON
);
CREATE INDEX inbox_of ON inbox (instance_id);
CREATE INDEX inbox_resource ON inbox (resource_id, seq, instance_id);
