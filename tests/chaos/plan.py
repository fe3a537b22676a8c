"""What one campaign does: how much, which faults, which settings.  All of it follows from a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Codes of Meta's "Error codes", by what they concern (whatsapp-cloud-api contract, 5.4).
PERSON = (
    130403, 130472, 130497, 131021, 131026, 131030, 131047, 131049, 131050, 137000,
)  # fmt: skip
MESSAGE = (100, 131008, 131009, 131014, 131051, 131062, 132005, 132007, 135000)
TEMPLATE = (
    131055, 131063, 131064, 132000, 132001, 132008, 132012, 132015, 132016, 132018, 132068, 132069,
    134100, 134101,
)  # fmt: skip
AGAIN = (1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131053, 131056, 131057, 134102)
ACCOUNT = (
    0, 3, 10, 33, 190, 200, 368, 2500, 131005, 131031, 131037, 131042, 131045, 133010, 134011, 139200,
)  # fmt: skip

SENDERS = {"main": "100000000000001", "second": "100000000000003"}
TOPICS = {"blog": "main", "offers": "second"}  # topic → sender
TITLES = {"blog": "Neue Beiträge", "offers": "Angebote"}

Fault = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One campaign.  `people` get `messages` of each topic; the shares are of these people."""

    seed: str
    people: int
    messages: int
    kills: int
    restore: bool = True
    """A backup is made in the midst of it, and put back some time later."""
    stopping: float = 0.04
    ahead: int = 60
    """A person who stops does so while somebody up to so many places before is being sent to: the
    own delivery is queued, leased or in the air by then."""
    talking: float = 0.02
    joining: float = 0.02
    rate: float = 300.0
    """Sends per second and sender."""
    storm: float = 1.0
    """What the probabilities of faults are multiplied by."""
    rare: float = 1.0
    """The same for what stops a whole sender or template, which costs seconds each."""
    backoff: float = 0.0002
    """What the pauses of the error policy are multiplied by: a day is 17 seconds."""
    slow: float = 0.25
    """Share of the sends that take a moment, as at Meta …"""
    moment: float = 0.05
    """… of so many seconds."""
    together: int = 2
    """Messages of each topic that are on their way at the same time."""
    too_slow: float = 0.0002
    """Share of the sends that are answered after the client gave up; each takes half a minute."""
    seconds: float = 860.0
    """The longest that it may take, but for the end and the judge: all of it ends below 15 minutes."""

    @property
    def in_the_air(self) -> int:
        """Most requests of one sender at a time: those of half a second (gateway/delivery.py)."""
        return max(64, min(256, int(self.rate / 2)))

    @property
    def deliveries(self) -> int:
        """Marketing deliveries that the fan-outs make."""
        return self.people * self.messages * len(TOPICS)

    def mark(self, topic: str, nth: int) -> str:
        """What the nth message of a topic is recognised by."""
        return f"Beitrag {nth}{topic[0]}"

    def one_of(self, all: Sequence[str], *what: object) -> str:
        """One of these, by the seed."""
        return all[int(self.draw(*what) * len(all))]

    def draw(self, *what: object) -> float:
        """A number in [0, 1) that depends on nothing but the seed and its arguments."""
        text = "\0".join(map(str, (self.seed, *what)))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64


