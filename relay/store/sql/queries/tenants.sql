-- Tenants and their logins. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_tenant
INSERT INTO tenant (id, name, email, locale, created_at) VALUES (:id, :name, :email, :locale, :created_at);

-- name: tenant
SELECT id, name, email, locale, created_at FROM tenant WHERE id = :id;

-- name: find_tenants
-- By identifier or by name, whatever its case.
SELECT id, name, email, locale, created_at FROM tenant WHERE id = :text OR LOWER(name) = LOWER(:text) ORDER BY id;

-- name: tenants
SELECT id, name, email, locale, created_at FROM tenant ORDER BY id;

-- name: set_tenant
UPDATE tenant SET name = :name, email = :email, locale = :locale WHERE id = :id;

-- name: erase_tenant_chunks
-- Bodies have no foreign key, so they go first.
DELETE FROM body_chunk WHERE message_id IN (SELECT id FROM message WHERE tenant_id = :id);

-- name: erase_tenant
-- Logins, senders, confirmations, messages, deliveries and attempts go with it.
DELETE FROM tenant WHERE id = :id;

-- name: add_login
INSERT INTO login (username, tenant_id, secret_sha256, created_at, revoked_at, networks, own_server)
VALUES (:username, :tenant_id, :secret_sha256, :created_at, :revoked_at, :networks, :own_server);

-- name: login
-- A login in force, with its tenant: what AUTH asks.
SELECT l.username, l.tenant_id, l.secret_sha256, l.created_at, l.revoked_at, l.networks, l.own_server,
       t.id, t.name, t.email, t.locale, t.created_at
FROM login l JOIN tenant t ON t.id = l.tenant_id
WHERE l.username = :username AND l.revoked_at IS NULL;

-- name: logins
SELECT username, tenant_id, secret_sha256, created_at, revoked_at, networks, own_server FROM login
WHERE tenant_id = :tenant_id ORDER BY created_at, username;

-- name: revoke_login
UPDATE login SET revoked_at = :now WHERE username = :username AND revoked_at IS NULL;
