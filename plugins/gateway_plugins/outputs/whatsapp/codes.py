"""Every error code of the message path, as data: what it is called, whom it stops, for how long.

Codes and meanings: Meta, "Error codes", "Send marketing messages", "Groups API".  Family, scope
and pauses are ours:

    THR  too fast: keep the message, slow the scope down     TRN  passing trouble at Meta
    RCP  this recipient, now or for good                     MSG  this message or template
    ACC  number, account or token: stop and tell a person    INB  about inbound messages only
    AMBIGUOUS  it may have been sent: never repeated blindly
"""

from __future__ import annotations

from typing import Literal

import msgspec

Family = Literal["THR", "TRN", "RCP", "MSG", "ACC", "INB", "AMBIGUOUS"]
Scope = Literal["message", "contact", "template", "sender", "portfolio", "app"]


class Pause(msgspec.Struct, frozen=True):
    """Seconds to wait: `start`, then times `factor` up to `cap`; `tries` in all, None: no end."""

    start: float
    factor: float
    cap: float
    tries: int | None = None


class Rule(msgspec.Struct, frozen=True):
    """What an error code means.  `name` is a metric label, `advice` one sentence to act on."""

    code: int
    name: str
    family: Family
    scope: Scope
    pause: Pause | None
    advice: str

    @property
    def outcome(self) -> Literal["rejected", "unknown"]:
        return "unknown" if self.family == "AMBIGUOUS" else "rejected"


def _rules(
    family: Family, scope: Scope, pause: Pause | None, codes: dict[int, tuple[str, str]]
) -> list[Rule]:
    return [
        Rule(code, name, family, scope, pause, advice) for code, (name, advice) in codes.items()
    ]


def _rule(name: str, family: Family, scope: Scope, advice: str, pause: Pause | None = None) -> Rule:
    return Rule(-1, name, family, scope, pause, advice)


TROUBLE = Pause(5, 2, 300, tries=5)
FASTER = Pause(1, 2, 60)
USAGE = Pause(300, 2, 3600)  # if the usage header does not say how long
GROUPS = "Groups are not used by this gateway; the recipient is no person."
SET_UP = "Concerns the set-up of number or account; see docs/whatsapp-setup.md."

