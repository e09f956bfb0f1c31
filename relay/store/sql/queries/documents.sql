-- What tenants choose about documents. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: tenant_choices
-- What a tenant chose, whether there is more to ask for, and whether its own server sends what this login hands in.
SELECT
  (SELECT unticked FROM document_choice WHERE tenant_id = :tenant_id),
  (SELECT copy_to FROM document_choice WHERE tenant_id = :tenant_id),
  EXISTS (SELECT 1 FROM document_rule WHERE tenant_id = :tenant_id),
  EXISTS (SELECT 1 FROM document_pattern WHERE tenant_id = :tenant_id),
  EXISTS (SELECT 1 FROM customer_card WHERE tenant_id = :tenant_id),
  EXISTS (SELECT 1 FROM own_server WHERE tenant_id = :tenant_id)
    AND NOT EXISTS (SELECT 1 FROM login WHERE username = :login AND NOT own_server);

-- name: document_rules
SELECT document, to_addresses, cc_addresses, bcc_addresses, internal_only FROM document_rule
WHERE tenant_id = :tenant_id ORDER BY document;

-- name: put_document_rule
INSERT INTO document_rule (tenant_id, document, to_addresses, cc_addresses, bcc_addresses, internal_only)
VALUES (:tenant_id, :document, :to_addresses, :cc_addresses, :bcc_addresses, :internal_only)
ON CONFLICT (tenant_id, document) DO UPDATE SET
  to_addresses = excluded.to_addresses, cc_addresses = excluded.cc_addresses,
  bcc_addresses = excluded.bcc_addresses, internal_only = excluded.internal_only;

-- name: drop_document_rule
DELETE FROM document_rule WHERE tenant_id = :tenant_id AND document = :document;

-- name: document_patterns
SELECT place, pattern, document FROM document_pattern WHERE tenant_id = :tenant_id ORDER BY created_at, place, pattern;

-- name: put_document_pattern
INSERT INTO document_pattern (tenant_id, place, pattern, document, created_at)
VALUES (:tenant_id, :place, :pattern, :document, :now)
ON CONFLICT (tenant_id, place, pattern) DO UPDATE SET document = excluded.document;

-- name: drop_document_pattern
DELETE FROM document_pattern WHERE tenant_id = :tenant_id AND place = :place AND pattern = :pattern;

-- name: customer_card
SELECT address, documents, to_addresses, cc_addresses FROM customer_card
WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: customer_cards
SELECT address, documents, to_addresses, cc_addresses FROM customer_card
WHERE tenant_id = :tenant_id ORDER BY address_key;

-- name: put_customer_card
INSERT INTO customer_card (tenant_id, address_key, address, documents, to_addresses, cc_addresses)
VALUES (:tenant_id, :address_key, :address, :documents, :to_addresses, :cc_addresses)
ON CONFLICT (tenant_id, address_key) DO UPDATE SET
  documents = excluded.documents, to_addresses = excluded.to_addresses, cc_addresses = excluded.cc_addresses;

-- name: drop_customer_card
DELETE FROM customer_card WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: put_document_choice
INSERT INTO document_choice (tenant_id, unticked, copy_to) VALUES (:tenant_id, :unticked, :copy_to)
ON CONFLICT (tenant_id) DO UPDATE SET unticked = excluded.unticked, copy_to = excluded.copy_to;
