-- Every query of the store, named. Parameters are :name. SQLite and PostgreSQL read the same text.

-- ---- tenants and logins -----------------------------------------------------------------------

-- name: add_tenant
INSERT INTO tenant (id, name, email, locale, created_at) VALUES (:id, :name, :email, :locale, :created_at);

-- name: tenant
SELECT id, name, email, locale, created_at FROM tenant WHERE id = :id;

-- name: find_tenants
-- By identifier or by name, whatever its case.
SELECT id, name, email, locale, created_at FROM tenant WHERE id = :text OR LOWER(name) = LOWER(:text) ORDER BY id;

-- name: tenants
SELECT id, name, email, locale, created_at FROM tenant ORDER BY id;

-- name: set_tenant
UPDATE tenant SET name = :name, email = :email, locale = :locale WHERE id = :id;

-- name: erase_tenant_chunks
-- Bodies have no foreign key, so they go first.
DELETE FROM body_chunk WHERE message_id IN (SELECT id FROM message WHERE tenant_id = :id);

-- name: erase_tenant
-- Logins, senders, confirmations, messages, deliveries and attempts go with it.
DELETE FROM tenant WHERE id = :id;

-- name: add_login
INSERT INTO login (username, tenant_id, secret_sha256, created_at, revoked_at, networks, own_server)
VALUES (:username, :tenant_id, :secret_sha256, :created_at, :revoked_at, :networks, :own_server);

-- name: login
-- A login in force, with its tenant: what AUTH asks.
SELECT l.username, l.tenant_id, l.secret_sha256, l.created_at, l.revoked_at, l.networks, l.own_server,
       t.id, t.name, t.email, t.locale, t.created_at
FROM login l JOIN tenant t ON t.id = l.tenant_id
WHERE l.username = :username AND l.revoked_at IS NULL;

-- name: logins
SELECT username, tenant_id, secret_sha256, created_at, revoked_at, networks, own_server FROM login
WHERE tenant_id = :tenant_id ORDER BY created_at, username;

-- name: revoke_login
UPDATE login SET revoked_at = :now WHERE username = :username AND revoked_at IS NULL;

-- ---- senders ----------------------------------------------------------------------------------

-- name: put_sender
-- A new row, or the new state of the old one; the spelling first typed stays.
INSERT INTO sender (tenant_id, address_key, address, state, created_at, decided_at)
VALUES (:tenant_id, :address_key, :address, :state, :now, :decided_at)
ON CONFLICT (tenant_id, address_key) DO UPDATE SET state = excluded.state, decided_at = excluded.decided_at;

