-- Polls in a row that found nothing, while `event.poller.adaptive` is set; each makes the interval longer.
ALTER TABLE resource ADD COLUMN quiet_polls INTEGER NOT NULL DEFAULT 0;
