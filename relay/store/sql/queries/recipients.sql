-- What is known of recipients. Parameters are :name; SQLite and PostgreSQL read the same text.

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
