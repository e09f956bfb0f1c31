-- What clients ask to be told (RFC 3461), as they wrote it; empty where they said nothing.
ALTER TABLE message ADD COLUMN ret TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN envid TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN notify TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';
