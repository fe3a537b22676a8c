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
ALTER TABLE attempts ADD COLUMN action TEXT NOT NULL DEFAULT ''; -- what follows from its failure
ALTER TABLE attempts ADD COLUMN retry_at INTEGER; -- when it may be repeated after its failure

-- What the policy for unknown outcomes looks for, and what failed for good.
CREATE INDEX deliveries_unknown ON deliveries (priority, changed_at, id) WHERE state = 5;
CREATE INDEX deliveries_failed ON deliveries (changed_at, id) WHERE state = 10;

-- What went out twice, which nobody should find here.
CREATE INDEX journal_twice ON journal (id) WHERE name = 'delivery.twice';

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
CREATE INDEX delivered_before_by_time ON delivered_before (at);

-- Times and positions that outlive a restart: the last sign of life, the end of the replay file.
CREATE TABLE marks (
    name        TEXT PRIMARY KEY,
    value       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages to many, by how far they are: few rows, looked at every few seconds (watching.py).
CREATE INDEX messages_to_many ON messages (state, id) WHERE contact_id IS NULL;

-- How many withdrew after a message, and what its figures were when a person let it go on.
CREATE TABLE shares (
    message_id  INTEGER PRIMARY KEY,
    withdrew    INTEGER NOT NULL DEFAULT 0,
    before_sent INTEGER NOT NULL DEFAULT 0,
    before_failed INTEGER NOT NULL DEFAULT 0,
    before_withdrew INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Messages that wait for what paused them, by cause: few, or none (causing.py).
CREATE INDEX messages_waiting ON messages (pause_code, sender, id) WHERE paused = 1;

-- Windows that are open, and those that were over long ago (retention.py).
CREATE INDEX windows_by_end ON windows (until);

-- What changed today (reports.py).
CREATE INDEX consent_events_by_time ON consent_events (recorded_at, name, contact_id);
