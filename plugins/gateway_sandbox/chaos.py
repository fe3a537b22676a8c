"""Webhooks as they come on bad days: later, doubled, mixed, wrongly signed, unheard of."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from gateway_sandbox.events import SignatureKind
from gateway_sandbox.faults import Fault, Faults, Occasion
from gateway_sandbox.graph import webhook_error
from gateway_sandbox.webhooks import meta_style_dump, signature

Json = dict[str, Any]
Changes = list[tuple[str, Json]]

_WRONG = b"a secret that nobody was given"


class Chaos:
    """Asks the faults of the moment `webhook`.  Those who ask look at `faults.active` first."""

    def __init__(self, faults: Faults, secret: bytes) -> None:
        self._faults = faults
        self._secret = secret

    def lost(self, occasion: Occasion) -> bool:
        """Does this status never leave?"""
        return self._faults.strike_one("status_lost", occasion) is not None

    def hold(self, occasion: Occasion) -> float:
        """Seconds for which an event stays away (`webhook_late`, `webhook_shuffle`)."""
        seconds = 0.0
        if late := self._faults.strike_one("webhook_late", occasion):
            seconds += late.seconds or 0.0
        if shuffled := self._faults.strike_one("webhook_shuffle", occasion):
            seconds += (shuffled.seconds or 0.0) * shuffled.draw(occasion, "seconds")
        return seconds

    def mix(self, occasion: Occasion) -> Fault | None:
        """Does it wait for others to leave with?"""
        return self._faults.strike_one("webhook_mix", occasion)

    def double(self, occasions: Sequence[Occasion]) -> str | None:
        """Does the body of these come twice: `sequential`, `parallel`?"""
        fault = self._any("webhook_double", occasions)
        return fault.how if fault else None

    def disturb(self, changes: Changes, occasions: Sequence[Occasion]) -> Changes:
        """What leaves instead of these changes; each event in them decides for itself, and one
        that is struck takes the body with it."""
        if self._any("no_contacts", occasions):
            changes = [
                (field, {key: part for key, part in value.items() if key != "contacts"})
                for field, value in changes
            ]
        if self._any("ms_timestamps", occasions):
            changes = copy.deepcopy(changes)
            for _, value in changes:
                for entry in (*value.get("messages", ()), *value.get("statuses", ())):
                    entry["timestamp"] += "000"
        if fault := self._any("webhook_unknown", occasions):
            changes = [*changes, _unknown(str(fault.how), changes[0][1])]
        if fault := self._any("webhook_large", occasions):
            changes = [*changes, ("history", _filler(int(fault.size or 0), changes))]
        return changes

    def _any(self, name: str, occasions: Sequence[Occasion]) -> Fault | None:
        """The fault of this name that strikes the first of these it strikes at all."""
        return next((f for o in occasions if (f := self._faults.strike_one(name, o))), None)

    def sign(self, body: bytes, occasion: Occasion) -> tuple[str | None, SignatureKind]:
        """The header's value (None: there is no header), and what is wrong with it."""
        fault = self._faults.strike_one("bad_signature", occasion)
        match fault.how if fault else None:
            case "missing":
                return None, "missing"
            case "wrong":
                return signature(_WRONG, body), "wrong"
            case "reserialised":
                plain = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
                return signature(self._secret, plain.encode()), "reserialised"
        return signature(self._secret, body), "good"


def _unknown(how: str, beside: Json) -> tuple[str, Json]:
    """A change of a kind that nobody has seen yet, for the same number as another change."""
    head = {key: beside[key] for key in ("messaging_product", "metadata") if key in beside}
    stranger: Json = {"id": "wamid.UNHEARD", "timestamp": "1700000000"}
    match how:
        case "type":
            message = {"from_user_id": "DE.UNHEARD", **stranger, "type": "hologram"}
            return "messages", head | {"messages": [message | {"hologram": {"frames": 3}}]}
        case "status":
            status = stranger | {"status": "dreamt_of", "recipient_user_id": "DE.UNHEARD"}
            return "messages", head | {"statuses": [status]}
        case "errors":
            return "messages", head | {"errors": [webhook_error(131000, "Something went wrong.")]}
    return "thought_transfer", head | {"thoughts": [stranger]}


def _filler(size: int, changes: Changes) -> Json:
    """Old messages, so many that the body has `size` bytes."""
    rest = size - len(meta_style_dump(changes)) - 200  # the envelope, and the frame below
    return {"history": [{"metadata": {"phase": 0}, "threads": ["x" * max(0, rest)]}]}
