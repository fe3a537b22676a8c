"""What a person's message does to consents, in the transaction that takes the message in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from gateway.consent_state import SECOND, SWITCH
from gateway.inbound import Act, ConsentEvent, Inbound, Wording
from gateway.store.people import Terms
from gateway.store.protocol import DeliveryState, moment
from gateway.store.sqlite import signing_up, suppression
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, LAST, Appended, append, state, would_be
from gateway.store.sqlite.identities import same
from gateway.store.sqlite.knowing import wording
from gateway.store.sqlite.withdrawing import Withdrawal, together, withdraw

REQUEST = """
SELECT contact_id, topic, wording FROM consent_events WHERE number = ? AND name = 'requested'
"""
OPEN_QUESTIONS = """
SELECT q.event, q.delivery_id, q.at, d.state
FROM consents c JOIN questions q ON q.event = c.event JOIN deliveries d ON d.id = q.delivery_id
WHERE c.contact_id = ? AND c.state = 'requested'
"""
QUESTION_OF = """
SELECT a.provider_id FROM questions q JOIN attempts a ON a.delivery_id = q.delivery_id
WHERE q.event = ? AND a.provider_id IS NOT NULL
"""
PAUSED = "SELECT paused_until FROM contacts WHERE id = ? AND paused_until IS NOT NULL"
UNPAUSE = "UPDATE contacts SET paused_until = NULL WHERE id = ?"
LANGUAGE = "UPDATE contacts SET language = coalesce(language, ?) WHERE id = ?"


class Did(NamedTuple):
    """What became of an act: whether it meant anything, and the withdrawal that it was."""

    meant: bool
    withdrawal: Withdrawal | None = None


class Heard(NamedTuple):
    """A message as it was taken: whose, by which sender, when it was said and when it came."""

    contact: int
    inbound: Inbound
    id: int
    sender: str
    said_at: int
    at: int

    @property
    def evidence(self) -> dict[str, str]:
        """What proves the act: the words, the provider's id, and the webhook's SHA-256."""
        caption = {"caption": self.inbound.caption} if self.inbound.caption else {}
        return {
            "words": self.inbound.words,
            **caption,
            "answer": self.inbound.provider_id,
            "raw": hashlib.sha256(self.inbound.raw).hexdigest(),
        }

    @property
    def source(self) -> str:
        """Where the consent event comes from."""
        if self.inbound.kind == "user_preferences":
            return f"{SWITCH} of {self.sender}"
        return f"message to {self.sender}"

    @property
    def way(self) -> str:
        """How it was said: by a word, a button, or the provider's own switch."""
        if self.inbound.kind == "user_preferences":
            return "switch"
        return "button" if self.inbound.button else "word"

    def event(
        self, name: str, topic: str, wording: Wording | None = None, **evidence: str
    ) -> ConsentEvent:
        """Return the consent event that this message is."""
        return ConsentEvent(
            name=name, at=moment(self.said_at), topic=topic, source=self.source,
            sender=self.sender, wording=wording, evidence={**evidence, **self.evidence},
        )  # fmt: skip

    def append(
        self, tx: SqliteTransaction, event: ConsentEvent, request: int | None = None
    ) -> Appended:
        """Put an event of this message on record."""
        return append(
            tx, self.contact, event.topic or EVERYTHING, event, self.at, request=request,
            inbound=self.id, detail=self.way,
        )  # fmt: skip

    def journal(
        self, tx: SqliteTransaction, name: str, code: str = "", detail: str = "",
        consent: int | None = None,
    ) -> None:  # fmt: skip
        """Tell what this message did, beside its consent events."""
        tx.journal(
            self.at, name, contact=self.contact, sender=self.sender, code=code, detail=detail,
            inbound=self.id, consent=consent,
        )  # fmt: skip


def apply(tx: SqliteTransaction, heard: Heard, act: Act, terms: Terms) -> Did:
    """Do what a message means.  A yes or no in words that answers no question means nothing."""
    if act.language:
        tx.execute(LANGUAGE, (act.language, heard.contact))
    if act.kind == "stop":
        return Did(True, _stop(tx, heard, act))
    if act.kind == "start":
        _start(tx, heard, act, terms)
        return Did(True)
    if act.kind == "resume":
        heard.append(tx, heard.event("resumed", EVERYTHING))
        return Did(True)
    return _answer(tx, heard, act)


def _stop(tx: SqliteTransaction, heard: Heard, act: Act) -> Withdrawal:
    withdrawals = [
        withdraw(
            tx, heard.contact, heard.source, heard.at, topic=topic, evidence=heard.evidence,
            said_at=heard.said_at, sender=heard.sender, inbound=heard.id,
            way="near miss" if act.near else heard.way,
        )
        for topic in act.topics or (None,)
    ]  # fmt: skip
    return together(withdrawals)


