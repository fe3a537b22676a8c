"""The account's templates: asked for page by page, kept over a restart.

    GET /{account_id}/message_templates →
        {"data": [one template, …], "paging": {"cursors": {"after": "…"}, "next": "https://…"}}

Shapes: Meta, "Templates".  One template: definitions.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import trio

from gateway.api import Context, DeliveryError, FetchError, Hold, Rejected
from gateway_plugins.outputs.whatsapp.beside import carefully
from gateway_plugins.outputs.whatsapp.definitions import Definition, definition, find
from gateway_plugins.outputs.whatsapp.errors import failure

FIELDS = "id,name,language,status,category,parameter_format,components"
PAGE = 100
PAGES = 100
PAGE_BYTES = 8_000_000
KEY = "templates"
TRY_AGAIN = 30.0  # seconds; not asked more often, whatever is missing
SOON = 300.0  # seconds until a list that could not be had at the start is asked for again
DEADLINE = 15.0  # seconds for the whole list, while a message waits for it
UNKNOWN_UNTIL = timedelta(minutes=1)

# What a template's webhook says, as a status; others are found out by asking.
_STATUS = {"UNPAUSED": "APPROVED", "REINSTATED": "APPROVED"}


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    paging: dict[str, Any] | None = None


class _Kept(msgspec.Struct):
    account: str
    at: datetime
    templates: list[Definition]


class TemplateList:
    """The known templates of one account; in `context.state`, so that a restart needs no network.

    `url` is the list's address, `headers` hold the token, `secret` must not show in an error.
    """

    def __init__(
        self, context: Context, url: str, headers: dict[str, str], account: str, secret: str
    ) -> None:
        self._context = context
        self._url = url
        self._headers = headers
        self._account = account
        self._secret = secret
        self._lock = trio.Lock()
        self._at: datetime | None = None
        self._tried: datetime | None = None
        self.known: list[Definition] | None = None

    async def load(self) -> None:
        """Take what was kept, if it is of this account."""
        raw = await self._context.state.get(KEY)
        if raw is None:
            return
        try:
            kept = msgspec.json.decode(raw, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._context.log.warning("the kept list of templates cannot be read; asking Meta")
            return
        if kept.account == self._account:
            self.known, self._at = kept.templates, kept.at

    async def sync(self) -> list[Definition]:
        """Ask Meta for all templates and keep them.  Raises FetchError or DeliveryError."""
        found: list[Definition] = []
        unreadable = 0
        after = ""
        for _ in range(PAGES):
            page = await self._page(after)
            for raw in page.data:
                one = definition(raw)
                if one is None:
                    unreadable += 1
                else:
                    found.append(one)
            # Only the cursor is used: `next` is an address, and could lead the token elsewhere.
            paging = page.paging or {}
            cursors = paging.get("cursors")
            following = cursors.get("after") if isinstance(cursors, dict) else None
            if not paging.get("next") or not isinstance(following, str) or following == after:
                break
            after = following
        if unreadable:
            self._context.log.warning("%d templates cannot be read and are left out", unreadable)
        now = self._context.clock.now()
        paused = {(one.name, one.language): one.until for one in self.known or () if one.until}
        found = [
            msgspec.structs.replace(one, until=paused.get((one.name, one.language)))
            if one.status == "PAUSED"
            else one
            for one in found
        ]
        self.known, self._at = found, now
        kept = _Kept(account=self._account, at=now, templates=found)
        await self._context.state.put({KEY: msgspec.json.encode(kept)})
        return found

    async def _page(self, after: str) -> _Page:
        url = f"{self._url}?fields={FIELDS}&limit={PAGE}"
        if after:
            url += f"&after={quote(after, safe='')}"
        answer = await self._context.http.get(url, self._headers, max_bytes=PAGE_BYTES)
        if answer.status == 200:
            try:
                return msgspec.json.decode(answer.body, type=_Page)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise Rejected("no_list", "Meta's answer is no list of templates") from None
        refused = failure(answer.status, answer.body, (self._secret,))
        raise Rejected(refused.rule.name, refused.detail, scope=refused.rule.scope)

    async def run(self, every: float) -> None:
        """Ask Meta at the start and every so many seconds, until cancelled; beside what else asks."""
        while True:
            await carefully(self._context, "the templates could not be kept", self._once)
            await trio.sleep(every if self._at is not None else min(SOON, every))

    async def _once(self) -> None:
        await self.refresh(TRY_AGAIN)

    async def refresh(self, older_than: float) -> None:
        """Ask Meta if the list is older than so many seconds; keep what is known if that fails."""
        async with self._lock:
            now = self._context.clock.now()
            if self._at is not None and (now - self._at).total_seconds() < older_than:
                return
            if self._tried is not None and (now - self._tried).total_seconds() < TRY_AGAIN:
                return
            self._tried = now
            why = f"no answer within {DEADLINE:g} s"
            with trio.move_on_after(DEADLINE):
                try:
                    await self.sync()
                    return
                except (FetchError, DeliveryError) as error:
                    why = str(error)
            self._context.log.warning("templates could not be read: %s", why)

    async def get(
        self, name: str, language: str | None, topic: str, older_than: float
    ) -> Definition | Hold:
        """Return an approved template, asking Meta first if need be."""
        await self.refresh(older_than)
        found = self._find(name, language, topic)
        if isinstance(found, Hold):
            await self.refresh(TRY_AGAIN)
            found = self._find(name, language, topic)
        return found

    def _find(self, name: str, language: str | None, topic: str) -> Definition | Hold:
        now = self._context.clock.now()
        if self.known is None:
            text = "the templates are not known yet: Meta does not answer; tried again"
            return Hold("templates_unknown", text, now + UNKNOWN_UNTIL)
        return find(self.known, name, language, topic, now)

    def changed(
        self, name: str = "", language: str = "", event: str = "", until: datetime | None = None
    ) -> None:
        """A webhook said that a template changed: take its status at once; a pause ends at `until`.

        The list is asked for anew only if something else changed: just after an event it may
        still show what was before.
        """
        status = _STATUS.get(event, event)
        known = self.known or []
        ours = [one for one in known if (one.name, one.language) == (name, language)]
        if not ours or not status:
            self._at = self._tried = None
            return
        changed = [msgspec.structs.replace(one, status=status, until=until) for one in ours]
        self.known = [one for one in known if one not in ours] + changed
