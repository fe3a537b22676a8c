"""What commands ask of the consent ledger: sign, seal, answer, change the key.

Checking it and putting proofs together is not done here, but in the command's own process:
whoever looks must not slow down what is sent.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import Any

import msgspec

from gateway import ids
from gateway.anchoring import Anchoring, LedgerBroken
from gateway.errors import ConfigError
from gateway.heads import stated
from gateway.message import Identity
from gateway.plugin_operations import PluginOperations
from gateway.proofs import Answer, Seal, SignedAnswer, as_key, signed_statement
from gateway.store.ledger import KeptHead
from gateway.values import PhoneNumberError, phone

_E164 = re.compile(r"\+\d{7,15}")


class LedgerOperations(PluginOperations):
    """Operations on the consent ledger."""

    @cached_property
    def anchoring(self) -> Anchoring:
        """Signs this gateway's heads; the daemon's worker and its commands share it."""
        return Anchoring(self._parts.config, self._store, self._clock, self._parts.texts)

    async def do_consent_anchor(self) -> dict[str, Any]:
        """Sign the head now and keep it outside.  `anchors`: where → what went wrong, "" if
        nothing did."""
        kept = await self._signed(again=True)
        if kept is None:
            raise ConfigError("the ledger is empty: nobody ever agreed to anything")
        async with self._http() as http:
            done = await self.anchoring.keep_outside(http, kept)
        head = kept.signed.head
        return {
            "number": head.number,
            "at": head.at,
            "hash": head.hash,
            "key": head.key,
            "token": kept.signed.token,
            "anchors": done,
        }

    async def do_consent_rotate_key(self, lost: bool = False) -> dict[str, Any]:
        """Take a new key into use."""
        before, now = await self.anchoring.rotate(lost=lost)
        await self._signed(again=True)
        return {"before": before, "now": now, "vouched": not lost}

    async def do_consent_public_key(self) -> dict[str, Any]:
        """Return the public key in use; the first one is made."""
        signer = await self.anchoring.signer()
        return {"key": signer.id, "public": signer.public.hex()}

    async def do_consent_look(self, who: str, by: str) -> dict[str, Any]:
        """Before a proof is put together: find the contact, note who looks, sign what is new."""
        contact = await self._contact(who)
        await self._store.looked(by, "consent proof", contact, at=self._clock.micros())
        kept = await self._signed()
        if kept is None:
            raise ConfigError("the ledger is empty: nobody ever agreed to anything")
        return {"contact": contact, "number": kept.signed.head.number}

    async def do_consent_seal(self, sha256: str) -> dict[str, Any]:
        """Seal a proof by its digest."""
        signer = await self.anchoring.signer()
        seal = Seal(
            company=self._parts.config.company.name,
            sha256=sha256,
            at=self._clock.micros(),
            key=signer.id,
        )
        signed = signed_statement(seal, signer.sign(stated(seal)))
        return {"statement": signed.statement, "signature": signed.signature}

    async def do_consent_find(self, identity: str, by: str) -> dict[str, Any]:
        """Say what is known of an identity, or that nothing is, signed."""
        known = self._identity(identity)
        contact = await self._store.find(known)
        person = await self._store.contact(contact) if contact is not None else None
        erased = None if person else await self._store.erased_since(known)
        await self._store.looked(by, "consent find", contact, at=self._clock.micros())
        kept = await self._signed()
        signer = await self.anchoring.signer()
        answer = Answer(
            company=self._parts.config.company.name,
            kind=known.kind,
            value=known.value,
            answer="known" if person else "erased" if erased is not None else "unknown",
            since=erased,
            states={one.topic: one.state for one in person.consents} if person else {},
            head=kept.signed.token if kept else None,
            at=self._clock.micros(),
            key=signer.id,
        )
        file = SignedAnswer(
            answer=signed_statement(answer, signer.sign(stated(answer))),
            keys=[as_key(key) for key in await self._store.ledger_keys()],
        )
        return {
            "answer": msgspec.to_builtins(answer),
            "contact": ids.show("c", contact) if person and contact is not None else None,
            "file": msgspec.to_builtins(file),
        }

    def _identity(self, text: str) -> Identity:
        """`+49 171 …` is a phone, `user_id:DE.…` says its kind, `DE.…` is a user id."""
        kind, colon, value = text.partition(":")
        if colon and kind.strip().isidentifier() and value.strip():
            return Identity(kind.strip(), value.strip())
        with suppress(PhoneNumberError):
            return Identity("phone", phone(text, self._parts.config.company.region))
        if _E164.fullmatch(text.strip()):  # no valid number, and perhaps known all the same
            return Identity("phone", text.strip())
        if "." in text and not any(character.isspace() for character in text.strip()):
            return Identity("user_id", text.strip())
        raise ConfigError("that is no number and no user id; other kinds: KIND:VALUE")

    async def do_consent_rebuild(self) -> dict[str, Any]:
        """Derive every consent's state from its events again; says what differed."""
        changed: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            after, found = await self._store.rebuild_consents(after=after)
            changed += [
                {
                    "contact": ids.show("c", one.contact),
                    "topic": one.topic,
                    "kept": one.kept.state if one.kept else None,
                    "derived": one.derived.state if one.derived else None,
                }
                for one in found
            ]
        return {"changed": changed}

    async def _signed(self, *, again: bool = False) -> KeptHead | None:
        try:
            return await self.anchoring.sign(again=again)
        except LedgerBroken as error:
            raise ConfigError(str(error)) from None
