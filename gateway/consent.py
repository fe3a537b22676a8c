"""The words that withdraw.

A message that is just a stop word withdraws: the whole message, case, punctuation and emoji
aside.  The words are settings (`[consent] stop_words`); these are the ones that always count.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.values import said

ALWAYS = (
    "stop",
    "stopp",
    "abmelden",
    "abbestellen",
    "austragen",
    "ende",
    "kündigen",
    "kuendigen",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "opt out",
    "optout",
    "stop all",
    "stopall",
)


class StopWords:
    """Knows the words that withdraw."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.words = frozenset(said(word) for word in (*ALWAYS, *more) if said(word))

    def withdraws(self, words: str) -> bool:
        """Return whether a message (or a button's payload) is just a stop word."""
        return len(words) <= 200 and said(words) in self.words
