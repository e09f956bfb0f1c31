-- OAuth: accounts that are connected, and links to connect one.

-- name: put_oauth_connection
INSERT INTO oauth_connection
  (tenant_id, app, kind, username, refresh_token, access_token, expires_at, refreshed_at, connected_at, version)
VALUES
  (:tenant_id, :app, :kind, :username, :refresh_token, :access_token, :expires_at, :refreshed_at, :connected_at, :version)
ON CONFLICT (tenant_id) DO UPDATE SET
  app = excluded.app, kind = excluded.kind, username = excluded.username, refresh_token = excluded.refresh_token,
  access_token = excluded.access_token, expires_at = excluded.expires_at, refreshed_at = excluded.refreshed_at,
  connected_at = excluded.connected_at, version = excluded.version,
  dead = FALSE, last_error = '', failed_at = NULL, leased_until = 0, leased_by = '';

-- name: oauth_connection
SELECT tenant_id, app, kind, username, refresh_token, access_token, expires_at, refreshed_at, connected_at, version, dead,
       last_error, failed_at
FROM oauth_connection WHERE tenant_id = :tenant_id;

-- name: oauth_connections
SELECT tenant_id, app, kind, username, refresh_token, access_token, expires_at, refreshed_at, connected_at, version, dead,
       last_error, failed_at
FROM oauth_connection ORDER BY tenant_id;

-- name: lease_oauth
-- Nobody else asks for the next token now. refreshed_at says that the token is the one that the caller has seen.
UPDATE oauth_connection SET leased_until = :until, leased_by = :by
WHERE tenant_id = :tenant_id AND version = :version AND refreshed_at = :refreshed_at AND leased_until <= :now AND NOT dead;

-- name: oauth_renewed
UPDATE oauth_connection SET
  refresh_token = :refresh_token, access_token = :access_token, expires_at = :expires_at, refreshed_at = :now,
  last_error = '', failed_at = NULL, leased_until = 0, leased_by = ''
WHERE tenant_id = :tenant_id AND version = :version AND leased_by = :by;

-- name: oauth_not_renewed
UPDATE oauth_connection SET dead = :dead, last_error = :error, failed_at = :now, leased_until = 0, leased_by = ''
WHERE tenant_id = :tenant_id AND version = :version AND leased_by = :by;

-- name: seal_oauth_connection
UPDATE oauth_connection SET refresh_token = :refresh_token, access_token = :access_token
WHERE tenant_id = :tenant_id AND version = :version AND refreshed_at = :refreshed_at;

-- name: add_oauth_consent
INSERT INTO oauth_consent (state_sha256, tenant_id, app, username, verifier, expires_at)
VALUES (:state_sha256, :tenant_id, :app, :username, :verifier, :expires_at);

-- name: drop_old_oauth_consents
DELETE FROM oauth_consent WHERE expires_at < :before;

-- name: oauth_consent
SELECT tenant_id, app, username, verifier, expires_at, used_at FROM oauth_consent WHERE state_sha256 = :state_sha256;

-- name: use_oauth_consent
UPDATE oauth_consent SET used_at = :now WHERE state_sha256 = :state_sha256 AND used_at IS NULL AND expires_at > :now;
