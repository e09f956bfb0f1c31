-- Who may send as what. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: put_sender
-- A new row, or the new state of the old one; the spelling first typed stays.
INSERT INTO sender (tenant_id, address_key, address, state, created_at, decided_at)
VALUES (:tenant_id, :address_key, :address, :state, :now, :decided_at)
ON CONFLICT (tenant_id, address_key) DO UPDATE SET state = excluded.state, decided_at = excluded.decided_at;

-- name: sender
SELECT tenant_id, address, state, created_at, decided_at FROM sender
WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: senders
SELECT tenant_id, address, state, created_at, decided_at FROM sender
WHERE (CAST(:tenant_id AS TEXT) IS NULL OR tenant_id = :tenant_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY tenant_id, address_key;

-- name: sender_standing
-- What is known of one address and of its domain, in one row: the state of its own row, and whether the domain counts.
SELECT
  (SELECT state FROM sender WHERE tenant_id = :tenant_id AND address_key = :address_key),
  (SELECT domain FROM sender_domain WHERE tenant_id = :tenant_id AND domain = :domain);

-- name: put_sender_domain
INSERT INTO sender_domain (tenant_id, domain, verified_at) VALUES (:tenant_id, :domain, :now)
ON CONFLICT (tenant_id, domain) DO UPDATE SET verified_at = excluded.verified_at;
