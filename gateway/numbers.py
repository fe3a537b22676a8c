"""Numbers that are written in two ways: which other spelling means the same phone.

WhatsApp knows some phones by another number than people write (Meta, "Send messages": `wa_id` may
differ from what was sent to): Brazil with or without the ninth digit before a mobile number,
Mexico +52 and +521, Argentina +54 and +549.
"""

from __future__ import annotations

import re

from gateway.message import Identity

SPELLINGS = (
    # Landlines begin with 2 to 5, and never had a ninth digit: they stay as they are.
    (re.compile(r"\+55([1-9][1-9])9?([6-9]\d{7})"), (r"+55\g<1>9\g<2>", r"+55\1\2")),
    (re.compile(r"\+521?([2-9]\d{9})"), (r"+52\1", r"+521\1")),
    (re.compile(r"\+549?([1-8]\d{9})"), (r"+54\1", r"+549\1")),
)


def variants(identity: Identity) -> tuple[Identity, ...]:
    """Return an identity and all others that mean the same phone, the given one first."""
    if identity.kind != "phone":
        return (identity,)
    for number, spellings in SPELLINGS:
        found = number.fullmatch(identity.value)
        if found:
            others = (Identity("phone", found.expand(spelling)) for spelling in spellings)
            return (identity, *(other for other in others if other != identity))
    return (identity,)
