"""The plans of what moves deliveries, counts troubles and looks for outcomes: see
test_query_plans.py."""

_DELIVERY = "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"
_ATTEMPT = "SEARCH attempts USING PRIMARY KEY (delivery_id=? AND n=?)"
_CHOSEN = "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"

PLANS: dict[str, list[str]] = {
    "answered.IN_THE_AIR": ["SEARCH d USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH a USING PRIMARY KEY"],
    "connection.LINES": [],
    "dossier.TROUBLES": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "erasing.FORGET_TROUBLES": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "failing.LAST": [_DELIVERY],
    "failing.TROUBLED": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "moving.ACCEPTED": [_DELIVERY],
    "moving.ANSWERED": [_ATTEMPT],
    "moving.ATTEMPT": [],
    "moving.BEGUN": [_DELIVERY],
    "moving.GONE": [_DELIVERY],
    "moving.LAND": ["SEARCH in_flight USING PRIMARY KEY (sender=? AND contact_id=?)"],
    "moving.LANDED": ["SEARCH in_flight USING PRIMARY KEY (sender=? AND contact_id=?)"],
    "moving.LEASED": [_DELIVERY],
    "moving.LIFT": [_ATTEMPT],
    "moving.MOVE": [_DELIVERY],
    "moving.SAID": [_ATTEMPT],
    "moving.SETTLE": [_ATTEMPT],
    "moving.SUPERSEDED": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "moving.USE": [],
    "outcome_reports.FAILED": [
        "SEARCH d USING INDEX deliveries_failed (changed_at>?)", _CHOSEN,
    ],
    "outcome_reports.UNKNOWN": [
        "SEARCH d USING INDEX deliveries_unknown (priority=? AND changed_at>?)", _CHOSEN,
    ],
    "outcome_reports.SENT_TWICE": [
        "SEARCH j USING INDEX journal_twice (id>?)", "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "outcome_reports.TROUBLES": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "repeating.ABOUT": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "repeating.WITHDREW": [
        "SEARCH consent_events USING INDEX consent_events_of_contact (contact_id=?)"
    ],
    "settling.KIND": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "troubles.BURNT": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "troubles.FORGIVE": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "troubles.KEEP": [],
    "troubles.KNOWN": [
        "SEARCH troubles USING PRIMARY KEY (contact_id=? AND sender=? AND code=?)"
    ],
    "troubles.REACHED": ["SEARCH troubles USING PRIMARY KEY (contact_id=?)"],
    "unknowns.EARLIER": ["SEARCH attempts USING PRIMARY KEY (delivery_id=? AND n<?)"],
    "unknowns.MESSAGE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "unknowns.NEWEST": [
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH a USING PRIMARY KEY (delivery_id=?)",
    ],
    "unknowns.THERE": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
    "unknowns.SINCE": [
        "SEARCH d USING INDEX deliveries_unknown (priority=? AND changed_at>? AND changed_at<?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
    ],
}  # fmt: skip
