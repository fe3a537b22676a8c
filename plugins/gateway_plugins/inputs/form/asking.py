"""Makes a case of a form: somebody wants a call, or an answer."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

from gateway.api import Case, Context, PhoneNumberError, phone

from .fields import agreed, find, plain, text
from .guard import Caller, Refused
from .settings import FormTable
from .tools import Posted

LONGEST = 4000  # characters of a question
SHORT = 500  # of any other field
TWICE = timedelta(minutes=10)
"""What comes again within this time, without an id of its own, is the same: people double-click."""


class Asking:
    """Opens cases of one input's forms."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._recent: dict[str, datetime] = {}

    async def open(
        self, name: str, form: FormTable, posted: Posted, caller: Caller, language: str
    ) -> None:
        """Open a case, once for each submission.  Raises Refused."""
        case = self._case(name, form, posted, language)
        page = {"page": caller.page} if caller.page else {}
        await self._context.accept(cases=[case.replace(fields={**case.fields, **page})])

    def _case(self, name: str, form: FormTable, posted: Posted, language: str) -> Case:
        fields = posted.fields
        said = {key: text(find(fields, form.names(key)), SHORT) for key in ("name", "mail")}
        message = text(find(fields, form.names("message")), LONGEST)
        typed = text(find(fields, form.names("phone")), 60)
        if form.wording:
            if not agreed(find(fields, form.names("consent")), form.accepted):
                raise Refused("not_agreed")
            said["agreed"] = f"{form.wording} (version {form.version})"
        try:
            said["phone"] = phone(typed, self._context.company.region)
        except PhoneNumberError:
            if form.kind == "callback":
                raise Refused("no_phone" if not typed else "bad_number") from None
            said["phone"] = typed
        if form.kind == "enquiry" and not (message and (said["mail"] or typed)):
            raise Refused("no_question")
        said |= {key: text(find(fields, [key]), SHORT) for key in form.keep}
        said["form"] = name
        kept = {key: value for key, value in said.items() if value}
        return Case(
            kind="callback" if form.kind == "callback" else "enquiry",
            external_id=self._id(name, posted, {**kept, "message": message}),
            text=message,
            language=language,
            fields=kept,
            due_at=self._context.clock.now() + timedelta(seconds=form.due),
        )

    def _id(self, name: str, posted: Posted, said: dict[str, str]) -> str:
        """Return the tool's own id, else one that stays the same for some minutes."""
        if posted.id:
            return f"{name}:{posted.id[:200]}"
        now = self._context.clock.now()
        self._recent = {one: at for one, at in self._recent.items() if now - at < TWICE}
        compared = msgspec.json.encode({k: plain(v) for k, v in said.items()}, order="sorted")
        digest = hashlib.sha256(name.encode() + b"\0" + compared).hexdigest()[:32]
        first = self._recent.setdefault(digest, now)
        return f"{name}:{digest}:{int(first.timestamp()) // 60}"
