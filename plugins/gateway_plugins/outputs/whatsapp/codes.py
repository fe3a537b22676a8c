"""Every error code of the message path, as data: what it is called, whom it stops, for how long.

Codes and meanings: Meta, "Error codes", "Send marketing messages", "Groups API".  Family, scope,
action and pauses are ours:

    THR  too fast: keep the message, slow the scope down     TRN  passing trouble at Meta
    RCP  this recipient, now or for good                     MSG  this message or template
    ACC  number, account or token: stop and tell a person    INB  about inbound messages only
    AMBIGUOUS  it may have been sent: never repeated blindly; told by a status, it was not

docs/errors.md shows the whole table, and a test compares it.
"""

from __future__ import annotations

import msgspec

from gateway_plugins.outputs.whatsapp.rules import Pause, Rule, rule, rules

TROUBLE = Pause(5, 2, 300, tries=5)
DOWN = Pause(5, 2, 300)
"""Of the whole sender, without end: an hour of Meta's must not burn the queue."""
FASTER = Pause(1, 2, 60)
USAGE = Pause(300, 2, 3600)  # if the usage header does not say how long
PROBED = Pause(300, 2, 3600)
GROUPS = "Groups are not used by this gateway; the recipient is no person."
SET_UP = "Concerns the set-up of number or account; see docs/whatsapp-setup.md."

