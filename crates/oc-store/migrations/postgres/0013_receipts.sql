-- What each connection of a server has committed last, for the case that it is cut before it hears of it.
CREATE TABLE receipt (
  connection BYTEA PRIMARY KEY, -- made up by whoever has opened it
  number BIGINT NOT NULL,       -- of its last transaction that changed something, from 1 on
  opened BIGINT NOT NULL        -- the row is swept away after some days, and the connection replaced
) WITH (fillfactor = 50);
