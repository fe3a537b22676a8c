"""docs/plugins.md, taken apart: its text and its code blocks."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str, str]] = re.findall(
    r"^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
)
"""(language, name of the file or "", body) of each."""
FILES = {name: body for _, name, body in BLOCKS if name}
QUOTED = [body for language, name, body in BLOCKS if language == "python" and not name]