# fmt: off
RULES: dict[int, Rule] = {one.code: one for one in [
    *rules("THR", "contact", "retry", Pause(1, 4, 64, tries=6), {
        131056: ("pair_rate", "Too many messages to one person in a row; the gateway waits."),
    }),
    *rules("THR", "sender", "slow", FASTER, {
        130429: ("throughput", "The number sends faster than it may; the gateway slows down."),
    }),
    *rules("THR", "sender", "stop", Pause(3600, 2, 86400), {
        131048: ("spam_rate", "People block or report the number; look at its quality at Meta."),
    }, lifted="probe"),
    *rules("THR", "app", "retry", USAGE, {
        4: ("app_rate", "The app makes too many calls; look what else uses it."),
    }),
    *rules("THR", "portfolio", "retry", USAGE, {
        80007: ("account_rate", "The account makes too many calls; the gateway waits."),
    }),
    *rules("THR", "template", "retry", Pause(360, 2, 3600), {
        132069: ("flow_throttled", "The form of the template may be sent ten times an hour only."),
    }),
    *rules("THR", "message", "retry", Pause(60, 2, 3600), {
        131208: ("group_rate", GROUPS),
        613: ("calls_rate", "Too many calls of one kind; the gateway waits."),
    }),
    *rules("TRN", "message", "retry", Pause(5, 2, 300, tries=2), {
        1: ("unknown_error", "Meta does not say what is wrong; repeated once."),
    }),
    *rules("TRN", "sender", "retry", DOWN, {
        2: ("temporary", "Meta is overloaded or down; the gateway waits."),
        131016: ("unavailable", "A service of Meta is down; the gateway waits."),
    }),
    *rules("TRN", "sender", "retry", Pause(60, 2, 300), {
        131057: ("maintenance", "Meta upgrades the number; the gateway waits."),
    }),
    *rules("TRN", "message", "retry", Pause(10, 3, 300, tries=3), {
        131053: ("media_upload", "Meta cannot fetch the image; it must be public, and JPEG or PNG."),
    }, then="hold"),
    *rules("TRN", "template", "retry", Pause(600, 1, 600, tries=3), {
        134101: ("template_not_synced", "A new template needs up to ten minutes; it is repeated."),
    }, then="hold"),
    *rules("TRN", "message", "retry", TROUBLE, {
        134102: ("marketing_internal", "Trouble inside Meta; the gateway waits."),
        139102: ("block_concurrent", "Two changes of the block list at once; repeat it."),
        139103: ("block_internal", "The block list could not be changed; repeat it."),
        133004: ("server_unavailable", "Meta's registration server is down; wait."),
    }),
    *rules("AMBIGUOUS", "message", "retry", TROUBLE, {  # in a webhook it surely failed
        131000: ("something_wrong", "Meta does not know either; a status or a person settles it."),
    }),
    *rules("RCP", "contact", "fail", None, {
        130403: ("we_blocked_user", "We blocked this person; unblock first."),
        130472: ("experiment", "Meta keeps marketing from this person; answers still go."),
        130497: ("country", "The business may not write to people of this country."),
        131021: ("own_number", "The recipient is the sending number itself."),
        131030: ("not_on_test_list", "A test number reaches listed people only; add this one at Meta."),
        137000: ("identity_changed", "The person's phone or key changed; have it confirmed anew."),
    }),
    *rules("MSG", "contact", "fail", None, {
        131062: ("needs_phone", "This kind of message needs a phone number, not a user id."),
    }),
    *rules("RCP", "contact", "count", None, {
        131026: ("undeliverable", "Not on WhatsApp, too old an app, or blocked; Meta does not say."),
    }),
    *rules("RCP", "contact", "retry", Pause(1, 1, 1, tries=4), {
        131047: ("window_closed", "No message from this person for 24 hours; only a template may go."),
    }),
    *rules("RCP", "contact", "later", Pause(86400, 2, 7 * 86400), {
        131049: ("marketing_cap", "Meta lets this person have no more marketing for a day or longer."),
    }),
    *rules("RCP", "contact", "withdraw", None, {
        131050: ("marketing_stopped", "The person stopped marketing in WhatsApp; it stays off."),
    }),
    *rules("MSG", "message", "hold", None, {
        100: ("bad_parameter", "A field of the message is wrong; the detail says which."),
        131008: ("parameter_missing", "A field of the message is missing; the detail says which."),
        131009: ("parameter_value", "A value of the message is wrong; the detail says which."),
        131014: ("media_link", "Meta cannot open the link of the image."),
        131051: ("unsupported_type", "Meta does not know this type of message."),
        132005: ("template_text_too_long", "The text with its parameters is too long; shorten it."),
        132007: ("content_policy", "Meta's policy refuses the content."),
        135000: ("generic_user_error", "A parameter is wrong, and Meta does not say which."),
    }),
    *rules("MSG", "message", "fail", None, {
        131020: ("group_too_small", GROUPS),
        131041: ("group_unknown", GROUPS),
        131059: ("group_cursor", GROUPS),
        131201: ("group_partly", GROUPS),
        131202: ("group_duplicate", GROUPS),
        131204: ("group_full", GROUPS),
        131209: ("group_picture_shape", GROUPS),
        131210: ("group_picture_size", GROUPS),
        131211: ("group_limit", GROUPS),
        131212: ("group_not_member", GROUPS),
        131213: ("group_request_gone", GROUPS),
        1752041: ("onboarding_duplicate", "The marketing API was asked for twice; nothing to do."),
    }),
    *rules("MSG", "template", "hold", None, {
        131055: ("method_not_allowed", "The marketing API is not open to this account."),
        131063: ("marketing_endpoint", "The account forbids marketing here; change it at Meta."),
        132000: ("template_parameter_count", "The template changed; look at its parameters."),
        132001: ("template_missing", "No approved template of this name and language."),
        132008: ("template_parameter_value", "The template refuses a value; see the detail."),
        132012: ("template_parameter_format", "A parameter has the wrong kind; see the template."),
        132018: ("template_validation", "The template or a parameter is refused; see the detail."),
        132068: ("flow_blocked", "The form of the template is blocked; mend it at Meta."),
        134100: ("marketing_not_eligible", "The account may not use the marketing API."),
    }),
    *rules("MSG", "template", "template", PROBED, {
        132015: ("template_paused", "Meta paused the template for bad feedback; change its text."),
    }, lifted="webhook"),
    *rules("MSG", "template", "template", None, {
        132016: ("template_disabled", "Meta disabled the template for good; make a new one."),
    }, lifted="person"),
    *rules("ACC", "sender", "stop", PROBED, {
        0: ("not_authenticated", "Meta refuses the token; make a new one and set it."),
        10: ("permission", "The token lacks a permission; give the system user all of them."),
        33: ("number_deleted", "The number was deleted at Meta; set another one."),
        190: ("token_invalid", "The token expired or was revoked; make a new one and set it."),
        200: ("permission_asset", "The token may not use this account; assign it at Meta."),
        2500: ("token_missing", "The token did not arrive; see auth_header and auth_scheme."),
        131005: ("access_denied", "The token may not do this; see its permissions."),
        131037: ("display_name", "Have the display name of the number approved at Meta."),
        131045: ("certificate", "Register the number again at Meta."),
        133010: ("not_registered", "Register the number at Meta before it can send."),
    }, lifted="probe"),
    *rules("ACC", "message", "fail", None, {
        131207: ("group_suspended", GROUPS),
        131214: ("groups_disabled", GROUPS),
        131215: ("groups_not_eligible", GROUPS),
    }),
    *rules("ACC", "template", "hold", None, {
        139200: ("direct_send_blocked", "Direct Send is blocked; use approved templates."),
    }),
    *rules("ACC", "template", "template", PROBED, {
        131064: ("classification", "Templates are in the wrong category; mend them at Meta."),
    }, lifted="probe"),
    *rules("ACC", "portfolio", "stop", PROBED, {
        368: ("policy_block", "Meta blocked the account for its policy; read the notice, appeal."),
        131031: ("account_locked", "Meta locked the account; read the notice in its manager."),
        131042: ("payment", "Meta could not charge the account; see its payment method."),
        134011: ("payment_terms", "Accept the terms of payment at Meta."),
    }, lifted="webhook"),
    *rules("ACC", "app", "stop", PROBED, {
        3: ("app_capability", "The app lacks a capability; see its permissions at Meta."),
    }, lifted="probe"),
    *rules("INB", "message", "fail", None, {
        131052: ("media_download", "A file that a person sent could not be fetched."),
        131060: ("inbound_unavailable", "A message of a person cannot be shown; ask again."),
    }),
    *(
        one
        for name, family, codes in [
            ("registration", "ACC", (133000, 133005, 133006, 133008, 133009, 133015, 133016)),
            ("template_definition", "MSG", (2388019, 2388040, 2388047, 2388073, 2388293, 2388299,
                                            2388318, 2388330)),
            ("migration", "ACC", (2388012, 2388091, 2388093, 2388103, 2494100)),
            ("history_sync", "MSG", (2593107, 2593108)),
            ("username", "MSG", (147001, 147002, 147003, 147004, 147005)),
            ("flows", "MSG", (139000, 139001, 139002, 139003, 139004)),
            ("block_list", "MSG", (139100, 139101)),
            ("calling", "MSG", (131044, 138000)),
        ]
        for one in (
            rules("ACC", "sender", "stop", None, dict.fromkeys(codes, (name, SET_UP)),
                   lifted="person")
            if family == "ACC"
            else rules("MSG", "message", "fail", None, dict.fromkeys(codes, (name, SET_UP)))
        )
    ),
]}
# fmt: on

