-- Who is told by HTTP what becomes of mail. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_webhook
INSERT INTO webhook (id, tenant_id, url, events, secret, created_at)
VALUES (:id, :tenant_id, :url, :events, :secret, :created_at);

-- name: webhooks
SELECT w.id, w.tenant_id, w.url, w.events, w.secret, w.created_at, w.failures, w.failing_since, w.retry_at,
  w.last_error, w.last_success_at, w.paused_at,
  (SELECT COUNT(*) FROM webhook_event e WHERE e.webhook_id = w.id)
FROM webhook w ORDER BY w.id;

-- name: drop_webhook
DELETE FROM webhook WHERE id = :id;

-- name: seal_webhook
-- The same secret under another key.
UPDATE webhook SET secret = :secret WHERE id = :id AND secret = :old;

-- name: resume_webhook
UPDATE webhook SET paused_at = NULL, failures = 0, failing_since = NULL, retry_at = 0 WHERE id = :id;

-- name: add_webhook_event
-- Costs next to nothing where there is no webhook. Only what tenants hand in is told.
INSERT INTO webhook_event (webhook_id, id, event, message_id, delivery_id, number, happened_at)
SELECT w.id, :id, :event, m.id, :delivery_id, :number, :happened_at
FROM webhook w CROSS JOIN message m
WHERE m.id = :message_id AND m.kind = 'submission' AND (w.tenant_id IS NULL OR w.tenant_id = m.tenant_id)
  AND w.paused_at IS NULL AND REPLACE(w.events, :word, '') <> w.events
ON CONFLICT (webhook_id, id) DO NOTHING;

-- name: webhooks_due
-- Those that have something to tell, and may.
SELECT w.id FROM webhook w
WHERE w.paused_at IS NULL AND w.retry_at <= :now
  AND EXISTS (SELECT 1 FROM webhook_event e WHERE e.webhook_id = w.id AND e.leased_until <= :now);

-- name: lease_webhook_events
-- The oldest first. After a failure one alone: it finds out whether somebody listens again.
UPDATE webhook_event SET leased_until = :until
WHERE webhook_id = :webhook_id AND id IN (
  SELECT e.id FROM webhook_event e JOIN webhook w ON w.id = e.webhook_id
  WHERE e.webhook_id = :webhook_id AND e.leased_until <= :now AND w.paused_at IS NULL AND w.retry_at <= :now
  ORDER BY e.happened_at
  LIMIT (SELECT CASE WHEN failures = 0 THEN :limit ELSE 1 END FROM webhook WHERE id = :webhook_id)
)
RETURNING id, event, message_id, delivery_id, number, happened_at;

-- name: webhook_attempt
SELECT number, started_at, took_for, outcome, text, code, enhanced, remote, tls FROM attempt
WHERE delivery_id = :delivery_id AND number = :number;

-- name: drop_webhook_event
DELETE FROM webhook_event WHERE webhook_id = :webhook_id AND id = :id;

-- name: release_webhook_events
UPDATE webhook_event SET leased_until = 0 WHERE webhook_id = :webhook_id AND leased_until > 0;

-- name: drop_old_webhook_events
DELETE FROM webhook_event WHERE webhook_id = :webhook_id AND happened_at < :before;

-- name: webhook_works
UPDATE webhook SET failures = 0, failing_since = NULL, retry_at = 0, last_error = '', last_success_at = :now
WHERE id = :id;

-- name: webhook_fails
UPDATE webhook SET failures = failures + 1, failing_since = COALESCE(failing_since, :now), retry_at = :retry_at,
  last_error = :error, paused_at = :paused_at
WHERE id = :id;
