"""Commands as somebody sees them: typed into a terminal of so many columns, and pictures of it.

`PICTURES=DIR` keeps the pictures (camera.py), without it only what was printed is looked at.
"""

from __future__ import annotations

import html
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from tests.sandbox.browser import Tab
from tests.wire.camera import Box, Camera
from tests.wire.world import World

COLUMNS = 100
SHARP = 2.0
"""Pixels of the picture for one of the page: letters have to be sharp."""

COLOURS = {"31": "#ff7b72", "32": "#56d364", "33": "#e3b341"}
"""Those that the pages use: the answer of a status."""

PAGE = """<!doctype html><meta charset="utf-8"><title>Terminal</title><style>
html {{ background: #10151c }}
body {{ margin: 0; padding: 20px 24px; width: max-content; color: #d5dbe3;
       font: 14px/1.5 "DejaVu Sans Mono", monospace; background: #10151c; white-space: pre }}
b {{ color: #fff }}
span b {{ color: inherit }}
i {{ color: #7d8896; font-style: normal }}
p {{ margin: 0 }}
p + p {{ margin-top: 21px }}
</style><body>{body}"""

_STYLED = re.compile(r"\x1b\[([0-9;]*)m")


class Typed(NamedTuple):
    """A command, what it printed with its colours, and its exit status."""

    command: str
    printed: str
    status: int

    @property
    def text(self) -> str:
        """What it printed, on one line and without colours."""
        return " ".join(_STYLED.sub("", self.printed).split())


def type_in(world: World, command: str, *arguments: str) -> Typed:
    """Run a command of the gateway in a terminal; `command` is how it is written."""
    ours, theirs = pty.openpty()
    parts: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 65_536):
                parts.append(data)
        except OSError:  # the last of those who could write is gone (Linux: EIO)
            pass

    reader = threading.Thread(target=read)
    reader.start()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env={
            **os.environ, "GATEWAY_CONFIG": str(world.config), "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color", **world.extra,
        },
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    status = process.wait(60)
    reader.join(10)
    os.close(ours)
    printed = b"".join(parts).decode().replace("\r\n", "\n").strip("\n")
    return Typed(command, printed, status)


async def take(tab: Tab, folder: Path, name: str, *typed: Typed) -> None:
    """Take one picture of several commands, one below the other; with what they exit by, if that
    tells anything."""
    exits = any(one.status for one in typed)
    shown = "".join(
        f"<p><i>$</i> {html.escape(one.command)}"
        f"<i>{f'exit {one.status}' if exits else '':>{COLUMNS - 2 - len(one.command)}}</i>\n"
        f"{_coloured(one.printed)}</p>"
        for one in typed
    )
    file = folder / f"{name}.html"
    file.write_text(PAGE.format(body=shown), encoding="utf-8")
    await tab.open(file.as_uri(), 1000, 600)
    width, height = await tab.until(
        "document.readyState === 'complete' && [document.body.offsetWidth, document.body.offsetHeight]"
    )
    await Camera(tab).take(name, Box(0, 0, width, height), SHARP)


def _coloured(printed: str) -> str:
    """Return HTML of what a terminal shows: bold, and the colours above."""
    found, opened, at = [], "", 0
    for style in _STYLED.finditer(printed):
        found.append(html.escape(printed[at : style.start()]))
        at = style.end()
        codes = style[1].split(";")
        if "0" in codes or codes == [""]:
            found.append(opened)
            opened = ""
        if "1" in codes:
            found.append("<b>")
            opened = "</b>" + opened
        for code in codes:
            if code in COLOURS:
                found.append(f'<span style="color:{COLOURS[code]}">')
                opened = "</span>" + opened
    return "".join(found) + html.escape(printed[at:]) + opened