# fmt: off
RULES: dict[int, Rule] = {rule.code: rule for rule in [
    *_rules("THR", "contact", Pause(1, 4, 64, tries=6), {
        131056: ("pair_rate", "Too many messages to one person in a row; the gateway waits."),
    }),
    *_rules("THR", "sender", FASTER, {
        130429: ("throughput", "The number sends faster than it may; lower its rate."),
    }),
    *_rules("THR", "sender", Pause(3600, 2, 86400), {
        131048: ("spam_rate", "People block or report the number; look at its quality at Meta."),
    }),
    *_rules("THR", "app", USAGE, {
        4: ("app_rate", "The app makes too many calls; look what else uses it."),
    }),
    *_rules("THR", "portfolio", USAGE, {
        80007: ("account_rate", "The account makes too many calls; the gateway waits."),
    }),
    *_rules("THR", "template", Pause(360, 2, 3600), {
        132069: ("flow_throttled", "The form of the template may be sent ten times an hour only."),
    }),
    *_rules("THR", "message", Pause(60, 2, 3600), {
        131208: ("group_rate", GROUPS),
        613: ("calls_rate", "Too many calls of one kind; the gateway waits."),
    }),
    *_rules("TRN", "message", Pause(5, 2, 300, tries=2), {
        1: ("unknown_error", "Meta does not say what is wrong; repeated once."),
    }),
    *_rules("TRN", "sender", TROUBLE, {
        2: ("temporary", "Meta is overloaded or down; the gateway waits."),
        131016: ("unavailable", "A service of Meta is down; the gateway waits."),
    }),
    *_rules("TRN", "sender", Pause(60, 2, 300, tries=5), {
        131057: ("maintenance", "Meta upgrades the number; the gateway waits."),
    }),
    *_rules("TRN", "message", Pause(10, 3, 300, tries=3), {
        131053: ("media_upload", "Meta cannot fetch the image; it must be public, and JPEG or PNG."),
    }),
    *_rules("TRN", "template", Pause(600, 1, 600, tries=3), {
        134101: ("template_not_synced", "A new template needs up to ten minutes; it is repeated."),
    }),
    *_rules("TRN", "message", TROUBLE, {
        134102: ("marketing_internal", "Trouble inside Meta; the gateway waits."),
        139102: ("block_concurrent", "Two changes of the block list at once; repeat it."),
        139103: ("block_internal", "The block list could not be changed; repeat it."),
        133004: ("server_unavailable", "Meta's registration server is down; wait."),
    }),
    *_rules("AMBIGUOUS", "message", None, {
        131000: ("something_wrong", "Meta does not know either; a status or a person settles it."),
    }),
    *_rules("RCP", "contact", None, {
        130403: ("we_blocked_user", "We blocked this person; unblock first."),
        130472: ("experiment", "Meta keeps marketing from this person for an experiment."),
        130497: ("country", "The business may not write to people of this country."),
        131021: ("own_number", "The recipient is the sending number itself."),
        131026: ("undeliverable", "Not on WhatsApp, too old an app, or blocked; Meta does not say."),
        131030: ("not_on_test_list", "A test number reaches listed people only; add this one at Meta."),
        131047: ("window_closed", "No message from this person for 24 hours; only a template may go."),
        131049: ("marketing_cap", "Meta lets this person have no more marketing for a day or longer."),
        131050: ("marketing_stopped", "The person stopped marketing in WhatsApp; it stays off."),
        137000: ("identity_changed", "The person's phone or key changed; have it confirmed anew."),
    }),
    *_rules("MSG", "message", None, {
        100: ("bad_parameter", "A field of the message is wrong; the detail says which."),
        131008: ("parameter_missing", "A field of the message is missing; the detail says which."),
        131009: ("parameter_value", "A value of the message is wrong; the detail says which."),
        131014: ("media_link", "Meta cannot open the link of the image."),
        131020: ("group_too_small", GROUPS),
        131041: ("group_unknown", GROUPS),
        131051: ("unsupported_type", "Meta does not know this type of message."),
        131059: ("group_cursor", GROUPS),
        131062: ("needs_phone", "This kind of message needs a phone number, not a user id."),
        131201: ("group_partly", GROUPS),
        131202: ("group_duplicate", GROUPS),
        131204: ("group_full", GROUPS),
        131209: ("group_picture_shape", GROUPS),
        131210: ("group_picture_size", GROUPS),
        131211: ("group_limit", GROUPS),
        131212: ("group_not_member", GROUPS),
        131213: ("group_request_gone", GROUPS),
        132005: ("template_text_too_long", "The text with its parameters is too long; shorten it."),
        132007: ("content_policy", "Meta's policy refuses the content."),
        135000: ("generic_user_error", "A parameter is wrong, and Meta does not say which."),
        1752041: ("onboarding_duplicate", "The marketing API was asked for twice; nothing to do."),
    }),
    *_rules("MSG", "template", None, {
        131055: ("method_not_allowed", "The marketing API is not open to this account."),
        131063: ("marketing_endpoint", "The account forbids marketing here; change it at Meta."),
        132000: ("template_parameter_count", "The template changed; look at its parameters."),
        132001: ("template_missing", "No approved template of this name and language."),
        132008: ("template_parameter_value", "The template refuses a value; see the detail."),
        132012: ("template_parameter_format", "A parameter has the wrong kind; see the template."),
        132015: ("template_paused", "Meta paused the template for bad feedback; change its text."),
        132016: ("template_disabled", "Meta disabled the template for good; make a new one."),
        132018: ("template_validation", "The template or a parameter is refused; see the detail."),
        132068: ("flow_blocked", "The form of the template is blocked; mend it at Meta."),
        134100: ("marketing_not_eligible", "The account may not use the marketing API."),
    }),
    *_rules("ACC", "sender", None, {
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
        139200: ("direct_send_blocked", "Direct Send is blocked; use approved templates."),
    }),
    *_rules("ACC", "message", None, {
        131207: ("group_suspended", GROUPS),
        131214: ("groups_disabled", GROUPS),
        131215: ("groups_not_eligible", GROUPS),
    }),
    *_rules("ACC", "template", None, {
        131064: ("classification", "Templates are in the wrong category; mend them at Meta."),
    }),
    *_rules("ACC", "portfolio", None, {
        368: ("policy_block", "Meta blocked the account for its policy; read the notice, appeal."),
        131031: ("account_locked", "Meta locked the account; read the notice in its manager."),
        131042: ("payment", "Meta could not charge the account; see its payment method."),
        134011: ("payment_terms", "Accept the terms of payment at Meta."),
    }),
    *_rules("ACC", "app", None, {
        3: ("app_capability", "The app lacks a capability; see its permissions at Meta."),
    }),
    *_rules("INB", "message", None, {
        131052: ("media_download", "A file that a person sent could not be fetched."),
        131060: ("inbound_unavailable", "A message of a person cannot be shown; ask again."),
    }),
    *(
        rule
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
        for rule in _rules(
            "ACC" if family == "ACC" else "MSG", "sender" if family == "ACC" else "message",
            None, dict.fromkeys(codes, (name, SET_UP)),
        )
    ),
]}
# fmt: on

STOPPED = RULES[131050]
"""The person's own "stop marketing" in WhatsApp, heard of by a message that was not delivered."""

WRONG_ID = _rule(
    "wrong_id", "ACC", "sender", "phone_number_id or account_id is wrong, or not this token's."
)
"""Code 100 with subcode 33: the id in the path."""

OTHER = _rule("meta_other", "MSG", "message", "A new code of Meta's; see the detail.")
"""A code that is not in the table."""

PASSING = msgspec.structs.replace(OTHER, family="TRN", pause=TROUBLE)
"""The same, and Meta calls it passing (`is_transient`)."""

THROTTLED = _rule("throttled", "THR", "sender", "Too many calls; the gateway waits.", FASTER)
"""HTTP 429 without a code, or with one that is not in the table."""

NOT_GRAPH = _rule(
    "no_graph_error",
    "ACC",
    "sender",
    "Not the Graph API answers; see base_url and what is between.",
)
"""A refusal without a code: a proxy, a wrong address."""

NO_ID = _rule("no_message_id", "AMBIGUOUS", "message", "A status or a person settles it.")
"""Accepted by its HTTP status, but without the id of a message."""

SERVER_ERROR = _rule("server_error", "AMBIGUOUS", "message", "A status or a person settles it.")
"""HTTP 5xx or 408 without a code."""

WITHOUT_CODE = (WRONG_ID, OTHER, THROTTLED, NOT_GRAPH, NO_ID, SERVER_ERROR)
NAMES = frozenset(rule.name for rule in (*RULES.values(), *WITHOUT_CODE))
"""Every name that an answer or a failed status can get."""

_RANGES = {range(200, 300): RULES[200], range(138000, 139000): RULES[138000]}


def rule_for(code: int, subcode: int = 0) -> Rule:
    """Return the rule of an error code; OTHER for one that is not known."""
    if code == 100 and subcode == 33:
        return WRONG_ID
    rule = RULES.get(code)
    if rule is not None:
        return rule
    return next((rule for codes, rule in _RANGES.items() if code in codes), OTHER)
