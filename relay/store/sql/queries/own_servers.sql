-- Tenants' own servers. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: put_own_server
INSERT INTO own_server
  (tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at)
VALUES
  (:tenant_id, :host, :port, :tls, :sign_in_by, :username, :password, :on_failure, :version, :changed_at)
ON CONFLICT (tenant_id) DO UPDATE SET
  host = excluded.host, port = excluded.port, tls = excluded.tls, sign_in_by = excluded.sign_in_by,
  username = excluded.username, password = excluded.password, on_failure = excluded.on_failure,
  version = excluded.version, changed_at = excluded.changed_at,
  refused_at = NULL, refused_reply = '', failing_since = NULL, told_at = NULL;

-- name: drop_own_server
DELETE FROM own_server WHERE tenant_id = :tenant_id;

-- name: own_server
SELECT tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at, refused_at,
       refused_reply, failing_since, told_at
FROM own_server WHERE tenant_id = :tenant_id;

-- name: own_servers
SELECT tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at, refused_at,
       refused_reply, failing_since, told_at
FROM own_server ORDER BY tenant_id;

-- name: seal_own_server
UPDATE own_server SET password = :password WHERE tenant_id = :tenant_id AND version = :version;

-- name: refuse_login
UPDATE own_server SET refused_at = :now, refused_reply = :reply
WHERE tenant_id = :tenant_id AND version = :version AND refused_at IS NULL;

-- name: hold_own_mail
-- All that waits for these settings.
UPDATE delivery SET state = 'held', held_for = 'own_server', last_reply = :reply
WHERE state = 'queued'
  AND EXISTS (SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own')
  AND EXISTS (SELECT 1 FROM own_server WHERE tenant_id = :tenant_id AND version = :version);

-- name: own_server_fails
UPDATE own_server SET failing_since = :now
WHERE tenant_id = :tenant_id AND version = :version AND failing_since IS NULL;

-- name: own_server_works
UPDATE own_server SET failing_since = NULL, told_at = NULL
WHERE tenant_id = :tenant_id AND version = :version AND failing_since IS NOT NULL;

-- name: own_server_told
UPDATE own_server SET told_at = :now WHERE tenant_id = :tenant_id AND version = :version AND told_at IS NULL;

-- name: own_server_mended
UPDATE own_server SET
  version = :new, changed_at = :now, refused_at = NULL, refused_reply = '', failing_since = NULL, told_at = NULL
WHERE tenant_id = :tenant_id AND version = :old;

-- name: release_own_mail
UPDATE delivery SET state = 'queued', due_at = :now, waits_for = ''
WHERE (state = 'queued' OR (state = 'held' AND held_for = 'own_server'))
  AND EXISTS (
    SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own');

-- name: own_mail_due
UPDATE delivery SET due_at = :now, waits_for = ''
WHERE state = 'queued'
  AND EXISTS (
    SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own');

-- name: own_mail_waiting
SELECT COUNT(CASE WHEN d.state = 'queued' THEN 1 END), COUNT(CASE WHEN d.state = 'held' THEN 1 END)
FROM delivery d JOIN message m ON m.id = d.message_id
WHERE (d.state = 'queued' OR (d.state = 'held' AND d.held_for = 'own_server'))
  AND m.tenant_id = :tenant_id AND m.route = 'own';

-- name: reroute_message
UPDATE message SET
  route = 'platform', reverse_path = 'verp', header = :header, changes = :changes, events = :events
WHERE id = :message_id AND route = 'own';

-- name: reroute_deliveries
UPDATE delivery SET state = 'queued', due_at = :now, waits_for = ''
WHERE message_id = :message_id AND (state = 'queued' OR (state = 'held' AND held_for = 'own_server'));

-- name: diverts
-- Whether a tenant's mail goes by the platform because nothing gets through by its own server.
SELECT 1 FROM own_server WHERE tenant_id = :tenant_id AND on_failure = 'platform' AND told_at IS NOT NULL;
