-- Answers that come to the platform's address. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: messages_without_key
-- Handed in by apps, behind :after, their Message-ID not yet to be found.
SELECT m.id, m.header FROM message m
WHERE m.id > :after AND m.kind = 'submission'
  AND NOT EXISTS (SELECT 1 FROM sent_message_id s WHERE s.message_id = m.id)
ORDER BY m.id LIMIT :limit;

-- name: add_message_key
-- Not for a message that was erased meanwhile.
INSERT INTO sent_message_id (message_id, key)
SELECT m.id, :key FROM message m WHERE m.id = :message_id
ON CONFLICT DO NOTHING;

-- name: messages_by_key
-- The oldest first: whoever used a Message-ID first is the one it belongs to.
SELECT message_id FROM sent_message_id WHERE key = :key ORDER BY message_id LIMIT :limit;

-- name: add_answer
INSERT INTO answer (id, kind, outcome, writer_key, about) VALUES (:id, :kind, :outcome, :writer_key, :about);

-- name: was_hinted
SELECT 1 FROM answer WHERE writer_key = :writer_key AND id >= :since AND outcome = 'hinted' LIMIT 1;

-- name: answers_since
SELECT COUNT(*) FROM answer WHERE id >= :since AND outcome = :outcome;

-- name: answers
SELECT kind, COUNT(*) FROM answer WHERE about = :message_id GROUP BY kind ORDER BY kind;

-- name: purge_answers
-- Nor what is about a message: that goes with it.
DELETE FROM answer WHERE id < :oldest AND about IS NULL;
