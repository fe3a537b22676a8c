"""What commands do for people's rights: import with proof, withdraw, export, erase, hold, retain.

Whoever looks at a person's data is noted (`_looked` in questions.py).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

import trio

from gateway import ids
from gateway.errors import ConfigError
from gateway.importing import DIGEST, attached, read_rows
from gateway.proof_files import LARGEST, ProofFiles
from gateway.questions import Questions
from gateway.retaining import CLASSES, Retaining, cutoffs

TRIES = 3
"""How often an erasure waits for what is in the air, such as the answer to the withdrawal."""


class RightsOperations(Questions):
    """Operations on contacts.  `_landed` waits until nothing is in the air to some of them."""

    _landed: Callable[[tuple[int, ...]], Awaitable[None]] | None = None

    @cached_property
    def retaining(self) -> Retaining:
        """Purges what is over its time; the daemon's worker and its command share it."""
        observers = tuple(self._parts.observers)
        return Retaining(self._parts.config, self._store, self._clock, observers)

    # --- importing ------------------------------------------------------------------------------
    async def do_contacts_import(
        self,
        rows: list[dict[str, str]],
        file: str = "",
        topic: str | None = None,
        check: bool = False,
    ) -> list[dict[str, Any]]:
        """Import rows of a table; with `check` write nothing.  Returns one verdict per row:
        `consent`, `no_consent` (stored, nothing is ever sent), `kept` (known here already),
        `suppressed` (was erased, nothing is stored) or `refused`, with the reason."""
        files = ProofFiles(self._parts.config.database)
        for row in rows:
            if DIGEST in row and not files.has(row[DIGEST]):  # a hash alone proves nothing
                del row[DIGEST]
        people, verdicts = await read_rows(
            rows, self._parts.config, self._store, file=file, default_topic=topic
        )
        if people and not check:
            at = self._clock.micros()
            await self._store.accept("import", (), at=at, people=people)
            for identity, digest, name in attached(people):
                contact = await self._store.find(identity)
                if contact is not None:
                    await self._store.attach(contact, digest, name, at=at)
        return verdicts

    async def do_proof_put(self, content: str) -> dict[str, str]:
        """Keep a file (base64) that proves consents of an import; returns its SHA-256."""
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError("the file did not arrive whole") from None
        if len(data) > LARGEST:
            raise ConfigError(f"a proof may have {LARGEST:,} bytes, this one has {len(data):,}")
        files = ProofFiles(self._parts.config.database)
        return {"sha256": (await trio.to_thread.run_sync(files.put, data)).hex()}

    # --- rights ---------------------------------------------------------------------------------
    async def do_contacts_withdraw(self, who: str, topic: str | None = None) -> dict[str, Any]:
        """Withdraw, from one topic or everything, for a person who asked by another way; final
        like a STOP."""
        if topic is not None and topic not in self._parts.config.topics:
            known = ", ".join(self._parts.config.topics) or "none"
            raise ConfigError(f"there is no topic {topic!r}; known: {known}")
        contact = await self._contact(who)
        taken = await self._store.withdraw(
            [contact], source="command", at=self._clock.micros(), topic=topic
        )
        if self._landed is not None:
            await self._landed(taken.sending)
        return {"withdrawn": ids.show("c", contact), "dropped": taken.dropped}

    async def do_contacts_export(self, who: str, by: str = "") -> dict[str, Any]:
        """Return all that is stored about a person, for that person."""
        contact = await self._contact(who)
        await self._looked("contacts export", contact, by)
        found: dict[str, Any] = await self._store.people_report("dossier", id=contact)
        return found

    async def do_contacts_erase(self, who: str, reason: str = "", by: str = "") -> dict[str, Any]:
        """Forget a person: withdrawn first, then everything personal goes, for good."""
        contact = await self._contact(who)
        hold = (await self._store.report("contact", id=contact))["legal_hold"]
        if hold:
            raise ConfigError(
                f"this contact is held ({hold}) and is not erased; `gateway contacts release`"
                " lifts that"
            )
        by = by or "a person"
        source = f"erasure by {by}"
        dropped = 0
        for _ in range(TRIES):
            now = self._clock.micros()
            taken = await self._store.withdraw([contact], source=source, at=now)
            dropped += taken.dropped
            if self._landed is not None:
                await self._landed(taken.sending)
            done = await self._store.erase(contact, by=by, reason=reason, at=self._clock.micros())
            if not done.refused:
                break
        if done.refused:
            raise ConfigError(done.refused)
        files = ProofFiles(self._parts.config.database)
        await trio.to_thread.run_sync(files.remove, done.files)
        await self._looked("contacts erase", contact, by)
        return {
            "erased": ids.show("c", contact),
            "dropped": dropped,
            "identities": done.identities,
            "files": len(done.files),
        }

    async def do_contacts_hold(self, who: str, reason: str, by: str = "") -> dict[str, Any]:
        """Keep all about a contact, whatever is asked or settled, until it is released."""
        if not reason.strip():
            raise ConfigError("--reason: say why, such as the court's reference")
        contact = await self._contact(who)
        await self._store.hold(contact, reason=reason.strip(), at=self._clock.micros())
        await self._looked(f"contacts hold: {reason.strip()}", contact, by)
        return {"held": ids.show("c", contact), "reason": reason.strip()}

    async def do_contacts_release(self, who: str, by: str = "") -> dict[str, Any]:
        """End that."""
        contact = await self._contact(who)
        if not (await self._store.report("contact", id=contact))["legal_hold"]:
            raise ConfigError("this contact is not held")
        await self._store.hold(contact, reason="", at=self._clock.micros())
        await self._looked("contacts release", contact, by)
        return {"released": ids.show("c", contact)}

    # --- retention ------------------------------------------------------------------------------
    async def do_retention(self, now: bool = False) -> dict[str, Any]:
        """Return what is kept how long, and what is over its time; with `now` that goes first."""
        purged = await self.retaining.once() if now else {}
        at = self._clock.micros()
        before = cutoffs(self._parts.config.retention, at)
        kept = await self._store.people_report("kept", before=before)
        retention = self._parts.config.retention
        return {
            "now": at,
            "purged": purged,
            "classes": [
                one
                | {
                    "key": CLASSES[one["what"]],
                    "for": str(getattr(retention, CLASSES[one["what"]])),
                }
                for one in kept
            ],
        }