-- name: sender
SELECT tenant_id, address, state, created_at, decided_at FROM sender
WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: senders
SELECT tenant_id, address, state, created_at, decided_at FROM sender
WHERE (CAST(:tenant_id AS TEXT) IS NULL OR tenant_id = :tenant_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY tenant_id, address_key;

-- name: sender_standing
-- What is known of one address and of its domain, in one row: the state of its own row, and whether the domain counts.
SELECT
  (SELECT state FROM sender WHERE tenant_id = :tenant_id AND address_key = :address_key),
  (SELECT domain FROM sender_domain WHERE tenant_id = :tenant_id AND domain = :domain);

-- name: put_sender_domain
INSERT INTO sender_domain (tenant_id, domain, verified_at) VALUES (:tenant_id, :domain, :now)
ON CONFLICT (tenant_id, domain) DO UPDATE SET verified_at = excluded.verified_at;

-- ---- messages that wait for the owner of their sender address ---------------------------------

-- name: add_awaiting
INSERT INTO awaiting (message_id, tenant_id, address_key, lapses_at)
VALUES (:message_id, :tenant_id, :address_key, :lapses_at);

-- name: release_awaiting
-- The owner said yes.
UPDATE delivery SET state = 'queued', due_at = :now
WHERE state = 'held' AND message_id IN (
  SELECT message_id FROM awaiting WHERE tenant_id = :tenant_id AND address_key = :address_key);

-- name: forget_awaiting
DELETE FROM awaiting WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: lapse_awaiting
-- The owner said no: they lapse now.
UPDATE awaiting SET lapses_at = :now WHERE tenant_id = :tenant_id AND address_key = :address_key;

-- name: lapsed
SELECT message_id FROM awaiting WHERE lapses_at <= :now ORDER BY lapses_at LIMIT :limit;

-- name: cancel_awaiting
UPDATE delivery SET state = 'cancelled', final_at = :now WHERE message_id = :message_id AND state = 'held';

-- name: drop_awaiting
DELETE FROM awaiting WHERE message_id = :message_id;

-- ---- confirmations ----------------------------------------------------------------------------

-- name: add_confirmation
INSERT INTO confirmation
  (token_sha256, withdraw_sha256, tenant_id, address_key, address, created_at, expires_at, used_at)
VALUES
  (:token_sha256, :withdraw_sha256, :tenant_id, :address_key, :address, :created_at, :expires_at, :used_at);

-- name: confirmation
SELECT token_sha256, withdraw_sha256, tenant_id, address, created_at, expires_at, used_at FROM confirmation
WHERE token_sha256 = :token_sha256;

-- name: confirmation_by_withdraw
SELECT token_sha256, withdraw_sha256, tenant_id, address, created_at, expires_at, used_at FROM confirmation
WHERE withdraw_sha256 = :withdraw_sha256;

-- name: use_confirmation
-- Once, and in time.
UPDATE confirmation SET used_at = :now WHERE token_sha256 = :token_sha256 AND used_at IS NULL AND expires_at > :now;

-- name: confirmations_since
-- Over all tenants: the limit protects the owner of the address.
SELECT COUNT(*) FROM confirmation WHERE address_key = :address_key AND created_at >= :since;

-- name: tenant_confirmations_since
SELECT COUNT(*) FROM confirmation WHERE tenant_id = :tenant_id AND created_at >= :since;

-- name: last_confirmation_at
SELECT MAX(created_at) FROM confirmation WHERE address_key = :address_key AND tenant_id = :tenant_id;

-- ---- a message comes in -----------------------------------------------------------------------

-- name: add_message
INSERT INTO message
  (id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
   events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid)
VALUES
  (:id, :kind, :tenant_id, :login, :author, :subject, :document, :original_header, :header, :body_size, :body_sha256,
   :changes, :events, :route, :reverse_path, :smtputf8, :eightbit, :received_at, :peer, :ret, :envid);

-- name: add_chunk
INSERT INTO body_chunk (message_id, number, data) VALUES (:message_id, :number, :data);

-- name: add_delivery
INSERT INTO delivery
  (id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by, notify,
   orcpt)
VALUES
  (:id, :message_id, :recipient, :domain, :state, :attempt, :created_at, :due_at, :last_reply, :leased_until,
   :leased_by, :notify, :orcpt);

-- ---- and goes out -----------------------------------------------------------------------------

-- name: lease_due
-- The longest due first; a lease that has run out counts as due. :skipped are domains with spaces around them, :busy
-- tenants whose own server has enough to do.
-- PostgreSQL adds FOR UPDATE SKIP LOCKED to the inner query.
UPDATE delivery SET leased_by = :node, leased_until = :until, attempt = attempt + 1
WHERE id IN (
  SELECT id FROM delivery
  WHERE state = 'queued' AND COALESCE(leased_until, due_at) <= :now
    AND REPLACE(:skipped, ' ' || domain || ' ', '') = :skipped
    AND (:busy = '' OR NOT EXISTS (
      SELECT 1 FROM message m
      WHERE m.id = delivery.message_id AND m.route = 'own' AND REPLACE(:busy, m.tenant_id, '') <> :busy))
  ORDER BY COALESCE(leased_until, due_at)
  LIMIT :limit
)
RETURNING id, message_id, recipient, domain, state, attempt, created_at, due_at, last_reply, leased_until, leased_by,
  notify, orcpt;

-- name: next_due_at
SELECT MIN(COALESCE(leased_until, due_at)) FROM delivery WHERE state = 'queued';

-- name: settle_delivery
-- Only the result of the present attempt counts, and only once. A deferral, and the end of its time where it is held
-- for an own server, leave alone what people decided meanwhile (held, cancelled); a final outcome is a fact and stands.
UPDATE delivery SET
  state = CASE WHEN :state = 'queued' OR (:state = 'held' AND state <> 'queued') THEN state ELSE :state END,
  held_for = CASE WHEN :state = 'held' AND state = 'queued' THEN 'own_server' ELSE held_for END,
  final_at = CASE WHEN :state IN ('queued', 'held') THEN final_at ELSE :settled_at END,
  due_at = :due_at,
  last_reply = :last_reply,
  leased_until = NULL,
  leased_by = NULL
WHERE id = :id AND attempt = :attempt AND state IN ('queued', 'held', 'cancelled')
  AND NOT EXISTS (SELECT 1 FROM attempt WHERE delivery_id = :id AND number = :attempt);

-- name: add_attempt
INSERT INTO attempt (delivery_id, number, started_at, took_for, outcome, code, enhanced, text, remote, tls)
VALUES (:delivery_id, :number, :started_at, :took_for, :outcome, :code, :enhanced, :text, :remote, :tls);

-- name: release_lease
-- Nothing was tried, so the attempt does not count.
UPDATE delivery SET leased_until = NULL, leased_by = NULL, attempt = attempt - 1
WHERE id = :id AND leased_by = :node;

-- name: release_node
-- Its process is gone; whether it tried is unknown, so the attempt counts.
UPDATE delivery SET leased_until = NULL, leased_by = NULL WHERE leased_by = :node;

-- name: lease_nodes
SELECT DISTINCT leased_by FROM delivery WHERE leased_by IS NOT NULL;

-- ---- what people do with the queue ------------------------------------------------------------

-- name: hold
UPDATE delivery SET state = 'held', held_for = '' WHERE id = :id AND state = 'queued';

-- name: release_held
-- Not what waits for the owner of its sender address: nothing unconfirmed leaves.
UPDATE delivery SET state = 'queued', due_at = :now
WHERE id = :id AND state = 'held' AND NOT EXISTS (SELECT 1 FROM awaiting a WHERE a.message_id = delivery.message_id);

-- name: cancel
UPDATE delivery SET state = 'cancelled', final_at = :now WHERE id = :id AND state IN ('queued', 'held');

-- name: retry
UPDATE delivery SET due_at = :now WHERE id = :id AND state = 'queued';

-- name: queue
-- What waits, the oldest first; each half has its own small index, so that what is finished costs nothing.
WITH waiting AS (
  SELECT id FROM delivery WHERE state = 'queued' UNION ALL SELECT id FROM delivery WHERE state = 'held'
)
SELECT d.id, d.message_id, COALESCE(m.tenant_id, ''), m.author, d.recipient, m.document, m.subject, d.state, d.attempt,
       d.due_at, d.created_at, d.last_reply
FROM waiting w JOIN delivery d ON d.id = w.id JOIN message m ON m.id = d.message_id
WHERE (CAST(:state AS TEXT) IS NULL OR d.state = :state)
  AND (CAST(:tenant_id AS TEXT) IS NULL OR m.tenant_id = :tenant_id)
  AND (CAST(:domain AS TEXT) IS NULL OR d.domain = :domain)
  AND d.created_at <= :created_before
ORDER BY d.id LIMIT :limit;

-- name: finished
-- What has come to an end in one of the final states, the newest first.
SELECT d.id, d.message_id, COALESCE(m.tenant_id, ''), m.author, d.recipient, m.document, m.subject, d.state, d.attempt,
       d.due_at, d.created_at, d.last_reply
FROM delivery d JOIN message m ON m.id = d.message_id
WHERE d.state = :state
  AND (CAST(:tenant_id AS TEXT) IS NULL OR m.tenant_id = :tenant_id)
  AND (CAST(:domain AS TEXT) IS NULL OR d.domain = :domain)
  AND d.created_at <= :created_before
ORDER BY d.id DESC LIMIT :limit;

-- ---- looking at messages ----------------------------------------------------------------------

-- name: message
SELECT id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
       events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid
FROM message WHERE id = :id;

-- name: messages
-- The newest first, older than :before.
SELECT id, kind, tenant_id, login, author, subject, document, original_header, header, body_size, body_sha256, changes,
       events, route, reverse_path, smtputf8, eightbit, received_at, peer, ret, envid
FROM message m
WHERE id < :before
  AND (CAST(:pattern AS TEXT) IS NULL
       OR LOWER(subject) LIKE :pattern ESCAPE '!'
       OR LOWER(author) LIKE :pattern ESCAPE '!'
       OR EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id AND LOWER(d.recipient) LIKE :pattern ESCAPE '!'))
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

