-- Destinations that mail waits for. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: destinations
SELECT name, failures, since, next_at, tried_at, reply FROM destination ORDER BY next_at;

-- name: destination
SELECT name, failures, since, next_at, tried_at, reply FROM destination WHERE name = :name;

-- name: expect_destination
INSERT INTO destination (name, failures, since, next_at, tried_at, reply) VALUES (:name, 0, 0, 0, 0, '')
ON CONFLICT (name) DO NOTHING;

-- name: put_destination
INSERT INTO destination (name, failures, since, next_at, tried_at, reply)
VALUES (:name, :failures, :since, :next_at, :tried_at, :reply)
ON CONFLICT (name) DO UPDATE SET
  failures = excluded.failures, since = excluded.since, next_at = excluded.next_at, tried_at = excluded.tried_at,
  reply = excluded.reply, probed_by = NULL, probed_until = 0;

-- name: claim_probe
UPDATE destination SET probed_by = :node, probed_until = :until
WHERE name = :name AND failures > 0 AND (probed_until <= :now OR probed_until > :until);

-- name: destination_up
UPDATE destination SET failures = 0, since = 0, probed_by = NULL, probed_until = 0 WHERE name = :name AND failures > 0;

-- name: destination_due
UPDATE destination SET next_at = :now
WHERE name = (SELECT waits_for FROM delivery WHERE id = :id AND state = 'queued') AND next_at > :now;

-- name: release_probes
UPDATE destination SET probed_by = NULL, probed_until = 0 WHERE probed_by = :node;

-- name: forget_destination
-- Only when nothing waits for it.
DELETE FROM destination
WHERE name = :name AND NOT EXISTS (SELECT 1 FROM delivery WHERE state = 'queued' AND waits_for = :name);
