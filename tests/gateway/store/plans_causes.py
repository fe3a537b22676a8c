"""The plans of what waits for a template, and of closed windows: see test_query_plans.py."""

_MESSAGE = "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"

PLANS: dict[str, list[str]] = {
    "causing.CLOSE": [
        "SEARCH windows USING PRIMARY KEY (sender=? AND contact_id=?)",
        "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "causing.DONE": [_MESSAGE, "SEARCH depths USING PRIMARY KEY (message_id=? AND state<?)"],
    "causing.GOING": ["SEARCH messages USING INDEX messages_by_state (state=? AND id>?)"],
    "causing.MADE_OF": [
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "causing.PAUSE": [_MESSAGE],
    "causing.RESUME": [_MESSAGE],
    "causing.WAITING": [
        "SEARCH messages USING INDEX messages_waiting (pause_code=? AND sender=? AND id>?)"
    ],
    "causing.WHO_WAITS": ["SEARCH messages USING COVERING INDEX messages_waiting (pause_code=?)"],
    "causing.WORSE": [_MESSAGE],
}