STOPPED = RULES[131050]
"""The person's own "stop marketing" in WhatsApp, heard of by a message that was not delivered."""


WRONG_ID = rule(
    "wrong_id", "ACC", "sender", "stop",
    "phone_number_id or account_id is wrong, or not this token's.", PROBED, "probe",
)  # fmt: skip
"""Code 100 with subcode 33: the id in the path."""

BAD_RECIPIENT = rule(
    "bad_recipient", "RCP", "contact", "fail", "Meta does not take this person's number or id."
)
"""Codes 100, 131008 and 131009 whose detail is about the recipient: one bad number in a list must
not stop the message for all the others."""

OTHER = rule("meta_other", "MSG", "message", "fail", "A new code of Meta's; see the detail.")
"""A code that is not in the table."""

PASSING = msgspec.structs.replace(OTHER, family="TRN", action="retry", pause=TROUBLE)
"""The same, and Meta calls it passing (`is_transient`)."""

THROTTLED = rule("throttled", "THR", "sender", "slow", "Too many calls; the gateway waits.", FASTER)
"""HTTP 429 without a code, or with one that is not in the table."""

NOT_GRAPH = rule(
    "no_graph_error", "ACC", "sender", "stop",
    "Not the Graph API answers; see base_url and what is between.", PROBED, "probe",
)  # fmt: skip
"""A refusal without a code: a proxy, a wrong address."""

NO_ID = rule("no_message_id", "AMBIGUOUS", "message", "fail", "A status or a person settles it.")
"""Accepted by its HTTP status, but without the id of a message."""

SERVER_ERROR = rule(
    "server_error", "AMBIGUOUS", "message", "fail", "A status or a person settles it."
)
"""HTTP 5xx or 408 without a code."""

WITHOUT_CODE = (WRONG_ID, BAD_RECIPIENT, OTHER, THROTTLED, NOT_GRAPH, NO_ID, SERVER_ERROR)
ALL = (*RULES.values(), *WITHOUT_CODE)
NAMES = frozenset(one.name for one in ALL)
"""Every name that an answer or a failed status can get."""

PERSONAL = frozenset(one.name for one in ALL if one.scope == "contact")
"""Those that are about one person, and not about what was sent."""

LIFTED_BY_NEWS = frozenset(
    one.name for one in ALL if (one.action, one.lifted) == ("stop", "webhook")
)
"""Stops that end when Meta says that the account is all right again."""

ADVICE = {one.name: one.advice for one in ALL}

PROBING = {
    one.name: (one.pause.start, one.pause.cap)
    for one in ALL
    if one.action in ("stop", "template") and one.pause is not None
}
"""What a probe can lift: name → seconds until the first one by itself, and between two at most."""

_RANGES = {range(200, 300): RULES[200], range(138000, 139000): RULES[138000]}


def rule_for(code: int, subcode: int = 0) -> Rule:
    """Return the rule of an error code; OTHER for one that is not known."""
    if code == 100 and subcode == 33:
        return WRONG_ID
    found = RULES.get(code)
    if found is not None:
        return found
    return next((one for codes, one in _RANGES.items() if code in codes), OTHER)
