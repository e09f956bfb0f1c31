-- Whose a delivery is, so that leases go round the tenants ('' is mail of our own), and the destination that it waits
-- for: one that is down, or to which more is due than fits in line. waits_from is the number of that destination's
-- failures when it began to wait, shared counts those since. A queued delivery waits only for a destination that is in
-- the table of them.
ALTER TABLE delivery ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN waits_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
UPDATE delivery SET tenant_id = COALESCE((SELECT m.tenant_id FROM message m WHERE m.id = delivery.message_id), '')
WHERE state IN ('queued', 'held');

-- failures = 0: it is up, and what waits for it goes out. probed_until: somebody tries it at this moment.
CREATE TABLE destination (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  since DOUBLE PRECISION NOT NULL,
  next_at DOUBLE PRECISION NOT NULL,
  tried_at DOUBLE PRECISION NOT NULL,
  reply TEXT NOT NULL,
  probed_by TEXT,
  probed_until DOUBLE PRECISION NOT NULL DEFAULT 0
);

-- What can be leased, by whom it waits for and whose it is, then by the time from which it can: a lease steps from
-- tenant to tenant and costs nothing for rows that it does not take.
DROP INDEX delivery_ready;
CREATE INDEX delivery_ready ON delivery (waits_for, tenant_id, COALESCE(leased_until, due_at)) WHERE state = 'queued';
