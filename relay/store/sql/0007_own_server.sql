-- A tenant's own SMTP server. password is encrypted, and empty where there is none. version is another one each time that
-- the settings are made or mended.
CREATE TABLE own_server (
  tenant_id TEXT PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  tls TEXT NOT NULL CHECK (tls IN ('implicit', 'require', 'none')),
  sign_in_by TEXT NOT NULL CHECK (sign_in_by IN ('nothing', 'password', 'xoauth2')),
  username TEXT NOT NULL,
  password BYTEA NOT NULL,
  on_failure TEXT NOT NULL CHECK (on_failure IN ('hold', 'platform')),
  version TEXT NOT NULL,
  changed_at DOUBLE PRECISION NOT NULL,
  refused_at DOUBLE PRECISION,
  refused_reply TEXT NOT NULL DEFAULT '',
  failing_since DOUBLE PRECISION,
  told_at DOUBLE PRECISION
);
-- Why a delivery is held: 'own_server', or empty where a person did it or it waits for the owner of its sender address.
ALTER TABLE delivery ADD COLUMN held_for TEXT NOT NULL DEFAULT '';
ALTER TABLE login ADD COLUMN own_server BOOLEAN NOT NULL DEFAULT TRUE;
