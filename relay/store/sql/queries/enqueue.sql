-- A message comes in. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_message
INSERT INTO message
  (id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
   events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid, requires_tls)
VALUES
  (:id, :kind, :tenant_id, :login, :author, :subject, :document, :original_header, :header, :body_size, :body_sha256,
   :changes, :events, :route, :reverse_path, :smtputf8, :eightbit, :received_at, :peer, :ret, :envid,
   :requires_tls);

-- name: add_chunk
INSERT INTO body_chunk (message_id, number, data) VALUES (:message_id, :number, :data);

-- name: add_delivery
INSERT INTO delivery
  (id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by, notify,
   orcpt, tenant_id, waits_for, waits_from)
VALUES
  (:id, :message_id, :recipient, :domain, :state, :attempt, :created_at, :due_at, :last_reply, :leased_until,
   :leased_by, :notify, :orcpt, :tenant_id, :waits_for,
   COALESCE((SELECT failures FROM destination WHERE name = :waits_for), 0));
