-- The first schema. The types are those that SQLite and PostgreSQL both read: BYTEA holds octets, DOUBLE PRECISION
-- seconds since 1970. Identifiers are the sixteen characters of relay.mail.ids and sort by time.

CREATE TABLE tenant (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  locale TEXT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE login (
  username TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  secret_sha256 BYTEA NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  revoked_at DOUBLE PRECISION
);
CREATE INDEX login_tenant ON login (tenant_id);

-- address_key is what addresses are compared on, address what was typed first.
CREATE TABLE sender (
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  address TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'verified', 'blocked', 'revoked')),
  created_at DOUBLE PRECISION NOT NULL,
  decided_at DOUBLE PRECISION,
  PRIMARY KEY (tenant_id, address_key)
);

CREATE TABLE sender_domain (
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  domain TEXT NOT NULL,
  verified_at DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (tenant_id, domain)
);

CREATE TABLE confirmation (
  token_sha256 BYTEA PRIMARY KEY,
  withdraw_sha256 BYTEA NOT NULL UNIQUE,
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  expires_at DOUBLE PRECISION NOT NULL,
  used_at DOUBLE PRECISION
);
CREATE INDEX confirmation_address ON confirmation (address_key, created_at);
CREATE INDEX confirmation_tenant ON confirmation (tenant_id, created_at);

CREATE TABLE message (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant_id TEXT REFERENCES tenant (id) ON DELETE CASCADE,
  login TEXT NOT NULL,
  author TEXT NOT NULL,
  subject TEXT NOT NULL,
  document TEXT NOT NULL,
  original_header BYTEA NOT NULL,
  header BYTEA NOT NULL,
  body_size BIGINT NOT NULL,
  body_sha256 BYTEA NOT NULL,
  changes TEXT NOT NULL,
  events TEXT NOT NULL,
  route TEXT NOT NULL,
  reverse_path TEXT NOT NULL,
  smtputf8 BOOLEAN NOT NULL,
  eightbit BOOLEAN NOT NULL,
  received_at DOUBLE PRECISION NOT NULL,
  peer TEXT NOT NULL
);
CREATE INDEX message_tenant ON message (tenant_id);

-- No reference to message: the chunks of a large body are written before the row that makes them count.
CREATE TABLE body_chunk (
  message_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (message_id, number)
);

CREATE TABLE delivery (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  recipient TEXT NOT NULL,
  domain TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'delivered', 'failed', 'cancelled')),
  attempt INTEGER NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  due_at DOUBLE PRECISION NOT NULL,
  last_reply TEXT NOT NULL,
  leased_until DOUBLE PRECISION,
  leased_by TEXT,
  final_at DOUBLE PRECISION,
  body_kept BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX delivery_message ON delivery (message_id);
-- What can be leased, by the time from which it can: the cost of a lease does not depend on the rows behind it. The
-- domain is there so that those which must wait are skipped without looking at their rows.
CREATE INDEX delivery_ready ON delivery (COALESCE(leased_until, due_at), domain) WHERE state = 'queued';
CREATE INDEX delivery_held ON delivery (id) WHERE state = 'held';
CREATE INDEX delivery_leased ON delivery (leased_by) WHERE leased_by IS NOT NULL;
-- Finished, but the body is still there: what housekeeping looks through.
CREATE INDEX delivery_body ON delivery (final_at) WHERE body_kept AND final_at IS NOT NULL;

-- Messages that are held until the owner of their sender address has confirmed it.
CREATE TABLE awaiting (
  message_id TEXT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  lapses_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX awaiting_sender ON awaiting (tenant_id, address_key);
CREATE INDEX awaiting_lapse ON awaiting (lapses_at);

-- Append-only: what each attempt came to.
CREATE TABLE attempt (
  delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  started_at DOUBLE PRECISION NOT NULL,
  took_for DOUBLE PRECISION NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'deferred', 'failed')),
  code INTEGER NOT NULL,
  enhanced TEXT NOT NULL,
  text TEXT NOT NULL,
  remote TEXT NOT NULL,
  tls TEXT NOT NULL,
  PRIMARY KEY (delivery_id, number)
);

-- Secrets that belong to this installation, such as the key of the VERP addresses.
CREATE TABLE installation (
  key TEXT PRIMARY KEY,
  value BYTEA NOT NULL
);
