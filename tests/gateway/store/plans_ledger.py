"""The plans of the ledger and of proofs: see test_query_plans.py."""

PLANS: dict[str, list[str]] = {
    "ledgering.ENTRIES": [
        "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "ledgering.ENTRIES_OF": [
        "SEARCH e USING INDEX consent_events_of_contact (contact_id=?)",
        "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "ledgering.HASHES": ["SEARCH consent_events USING INTEGER PRIMARY KEY (rowid<?)"],
    "ledgering.HEADS": [],
    "ledgering.ROWS": ["SEARCH consent_events USING INTEGER PRIMARY KEY (rowid>?)"],
    "proving.ATTEMPTS": [
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
        "SEARCH c USING PRIMARY KEY (hash=?)",
    ],
    "proving.CHANGES": ["SEARCH journal USING INDEX journal_of_contact (contact_id=?)"],
    "proving.INBOUND": ["SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)"],
    # All messages, which are few beside their deliveries; the daemon does not do that.
    "proving.SENT": [
        "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)"
    ],
}
