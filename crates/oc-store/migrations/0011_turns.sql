-- Tenants take turns: what each has due is found without reading what others have.
ALTER TABLE resource ADD COLUMN organization_id INTEGER NOT NULL DEFAULT 0;  -- the instance's
UPDATE resource SET organization_id =
  coalesce((SELECT organization_id FROM instance WHERE instance.id = instance_id), 0);
CREATE INDEX resource_lane_turn ON resource (organization_id, destination, lane_due)
  WHERE lane_due IS NOT NULL AND destination IS NOT NULL;
CREATE INDEX resource_replay_turn ON resource (organization_id, destination, replay_due)
  WHERE replay_due IS NOT NULL AND destination IS NOT NULL;
CREATE INDEX resource_due_turn ON resource (organization_id, next_due) WHERE next_due IS NOT NULL;
