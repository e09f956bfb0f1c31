-- Deliveries go out: leased, settled. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: tenants_ready
-- Tenants, from one on, that have something to lease: a step of the index each, whatever else is queued.
WITH RECURSIVE step(tenant_id, number) AS (
  SELECT MIN(tenant_id), 1 FROM delivery WHERE state = 'queued' AND waits_for = :waits_for AND tenant_id >= :start
  UNION ALL
  SELECT (
    SELECT MIN(d.tenant_id) FROM delivery d
    WHERE d.state = 'queued' AND d.waits_for = :waits_for AND d.tenant_id > step.tenant_id), number + 1
  FROM step WHERE step.tenant_id IS NOT NULL AND number < :limit
)
SELECT tenant_id FROM step
WHERE tenant_id IS NOT NULL AND (
  SELECT MIN(COALESCE(d.leased_until, d.due_at)) FROM delivery d
  WHERE d.state = 'queued' AND d.waits_for = :waits_for AND d.tenant_id = step.tenant_id) <= :now;

-- name: ready
-- What of a tenant can be leased, the longest due first; a lease that has run out counts as due.
-- PostgreSQL adds FOR UPDATE OF d SKIP LOCKED.
SELECT d.id, d.domain, m.route FROM delivery d JOIN message m ON m.id = d.message_id
WHERE d.state = 'queued' AND d.waits_for = :waits_for AND d.tenant_id = :tenant_id
  AND COALESCE(d.leased_until, d.due_at) <= :now
ORDER BY COALESCE(d.leased_until, d.due_at)
LIMIT :limit;

-- name: too_late
-- What has waited for a destination for too long, and been tried often enough, itself or by others.
SELECT d.id FROM delivery d JOIN destination w ON w.name = d.waits_for
WHERE d.state = 'queued' AND d.waits_for = :waits_for AND d.created_at <= :before
  AND d.attempt + 1 + d.shared + w.failures - d.waits_from >= :least
LIMIT :limit;

-- name: take_lease
UPDATE delivery SET
  leased_by = :node, leased_until = :until, attempt = attempt + 1, waits_for = '',
  shared = shared + COALESCE((
    SELECT CASE WHEN w.failures > delivery.waits_from THEN w.failures - delivery.waits_from ELSE 0 END
    FROM destination w WHERE w.name = delivery.waits_for), 0)
WHERE id = :id AND state = 'queued' AND (leased_until IS NULL OR leased_until <= :now)
RETURNING id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by,
  notify, orcpt, shared;

-- name: wait_for
-- It waits for a destination, untried. What is leased counts an attempt that was not made.
UPDATE delivery SET
  waits_for = :waits_for,
  waits_from = COALESCE((SELECT w.failures FROM destination w WHERE w.name = :waits_for), 0),
  attempt = CASE WHEN leased_by = :node THEN attempt - 1 ELSE attempt END,
  leased_until = NULL,
  leased_by = NULL
WHERE id = :id AND state = 'queued' AND (leased_by IS NULL OR leased_by = :node OR leased_until <= :now);

-- name: settle_delivery
-- Only the result of the present attempt counts, and only once. A deferral, and the end of its time where it is held
-- for an own server, leave alone what people decided meanwhile (held, cancelled); a final outcome is a fact and stands.
UPDATE delivery SET
  state = CASE WHEN :state = 'queued' OR (:state = 'held' AND state <> 'queued') THEN state ELSE :state END,
  held_for = CASE WHEN :state = 'held' AND state = 'queued' THEN 'own_server' ELSE held_for END,
  final_at = CASE WHEN :state IN ('queued', 'held') THEN final_at ELSE :settled_at END,
  due_at = :due_at,
  last_reply = :last_reply,
  waits_for = :waits_for,
  waits_from = COALESCE((SELECT w.failures FROM destination w WHERE w.name = :waits_for), 0),
  leased_until = NULL,
  leased_by = NULL
WHERE id = :id AND attempt = :attempt AND state IN ('queued', 'held', 'cancelled')
  AND NOT EXISTS (SELECT 1 FROM attempt WHERE delivery_id = :id AND number = :attempt);

-- name: add_attempt
INSERT INTO attempt (delivery_id, number, started_at, took_for, outcome, code, enhanced, text, remote, tls)
VALUES (:delivery_id, :number, :started_at, :took_for, :outcome, :code, :enhanced, :text, :remote, :tls);

-- name: release_lease
-- Nothing was tried, so the attempt does not count.
UPDATE delivery SET leased_until = NULL, leased_by = NULL, attempt = attempt - 1
WHERE id = :id AND leased_by = :node;

-- name: release_node
-- Its process is gone; whether it tried is unknown, so the attempt counts.
UPDATE delivery SET leased_until = NULL, leased_by = NULL WHERE leased_by = :node;

-- name: lease_nodes
SELECT DISTINCT leased_by FROM delivery WHERE leased_by IS NOT NULL;
