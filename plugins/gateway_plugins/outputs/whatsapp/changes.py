"""Who is known in another way now, and what the company wrote from its own phone.

    {"from": "49171…11", "type": "system", "system": {"type": "user_changed_number",
     "wa_id": "49171…12", "user_id": "DE.…99"}}
    {"from_user_id": "DE.…42", "type": "system", "system": {"type": "user_changed_user_id",
     "user_id": "DE.…99", "previous_user_id": "DE.…42"}}

Shapes: Meta, "Business-scoped user IDs", "messages webhook reference", "smb_message_echoes".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.api import Echo, Identity, IdentityChange
from gateway_plugins.outputs.whatsapp.incoming import (
    Known,
    Written,
    identities_of,
    inside,
    moment,
    string,
    who,
)
from gateway_plugins.outputs.whatsapp.statuses import Reported

NUMBER = ("user_changed_number", "customer_changed_number")
KEY = ("customer_identity_changed", "user_identity_changed")


class Echoed(msgspec.Struct):
    """One entry of `message_echoes[]`, without its content."""

    id: Any = None
    timestamp: Any = None
    to: Any = None
    to_user_id: Any = None
    to_parent_user_id: Any = None


def of_system(
    written: Written, contacts: list[Known], at: datetime, raw: bytes
) -> IdentityChange | None:
    """Return what a system message says of a person's identities; None if it names nobody.

    With a new number comes a new user id.  Whether `from_user_id` is the old or the new one is
    not documented: what the message calls new is not old.
    """
    system, kind = written.system, string(inside(written.system, "type"))
    # Older versions of the fields have `customer` and `new_wa_id`.
    people = who(written, contacts) or identities_of(inside(system, "customer"))
    if kind in KEY:
        return IdentityChange(kind="doubted", old=people, at=at, raw=raw) if people else None
    new = identities_of(inside(system, "user_id"), inside(system, "parent_user_id"))
    if kind in NUMBER:
        number = inside(system, "wa_id") or inside(system, "new_wa_id")
        new = (*identities_of(number), *new)
    else:
        given = (inside(system, "previous_user_id"), inside(system, "previous_parent_user_id"))
        # The number, if one is told, goes on belonging to that person.
        people = identities_of(*given) or tuple(one for one in people if one.kind != "phone")
    old = tuple(identity for identity in people if identity not in new)
    return IdentityChange(kind="moved", old=old, new=new, at=at, raw=raw) if old and new else None


def of_status(reported: Reported, at: datetime) -> IdentityChange | None:
    """Return the number and the user id of one status as two names of one person."""
    phone = identities_of(reported.recipient_id)
    user = identities_of(reported.recipient_user_id)
    if not phone or not user or phone[0].kind != "phone" or user[0].kind != "user_id":
        return None
    return IdentityChange(kind="alias", old=phone, new=user, at=at)


def of_answer(phone: str, wa_id: str, at: datetime) -> IdentityChange | None:
    """Return the number that Meta knows for the one written to (E.164), if it is another one.

    So it is in Brazil, Mexico and Argentina; what comes back names Meta's number.
    """
    other = identities_of(wa_id)
    written = Identity("phone", phone)
    if not other or other[0].kind != "phone" or other[0] == written:
        return None
    return IdentityChange(kind="alias", old=(written,), new=other, at=at)


def echo(echoed: Echoed, now: datetime) -> Echo | None:
    """Return whom the company wrote to from its phone app; None if that is not said."""
    provider_id = string(echoed.id)
    people = identities_of(echoed.to, echoed.to_user_id, echoed.to_parent_user_id)
    if not provider_id or not people:
        return None
    return Echo(provider_id=provider_id, identities=people, at=moment(echoed.timestamp, now))
