-- Reports that came back, and addresses to which nothing is sent. Parameters are :name; SQLite and PostgreSQL read the
-- same text.

-- name: reports_of
-- How many came about a delivery; no row when there is no such delivery.
SELECT (SELECT COUNT(*) FROM bounce b WHERE b.delivery_id = d.id) FROM delivery d WHERE d.id = :delivery_id;

-- name: add_bounce
INSERT INTO bounce (report_id, delivery_id, meaning, came_at, reply)
VALUES (:report_id, :delivery_id, :meaning, :came_at, :reply);

-- name: bounces
SELECT report_id, delivery_id, meaning, came_at, reply FROM bounce WHERE delivery_id = :delivery_id ORDER BY came_at;

-- name: return_delivery
-- Only from the state in which it was read, and not while somebody sends it.
UPDATE delivery SET state = 'failed', attempt = :attempt, final_at = :now, last_reply = :last_reply,
  leased_until = NULL, leased_by = NULL
WHERE id = :id AND attempt = :before AND state IN ('queued', 'held', 'delivered')
  AND (leased_until IS NULL OR leased_until <= :now);

-- name: bounce_bodies_to_purge
SELECT b.report_id FROM bounce b WHERE b.body_kept AND b.came_at < :before LIMIT :limit;

-- name: mark_bounce_purged
UPDATE bounce SET body_kept = FALSE WHERE report_id = :message_id;

-- name: suppression
-- That of a tenant, or that of all.
SELECT tenant_id, address, reason, detail, since, until, times FROM suppression
WHERE address_key = :address_key AND (tenant_id = :tenant_id OR tenant_id IS NULL)
ORDER BY COALESCE(tenant_id, '');

-- name: suppressions
SELECT s.tenant_id, s.address, s.reason, s.detail, s.since, s.until, s.times FROM suppression s
WHERE CAST(:tenant_id AS TEXT) IS NULL OR s.tenant_id = :tenant_id OR s.tenant_id IS NULL
ORDER BY s.since DESC, s.address_key;

-- name: put_suppression
INSERT INTO suppression (tenant_id, address_key, address, reason, detail, since, until, times)
VALUES (:tenant_id, :address_key, :address, :reason, :detail, :since, :until, :times)
ON CONFLICT (address_key, COALESCE(tenant_id, '')) DO UPDATE SET
  address = excluded.address, reason = excluded.reason, detail = excluded.detail, since = excluded.since,
  until = excluded.until, times = excluded.times;

-- name: drop_suppression
DELETE FROM suppression WHERE address_key = :address_key AND COALESCE(tenant_id, '') = :tenant_id;

-- name: purge_suppressions
DELETE FROM suppression WHERE until < :before;
