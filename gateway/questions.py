"""What the command line can ask: reads only, each one answer as plain JSON values.

Times are UTC microseconds.  A ConfigError is a sentence for whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from gateway import __version__, ids
from gateway.assembly import Parts
from gateway.clock import SystemClock, day_began
from gateway.errors import ConfigError
from gateway.message import PRIORITY_NAMES
from gateway.month import this_month
from gateway.store.protocol import Store, micros
from gateway.values import Duration, PhoneNumberError, phone

DAY = 86_400 * 1_000_000
NAME = 80
"""Characters of the name of who asked."""

OPEN_MESSAGES = 200
"""Newest messages that still do something; many that wait must not hide the one that is sent."""


class Questions:
    """What can be asked of one gateway.  `live` adds what only a running daemon knows."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        clock: SystemClock,
        live: Callable[[], Mapping[str, Any]] | None,
    ) -> None:
        self._parts = parts
        self._store = store
        self._clock = clock
        self._live = live

    # --- the whole ------------------------------------------------------------------------------
    async def do_status(self) -> dict[str, Any]:
        """Return all that `gateway status` shows."""
        now = self._clock.micros()
        midnight = day_began(self._clock.now(), self._parts.config.company.time_zone)
        depths = await self._store.depths()
        senders = {}
        for name in self._parts.senders:
            figures = await self._store.report("sending", sender=name, since=now - DAY)
            senders[name] = figures | {
                "next": await self._store.next_due(name, after=now),
                "depths": [
                    {"priority": PRIORITY_NAMES[priority], "state": state, "n": n}
                    for (sender, priority, state), n in depths.items()
                    if sender == name
                ],
            }
        return {
            "version": __version__,
            "now": now,
            "time_zone": self._parts.config.company.time_zone,
            "stops": await self._stops(),
            "senders": senders,
            "messages": await self._store.report("messages", limit=OPEN_MESSAGES, only_open=True),
            "people": await self._store.report("people", since=micros(midnight)),
            "cases": await self._store.people_report("cases_open", at=now),
            "observers": await self._store.people_report("observers"),
            "waiting": (await self._store.report("waiting", limit=0))["groups"],
            "inputs": {
                label: {"plugin": type(plugin).name} for label, plugin in self._parts.inputs.items()
            },
            "marks": await self._store.marks(),
            "twice": await self._store.outcome_report("sent_twice"),
            "head": await self._head(),
            "month": await self._month(now),
            "live": dict(self._live()) if self._live else None,
        }

    async def _month(self, now: int) -> dict[str, Any] | None:
        """Return what this month has cost, and what waits will; None without a table of prices."""
        config = self._parts.config
        if config.rates is None:
            return None
        month = await this_month(
            self._store, config.rates, config.company.time_zone, config.company.region, at=now
        )
        return {
            "since": month.since,
            "currency": config.rates.currency,
            "rates_of": config.rates.date.isoformat(),
            "spent": round(month.spent.amount, 4),
            "promised": round(month.promised.amount, 4),
            "budget": config.cost.per_month,
            "unpriced": month.spent.unpriced,
        }

    async def _head(self) -> dict[str, Any] | None:
        """Return when the consent ledger was signed last, and until which event."""
        kept = await self._store.heads(limit=1)
        return (
            {"at": kept[0].signed.head.at, "number": kept[0].signed.head.number} if kept else None
        )

    async def do_queue(self, limit: int = 20) -> dict[str, Any]:
        """Return what waits, and for what: deliveries, and messages that have none yet."""
        depths = [
            {"sender": sender, "priority": PRIORITY_NAMES[priority], "state": state, "n": n}
            for (sender, priority, state), n in sorted((await self._store.depths()).items())
        ]
        now = self._clock.micros()
        return {
            "now": now,
            "depths": depths,
            "next": {
                name: await self._store.next_due(name, after=now) for name in self._parts.senders
            },
            "stops": await self._stops(),
            "storage": (self._live() if self._live else {}).get("storage"),
            "messages": await self._store.report("messages", limit=limit, only_open=True),
            **await self._store.report("waiting", limit=limit),
        }

    async def _stops(self, *others: str) -> dict[str, dict[str, Any]]:
        """What is stopped of the senders in the settings, and of others that are named."""
        found: dict[str, dict[str, Any]] = {}
        for stop in await self._store.stops():  # of one scope the oldest comes first
            if stop.sender not in ("", *self._parts.senders, *others):
                continue  # replaced, and taken out: nothing of it waits for anybody
            about = found.setdefault(
                stop.scope, {"reason": stop.reason, "since": stop.since, "causes": []}
            )
            about["causes"].append({"code": stop.code, "reason": stop.reason, "since": stop.since})
        return found

    def _known_sender(self, sender: str) -> None:
        if sender not in self._parts.senders:
            known = ", ".join(self._parts.senders)
            raise ConfigError(f"there is no sender {sender!r}; known: {known}")

    # --- messages -------------------------------------------------------------------------------
    async def do_message_list(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest messages."""
        return cast(
            list[dict[str, Any]], await self._store.report("messages", limit=min(limit, 1000))
        )

    async def do_message_show(self, message: str, by: str = "") -> dict[str, Any]:
        """Return one message.  What was written to one person alone is that person's data."""
        found = await self._message(message)
        if found["to"] is not None:
            await self._looked(f"message show #{found['number']}", found["to"], by)
        return found

    async def _message(self, text: str) -> dict[str, Any]:
        digits = text.lstrip("#")
        if digits.isdecimal() and len(digits) < 12:
            found = await self._store.report("message", number=int(digits))
        else:
            found = await self._store.report("message", id=ids.read("m", text))
        if found is None:
            raise ConfigError(f"there is no message {text}; `gateway message list` shows them")
        return cast(dict[str, Any], found)

    # --- contacts -------------------------------------------------------------------------------
    async def do_contacts_show(self, who: str, by: str = "") -> dict[str, Any]:
        """Return all that is known of one contact."""
        contact = await self._contact(who)
        await self._looked("contacts show", contact, by)
        found = cast(dict[str, Any], await self._store.report("contact", id=contact))
        return found | {
            "troubles": await self._store.outcome_report("troubles", contact=found["id"])
        }

    async def _looked(self, what: str, contact: int | None, who: str) -> None:
        """Note who looked at a person's data, or took it out; `gateway contacts show` tells."""
        name = " ".join(who.split())[:NAME] or "unknown"
        await self._store.looked(name, what, contact, at=self._clock.micros())

    async def _contact(self, who: str) -> int:
        direct = ids.read("c", who)
        if direct is not None and await self._store.report("contact", id=direct):
            return direct
        wanted = [who.strip()]
        with suppress(PhoneNumberError):
            wanted.insert(0, phone(who, self._parts.config.company.region))
        for value in wanted:
            found = await self._store.report("find_contact", identity=value)
            if found is not None:
                return int(found)
        raise ConfigError("no contact is known by that; give a number, a user id or c-…")

    async def do_trace(self, message: str, who: str, by: str = "") -> dict[str, Any]:
        """Return the whole story of one message for one contact, and what stops its sender."""
        found = await self._message(message)
        contact = await self._contact(who)
        await self._looked(f"trace #{found['number']}", contact, by)
        story = await self._store.report("trace", number=found["number"], contact_id=contact)
        live = self._live() if self._live else {}
        return cast(dict[str, Any], story) | {
            "now": self._clock.micros(),
            "time_zone": self._parts.config.company.time_zone,
            "running": self._live is not None,
            "stops": await self._stops(found["sender"]),
            "trouble": live.get("senders", {}).get(found["sender"], {}).get("trouble"),
        }

    def _moment(self, text: str) -> int:
        """Return a time that somebody typed, UTC microseconds: a date, or how long ago (`2h`)."""
        now = self._clock.now()
        try:
            return micros(now - timedelta(seconds=Duration.parse(text)))
        except ValueError:
            pass
        try:
            at = datetime.fromisoformat(text.strip())
        except ValueError:
            hint = 'write "2h", "3d", "2026-03-02" or "2026-03-02T09:00"'
            raise ConfigError(f"cannot read the time {text!r}; {hint}") from None
        zone = ZoneInfo(self._parts.config.company.time_zone)
        return micros(at if at.tzinfo else at.replace(tzinfo=zone))
