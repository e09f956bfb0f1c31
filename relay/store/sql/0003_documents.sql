-- What tenants choose about documents: whom a type reaches, how it is recognised, which types a recipient gets, and who
-- gets a copy. Lists of addresses and types are JSON.

CREATE TABLE document_rule (
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  document TEXT NOT NULL,
  to_addresses TEXT NOT NULL,
  cc_addresses TEXT NOT NULL,
  bcc_addresses TEXT NOT NULL,
  internal_only TEXT CHECK (internal_only IN ('off', 'refuse', 'redirect')),
  PRIMARY KEY (tenant_id, document)
);

CREATE TABLE document_pattern (
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  place TEXT NOT NULL CHECK (place IN ('subject', 'attachment')),
  pattern TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (tenant_id, place, pattern)
);

-- documents is NULL where the recipient gets all types.
CREATE TABLE customer_card (
  tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  address_key TEXT NOT NULL,
  address TEXT NOT NULL,
  documents TEXT,
  to_addresses TEXT NOT NULL,
  cc_addresses TEXT NOT NULL,
  PRIMARY KEY (tenant_id, address_key)
);

-- What holds for all documents of a tenant; no row: the defaults.
CREATE TABLE document_choice (
  tenant_id TEXT PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
  unticked TEXT NOT NULL CHECK (unticked IN ('refuse', 'skip')),
  copy_to TEXT NOT NULL
);
