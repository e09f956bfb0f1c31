-- REQUIRETLS (RFC 8689) of a message.
ALTER TABLE message ADD COLUMN requires_tls BOOLEAN NOT NULL DEFAULT FALSE;
-- MTA-STS policies (RFC 8461) that were fetched; mx holds the patterns with spaces between them.
CREATE TABLE sts_policy (
  domain TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('enforce', 'testing', 'none')),
  max_age BIGINT NOT NULL,
  mx TEXT NOT NULL,
  fetched_at DOUBLE PRECISION NOT NULL
);
-- What TLS sessions came to, until the report of their day was sent (RFC 8460). policy is JSON; fault is empty for good
-- ones.
CREATE TABLE tls_result (
  domain TEXT NOT NULL,
  day TEXT NOT NULL,
  policy TEXT NOT NULL,
  fault TEXT NOT NULL,
  host TEXT NOT NULL,
  address TEXT NOT NULL,
  sending TEXT NOT NULL,
  reason TEXT NOT NULL,
  sessions BIGINT NOT NULL,
  PRIMARY KEY (domain, day, policy, fault, host, address, sending, reason)
);
