"""Who is asked, and who of them can be written to at this moment."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.api import Contact, Context


class Editor(msgspec.Struct, frozen=True, kw_only=True):
    """One of those who are asked.  `sender`: whose window is open, None if none is."""

    role: str
    contact: Contact | None
    sender: str | None

    @property
    def id(self) -> int:
        """The contact, 0 while the person never wrote."""
        return self.contact.id if self.contact is not None else 0

    @property
    def language(self) -> str | None:
        """What to write in."""
        return self.contact.language if self.contact is not None else None


async def all_editors(context: Context, roles: Sequence[str], sender: str | None) -> list[Editor]:
    """Return who is asked, each person once; `sender` is preferred among open windows."""
    found: dict[int | str, Editor] = {}
    for role in roles:
        id = await context.find(context.people[role])
        contact = await context.contact(id) if id is not None else None
        editor = Editor(role=role, contact=contact, sender=_open(context, contact, sender))
        found.setdefault(editor.id or role, editor)
    return list(found.values())


def _open(context: Context, contact: Contact | None, sender: str | None) -> str | None:
    now = context.clock.now()
    windows = contact.windows if contact is not None else {}
    open_ = [name for name, until in windows.items() if until > now]
    return sender if sender in open_ else max(open_, key=windows.__getitem__, default=None)
