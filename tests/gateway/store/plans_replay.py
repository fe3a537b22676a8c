"""The plans of what is kept for after a restore: see test_query_plans.py."""

MARK = "SEARCH marks USING PRIMARY KEY (name=?)"
BEFORE = "PRIMARY KEY (message=? AND contact=?)"

PLANS: dict[str, list[str]] = {
    "connection.REPLAYED": [],
    "ledgering.ERASED_SINCE": ["SEARCH suppressed USING PRIMARY KEY (hash=?)"],
    "mark_verbs.FORGET_BEFORE": [BEFORE, "delivered_before_by_time (at<?)"],
    "mark_verbs.UNMARK": [MARK],
    "remembering.MESSAGE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "remembering.SENT_BEFORE": ["SEARCH delivered_before USING PRIMARY KEY"],
    "replaying.ANY_BEFORE": ["SCAN delivered_before"],  # its first row
    "replaying.ATTEMPTED": ["SEARCH attempts USING PRIMARY KEY (delivery_id=? AND n=?)"],
    "replaying.COUNT": [],
    "replaying.DELIVERY": [
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "replaying.MARK": [],
    "replaying.MARKS": ["SCAN marks"],  # some ten rows
    "replaying.OVER": ["marks"],
    "replaying.REASON": ["SEARCH stops USING PRIMARY KEY (scope=? AND code=?)"],
    "replaying.SENT_BEFORE": [],
    "replaying.TRIED": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
}