def full(seed: str, deliveries: int = 100_000, kills: int = 100) -> Plan:
    """What `make chaos` runs."""
    messages = 5
    return Plan(
        seed=seed, people=max(1, deliveries // (messages * len(TOPICS))), messages=messages,
        kills=kills,
    )  # fmt: skip


def small(seed: str, **changes: Any) -> Plan:
    """What the tests run: every kind of fault, less of each."""
    values: dict[str, Any] = {
        "seed": seed, "people": 500, "messages": 2, "kills": 6, "stopping": 0.1, "rate": 250.0,
        "rare": 4.0, "backoff": 0.00004, "too_slow": 0.0, "seconds": 180.0,
    }  # fmt: skip
    return Plan(**(values | changes))


def revealing(guard: str, seed: str) -> Plan:
    """A campaign of seconds in which the lack of a guard surely shows."""
    calm: dict[str, Any] = {"storm": 0.0, "kills": 0, "restore": False, "joining": 0.0}
    match guard:
        case "intent":  # killed again and again, right after something was accepted
            return small(seed, **{**calm, "people": 150, "kills": 4, "messages": 1})
        case "conditions":  # so slow that whoever stops is leased for a while
            changes = {"people": 60, "messages": 1, "rate": 15.0, "stopping": 0.6, "ahead": 2}
            return small(seed, **{**calm, **changes})
        case "in_flight":  # few people, many messages at once, each of which takes a while
            changes = {
                "people": 8, "messages": 5, "together": 5, "stopping": 0.0, "slow": 1.0, "moment": 0.3,
            }  # fmt: skip
            return small(seed, **{**calm, **changes})
    return small(seed, **{**calm, "people": 200, "restore": True})


def faults(plan: Plan) -> list[Fault]:
    """Everything that goes wrong, as `POST /sandbox/faults` takes it; at each moment of a send the
    first that strikes wins.  Each is drawn by (seed, name, content and person, attempt)."""
    often, seldom = plan.storm, plan.storm * plan.rare
    drawn: list[tuple[str, float, Fault]] = [
        # the way there
        ("hang_open", 0.001 * often, {"seconds": 0.3}),
        ("drop_before_accept", 0.008 * often, {"how": "reset"}),
        ("drop_before_accept", 0.004 * often, {"how": "close"}),
        ("5xx", 0.006 * often, {"codes": [500, 502, 503, 504]}),
        ("error", 0.002 * often, {"code": 130429, "http": 429}),
        ("error", 0.004 * often, {"codes": AGAIN}),
        ("error", 0.01 * often, {"codes": PERSON}),
        ("error", 0.0003 * seldom, {"codes": MESSAGE}),
        ("error", 0.0003 * seldom, {"codes": TEMPLATE}),
        ("error", 0.0003 * seldom, {"codes": ACCOUNT}),
        # what becomes of it
        ("undeliverable", 0.01 * often, {"codes": PERSON}),
        ("undeliverable", 0.003 * often, {"codes": AGAIN}),
        ("undeliverable", 0.0003 * seldom, {"codes": MESSAGE}),
        ("undeliverable", 0.0003 * seldom, {"codes": TEMPLATE}),
        ("undeliverable", 0.0003 * seldom, {"codes": ACCOUNT}),
        ("marketing_cap", 0.002 * often, {"sync": True}),
        ("opted_out", 0.003 * often, {}),
        ("experiment", 0.002 * often, {"sync": True}),
        ("delivered_then_failed", 0.005 * often, {}),
        ("no_read_receipts", 0.1 * often, {}),
        ("status_double", 0.05 * often, {}),
        ("status_reorder", 0.05 * often, {}),
        ("status_none", 0.005 * often, {}),
        ("status_first", 0.01 * often, {}),
        # the way back
        ("slow", plan.too_slow, {"seconds": 33.0}),
        ("slow", 0.01 * often, {"seconds": 0.8}),
        ("slow", plan.slow, {"seconds": plan.moment}),
        ("drop_after_accept", 0.02 * often, {"how": "anywhere"}),
        ("malformed", 0.003 * often, {"how": "page"}),
        ("malformed", 0.003 * often, {"how": "half"}),
        ("malformed", 0.002 * often, {"how": "empty"}),
        ("malformed", 0.002 * often, {"how": "no_id"}),
        ("close_after", 0.02 * often, {}),
        # webhooks
        ("status_lost", 0.01 * often, {}),
        ("webhook_late", 0.02 * often, {"seconds": 2.5}),
        ("webhook_shuffle", 0.1 * often, {"seconds": 0.5}),
        ("webhook_mix", 0.02 * often, {"seconds": 0.3, "size": 20}),
        ("webhook_double", 0.01 * often, {"how": "sequential"}),
        ("webhook_double", 0.005 * often, {"how": "parallel"}),
        ("bad_signature", 0.01 * often, {"how": "wrong"}),
        ("bad_signature", 0.005 * often, {"how": "reserialised"}),
        ("webhook_unknown", 0.001 * often, {"how": "field"}),
        ("webhook_unknown", 0.001 * often, {"how": "status"}),
        ("webhook_large", 0.00003 * often, {}),
        ("no_contacts", 0.003 * often, {}),
        ("ms_timestamps", 0.003 * often, {}),
    ]  # fmt: skip
    return [
        {
            "fault": name, "probability": min(1.0, probability), "by": "content",
            "seed": f"{plan.seed}/{place}", **members,
        }
        for place, (name, probability, members) in enumerate(drawn)
        if probability > 0
    ]  # fmt: skip


SETTINGS = """
chain = ["consent", "filter", "ratelimit", "footer"]
[company]
name = "Beispiel GmbH"
[server]
public  = "127.0.0.1:{public}"
metrics = "127.0.0.1:0"
[service]
grace = "5s"
log_level = "warning"
[delivery]
backoff = {backoff}
unknown_after = "6s"
resend_unknown = ["utility"]
unreachable_after = 3
failure_share = 1.0
withdrawal_share = 1.0
[hearing]
within = "60s"
[middleware.ratelimit]
per_second = {rate}
[middleware.consent]
utility = ["order"]
[inputs.shop]
plugin = "api"
per_minute = 100000
tokens = {{ shop = {{ file = "api" }} }}
"""
SENDER = """
[senders.{name}]
output          = "whatsapp"
base_url        = "{url}"
phone_number_id = "{number}"
account_id      = "100000000000002"
token           = {{ file = "token" }}
app_secret      = {{ file = "secret" }}
"""
TOPIC = """
[topics.{name}]
title    = {title}
purpose  = {title}
template = "blog_post"
sender   = "{sender}"
"""


def settings(plan: Plan, public: int, urls: dict[str, str]) -> str:
    """The gateway's settings; `urls`: where each sender's sandbox is."""
    parts = [SETTINGS.format(public=public, rate=plan.rate, backoff=plan.backoff)]
    parts += [
        SENDER.format(name=name, number=number, url=urls[name]) for name, number in SENDERS.items()
    ]
    parts += [
        TOPIC.format(
            name=name, title=json.dumps(TITLES[name], ensure_ascii=False), sender=TOPICS[name]
        )
        for name in TOPICS
    ]
    return "".join(parts)
