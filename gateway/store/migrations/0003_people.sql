-- People: what they do first, how they withdraw, what is kept as proof, and what they ask.

ALTER TABLE contacts ADD COLUMN merged_into INTEGER;
ALTER TABLE contacts ADD COLUMN paused_until INTEGER; -- no marketing before, by the person's wish
ALTER TABLE contacts ADD COLUMN per_week INTEGER;     -- at most so many marketing messages
ALTER TABLE contacts ADD COLUMN legal_hold TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN erased_at INTEGER;

-- Not this person's any more: leads here for imports and proofs, nothing is sent to it.
ALTER TABLE identities ADD COLUMN retired_at INTEGER;
-- Whose webhook showed it first; user ids mean something within one portfolio only.
ALTER TABLE identities ADD COLUMN sender TEXT NOT NULL DEFAULT '';
DROP INDEX identities_of_contact;
CREATE INDEX identities_of_contact ON identities (contact_id, retired_at, first_seen);
CREATE INDEX windows_of_contact ON windows (contact_id);
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX messages_to_contact ON messages (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_to_all ON messages (id) WHERE contact_id IS NULL;
-- When it last went out, an hour more or less: after that it may go.
ALTER TABLE contents ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE contents SET used_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER);
CREATE INDEX contents_used ON contents (used_at);
CREATE INDEX attempts_of_text ON attempts (content) WHERE form = 'text';

-- Rows of format 1 were hashed without sender, wording and request: the number of the requested
-- event that an event asks about, answers or ends.
ALTER TABLE consent_events ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
ALTER TABLE consent_events ADD COLUMN sender TEXT NOT NULL DEFAULT '';
ALTER TABLE consent_events ADD COLUMN wording BLOB;
ALTER TABLE consent_events ADD COLUMN request INTEGER;

-- Every wording that was ever shown to somebody who agreed, by SHA-256.
CREATE TABLE wordings (
    hash        BLOB PRIMARY KEY,
    text        TEXT NOT NULL,
    language    TEXT NOT NULL,
    version     TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    first_used  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was agreed on a page or by a link, until the person's own message names the code.
CREATE TABLE sign_ups (
    code        TEXT PRIMARY KEY,
    source      TEXT NOT NULL,
    topics      TEXT NOT NULL,           -- JSON list
    language    TEXT,
    wording     BLOB,
    evidence    TEXT NOT NULL,           -- JSON object; may have to be erased
    reusable    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    expires_at  INTEGER,
    contact_id  INTEGER,
    bound_at    INTEGER,
    uses        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ups_of_contact ON sign_ups (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX sign_ups_expiring ON sign_ups (expires_at) WHERE expires_at IS NOT NULL;

-- What a person of the company has to do: questions, callbacks, requests for data.
CREATE TABLE cases (
    id          INTEGER PRIMARY KEY,
    number      INTEGER NOT NULL UNIQUE,
    hash        BLOB NOT NULL UNIQUE,    -- of (opener, external id): opened once
    kind        TEXT NOT NULL,
    source      TEXT NOT NULL,
    contact_id  INTEGER,
    sender      TEXT,
    inbound_id  INTEGER,
    language    TEXT,
    text        TEXT NOT NULL,
    fields      TEXT NOT NULL,           -- JSON object
    opened_at   INTEGER NOT NULL,
    due_at      INTEGER,
    closed_at   INTEGER,
    closed_by   TEXT NOT NULL DEFAULT '',
    answer      TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX cases_open ON cases (kind, opened_at) WHERE closed_at IS NULL;
CREATE INDEX cases_of_contact ON cases (contact_id, id);
INSERT INTO counters VALUES ('case', 0);

-- Keyed hashes of identities that must not come back by an import.
CREATE TABLE suppressed (
    hash        BLOB PRIMARY KEY,
    since       INTEGER NOT NULL,
    reason      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that sign heads of the chain: each signs itself and names the one before, which vouches.
CREATE TABLE ledger_keys (
    id          TEXT PRIMARY KEY,
    public      BLOB NOT NULL,
    since       INTEGER NOT NULL,
    previous    TEXT,
    own         BLOB NOT NULL,
    vouched     BLOB
) STRICT, WITHOUT ROWID;

-- Signed heads, as they were also logged, mailed and time-stamped.
CREATE TABLE ledger_heads (
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    statement   TEXT NOT NULL,
    signature   BLOB NOT NULL,
    peaks       BLOB NOT NULL,           -- the tree's frontier, so that the next head goes on
    mailed_at   INTEGER,
    stamped_at  INTEGER,
    stamp       BLOB,                    -- answer of the time-stamping service
    PRIMARY KEY (number, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_heads_by_time ON ledger_heads (at);

-- Who looked at, or took out, personal data by command.
CREATE TABLE lookups (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    who         TEXT NOT NULL,
    what        TEXT NOT NULL,
    contact_id  INTEGER
) STRICT;
CREATE INDEX lookups_of_contact ON lookups (contact_id, id);

-- Scans and screenshots that prove consents of an import; the files lie beside the database.
CREATE TABLE proof_files (
    hash        BLOB NOT NULL,
    contact_id  INTEGER NOT NULL,
    name        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (hash, contact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX proof_files_of_contact ON proof_files (contact_id);

-- Messages that the company wrote beside the gateway, such as in the phone app.
CREATE TABLE echoes (
    sender      TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    contact_id  INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (sender, provider_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX echoes_of_contact ON echoes (contact_id, at);

ALTER TABLE journal ADD COLUMN inbound_id INTEGER;
ALTER TABLE journal ADD COLUMN case_id INTEGER;
ALTER TABLE journal ADD COLUMN consent_event INTEGER;
CREATE INDEX consents_requested ON consents (since) WHERE state = 'requested';

-- The number of the asked event, once the provider took the question.
ALTER TABLE questions ADD COLUMN asked INTEGER;
CREATE INDEX questions_of_delivery ON questions (delivery_id);

ALTER TABLE inbound ADD COLUMN caption TEXT NOT NULL DEFAULT '';
ALTER TABLE inbound ADD COLUMN button INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbound ADD COLUMN quoted TEXT;
ALTER TABLE inbound ADD COLUMN act TEXT NOT NULL DEFAULT '';

-- What retention looks for.
CREATE INDEX contacts_held ON contacts (id) WHERE legal_hold <> '';
CREATE INDEX inbound_raw ON inbound (id) WHERE raw <> x'';
CREATE INDEX account_events_raw ON account_events (id) WHERE raw <> x'';
CREATE INDEX echoes_by_time ON echoes (at);
CREATE INDEX cases_closed ON cases (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX sign_ups_by_time ON sign_ups (at) WHERE reusable = 0;
CREATE INDEX consents_unconfirmed ON consents (since) WHERE state IN ('requested', 'expired');

-- Events that an observer is given again, because a person wants it: after one, until another.
CREATE TABLE replays (
    observer    TEXT NOT NULL,
    position    INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (observer, position, until)
) STRICT, WITHOUT ROWID;
