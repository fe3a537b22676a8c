"""The plans of watching.py, replacing.py and retiming.py: what is heard and fails, a sender for
another, a clock that was ahead."""

from __future__ import annotations

DELIVERY = "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"

PLANS: dict[str, list[str]] = {
    "replacing.BODIES": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "replacing.GIVE": [DELIVERY],
    "replacing.NEXT": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"],
    "replacing.OPEN": [
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH p USING PRIMARY KEY (message_id=? AND state<?)",
    ],
    "replacing.PHONE": ["identities_of_contact (contact_id=? AND retired_at=?)"],
    "replacing.RENAME": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "replacing.SENDER": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "replacing.ROWS": ["sqlite_autoindex_deliveries_1 (message_id=? AND contact_id>?)"],
    "retiming.EARLIER": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    "retiming.STEP_END": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.SHARE_GONE": ["SEARCH shares USING INTEGER PRIMARY KEY (rowid=?)"],
    "watching.CODE": [DELIVERY],
    "watching.COUNT": [],
    "watching.GO_ON": ["SEARCH depths USING PRIMARY KEY (message_id=?)"],
    # From the end of the journal, and bounded.
    "watching.NEWEST": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>?)"],
    "watching.NEWEST_FAILED": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>?)"],
    "watching.NO_CAUSE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "watching.PAUSE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "watching.PAUSED": ["SEARCH messages USING INDEX messages_waiting (pause_code>?)"],
    "watching.RECEIVED_LAST": [
        "SEARCH messages USING INDEX messages_to_many (state=?)",
        "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)",
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
    ],
    "watching.SHARES": [
        "SEARCH m USING INDEX messages_to_many (state=?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH p USING PRIMARY KEY (message_id=? AND state>? AND state<?)",
    ],
}
