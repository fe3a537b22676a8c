-- The store's first shape.  Times are integer UTC microseconds, ids 63 bits made by the caller.

CREATE TABLE contacts (
    id          INTEGER PRIMARY KEY,
    language    TEXT,
    name        TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL
) STRICT;

-- How a person is known.  A value leads to one contact.
CREATE TABLE identities (
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL CHECK (value <> ''),
    contact_id  INTEGER NOT NULL REFERENCES contacts (id),
    first_seen  INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_of_contact ON identities (contact_id);

-- State per (contact, topic), derived from consent_events; topic '*' is everything.
CREATE TABLE consents (
    topic       TEXT NOT NULL,
    contact_id  INTEGER NOT NULL REFERENCES contacts (id),
    state       TEXT NOT NULL,
    event       INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    PRIMARY KEY (topic, contact_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_of_contact ON consents (contact_id);

-- Append-only, chained: hash = SHA-256 over the previous hash and this row.
CREATE TABLE consent_events (
    number      INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    contact_id  INTEGER NOT NULL,
    topic       TEXT NOT NULL,
    name        TEXT NOT NULL,
    source      TEXT NOT NULL,
    commitment  BLOB NOT NULL,
    previous    BLOB NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
CREATE INDEX consent_events_of_contact ON consent_events (contact_id, number);

-- What may have to be erased; the chain holds SHA-256(salt || evidence) only.
CREATE TABLE consent_evidence (
    number      INTEGER PRIMARY KEY,
    salt        BLOB NOT NULL,
    evidence    TEXT NOT NULL
) STRICT;

-- One question per open request.
CREATE TABLE questions (
    event       INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
    id          INTEGER PRIMARY KEY,
    number      INTEGER NOT NULL UNIQUE,
    input       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    topic       TEXT,
    sender      TEXT NOT NULL,
    contact_id  INTEGER,
    priority    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    paused      INTEGER NOT NULL DEFAULT 0,
    code        TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    until       INTEGER,
    chain       TEXT NOT NULL DEFAULT '',
    original    BLOB NOT NULL, -- as it was accepted, with approvals: what is judged again
    body        BLOB NOT NULL, -- as it was judged: what is sent
    accepted_at INTEGER NOT NULL,
    expires_at  INTEGER,
    started_at  INTEGER,
    reached     INTEGER NOT NULL DEFAULT 0,
    fan_after   INTEGER NOT NULL DEFAULT 0,
    sweep       TEXT,
    sweep_after INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_by_state ON messages (state, id);
CREATE INDEX messages_to_sweep ON messages (id) WHERE sweep IS NOT NULL;
CREATE INDEX messages_expiring ON messages (expires_at)
    WHERE expires_at IS NOT NULL AND state = 'started';

-- Hashes of (input, external id).  Outlives every purge of messages.
CREATE TABLE external_ids (
    hash        BLOB PRIMARY KEY,
    message_id  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    message_id  INTEGER NOT NULL REFERENCES messages (id),
    contact_id  INTEGER NOT NULL,
    sender      TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    node        TEXT,
    code        TEXT NOT NULL DEFAULT '',
    reason      TEXT NOT NULL DEFAULT '',
    basis       TEXT NOT NULL DEFAULT '',
    basis_event INTEGER,
    changed_at  INTEGER NOT NULL,
    UNIQUE (message_id, contact_id)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (sender, priority, due_at, id) WHERE state = 0;
CREATE INDEX deliveries_open ON deliveries (contact_id, sender, state) WHERE state < 5;
CREATE INDEX deliveries_taken ON deliveries (state) WHERE state IN (1, 2);
CREATE INDEX deliveries_waiting ON deliveries (state, code, id) WHERE state IN (3, 5);

-- One contact has one delivery in the air, on all nodes: the key says so.
CREATE TABLE in_flight (
    sender      TEXT NOT NULL,
    contact_id  INTEGER NOT NULL,
    delivery_id INTEGER NOT NULL,
    node        TEXT NOT NULL,
    PRIMARY KEY (sender, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    delivery_id INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    form        TEXT NOT NULL,
    content     BLOB NOT NULL,
    began_at    INTEGER NOT NULL,
    first_byte  INTEGER,
    settled_at  INTEGER,
    sent_at     INTEGER,
    delivered_at INTEGER,
    read_at     INTEGER,
    failed_at   INTEGER,
    provider_id TEXT,
    code        TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '',
    notes       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_provider_id ON attempts (provider_id) WHERE provider_id IS NOT NULL;

-- Every content that was ever put on the wire, by SHA-256.
CREATE TABLE contents (
    hash        BLOB PRIMARY KEY,
    body        BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What counts against quotas and slow rates, so that they survive a restart.
CREATE TABLE quota_uses (
    key         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    delivery_id INTEGER NOT NULL,
    subject     TEXT NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (key, at, delivery_id, subject, until)
) STRICT, WITHOUT ROWID;
CREATE INDEX quota_uses_over ON quota_uses (until);

CREATE TABLE windows (
    sender      TEXT NOT NULL,
    contact_id  INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (sender, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbound (
    id          INTEGER PRIMARY KEY,
    sender      TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    contact_id  INTEGER,
    kind        TEXT NOT NULL,
    words       TEXT NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    raw         BLOB NOT NULL,
    UNIQUE (sender, provider_id)
) STRICT;
CREATE INDEX inbound_of_contact ON inbound (contact_id, id);

CREATE TABLE account_events (
    id          INTEGER PRIMARY KEY,
    sender      TEXT NOT NULL,
    name        TEXT NOT NULL,
    understood  INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    raw         BLOB NOT NULL
) STRICT;

CREATE TABLE journal (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    name        TEXT NOT NULL,
    message_id  INTEGER,
    delivery_id INTEGER,
    contact_id  INTEGER,
    sender      TEXT,
    code        TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX journal_of_message ON journal (message_id, id) WHERE delivery_id IS NULL;
CREATE INDEX journal_of_delivery ON journal (delivery_id, id) WHERE delivery_id IS NOT NULL;
CREATE INDEX journal_of_contact ON journal (contact_id, id) WHERE delivery_id IS NULL;

CREATE TABLE positions (
    observer    TEXT PRIMARY KEY,
    position    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    observer    TEXT NOT NULL,
    event       INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (observer, event)
) STRICT, WITHOUT ROWID;

-- What a plugin keeps for itself.
CREATE TABLE plugin_state (
    plugin      TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       BLOB NOT NULL,
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

-- Stops that a person or the daemon set: scope 'all' or 'sender:NAME'.
CREATE TABLE stops (
    scope       TEXT PRIMARY KEY,
    reason      TEXT NOT NULL,
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Depths are kept, never counted.
CREATE TABLE depths (
    message_id  INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (message_id, state)
) STRICT, WITHOUT ROWID;
