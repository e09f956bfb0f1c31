-- Looking at messages. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: message
SELECT id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
       events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid,
       requires_tls
FROM message WHERE id = :id;

-- name: messages
-- The newest first, older than :before.
SELECT id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
       events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid,
       requires_tls
FROM message m
WHERE id < :before AND id >= :since
  AND (CAST(:words AS TEXT) IS NULL
       OR LOWER(subject) LIKE :words ESCAPE '!'
       OR LOWER(author) LIKE :words ESCAPE '!'
       OR EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id AND LOWER(d.recipient) LIKE :words ESCAPE '!'))
  AND (CAST(:sender AS TEXT) IS NULL OR LOWER(author) LIKE :sender ESCAPE '!')
  AND (CAST(:subject AS TEXT) IS NULL OR LOWER(subject) LIKE :subject ESCAPE '!')
  AND (CAST(:document AS TEXT) IS NULL OR LOWER(document) LIKE :document ESCAPE '!')
  AND (CAST(:recipient AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM delivery d WHERE d.message_id = m.id AND LOWER(d.recipient) LIKE :recipient ESCAPE '!'))
  AND (CAST(:tenant AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tenant t WHERE t.id = m.tenant_id AND (t.id = :tenant_id OR LOWER(t.name) LIKE :tenant ESCAPE '!')))
ORDER BY id DESC LIMIT :limit;

-- name: chunk
SELECT data FROM body_chunk WHERE message_id = :message_id AND number = :number;

-- name: delivery
SELECT id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by,
       notify, orcpt
FROM delivery WHERE id = :id;

-- name: deliveries
SELECT id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by,
       notify, orcpt
FROM delivery WHERE message_id = :message_id ORDER BY id;

-- name: attempts
SELECT number, started_at, took_for, outcome, text, code, enhanced, remote, tls
FROM attempt WHERE delivery_id = :delivery_id ORDER BY number;
