"""How a proof's page says things: sentences of one language, times of one zone, all of it escaped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from gateway.proofs import Proof
from gateway.services import Texts

DAY_FIRST = {"de": "%d.%m.%Y, %H:%M:%S"}
"""How a time is written; elsewhere `2025-03-02 10:14:07`."""


class ProofWords:
    """The words of one proof in one language."""

    def __init__(self, proof: Proof, texts: Texts, language: str) -> None:
        self._proof = proof
        self._texts = texts
        self._language = texts.language(language)
        self._zone = ZoneInfo(proof.company["time_zone"])

    def _say(self, key: str, **values: object) -> str:
        return escape(self._texts.say(f"proof.{key}", self._language, **values))

    def _maybe(self, key: str, otherwise: str) -> str:
        """A label that only some values have."""
        try:
            return self._say(key)
        except KeyError:
            return escape(otherwise)

    def _at(self, when: int) -> str:
        at = datetime.fromtimestamp(when / 1e6, UTC).astimezone(self._zone)
        return at.strftime(DAY_FIRST.get(self._language, "%Y-%m-%d %H:%M:%S"))

    def _number(self, n: int) -> str:
        return f"{n:,}".replace(",", ".") if self._language == "de" else f"{n:,}"

    def _topic(self, name: str) -> str:
        if name == "*":
            return self._say("everything")
        title = self._proof.topics.get(name, {}).get("title", "")
        return escape(f"{title} ({name})" if title else name)


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and values, both escaped already."""
    body = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return f"<dl>{body}</dl>" if body else ""


def quote(caption: str, text: str, kind: str = "") -> str:
    """Return a quotation with its caption, both escaped already."""
    shown = f' class="{kind}"' if kind else ""
    return (
        f"<figure><figcaption>{caption}</figcaption><blockquote{shown}>{text}</blockquote></figure>"
    )
