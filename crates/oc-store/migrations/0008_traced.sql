-- The oldest change in a notification, by the provider's date; NULL: what was there before is told.
ALTER TABLE notification ADD COLUMN changed INTEGER;
-- The span that found a notification, as `traceparent` writes it, so that its delivery goes on from there; NULL: it is not traced.
ALTER TABLE notification ADD COLUMN trace TEXT;