def _start(tx: SqliteTransaction, heard: Heard, act: Act, terms: Terms) -> None:
    if tx.one(PAUSED, (heard.contact,)):
        tx.execute(UNPAUSE, (heard.contact,))
        heard.journal(tx, "contact.resumed", detail="START")
    bound = signing_up.bind(tx, act.code, heard.contact, heard.said_at, heard.at)
    if bound.refused:
        heard.journal(tx, "sign_up.refused", code=bound.refused)
    offered = terms.offered(heard.inbound.identities)
    agreed = [topic for topic in bound.topics if not terms.wordings or topic in offered]
    topics = tuple(dict.fromkeys((*agreed, *act.topics)))
    if not topics and act.code and len(offered) == 1:
        topics = offered
    if bound.language:
        tx.execute(LANGUAGE, (bound.language, heard.contact))
    if not topics:
        heard.journal(tx, "consent.which")
    for topic in topics:
        _request(tx, heard, topic, bound if topic in agreed else None, act, terms)


def _request(
    tx: SqliteTransaction,
    heard: Heard,
    topic: str,
    bound: signing_up.Bound | None,
    act: Act,
    terms: Terms,
) -> None:
    """Put a request on record, always; a repeated one opens no second question."""
    before = state(tx, heard.contact, topic)
    words = (bound and bound.wording) or terms.wordings.get(topic)
    evidence = dict(bound.evidence) if bound else {}
    if act.code:
        evidence["code" if bound else "refused_code"] = act.code
    event = heard.event("requested", topic, words, **evidence)
    if bound:
        event = event.replace(source=bound.source)
    added = heard.append(tx, event)
    now = state(tx, heard.contact, topic)
    if now is not None and now.state == "requested" and not terms.double_opt_in:
        heard.append(tx, heard.event("confirmed", topic, words), request=now.event)
        suppression.lift(tx, heard.contact, heard.at)
    elif now is not None and not added.changed and before is not None:
        if now.state == "confirmed":
            heard.journal(tx, "consent.again", code=topic, consent=now.event)
        elif now.state == "requested":
            heard.journal(tx, "consent.waiting", code=topic, consent=now.event)


# --- answers ----------------------------------------------------------------------------------------
def _answer(tx: SqliteTransaction, heard: Heard, act: Act) -> Did:
    """Take a yes or a no to the requests of a button, or to the one question that is open."""
    requests: Sequence[int] = act.requests or _asked(tx, heard)
    everybody = same(tx, heard.contact)
    meant = False
    withdrawals = []
    for request in requests:
        row = tx.one(REQUEST, (request,))
        if row is None or row[0] not in everybody:
            continue
        meant = True
        if act.kind == "yes":
            _yes(tx, heard, row[1], request, wording(tx, row[2]))
        else:
            withdrawals += _no(tx, heard, row[1], request)
    return Did(meant, together(withdrawals) if withdrawals else None)


def _yes(
    tx: SqliteTransaction, heard: Heard, topic: str, request: int, seen: Wording | None
) -> None:
    before = state(tx, heard.contact, topic)
    if not _counts(tx, heard, "confirmed", topic, request):
        confirmed = before is not None and before.state == "confirmed"
        heard.journal(tx, "consent.again" if confirmed else "consent.late", topic, consent=request)
        return
    question = tx.one(QUESTION_OF, (request,))
    event = heard.event("confirmed", topic, seen, question=question[0] if question else "")
    heard.append(tx, event, request=request)
    suppression.lift(tx, heard.contact, heard.at)


def _no(tx: SqliteTransaction, heard: Heard, topic: str, request: int) -> list[Withdrawal]:
    """A no to what was confirmed already takes it back, as a STOP does."""
    before = state(tx, heard.contact, topic)
    if before is not None and before.state == "confirmed":
        withdrawal = withdraw(
            tx, heard.contact, heard.source, heard.at, topic=topic, evidence=heard.evidence,
            said_at=heard.said_at, sender=heard.sender, inbound=heard.id, way=heard.way,
        )  # fmt: skip
        return [withdrawal]
    if _counts(tx, heard, "refused", topic, request):
        heard.append(tx, heard.event("refused", topic), request=request)
    return []


def _counts(tx: SqliteTransaction, heard: Heard, name: str, topic: str, request: int) -> bool:
    """Return whether an answer decides: it was said while its request was open."""
    after = would_be(tx, heard.contact, topic, name, heard.said_at, heard.at, request=request)
    return after is not None and after.event == LAST


def _asked(tx: SqliteTransaction, heard: Heard) -> list[int]:
    """Return the requests of the one question that is open; none if there are several, or if it
    went out after this was said, or not at all."""
    rows = [
        (request, delivery)
        for request, delivery, at, state in tx.rows(OPEN_QUESTIONS, (heard.contact,))
        if at // SECOND <= heard.said_at // SECOND and state < DeliveryState.FAILED
    ]
    return [request for request, _ in rows] if len({delivery for _, delivery in rows}) == 1 else []
