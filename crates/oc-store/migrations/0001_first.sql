-- The first schema. Instants are microseconds since the epoch; sealed columns hold what SecretKey::seal made.
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE organization (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  removed INTEGER                  -- when; nobody may call for it since
);
CREATE TABLE user (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL REFERENCES organization (id),
  email TEXT NOT NULL,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  removed INTEGER                  -- when; the row stays, as instances name it
);

CREATE TABLE instance (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL REFERENCES organization (id),
  user_id INTEGER NOT NULL REFERENCES user (id),
  connector TEXT NOT NULL,
  name TEXT NOT NULL,
  name_folded TEXT NOT NULL,       -- in lower case, to be searched in
  tags TEXT NOT NULL,              -- JSON array
  configuration TEXT NOT NULL,     -- JSON object of what is no secret
  secrets BLOB,                    -- sealed JSON object of the rest
  token BLOB,                      -- sealed
  token_hash BLOB NOT NULL UNIQUE,
  account TEXT NOT NULL,           -- whose rate limit it shares
  warnings TEXT NOT NULL,          -- JSON array
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL DEFAULT 1,
  disabled INTEGER NOT NULL DEFAULT 0,   -- neither polled nor called, by its owner's wish
  failures INTEGER NOT NULL DEFAULT 0,
  stopped TEXT,                    -- why polling stopped
  refused TEXT,                    -- why the provider will answer no request before it is authorized anew
  queued_at INTEGER                -- since when its subscription is deactivated
);
CREATE INDEX instance_of ON instance (organization_id, id);

CREATE TABLE token_pair (
  instance_id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  tokens BLOB NOT NULL,            -- sealed JSON
  obtained_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  intent INTEGER,                  -- a refresh was sent then, and its outcome is not recorded
  dead TEXT                        -- why only the user can help
);

-- A polled resource of an instance; also the lane in which its notifications keep their order.
CREATE TABLE resource (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  instance_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  identity TEXT NOT NULL,          -- url and id field: another one starts anew
  revision INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  polls INTEGER NOT NULL DEFAULT 0,     -- completed ones
  staging INTEGER NOT NULL DEFAULT 0,   -- a poll has put parts aside
  next_due INTEGER,                     -- NULL: not polled
  last_poll INTEGER,
  last_result TEXT,                     -- JSON
  forget_before INTEGER,                -- fingerprints dated before are not needed; with them `floor` rises
  destination TEXT,                     -- origin of the callback; NULL: none
  visible_through INTEGER NOT NULL DEFAULT 0,    -- notifications behind this are staged
  delivered_through INTEGER NOT NULL DEFAULT 0,  -- those up to this have arrived
  head_failures INTEGER NOT NULL DEFAULT 0,      -- failed attempts of the first one that has not
  head_first_failure INTEGER,
  lane_due INTEGER,                     -- NULL: nothing to send
  replay_due INTEGER,                   -- NULL: nothing to send once more
  replay_failures INTEGER NOT NULL DEFAULT 0,    -- failed attempts of replays in a row
  replay_first_failure INTEGER,
  UNIQUE (instance_id, name)
);
CREATE INDEX resource_due ON resource (next_due) WHERE next_due IS NOT NULL;
CREATE INDEX resource_lane ON resource (lane_due) WHERE lane_due IS NOT NULL;

-- The last reported version of each object. A row of a poll that is not completed stands for
-- `previous`; `version` counts once its poll is.
CREATE TABLE fingerprint (
  resource_id INTEGER NOT NULL,
  object_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  previous INTEGER,
  poll INTEGER NOT NULL,
  PRIMARY KEY (resource_id, object_id)
) WITHOUT ROWID;

-- Never changed once written; what became of one follows from its lane and its attempts.
CREATE TABLE notification (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  resource_id INTEGER NOT NULL,
  created INTEGER NOT NULL,
  events INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX notification_lane ON notification (resource_id, seq);
CREATE TABLE attempt (
  notification INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took INTEGER NOT NULL,
  status INTEGER,
  error TEXT,
  answer TEXT NOT NULL,
  url TEXT NOT NULL,               -- origin and path
  delivered INTEGER NOT NULL,      -- a 2xx
  replay INTEGER NOT NULL,         -- somebody had asked for it once more
  PRIMARY KEY (notification, number)
) WITHOUT ROWID;

-- Resources of deleted instances whose rows are still to be swept away.
CREATE TABLE gone (resource_id INTEGER PRIMARY KEY);

-- Replays: notifications that are to be sent once more, beside their lane and in its order.
CREATE TABLE replay (
  resource_id INTEGER NOT NULL,
  notification INTEGER NOT NULL,
  PRIMARY KEY (resource_id, notification)
) WITHOUT ROWID;
CREATE INDEX resource_replay ON resource (replay_due) WHERE replay_due IS NOT NULL;

-- The audit asks for a time, and counts events without reading the notifications themselves.
CREATE INDEX notification_time ON notification (resource_id, created, seq, events);

-- What the API keeps for a day.
-- Idempotency keys of creations.
CREATE TABLE creation_key (
  organization_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL,           -- sealed digest
  instance_id INTEGER NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (organization_id, key)
) WITHOUT ROWID;
-- Recorded authentications, secrets masked.
CREATE TABLE trace (
  id BLOB PRIMARY KEY,
  organization_id INTEGER NOT NULL,
  connector TEXT NOT NULL,
  created INTEGER NOT NULL,
  record TEXT NOT NULL             -- JSON
) WITHOUT ROWID;
CREATE INDEX trace_of ON trace (organization_id, created);
-- What users and organizations prove themselves with, as SHA-256.
CREATE TABLE secret (
  kind TEXT NOT NULL,              -- user or organization
  hash BLOB NOT NULL,
  owner INTEGER NOT NULL,          -- its number
  ends INTEGER,                    -- a secret that was replaced is good until then
  PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
CREATE INDEX secret_of ON secret (kind, owner);

-- Who changed what; written with the change itself. Values are never in it.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  organization_id INTEGER,         -- NULL: the whole database
  user_id INTEGER,                 -- NULL: the operator, on the command line
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  request_id TEXT,
  details TEXT NOT NULL            -- JSON object
);
CREATE INDEX audit_at ON audit (at);
