-- Who is told by HTTP what becomes of mail: of one tenant, or of all (tenant_id is NULL). events is a list with a space
-- around each; secret is encrypted. After a failure nothing is sent before retry_at; failing_since is the first of a row.
CREATE TABLE webhook (
  id TEXT PRIMARY KEY,
  tenant_id TEXT REFERENCES tenant (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret BYTEA NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since DOUBLE PRECISION,
  retry_at DOUBLE PRECISION NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  last_success_at DOUBLE PRECISION,
  paused_at DOUBLE PRECISION
);

-- What waits to be told: written in the transaction in which it happens, removed once it was taken. id is the same
-- whenever it is sent again. number is that of the attempt, 0 where there was none.
CREATE TABLE webhook_event (
  webhook_id TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  delivery_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  happened_at DOUBLE PRECISION NOT NULL,
  leased_until DOUBLE PRECISION NOT NULL DEFAULT 0,
  PRIMARY KEY (webhook_id, id)
);
CREATE INDEX webhook_event_order ON webhook_event (webhook_id, happened_at);
CREATE INDEX webhook_event_message ON webhook_event (message_id);
