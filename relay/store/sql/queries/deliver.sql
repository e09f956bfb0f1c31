-- Deliveries go out: leased, settled. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: lease_due
-- The longest due first; a lease that has run out counts as due. :skipped are domains with spaces around them, :busy
-- tenants whose own server has enough to do.
-- PostgreSQL adds FOR UPDATE SKIP LOCKED to the inner query.
UPDATE delivery SET leased_by = :node, leased_until = :until, attempt = attempt + 1
WHERE id IN (
  SELECT id FROM delivery
  WHERE state = 'queued' AND COALESCE(leased_until, due_at) <= :now
    AND REPLACE(:skipped, ' ' || domain || ' ', '') = :skipped
    AND (:busy = '' OR NOT EXISTS (
      SELECT 1 FROM message m
      WHERE m.id = delivery.message_id AND m.route = 'own' AND REPLACE(:busy, m.tenant_id, '') <> :busy))
  ORDER BY COALESCE(leased_until, due_at)
  LIMIT :limit
)
RETURNING id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by,
  notify, orcpt;

-- name: next_due_at
SELECT MIN(COALESCE(leased_until, due_at)) FROM delivery WHERE state = 'queued';

-- name: settle_delivery
-- Only the result of the present attempt counts, and only once. A deferral, and the end of its time where it is held
-- for an own server, leave alone what people decided meanwhile (held, cancelled); a final outcome is a fact and stands.
UPDATE delivery SET
  state = CASE WHEN :state = 'queued' OR (:state = 'held' AND state <> 'queued') THEN state ELSE :state END,
  held_for = CASE WHEN :state = 'held' AND state = 'queued' THEN 'own_server' ELSE held_for END,
  final_at = CASE WHEN :state IN ('queued', 'held') THEN final_at ELSE :settled_at END,
  due_at = :due_at,
  last_reply = :last_reply,
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
