"""What commands do with cases: what somebody of the company has to do, by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from gateway import ids
from gateway.answering import LONGEST, answer, way
from gateway.context import prepared
from gateway.errors import ConfigError
from gateway.given import Answered
from gateway.inbound import Case, CaseKind, Close
from gateway.message import Message
from gateway.questions import Questions
from gateway.store.protocol import micros

MOST = 1000
"""Cases that are looked through for one list."""
KINDS: tuple[str, ...] = get_args(CaseKind)

REFUSED: dict[Answered, str] = {
    "closed": "it is closed already, nothing was sent; gateway cases show says how",
    "unknown": "it is gone",
    "nobody": "nobody is known (any more) who belongs to it; nothing was sent",
    "no_window": "this person never wrote to the gateway, so no free text may go there",
    "window_closed": "the 24 hours for a free text are over; answer in another way, then close it",
    "empty": "the answer is empty",
    "too_long": f"the answer has more than {LONGEST} characters",
}


class CaseOperations(Questions):
    """Operations on questions, callbacks, enquiries and requests for data."""

    async def do_cases(
        self, kinds: Sequence[str] = (), closed: bool = False, limit: int = 100
    ) -> dict[str, Any]:
        """Return cases: open ones with the overdue first, closed ones with the newest first."""
        for kind in kinds:
            if kind not in KINDS:
                raise ConfigError(f"there is no kind {kind!r}; known: {', '.join(KINDS)}")
        found = await self._store.cases(closed=closed, limit=MOST)
        now = self._clock.micros()
        rows = [_row(case, now) for case in found if not kinds or case.kind in kinds]
        if not closed:
            rows.sort(key=lambda row: (not row["overdue"], row["due_at"] or now, row["opened_at"]))
        return {"now": now, "cases": rows[:limit], "left_out": max(0, len(rows) - limit)}

    async def do_case_show(self, case: str, by: str = "") -> dict[str, Any]:
        """Return one case, who asked, and what was said lately."""
        found = await self._case(case)
        row = _row(found, self._clock.micros()) | {"fields": found.fields, "answer": found.answer}
        contact = await self._store.contact(found.contact) if found.contact is not None else None
        if contact is None:
            return row | {"who": None, "said": []}
        await self._looked(f"cases show #{found.number}", contact.id, by)
        window = way(found, contact)
        lines = await self._store.people_report("conversation", contact=contact.id, limit=10)
        return row | {
            "who": {
                "contact": ids.show("c", contact.id),
                "name": contact.name,
                "language": contact.language,
                "identities": [[one.kind, one.value] for one in contact.identities],
                "topics": [c.topic for c in contact.consents if c.state == "confirmed"],
                "until": micros(window.until) if window else None,
            },
            "said": [
                {
                    "at": micros(line.at), "ours": line.ours, "kind": line.kind,
                    "text": line.text, "state": line.state, "number": line.number,
                }
                for line in lines
            ],
        }  # fmt: skip

    async def do_case_answer(self, case: str, text: str, by: str) -> dict[str, Any]:
        """Send an answer and close the case with it."""
        found = await self._case(case)

        def prepare(message: Message) -> Message:
            return prepared(message, self._clock, self._parts.complete)

        done = await answer(self._store, self._clock, prepare, found.id, text, by)
        if done not in ("answered", "repeated"):
            raise ConfigError(f"#{found.number}: {REFUSED[done]}")
        return {"case": found.number, "repeated": done == "repeated"}

    async def do_case_close(self, case: str, by: str) -> dict[str, Any]:
        """Close a case that was settled in another way; nothing is sent."""
        found = await self._case(case)
        if found.closed_at is not None:
            raise ConfigError(f"#{found.number} is closed already, by {found.closed_by}")
        at = self._clock.micros()
        await self._store.accept("cases", (), at=at, closes=[Close(case=found.id, by=by)])
        return {"case": found.number}

    async def _case(self, text: str) -> Case:
        digits = text.strip().lstrip("#")
        found: Case | None = None
        if digits.isascii() and digits.isdecimal() and len(digits) < 12:
            found = await self._store.people_report("case_by_number", number=int(digits))
        if found is None:
            raise ConfigError(f"there is no case {text}; `gateway cases` shows them")
        return found


def _row(case: Case, now: int) -> dict[str, Any]:
    due = micros(case.due_at) if case.due_at else None
    return {
        "number": case.number,
        "kind": case.kind,
        "source": case.source,
        "text": case.text,
        "contact": ids.show("c", case.contact) if case.contact is not None else None,
        "opened_at": micros(case.opened_at) if case.opened_at else None,
        "due_at": due,
        "overdue": due is not None and due < now and case.closed_at is None,
        "closed_at": micros(case.closed_at) if case.closed_at else None,
        "closed_by": case.closed_by,
        "answered": bool(case.answer),
    }
