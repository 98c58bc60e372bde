-- Sessions of the web page.
CREATE TABLE session (
  id TEXT PRIMARY KEY NOT NULL,    -- SHA-256 of what the browser keeps
  secrets BLOB NOT NULL,           -- sealed: the secrets of the user and the organization
  ends INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_ends ON session (ends);

-- Forms of the web page that wait for a provider's consent.
CREATE TABLE draft (
  id TEXT PRIMARY KEY NOT NULL,    -- SHA-256 of the state that the provider hands back
  session_id TEXT NOT NULL,
  form BLOB NOT NULL,              -- sealed: what was filled in
  ends INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX draft_of ON draft (session_id, ends);
CREATE INDEX draft_ends ON draft (ends);
