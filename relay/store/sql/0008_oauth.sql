-- An account at a provider, with which the relay signs in at a tenant's own server. Both tokens are encrypted, and empty
-- where there are none. version is another one each time that the account is connected; leased_by is who asks for the
-- next token at the moment.
CREATE TABLE oauth_connection (
  tenant_id TEXT PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
  app TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('code', 'application', 'device')),
  username TEXT NOT NULL,
  refresh_token BYTEA NOT NULL,
  access_token BYTEA NOT NULL,
  expires_at DOUBLE PRECISION NOT NULL,
  refreshed_at DOUBLE PRECISION NOT NULL,
  connected_at DOUBLE PRECISION NOT NULL,
  version TEXT NOT NULL,
  dead BOOLEAN NOT NULL DEFAULT FALSE,
  last_error TEXT NOT NULL DEFAULT '',
  failed_at DOUBLE PRECISION,
  leased_until DOUBLE PRECISION NOT NULL DEFAULT 0,
  leased_by TEXT NOT NULL DEFAULT ''
);
-- A link that was given to somebody, who has not answered at the provider yet.
CREATE TABLE oauth_consent (
  state_sha256 BYTEA PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  app TEXT NOT NULL,
  username TEXT NOT NULL,
  verifier BYTEA NOT NULL,
  expires_at DOUBLE PRECISION NOT NULL,
  used_at DOUBLE PRECISION
);
