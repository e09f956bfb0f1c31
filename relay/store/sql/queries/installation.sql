-- Secrets of this installation. Parameters are :name; SQLite and PostgreSQL read the same text.

-- name: add_secret
-- The first value stays.
INSERT INTO installation (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING;

-- name: secret
SELECT value FROM installation WHERE key = :key;
