-- The headers that an attempt sent: a JSON object, secrets masked.
ALTER TABLE attempt ADD COLUMN request TEXT NOT NULL DEFAULT '{}';
