"""One row of an imported table: who it is, and whether it proves a consent.

A row proves a consent if it says for what (`topic`), when (`confirmed_at`), where (`source`) and
in which words (`wording`).  Without all four the person is stored without consent, and nothing is
ever sent to them: a claim is not a proof (BGH, 10 Feb 2011, I ZR 164/09).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import GatewayConfig
from gateway.inbound import ConsentEvent, Person
from gateway.message import Identity
from gateway.store.protocol import Store
from gateway.tables import nearest
from gateway.values import PhoneNumberError, phone

PROOF = ("confirmed_at", "source", "wording")
KNOWN = {"phone", "user_id", "name", "language", "topic"}
COLUMNS = (
    "phone", "user_id", "topic", *PROOF, "requested_at", "withdrawn_at", "language", "name", "file",
)  # fmt: skip
"""All columns that mean something; the others are kept as evidence."""
FILE, DIGEST = "file", "file_sha256"
"""Columns of evidence: the name of a scan or screenshot, and its SHA-256 in hex."""
SUPPRESSED = "was erased at this person's request; only the person's own sign-up lifts that"
OWN_ACT = {
    "refused": "this person said no; only the person's own new sign-up lifts that",
    "unconfirmed": "the number may have a new owner; only that person's own yes lifts that",
}
"""State of a consent → why a list changes nothing about it."""
TOPIC = 40
"""Characters of a topic that are repeated; what stands there may be anything."""
LONGEST = 20_000
"""Characters of one field that are kept."""


async def read_rows(
    rows: Iterable[Mapping[str, str]],
    config: GatewayConfig,
    store: Store,
    *,
    file: str,
    default_topic: str | None,
) -> tuple[list[Person], list[dict[str, Any]]]:
    """Return the people of rows, and one verdict per row by what it says and what is known here.

    A verdict is `consent`, `no_consent`, `kept` (known here already), `suppressed` (was erased)
    or `refused`, with its reason.  Raises StoreError.
    """
    people, verdicts = [], []
    for row in rows:
        person, verdict = read_row(row, config, file=file, default_topic=default_topic)
        if person is not None and await store.people_report(
            "suppressed", identities=person.identities
        ):
            verdicts.append({"verdict": "suppressed", "reason": SUPPRESSED})
            continue
        events = person.events if person is not None else ()
        claimed = next((one.topic for one in events if one.name != "withdrawn"), None)
        for identity in person.identities if person is not None and claimed else ():
            known = await store.report("find_contact", identity=identity.value)
            if known is not None and verdict["verdict"] != "kept":
                here = await store.report("contact", id=int(known))
                verdict = against(here["consents"], verdict | {"topic": claimed})
        if person is not None:
            # Who withdrew is not even asked because of a list.
            people.append(person.replace(events=()) if verdict["verdict"] == "kept" else person)
        verdicts.append(verdict)
    return people, verdicts


def read_row(
    row: Mapping[str, str], config: GatewayConfig, *, file: str, default_topic: str | None
) -> tuple[Person | None, dict[str, Any]]:
    """Return the person (None if the row is unusable) and the verdict on the row."""
    values = {
        (key or "").strip().lower(): (value or "").strip()[:LONGEST]
        for key, value in row.items()
        if isinstance(value, str)
    }
    identities = []
    if values.get("phone"):
        try:
            identities.append(Identity("phone", phone(values["phone"], config.company.region)))
        except PhoneNumberError as error:
            return None, {"verdict": "refused", "reason": f"phone: {error}"}
    if values.get("user_id"):
        identities.append(Identity("user_id", values["user_id"]))
    if not identities:
        return None, {"verdict": "refused", "reason": "neither phone nor user_id is filled in"}
    topic = values.get("topic") or default_topic
    person = Person(
        identities=tuple(identities),
        language=values.get("language") or None,
        name=values.get("name", ""),
    )
    if topic and topic not in config.topics:
        return person, {
            "verdict": "no_consent",
            "reason": f"there is no topic {topic[:TOPIC]!r} in the settings{_like(topic, config)}",
        }
    at = _time(values.get("confirmed_at", ""), config.company.time_zone)
    withdrawn = _time(values.get("withdrawn_at", ""), config.company.time_zone)
    if topic and withdrawn is not None and (at is None or withdrawn >= at):
        left = ConsentEvent(
            name="withdrawn", at=withdrawn, topic=topic, source=f"import {file}".strip(),
            evidence={key: value for key, value in values.items() if value and key not in KNOWN},
        )  # fmt: skip
        reason = "withdrawn_at is filled in, and not before confirmed_at: taken as a withdrawal"
        return person.replace(events=(left,)), {"verdict": "no_consent", "reason": reason}
    requested = _time(values.get("requested_at", ""), config.company.time_zone)
    if topic and requested is not None and not values.get("confirmed_at"):
        asked = ConsentEvent(
            name="requested", at=requested, topic=topic, source=f"import {file}".strip(),
            evidence={key: value for key, value in values.items() if value and key not in KNOWN},
        )  # fmt: skip
        reason = "signed up and never confirmed"
        return person.replace(events=(asked,)), {"verdict": "no_consent", "reason": reason}
    missing = [field for field in PROOF if not values.get(field)]
    if not topic:
        missing.insert(0, "topic")
    if missing:
        return person, {
            "verdict": "no_consent",
            "reason": f"no proof: {', '.join(missing)} missing",
        }
    if at is None:
        return person, {
            "verdict": "no_consent",
            "reason": "confirmed_at is no time; write it as 2025-03-02 10:15:02",
        }
    if at > datetime.now(UTC):
        return person, {"verdict": "no_consent", "reason": "confirmed_at lies in the future"}
    if requested is not None and requested > at:
        reason = "requested_at is later than confirmed_at: nobody confirms before asking"
        return person, {"verdict": "no_consent", "reason": reason}
    if values.get("withdrawn_at") and withdrawn is None:
        reason = "withdrawn_at is filled in, and is no time; write it as 2025-03-02 10:15:02"
        return person, {"verdict": "no_consent", "reason": reason}
    evidence = {key: value for key, value in values.items() if value and key not in KNOWN}
    event = ConsentEvent(
        name="imported", at=at, topic=topic, source=f"import {file}".strip(), evidence=evidence
    )
    return person.replace(events=(event,)), {"verdict": "consent", "reason": "", "topic": topic}


def attached(people: Iterable[Person]) -> Iterator[tuple[Identity, bytes, str]]:
    """Yield who has a proof in a file: identity, SHA-256 and name of the file."""
    for person in people:
        for event in person.events:
            if DIGEST in event.evidence:
                digest = bytes.fromhex(event.evidence[DIGEST])
                yield person.identities[0], digest, event.evidence.get(FILE, "")


def against(consents: list[dict[str, Any]], verdict: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on a row when what is known here wins over it."""
    states = {consent["topic"]: consent["state"] for consent in consents}
    if "withdrawn" in (states.get("*"), states.get(verdict["topic"])):
        reason = "this person withdrew; only the person's own new sign-up lifts that"
        return verdict | {"verdict": "kept", "reason": reason}
    if states.get(verdict["topic"]) in OWN_ACT:
        return verdict | {"verdict": "kept", "reason": OWN_ACT[states[verdict["topic"]]]}
    if states.get(verdict["topic"]) == "confirmed":
        return verdict | {"verdict": "kept", "reason": "consent is known already"}
    return verdict


def _like(topic: str, config: GatewayConfig) -> str:
    near = nearest(topic, config.topics)
    return f"; did you mean {near!r}?" if near else ""


def _time(text: str, zone: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(zone))
    try:
        return at.astimezone(UTC)
    except OverflowError:  # the year 1, or 9999
        return None
