-- Reports that came back, by the delivery to whose reverse-path they came. The report itself is a message of ours.
CREATE TABLE bounce (
  report_id TEXT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
  meaning TEXT NOT NULL CHECK (meaning IN ('failed', 'delayed', 'delivered', 'complaint', 'nothing')),
  came_at DOUBLE PRECISION NOT NULL,
  reply TEXT NOT NULL,
  body_kept BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX bounce_delivery ON bounce (delivery_id);
CREATE INDEX bounce_body ON bounce (came_at) WHERE body_kept;

-- Addresses to which nothing is sent, for one tenant or for all (tenant_id is NULL). until is NULL where it has no end.
CREATE TABLE suppression (
  tenant_id TEXT REFERENCES tenant (id) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  address TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('bounce', 'complaint', 'manual')),
  detail TEXT NOT NULL,
  since DOUBLE PRECISION NOT NULL,
  until DOUBLE PRECISION,
  times INTEGER NOT NULL
);
CREATE UNIQUE INDEX suppression_address ON suppression (address_key, COALESCE(tenant_id, ''));
CREATE INDEX suppression_tenant ON suppression (tenant_id);
