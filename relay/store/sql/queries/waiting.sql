-- What a message waits for. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: waited_for
SELECT d.id, w.name, w.failures, w.since, w.next_at, w.tried_at, w.reply
FROM delivery d JOIN destination w ON w.name = d.waits_for
WHERE d.message_id = :message_id AND d.state = 'queued';
