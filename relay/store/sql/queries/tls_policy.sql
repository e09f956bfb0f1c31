-- MTA-STS policies, and results of TLS for reports. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: put_sts_policy
INSERT INTO sts_policy (domain, id, mode, max_age, mx, fetched_at)
VALUES (:domain, :id, :mode, :max_age, :mx, :fetched_at)
ON CONFLICT (domain) DO UPDATE SET
  id = excluded.id, mode = excluded.mode, max_age = excluded.max_age, mx = excluded.mx, fetched_at = excluded.fetched_at;

-- name: sts_policy
SELECT id, mode, max_age, mx, fetched_at FROM sts_policy WHERE domain = :domain;

-- name: purge_sts_policies
DELETE FROM sts_policy WHERE fetched_at + max_age < :now;

-- name: add_tls_result
INSERT INTO tls_result (domain, day, policy, fault, host, address, sending, reason, sessions)
VALUES (:domain, :day, :policy, :fault, :host, :address, :sending, :reason, :sessions)
ON CONFLICT (domain, day, policy, fault, host, address, sending, reason) DO UPDATE SET
  sessions = tls_result.sessions + excluded.sessions;

-- name: tls_days
-- Domains and days before :today with results, after a place in their order.
SELECT DISTINCT domain, day FROM tls_result
WHERE day < :today AND (domain > :domain OR (domain = :domain AND day > :day))
ORDER BY domain, day LIMIT :limit;

-- name: tls_results
SELECT day, domain, policy, fault, host, address, sending, reason, sessions FROM tls_result
WHERE domain = :domain AND day = :day;

-- name: drop_tls_results
DELETE FROM tls_result WHERE domain = :domain AND day = :day;
