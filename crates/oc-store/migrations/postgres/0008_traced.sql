-- What each column means is said where SQLite has it.
ALTER TABLE notification ADD COLUMN changed BIGINT;
ALTER TABLE notification ADD COLUMN trace TEXT;
