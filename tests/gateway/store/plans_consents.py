"""The indexes that the statements about consents, acts and questions use."""

from __future__ import annotations

PLANS: dict[str, list[str]] = {
    "people_reports.STATES": ["SEARCH c USING PRIMARY KEY (topic=?)"],
    "acts.LANGUAGE": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "acts.OPEN_QUESTIONS": [
        "SEARCH c USING INDEX consents_of_contact (contact_id=?)",
        "SEARCH q USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "acts.PAUSED": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "acts.QUESTION_OF": [
        "SEARCH q USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
    ],
    "acts.REQUEST": ["SEARCH consent_events USING INTEGER PRIMARY KEY (rowid=?)"],
    "acts.UNPAUSE": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "asking.ASKED": ["SEARCH questions USING INTEGER PRIMARY KEY (rowid=?)"],
    "asking.CONTENT_OF": ["SEARCH a USING PRIMARY KEY (delivery_id=? AND n=?)"],
    "asking.OPEN_REQUEST": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "asking.OVER": ["SEARCH consents USING INDEX consents_requested (since<?)"],
    "asking.QUESTION": [],
    "asking.REQUESTS_OF": [
        "SEARCH q USING INDEX questions_of_delivery (delivery_id=?)",
        "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "asking.TOLD": ["SEARCH questions USING INTEGER PRIMARY KEY (rowid=?)"],
    "beginning.BODY": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "consents.EVIDENCE": [],
    "consents.FACTS": [
        "SEARCH consent_events USING INDEX consent_events_of_contact (contact_id=?)"
    ],
    "consents.HEAD": ["consent_events"],
    "consents.LINK": [],
    "consents.SET": [],
    "consents.STATE": ["SEARCH consents USING PRIMARY KEY (topic=? AND contact_id=?)"],
    "consents.STATES": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "consents.TO_REBUILD": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid>?)"],
    "consents.UNSET": ["SEARCH consents USING PRIMARY KEY (topic=? AND contact_id=?)"],
    "incoming.INBOUND": [],
    "incoming.OPENED": [],
    "knowing.STANDINGS": [
        "SEARCH c USING INDEX consents_of_contact (contact_id=?)",
        "SEARCH q USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "signing_up.BIND": ["SEARCH sign_ups USING PRIMARY KEY (code=?)"],
    "signing_up.SIGN_UP": ["SEARCH sign_ups USING PRIMARY KEY (code=?)"],
    "withdrawing.ABOUT": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "withdrawing.NOT_AGAIN": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
    "withdrawing.OPEN_OF_CONTACT": ["SEARCH deliveries USING INDEX deliveries_open (contact_id=?)"],
}
