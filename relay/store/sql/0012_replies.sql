-- The Message-ID of what was sent, by a number, so that an answer finds its message. A row is written some time after
-- its message, by the process that receives answers: handing in mail costs nothing more.
CREATE TABLE sent_message_id (
  message_id TEXT PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
  key BIGINT NOT NULL
);
CREATE INDEX sent_message_id_key ON sent_message_id (key);

-- What came to the platform's address, and what was done with it. The identifier sorts by time.
CREATE TABLE answer (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('forwarded', 'counted', 'hinted', 'kept')),
  writer_key TEXT NOT NULL,
  about TEXT REFERENCES message (id) ON DELETE CASCADE
);
CREATE INDEX answer_about ON answer (about) WHERE about IS NOT NULL;
CREATE INDEX answer_writer ON answer (writer_key, id);