-- ---- what is known of recipients --------------------------------------------------------------

-- name: bounced
-- No such mailbox (RFC 3463 3.2; 5.1.10: RFC 7505 4.2), unless it took mail later. Looks at every delivery.
WITH refused AS (
  SELECT d.recipient, MAX(d.final_at) AS final_at
  FROM delivery d JOIN attempt a ON a.delivery_id = d.id AND a.number = d.attempt
  WHERE d.state = 'failed' AND d.final_at >= :since AND a.enhanced IN ('5.1.1', '5.1.3', '5.1.6', '5.1.10')
  GROUP BY d.recipient
)
SELECT r.recipient, r.final_at
FROM refused r LEFT JOIN delivery d ON d.recipient = r.recipient AND d.state = 'delivered' AND d.final_at > r.final_at
WHERE d.id IS NULL;

-- name: delivered_to_domain
SELECT DISTINCT d.recipient FROM message m JOIN delivery d ON d.message_id = m.id
WHERE m.tenant_id = :tenant_id AND d.domain = :domain AND d.state = 'delivered';

-- ---- housekeeping -----------------------------------------------------------------------------

-- name: bodies_to_purge
-- Messages with a finished delivery whose body is kept, unless another delivery is not finished or only since lately.
SELECT m.id, m.body_size FROM delivery d JOIN message m ON m.id = d.message_id
WHERE d.body_kept AND d.final_at < :final_before
  AND NOT EXISTS (
    SELECT 1 FROM delivery o
    WHERE o.message_id = d.message_id AND (o.final_at IS NULL OR o.final_at >= :final_before))
