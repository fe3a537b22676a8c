"""The table of all faults: when each strikes, what it does, which members it takes.

A send passes these moments in this order; at each moment at most one fault strikes, the one that
was set first.  `deliver` stands above them: it spares a person (or everyone) from all others.

| moment    | is                                                                               |
|-----------|----------------------------------------------------------------------------------|
| token     | the access token is looked at; concerns every call of the API, not only sends    |
| arriving  | the request was read, nothing was looked at                                      |
| instead   | something comes instead of any look at the request                               |
| failing   | the message fails: later by a `failed` status, or at once with `sync`            |
| statuses  | which statuses follow, and in which order                                        |
| late      | accepted, but not answered yet                                                   |
| answer    | the answer itself                                                                |
| after     | the last status is due: the person does something                                |
| person    | how webhooks and answers name a person, as long as it is set                     |
| webhook   | a webhook leaves (keyed by its first status or message)                          |

Codes are those of section 5.4 of the contract.  Names in its section 11 that differ:
`drop_response` is `drop_after_accept`, `5xx_then_ok` is `5xx` with `attempts`, 190 after n is
`token_expired` with `after`.  What lasts until somebody changes it (368, 131031, 131042, a test
number's 131030) is no fault but the account's state: `POST /sandbox/account`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Moment = Literal[
    "deliver", "token", "arriving", "instead", "failing", "statuses", "late", "answer", "after",
    "person", "webhook",
]  # fmt: skip

REQUIRED = "required"
LASTING: tuple[Moment, ...] = ("deliver", "person")
"""What is set at these moments is not counted: it lasts until it is deleted."""


class Kind(NamedTuple):
    """One row.

    `takes`: the members beyond `number`, `times`, `after`, `attempts`, `probability`, `seed` and
    `by` (and `codes` where there is a `code`), each with its default or `REQUIRED`.
    `how`: what that member may be, its default first.  `only`: the messages that it concerns.
    """

    moment: Moment
    does: str
    takes: dict[str, Any] = {}
    how: tuple[str, ...] = ()
    only: Literal["all", "marketing", "free text"] = "all"


def _failing(code: int, does: str, only: Literal["all", "marketing", "free text"] = "all") -> Kind:
    return Kind("failing", does, {"code": code, "sync": False}, only=only)


KINDS: dict[str, Kind] = {
    "deliver": Kind("deliver", "everything goes well, whatever else is set"),
    # the way there
    "token_expired": Kind("token", "the access token is refused", {"code": 190, "http": None}),
    "hang_open": Kind(
        "arriving",
        "`seconds` pass before the request is looked at; for everyone: on new connections only",
        {"seconds": 1.0},
    ),
    "drop_before_accept": Kind(
        "instead", "the connection ends without an answer", how=("reset", "close")
    ),
    "5xx": Kind("instead", "an error page without a Graph code, status `code`", {"code": 500}),
    "error": Kind(
        "instead", "the Graph error `code`, with status `http`", {"code": REQUIRED, "http": None}
    ),
    # the message
    "undeliverable": _failing(131026, "not on WhatsApp, or cannot be reached"),
    "blocked": _failing(131026, "the person blocked the business, which Meta does not say"),
    "window_closed": _failing(
        131047, "free text is too late, whether the window is open or not", only="free text"
    ),
    "marketing_cap": _failing(131049, "the person got enough marketing of all", only="marketing"),
    "opted_out": _failing(131050, "the person stopped marketing in the app", only="marketing"),
    "experiment": _failing(130472, "the person is in an experiment", only="marketing"),
    "delivered_then_failed": Kind(
        "failing", "`delivered`, and then `failed` after all", {"code": 131026}
    ),
    "no_read_receipts": Kind("statuses", "the last status is `delivered`"),
    "status_double": Kind("statuses", "each status comes twice, each in a webhook of its own"),
    "status_reorder": Kind("statuses", "the statuses come in reverse, with true time stamps"),
    "status_none": Kind("statuses", "no status ever comes"),
    "status_lost": Kind("webhook", "this status never leaves"),
    "status_first": Kind("statuses", "the statuses are answered before the send is"),
    # the way back
    "slow": Kind("late", "accepted at once, answered after `seconds`", {"seconds": 1.0}),
    "drop_after_accept": Kind(
        "answer",
        "accepted; the connection is reset after `cut` bytes of the answer, or `anywhere` in it",
        {"cut": 0},
        how=("cut", "anywhere"),
    ),
    "malformed": Kind(
        "answer",
        "accepted; the answer is a page, half of its JSON, empty, or names no message",
        how=("page", "half", "empty", "no_id"),
    ),
    "close_after": Kind("answer", "answered; then the connection is closed, without a word"),
    # the person
    "number_change": Kind("after", "the person takes the number `to`", {"to": REQUIRED}),
    "bsuid_change": Kind("after", "the person gets another user id"),
    "username_user": Kind(
        "person",
        "webhooks show no phone: the field is missing, empty, or holds the user id",
        how=("missing", "empty", "user_id"),
    ),
    "alias": Kind(
        "person",
        "`wa_id` is `to` (default: as Brazil, Mexico and Argentina have it), not the input",
        {"to": None},
    ),
    # webhooks
    "webhook_late": Kind("webhook", "it leaves `seconds` later", {"seconds": 3600.0}),
    "webhook_shuffle": Kind(
        "webhook", "it leaves up to `seconds` later, each another while", {"seconds": 1.0}
    ),
    "webhook_mix": Kind(
        "webhook",
        "it waits, at most `seconds`, until `size` events leave in one body",
        {"seconds": 1.0, "size": 10},
    ),
    "webhook_double": Kind("webhook", "it comes twice", how=("sequential", "parallel")),
    "bad_signature": Kind(
        "webhook",
        "its signature is wrong, missing, or that of the same document written differently",
        how=("wrong", "missing", "reserialised"),
    ),
    "webhook_unknown": Kind(
        "webhook",
        "something new comes with it: a field, a message type, a status, a value of errors only",
        how=("field", "type", "status", "errors"),
    ),
    "webhook_large": Kind("webhook", "its body has `size` bytes", {"size": 1_500_000}),
    "no_contacts": Kind("webhook", "it has no `contacts`"),
    "ms_timestamps": Kind("webhook", "its time stamps are milliseconds"),
}  # fmt: skip


def describe() -> dict[str, Any]:
    """The table, for those who ask the sandbox itself."""
    return {
        name: {
            "does": kind.does,
            "when": kind.moment,
            "only": kind.only,
            "takes": kind.takes | ({"how": list(kind.how)} if kind.how else {}),
            "also": _also(kind),
        }
        for name, kind in KINDS.items()
    }


def _also(kind: Kind) -> tuple[str, ...]:
    """The members that do not say what it does, but whom it strikes, and when."""
    if kind.moment in LASTING:
        return "number", "probability", "seed"
    common = ("number", "times", "after", "attempts", "probability", "seed", "by")
    return (*common, "codes") if "code" in kind.takes else common
