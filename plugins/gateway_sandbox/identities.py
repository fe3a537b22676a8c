"""How people are named: usernames that hide the number, other spellings, changed ids (7.3, 7.4)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from gateway_sandbox.account import Number
from gateway_sandbox.faults import Fault
from gateway_sandbox.leaving import Change
from gateway_sandbox.people import Person, Shown, alias, parse_person, username, with_phone
from gateway_sandbox.state import State
from gateway_sandbox.webhooks import inbound_message, messages_value

Json = dict[str, Any]


class Identities:
    """Knows who changed, and which faults of the moment `person` are set for whom."""

    def __init__(self, state: State) -> None:
        self._state = state

    def shown(self, person: Person) -> Shown:
        """How webhooks name this person now."""
        changed = self._state.user_ids.get(person.contact)
        if changed is not None:
            person = person._replace(user_id=changed)
        faults = self._state.faults
        if not faults.active or person.phone is None:
            return person.shown
        number = self.number(person)
        hidden = faults.trait("username_user", person.contact)
        if hidden is None:
            return person.shown._replace(number=number, wa_id=number)
        wa_id = {"missing": None, "empty": "", "user_id": person.user_id}[str(hidden.how)]
        profile = person.profile | {"username": username(person)}
        return Shown(number, wa_id, person.user_id, profile)

    def number(self, person: Person) -> str | None:
        """`wa_id` of the answer to a send: Meta's canonical number (section 10.1)."""
        if person.phone is None or not self._state.faults.active:
            return person.wa_id
        fault = self._state.faults.trait("alias", person.contact)
        if fault is None:
            return person.wa_id
        return fault.to.lstrip("+") if fault.to is not None else alias(person.phone)

    def new_number(self, number: Number, person: Person, to: str) -> Change:
        """The person takes the phone number `to`; returns what the business number hears of it.

        Whoever writes to the old number from now on gets 131026.
        """
        new = parse_person(to)
        if new is None or new.phone is None:
            raise ValueError("a person changes to a phone number")
        before = self.shown(person)
        system: Json = {
            "type": "user_changed_number",
            "body": f"User {before.profile['name']} changed from {person.phone} to {new.phone}",
            "wa_id": new.wa_id,
            "user_id": self.shown(new).user_id,
        }
        self._state.faults.add(Fault(fault="undeliverable", number=person.contact))
        return self._system(number, person, before, system)

    def new_user_id(self, number: Number, person: Person) -> Change:
        """The person gets another user id, and no phone number is told."""
        before = self.shown(person)
        after = self._renewed(person)
        self._state.user_ids[person.contact] = after
        system: Json = {
            "type": "user_changed_user_id",
            "body": "User changed identifier",
            "user_id": after,
            "previous_user_id": before.user_id,
        }
        return self._system(number, person, before._replace(wa_id=None), system)

    def new_key(self, number: Number, person: Person) -> Change:
        """The person's security code changes: who asked for the old one gets 137000."""
        account, now = self._state.account, self._state.clock()
        before = f"{account.identity(person.contact)}/{now}".encode()
        key = base64.b64encode(hashlib.blake2b(before, digest_size=9).digest()).decode()
        account.identities[person.contact] = key
        shown = self.shown(person)
        identity = {"acknowledged": False, "created_timestamp": str(int(now)), "hash": key}
        system: Json = {
            "type": "customer_identity_changed",
            "body": f"User {shown.profile['name']} changed their security code",
            "customer": shown.wa_id or shown.user_id,
            "identity": identity,
        }
        return self._system(number, person, shown, system)

    def _system(self, number: Number, person: Person, shown: Shown, system: Json) -> Change:
        wamid, now = self._state.wamid(), int(self._state.clock())
        message = inbound_message(shown, wamid, now, {"type": "system", "system": system})
        value = messages_value(number.id, number.digits, messages=[message])
        return Change("messages", value, person.contact, f"{person.contact}/system")

    def _renewed(self, person: Person) -> str:
        """Another id of the same person; one that belongs to a phone still leads back to it."""
        self._state.id_changes[person.contact] += 1
        changes = self._state.id_changes[person.contact]
        if person.phone is not None:
            return with_phone(person.phone, changes).user_id
        region, _, tail = person.user_id.rpartition(".")
        digest = hashlib.blake2b(f"{tail}/{changes}".encode(), digest_size=10).hexdigest()
        return f"{region}.{digest}"
