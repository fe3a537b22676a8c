"""How the demo says on a terminal what arrived: a line each, which fits if that can be."""

from __future__ import annotations

import shutil

from gateway_sandbox.blog import Post
from gateway_sandbox.received import Received
from gateway_sandbox.world import masked

BEFORE = len("00:00:00  ")
"""What stands before every line."""


def columns() -> int:
    """Width of the terminal; wide enough for a whole line where there is none."""
    return shutil.get_terminal_size((120, 24)).columns


def arrival(line: Received, kind: str, post: Post | None, wide: int) -> str:
    """Return what somebody got: of a post how it came and its way out, of anything else its
    first words.  `wide`: columns of the terminal."""
    start = f"  → {masked(line.contact):<19} "
    if post is None:
        return start + _other(line, kind, wide - BEFORE - len(start))
    last = (line.text or line.type).splitlines()[-1]
    how = f"template, footer “{line.footer}”" if line.template else f"free text, ends with “{last}”"
    whole = f"{start}“{post.title}”, {how}"
    return whole if len(whole) <= wide - BEFORE else start + how  # the line above has the title


def _other(line: Received, kind: str, wide: int) -> str:
    if line.contacts:
        return f"{kind}: {line.contacts[0]['name']['formatted_name']}, to be saved"
    first = (line.text or line.type).splitlines()[0]
    buttons = "".join(f" [{button.text}]" for button in line.buttons)
    room = max(20, wide - len(f"{kind} “”{buttons}"))
    cut = first if len(first) <= room else f"{first[: room - 1].rstrip()}…"
    return f"{kind} “{cut}”{buttons}"
