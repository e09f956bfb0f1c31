-- What authors are told. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_untold
INSERT INTO untold (message_id, delivery_id, event, tell_at) VALUES (:message_id, :delivery_id, :event, :tell_at)
ON CONFLICT DO NOTHING;

-- name: add_untold_recovered
-- Only once nothing of the message is left that did not arrive.
INSERT INTO untold (message_id, delivery_id, event, tell_at)
SELECT d.message_id, d.id, 'RECOVERED', :tell_at FROM delivery d JOIN told_late t ON t.message_id = d.message_id
WHERE d.id = :delivery_id
  AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.message_id = d.message_id AND o.state <> 'delivered')
ON CONFLICT DO NOTHING;

-- name: tellable
-- Messages of which something is to be told now.
SELECT message_id FROM untold WHERE tell_at <= :now
UNION
SELECT u.message_id FROM untold u
WHERE u.event IN ('FAILURE', 'SUCCESS')
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = u.message_id AND d.state = 'queued')
LIMIT :limit;

-- name: untold
SELECT delivery_id, event FROM untold
WHERE message_id = :message_id AND (tell_at <= :now OR event IN ('FAILURE', 'SUCCESS'))
ORDER BY delivery_id, event;

-- name: drop_untold
DELETE FROM untold WHERE message_id = :message_id AND delivery_id = :delivery_id AND event = :event;

-- name: late
-- Messages with a delivery from before :oldest that still waits, whose author wants to know and does not know yet. By
-- the tenant's own server: its troubles are told by themselves.
-- waits_for is named for its index, which holds what is queued and nothing else.
WITH waiting AS (
  SELECT message_id, notify FROM delivery WHERE state = 'queued' AND waits_for >= '' AND id < :oldest
)
SELECT m.id FROM message m
WHERE m.id IN (SELECT message_id FROM waiting WHERE notify = '' OR notify LIKE '%DELAY%')
  AND m.kind = 'submission' AND m.tenant_id IS NOT NULL AND m.route <> 'own'
  AND NOT EXISTS (SELECT 1 FROM told_late t WHERE t.message_id = m.id)
LIMIT :limit;

-- name: add_told_late
INSERT INTO told_late (message_id, told_at) VALUES (:message_id, :now) ON CONFLICT DO NOTHING;

-- name: last_attempt
SELECT number, started_at, took_for, outcome, text, code, enhanced, remote, tls
FROM attempt WHERE delivery_id = :delivery_id ORDER BY number DESC LIMIT 1;

-- name: add_conversation
INSERT INTO conversation (delivery_id, number, lines) VALUES (:delivery_id, :number, :lines);

-- name: conversations
SELECT number, lines FROM conversation WHERE delivery_id = :delivery_id ORDER BY number;
