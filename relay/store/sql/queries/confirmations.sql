-- Links that were mailed to ask. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_confirmation
INSERT INTO confirmation
  (token_sha256, withdraw_sha256, tenant_id, address_key, address, created_at, expires_at, used_at)
VALUES
  (:token_sha256, :withdraw_sha256, :tenant_id, :address_key, :address, :created_at, :expires_at, :used_at);

-- name: confirmation
SELECT token_sha256, withdraw_sha256, tenant_id, address, created_at, expires_at, used_at FROM confirmation
WHERE token_sha256 = :token_sha256;

-- name: confirmation_by_withdraw
SELECT token_sha256, withdraw_sha256, tenant_id, address, created_at, expires_at, used_at FROM confirmation
WHERE withdraw_sha256 = :withdraw_sha256;

-- name: use_confirmation
-- Once, and in time.
UPDATE confirmation SET used_at = :now WHERE token_sha256 = :token_sha256 AND used_at IS NULL AND expires_at > :now;

-- name: confirmations_since
-- Over all tenants: the limit protects the owner of the address.
SELECT COUNT(*) FROM confirmation WHERE address_key = :address_key AND created_at >= :since;

-- name: tenant_confirmations_since
SELECT COUNT(*) FROM confirmation WHERE tenant_id = :tenant_id AND created_at >= :since;

-- name: last_confirmation_at
SELECT MAX(created_at) FROM confirmation WHERE address_key = :address_key AND tenant_id = :tenant_id;
