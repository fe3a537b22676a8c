"""The plans of what merges, erases, exports and purges: see test_query_plans.py."""

PLANS: dict[str, list[str]] = {
    "contact_reports.CONSENTS": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "contact_reports.CONTACT": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "contact_reports.EVENTS": [
        "SEARCH e USING INDEX consent_events_of_contact (contact_id=?)",
        "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "contact_reports.IDENTITIES": [
        "SEARCH identities USING COVERING INDEX identities_of_contact (contact_id=?)"
    ],
    "contact_reports.INBOUND": ["SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)"],
    "contact_reports.LOOKUPS": ["SEARCH lookups USING INDEX lookups_of_contact (contact_id=?)"],
    "contact_reports.WINDOWS": ["SEARCH windows USING INDEX windows_of_contact (contact_id=?)"],
    "dossier.ATTEMPTS": [
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
        "SEARCH c USING PRIMARY KEY (hash=?)",
    ],
    "dossier.CASES": ["SEARCH cases USING INDEX cases_of_contact (contact_id=?)"],
    "dossier.CONSENTS": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "dossier.CONTACT": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "dossier.ECHOES": ["SEARCH echoes USING COVERING INDEX echoes_of_contact (contact_id=?)"],
    "dossier.EVENTS": [
        "SEARCH e USING INDEX consent_events_of_contact (contact_id=?)",
        "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH w USING PRIMARY KEY (hash=?)",
    ],
    "dossier.FILES": ["SEARCH proof_files USING INDEX proof_files_of_contact (contact_id=?)"],
    "dossier.IDENTITIES": [
        "SEARCH identities USING COVERING INDEX identities_of_contact (contact_id=?)"
    ],
    "dossier.INBOUND": ["SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)"],
    "dossier.LOOKUPS": ["SEARCH lookups USING INDEX lookups_of_contact (contact_id=?)"],
    "dossier.MESSAGE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "dossier.SIGN_UPS": ["SEARCH sign_ups USING INDEX sign_ups_of_contact (contact_id=?)"],
    "dossier.WINDOWS": ["SEARCH windows USING INDEX windows_of_contact (contact_id=?)"],
    "erasing.CONTENTS_OF": [
        "SEARCH a USING PRIMARY KEY (delivery_id=?)",
        "SEARCH c USING PRIMARY KEY (hash=?)",
    ],
    "erasing.EMPTY_MESSAGE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "erasing.FORGET_ATTEMPTS": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "erasing.FORGET_CASES": ["SEARCH cases USING INDEX cases_of_contact (contact_id=?)"],
    "erasing.FORGET_CONSENTS": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "erasing.FORGET_CONTACT": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "erasing.FORGET_CONTENT": ["SEARCH contents USING PRIMARY KEY (hash=?)"],
    "erasing.FORGET_ECHOES": [
        "SEARCH echoes USING COVERING INDEX echoes_of_contact (contact_id=?)"
    ],
    "erasing.FORGET_EVIDENCE": [
        "SEARCH consent_evidence USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH consent_events USING COVERING INDEX consent_events_of_contact (contact_id=?)",
    ],
    "erasing.FORGET_IDENTITIES": [
        "SEARCH identities USING INDEX identities_of_contact (contact_id=?)"
    ],
    "erasing.FORGET_INBOUND": ["SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)"],
    "erasing.FORGET_SIGN_UPS": ["SEARCH sign_ups USING INDEX sign_ups_of_contact (contact_id=?)"],
    "erasing.FORGET_WINDOWS": ["SEARCH windows USING INDEX windows_of_contact (contact_id=?)"],
    "erasing.HELD": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "erasing.OPEN_CASES": ["SEARCH cases USING INDEX cases_of_contact (contact_id=?)"],
    "erasing.OWN_MESSAGES": ["SEARCH messages USING INDEX messages_to_contact (contact_id=?)"],
    "erasing.PROOF_FILES": ["SEARCH proof_files USING INDEX proof_files_of_contact (contact_id=?)"],
    "erasing.STILL_PROOF": ["SEARCH proof_files USING PRIMARY KEY (hash=?)"],
    "erasing.UNBIND_SIGN_UPS": ["SEARCH sign_ups USING INDEX sign_ups_of_contact (contact_id=?)"],
    "erasing.USED_BY_OTHERS": [
        "SEARCH a USING COVERING INDEX attempts_of_text (content=?)",
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "identities.DELIVERIES": [
        "SCAN m USING INDEX messages_to_all",
        "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)",
        "SEARCH m USING COVERING INDEX messages_to_contact (contact_id=?)",
    ],
    "identities.FIND": ["SEARCH identities USING PRIMARY KEY (kind=? AND value=?)"],
    "identities.MERGED": ["SEARCH contacts USING COVERING INDEX contacts_merged (merged_into=?)"],
    "identities.MERGED_INTO": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "identities.NAME": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "identities.OF_CONTACT": ["SEARCH identities USING INDEX identities_of_contact (contact_id=?)"],
    "identities.REMEMBER": [],
    "identities.RETIRE": ["SEARCH identities USING PRIMARY KEY (kind=? AND value=?)"],
    "joining.CONSENTS_GONE": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "joining.FILLED_IN": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "joining.FLY_ON": ["SEARCH in_flight USING PRIMARY KEY (sender=? AND contact_id=?)"],
    "joining.IN_FLIGHT": ["SEARCH in_flight USING PRIMARY KEY (sender=? AND contact_id=?)"],
    "joining.MOVE": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
    "joining.NOT_AGAIN": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
    "joining.TWINS": [
        "SCAN m USING INDEX messages_to_all",
        "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)",
        "SEARCH o USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)",
        "SEARCH m USING COVERING INDEX messages_to_contact (contact_id=?)",
    ],
    "joining.WINDOWS": ["SEARCH windows USING INDEX windows_of_contact (contact_id=?)"],
    "joining.WINDOWS_GONE": ["SEARCH windows USING INDEX windows_of_contact (contact_id=?)"],
    "merging.CONFIRMED": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "merging.STOPPED_BY_SWITCH": [
        "SEARCH c USING INDEX consents_of_contact (contact_id=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH m USING INDEX consent_events_of_contact (contact_id=? AND number>?)",
        "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "merging.UNCONFIRMED": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "retention.ANY_DELIVERY": [
        "SEARCH deliveries USING COVERING INDEX sqlite_autoindex_deliveries_1 (message_id=?)"
    ],
    "retention.ATTEMPTS_GONE": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "retention.BUSY": [
        "SEARCH inbound USING COVERING INDEX inbound_of_contact (contact_id=?)",
        "SEARCH cases USING INDEX cases_of_contact (contact_id=?)",
        "SEARCH messages USING COVERING INDEX messages_to_contact (contact_id=?)",
        "SEARCH deliveries USING COVERING INDEX deliveries_open (contact_id=?)",
    ],
    "retention.CASES": ["SEARCH cases USING COVERING INDEX cases_closed (closed_at>?)"],
    "retention.CASES_GONE": ["SEARCH cases USING INDEX cases_closed (closed_at>? AND closed_at<?)"],
    "retention.CONSENTS": ["SEARCH consents USING INDEX consents_of_contact (contact_id=?)"],
    "retention.CONTACTS": ["SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.CONTENTS": ["SEARCH contents USING COVERING INDEX contents_used (used_at>?)"],
    "retention.CONTENTS_OF": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "retention.CONTENTS_OVER": [
        "SEARCH contents USING COVERING INDEX contents_used (used_at>? AND used_at<?)"
    ],
    "retention.DECIDED": [
        "SEARCH consent_events USING INDEX consent_events_of_contact (contact_id=?)"
    ],
    "retention.HELD": ["SCAN contacts USING INDEX contacts_held"],
    "retention.DEPTHS_GONE": ["SEARCH depths USING PRIMARY KEY (message_id=?)"],
    "retention.ECHOES": ["SEARCH echoes USING COVERING INDEX echoes_by_time (at>?)"],
    "retention.ECHOES_GONE": ["SEARCH echoes USING INDEX echoes_by_time (at>? AND at<?)"],
    "retention.EVENTS": ["SEARCH account_events USING INDEX account_events_raw (id>?)"],
    "retention.EVENTS_GONE": [
        "SEARCH account_events USING INDEX account_events_raw (id>? AND id<?)"
    ],
    "retention.EVIDENCE": [
        "SEARCH v USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "retention.EVIDENCE_GONE": ["SEARCH consent_evidence USING INTEGER PRIMARY KEY (rowid=?)"],
    "retention.EVIDENCE_LEFT": [
        "SEARCH e USING COVERING INDEX consent_events_of_contact (contact_id=?)",
        "SEARCH v USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "retention.GONE_ALREADY": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "retention.INBOUND": ["SEARCH inbound USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.INBOUND_GONE": ["SEARCH inbound USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    "retention.JOURNAL": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.JOURNAL_GONE": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    "retention.LOOKUPS": ["SEARCH lookups USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.LOOKUPS_GONE": ["SEARCH lookups USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    "retention.MESSAGES": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"],
    "retention.MESSAGE_GONE": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "retention.POSITION": ["SEARCH positions USING PRIMARY KEY (observer=?)"],
    "retention.RAW": ["SEARCH inbound USING INDEX inbound_raw (id>?)"],
    "retention.RAW_GONE": ["SEARCH inbound USING INDEX inbound_raw (id>? AND id<?)"],
    "retention.RECENT": [
        "SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)",
        "SEARCH cases USING INDEX cases_of_contact (contact_id=?)",
        "SEARCH messages USING INDEX messages_to_contact (contact_id=?)",
        "SEARCH deliveries USING COVERING INDEX deliveries_open (contact_id=?)",
    ],
    "retention.SENT": [
        "SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (message_id=?)"
    ],
    "retention.SIGN_UPS": ["SEARCH sign_ups USING COVERING INDEX sign_ups_by_time (at>?)"],
    "retention.SIGN_UPS_GONE": ["SEARCH sign_ups USING INDEX sign_ups_by_time (at>? AND at<?)"],
    "retention.STILL_OPEN": ["SEARCH depths USING PRIMARY KEY (message_id=? AND state<?)"],
    "retention.UNCONFIRMED": ["SEARCH consents USING INDEX consents_unconfirmed (since>?)"],
    "rights_verbs.ATTACH": [],
    "rights_verbs.HOLD": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "rights_verbs.LOOKED": [],
    "suppression.IS_SUPPRESSED": ["SEARCH suppressed USING PRIMARY KEY (hash=?)"],
    "suppression.LIFT": ["SEARCH suppressed USING PRIMARY KEY (hash=?)"],
    "suppression.SUPPRESS": [],
}
