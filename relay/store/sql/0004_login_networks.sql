-- The networks that a login may be used from, as JSON; an empty list: from anywhere.
ALTER TABLE login ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
