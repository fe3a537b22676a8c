-- A message's number is never used again, also after the message was purged.

CREATE TABLE counters (
    name        TEXT PRIMARY KEY,
    value       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters SELECT 'message', coalesce(max(number), 0) FROM messages;
