-- What people do with the queue. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: hold
UPDATE delivery SET state = 'held', held_for = '' WHERE id = :id AND state = 'queued';

-- name: release_held
-- Not what waits for the owner of its sender address: nothing unconfirmed leaves.
UPDATE delivery SET state = 'queued', due_at = :now, waits_for = ''
WHERE id = :id AND state = 'held' AND NOT EXISTS (SELECT 1 FROM awaiting a WHERE a.message_id = delivery.message_id);

-- name: cancel
UPDATE delivery SET state = 'cancelled', final_at = :now WHERE id = :id AND state IN ('queued', 'held');

-- name: retry
UPDATE delivery SET due_at = :now WHERE id = :id AND state = 'queued';

-- name: queue
-- What waits, the oldest first; each half has its own small index, so that what is finished costs nothing. What waits for
-- a destination that is down has its next try and, untried itself, its words.
WITH waiting AS (
  SELECT id FROM delivery WHERE state = 'queued' UNION ALL SELECT id FROM delivery WHERE state = 'held'
)
SELECT d.id, d.message_id, COALESCE(m.tenant_id, ''), m.author, d.recipient, m.document, m.subject, d.state, d.attempt,
       COALESCE(p.next_at, d.due_at), d.created_at, COALESCE(NULLIF(d.last_reply, ''), p.reply, '')
FROM waiting w JOIN delivery d ON d.id = w.id JOIN message m ON m.id = d.message_id
  LEFT JOIN destination p ON d.state = 'queued' AND p.name = d.waits_for AND p.failures > 0
WHERE (CAST(:state AS TEXT) IS NULL OR d.state = :state)
  AND (CAST(:tenant_id AS TEXT) IS NULL OR m.tenant_id = :tenant_id)
  AND (CAST(:domain AS TEXT) IS NULL OR d.domain = :domain)
  AND d.created_at <= :created_before
ORDER BY d.id LIMIT :limit;

-- name: finished
-- What has come to an end in one of the final states, the newest first.
SELECT d.id, d.message_id, COALESCE(m.tenant_id, ''), m.author, d.recipient, m.document, m.subject, d.state, d.attempt,
       d.due_at, d.created_at, d.last_reply
FROM delivery d JOIN message m ON m.id = d.message_id
WHERE d.state = :state
  AND (CAST(:tenant_id AS TEXT) IS NULL OR m.tenant_id = :tenant_id)
  AND (CAST(:domain AS TEXT) IS NULL OR d.domain = :domain)
  AND d.created_at <= :created_before
ORDER BY d.id DESC LIMIT :limit;
