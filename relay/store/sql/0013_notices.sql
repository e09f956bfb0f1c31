-- What the author of a message has not been told yet: written with the result of the attempt, removed with the mail that
-- tells it. event: FAILURE and SUCCESS wait for the other recipients, until tell_at at most; RECOVERED waits for nothing.
CREATE TABLE untold (
  message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
  event TEXT NOT NULL CHECK (event IN ('FAILURE', 'SUCCESS', 'RECOVERED')),
  tell_at DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (message_id, delivery_id, event)
);
CREATE INDEX untold_due ON untold (tell_at);
CREATE INDEX untold_end ON untold (message_id) WHERE event IN ('FAILURE', 'SUCCESS');
CREATE INDEX untold_delivery ON untold (delivery_id);

-- Messages whose author knows that they are late: once is enough, and that they arrived after all is worth a mail.
CREATE TABLE told_late (
  message_id TEXT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  told_at DOUBLE PRECISION NOT NULL
);

-- What was said in an attempt, as relay.mail.conversation packs it.
CREATE TABLE conversation (
  delivery_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  lines BYTEA NOT NULL,
  PRIMARY KEY (delivery_id, number),
  FOREIGN KEY (delivery_id, number) REFERENCES attempt (delivery_id, number) ON DELETE CASCADE
);
