-- Messages that wait for the owner of their sender address. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_awaiting
INSERT INTO awaiting (message_id, tenant_id, address_key, lapses_at)
VALUES (:message_id, :tenant_id, :address_key, :lapses_at);

-- name: release_awaiting
-- The owner said yes.
UPDATE delivery SET state = 'queued', due_at = :now
WHERE state = 'held' AND message_id IN (
  SELECT message_id FROM awaiting WHERE tenant_id = :tenant_id AND address_key = :address_key);

-- name: forget_awaiting
DELETE FROM awaiting WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: lapse_awaiting
-- The owner said no: they lapse now.
UPDATE awaiting SET lapses_at = :now WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: lapsed
SELECT message_id FROM awaiting WHERE lapses_at <= :now ORDER BY lapses_at LIMIT :limit;

-- name: cancel_awaiting
UPDATE delivery SET state = 'cancelled', final_at = :now WHERE message_id = :message_id AND state = 'held';

-- name: drop_awaiting
DELETE FROM awaiting WHERE message_id = :message_id;