LIMIT :limit;

-- name: purge_body
DELETE FROM body_chunk WHERE message_id = :message_id;

-- name: mark_body_purged
UPDATE delivery SET body_kept = FALSE WHERE message_id = :message_id;

-- name: messages_to_purge
-- Received before :oldest and finished before :final_before.
SELECT m.id FROM message m
WHERE m.id < :oldest
  AND NOT EXISTS (
    SELECT 1 FROM delivery o WHERE o.message_id = m.id AND (o.final_at IS NULL OR o.final_at >= :final_before))
ORDER BY m.id LIMIT :limit;

-- name: purge_message
DELETE FROM message WHERE id = :message_id;

-- name: purge_orphan_chunks
-- Of bodies begun before :oldest whose message never came.
DELETE FROM body_chunk
WHERE message_id < :oldest AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = body_chunk.message_id);

-- ---- the installation -------------------------------------------------------------------------

-- name: add_secret
-- The first value stays.
INSERT INTO installation (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING;

-- name: secret
SELECT value FROM installation WHERE key = :key;

-- ---- own servers ------------------------------------------------------------------------------

-- name: put_own_server
INSERT INTO own_server
  (tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at)
VALUES
  (:tenant_id, :host, :port, :tls, :sign_in_by, :username, :password, :on_failure, :version, :changed_at)
ON CONFLICT (tenant_id) DO UPDATE SET
  host = excluded.host, port = excluded.port, tls = excluded.tls, sign_in_by = excluded.sign_in_by,
  username = excluded.username, password = excluded.password, on_failure = excluded.on_failure,
  version = excluded.version, changed_at = excluded.changed_at,
  refused_at = NULL, refused_reply = '', failing_since = NULL, told_at = NULL;

-- name: drop_own_server
DELETE FROM own_server WHERE tenant_id = :tenant_id;

-- name: own_server
SELECT tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at, refused_at,
       refused_reply, failing_since, told_at
FROM own_server WHERE tenant_id = :tenant_id;

-- name: own_servers
SELECT tenant_id, host, port, tls, sign_in_by, username, password, on_failure, version, changed_at, refused_at,
       refused_reply, failing_since, told_at
FROM own_server ORDER BY tenant_id;

-- name: seal_own_server
UPDATE own_server SET password = :password WHERE tenant_id = :tenant_id AND version = :version;

-- name: refuse_login
UPDATE own_server SET refused_at = :now, refused_reply = :reply
WHERE tenant_id = :tenant_id AND version = :version AND refused_at IS NULL;

-- name: hold_own_mail
-- All that waits for these settings.
UPDATE delivery SET state = 'held', held_for = 'own_server', last_reply = :reply
WHERE state = 'queued'
  AND EXISTS (SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own')
  AND EXISTS (SELECT 1 FROM own_server WHERE tenant_id = :tenant_id AND version = :version);

-- name: own_server_fails
UPDATE own_server SET failing_since = :now
WHERE tenant_id = :tenant_id AND version = :version AND failing_since IS NULL;

-- name: own_server_works
UPDATE own_server SET failing_since = NULL, told_at = NULL
WHERE tenant_id = :tenant_id AND version = :version AND failing_since IS NOT NULL;

-- name: own_server_told
UPDATE own_server SET told_at = :now WHERE tenant_id = :tenant_id AND version = :version AND told_at IS NULL;

-- name: own_server_mended
UPDATE own_server SET
  version = :new, changed_at = :now, refused_at = NULL, refused_reply = '', failing_since = NULL, told_at = NULL
WHERE tenant_id = :tenant_id AND version = :old;

-- name: release_own_mail
UPDATE delivery SET state = 'queued', due_at = :now
WHERE (state = 'queued' OR (state = 'held' AND held_for = 'own_server'))
  AND EXISTS (
    SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own');

-- name: own_mail_due
UPDATE delivery SET due_at = :now
WHERE state = 'queued'
  AND EXISTS (
    SELECT 1 FROM message m WHERE m.id = delivery.message_id AND m.tenant_id = :tenant_id AND m.route = 'own');

-- name: own_mail_waiting
SELECT COUNT(CASE WHEN d.state = 'queued' THEN 1 END), COUNT(CASE WHEN d.state = 'held' THEN 1 END)
FROM delivery d JOIN message m ON m.id = d.message_id
WHERE (d.state = 'queued' OR (d.state = 'held' AND d.held_for = 'own_server'))
  AND m.tenant_id = :tenant_id AND m.route = 'own';

-- name: reroute_message
UPDATE message SET
  route = 'platform', reverse_path = 'verp', header = :header, changes = :changes, events = :events
WHERE id = :message_id AND route = 'own';

-- name: reroute_deliveries
UPDATE delivery SET state = 'queued', due_at = :now
WHERE message_id = :message_id AND (state = 'queued' OR (state = 'held' AND held_for = 'own_server'));

-- ---- documents --------------------------------------------------------------------------------

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
