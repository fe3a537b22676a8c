"""The frame of documents that are handed out: one HTML file with its style in it, for screen and
print; no script, nothing to load."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files


def paper(language: str, title: str, parts: Iterable[str]) -> str:
    """Return the document; `title` and `parts` are HTML, empty parts are left out."""
    style = (files("gateway") / "paper.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body>\n</html>\n"
    )
