-- What is removed with time. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: bodies_to_purge
-- Messages with a finished delivery whose body is kept, unless another delivery is not finished or only since lately.
SELECT m.id, m.body_size FROM delivery d JOIN message m ON m.id = d.message_id
WHERE d.body_kept AND d.final_at < :final_before
  AND NOT EXISTS (
    SELECT 1 FROM delivery o
    WHERE o.message_id = d.message_id AND (o.final_at IS NULL OR o.final_at >= :final_before))
LIMIT :limit;

-- name: purge_body
DELETE FROM body_chunk WHERE message_id = :message_id;

-- name: mark_body_purged
UPDATE delivery SET body_kept = FALSE WHERE message_id = :message_id;

-- name: messages_to_purge
-- Received before :oldest and finished before :final_before.
SELECT m.id FROM message m
WHERE m.id < :oldest
  AND NOT EXISTS (
    SELECT 1 FROM delivery o WHERE o.message_id = m.id AND (o.final_at IS NULL OR o.final_at >= :final_before))
ORDER BY m.id LIMIT :limit;

-- name: purge_message
DELETE FROM message WHERE id = :message_id;

-- name: purge_orphan_chunks
-- Of bodies begun before :oldest whose message never came.
DELETE FROM body_chunk
WHERE message_id < :oldest AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = body_chunk.message_id);
