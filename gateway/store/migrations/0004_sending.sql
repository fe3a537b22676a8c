-- Never lost, never twice, never too fast: what delivery remembers beyond one attempt.

-- Several causes may stop one scope; each is lifted by itself.  Scopes: all, sender:NAME,
-- marketing, marketing:NAME (stopping.py).
CREATE TABLE stops_by_cause (
    scope       TEXT NOT NULL,
    code        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    since       INTEGER NOT NULL,
    PRIMARY KEY (scope, code)
) STRICT, WITHOUT ROWID;
INSERT INTO stops_by_cause SELECT scope, 'person', reason, since FROM stops;
DROP TABLE stops;
ALTER TABLE stops_by_cause RENAME TO stops;

ALTER TABLE messages ADD COLUMN pause_code TEXT NOT NULL DEFAULT ''; -- why it is paused; '': by a person
ALTER TABLE messages ADD COLUMN pause_reason TEXT NOT NULL DEFAULT '';

ALTER TABLE attempts ADD COLUMN superseded_at INTEGER; -- unknown, and given up so that another may go
ALTER TABLE attempts ADD COLUMN category TEXT NOT NULL DEFAULT ''; -- what the provider counts it as
ALTER TABLE attempts ADD COLUMN billable INTEGER; -- 1 or 0 once a status said so

-- What a provider said about a person that concerns later messages too.
CREATE TABLE troubles (
    contact_id  INTEGER NOT NULL,
    sender      TEXT NOT NULL,
    code        TEXT NOT NULL,
    n           INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    until       INTEGER, -- no marketing before
    PRIMARY KEY (contact_id, sender, code)
) STRICT, WITHOUT ROWID;

-- What a provider said about a sender: tier, per_second, quality, …
CREATE TABLE sender_facts (
    sender      TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (sender, name)
) STRICT, WITHOUT ROWID;

-- Pairs that went out after the backup that this database was restored from (replaying.py).
CREATE TABLE delivered_before (
    message     BLOB NOT NULL,
    contact     BLOB NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (message, contact)
) STRICT, WITHOUT ROWID;

-- Times and positions that outlive a restart: the last sign of life, the end of the replay file.
CREATE TABLE marks (
    name        TEXT PRIMARY KEY,
    value       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
