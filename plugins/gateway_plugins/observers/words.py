"""What people ask for by a word or a button: INFO, THEMEN, PAUSE, WENIGER, DATEN, LÖSCHEN, HILFE.

A word counts if it is the whole message, politeness aside: "Hallo, Info bitte 🙏" is INFO.  STOP,
START, yes and no are the gateway's own and never get here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from gateway.api import Received, said


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants.  `language` is that of the word, if it belongs to one alone."""

    name: str
    n: int = 0
    """Days of a pause, or messages a week."""
    language: str | None = None


LONGEST = 200
"""Characters; a longer message is no word."""

THANKS = ("danke", "dankeschön", "danke schön", "vielen dank", "ok", "okay", "alles klar", "super",
          "gerne", "thanks", "thank you", "many thanks", "great")  # fmt: skip
"""Nothing else is no question.  Like those below as `said` reduces them."""

GREETINGS = ("bitte", "hallo", "hi", "hey", "moin", "servus", "lg", "vg", "mfg", "mal", "please",
             "hello", "kindly")  # fmt: skip

SHIPPED: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {
        "info": (
            "info", "infos", "information", "informationen", "impressum", "datenschutz",
            "wer seid ihr", "wer sind sie", "wer bist du", "wer ist da", "wer schreibt da",
            "woher habt ihr meine nummer", "woher haben sie meine nummer",
            "woher hast du meine nummer",
        ),
        "topics": ("themen", "thema", "meine themen", "abo", "abos", "meine abos"),
        "pause": ("pause", "pausieren", "pause machen", "urlaub"),
        "resume": ("weiter", "weitermachen", "fortsetzen", "pause beenden", "pause ende"),
        "less": ("weniger", "weniger oft", "seltener", "nicht so oft"),
        "more": ("öfter", "wieder öfter", "mehr", "wieder mehr", "häufiger"),
        "access": (
            "daten", "meine daten", "auskunft", "datenauskunft", "dsgvo auskunft",
            "welche daten habt ihr von mir", "was habt ihr über mich gespeichert",
        ),
        "erase": (
            "löschen", "daten löschen", "meine daten löschen", "alle daten löschen",
            "alle meine daten löschen", "lösche meine daten", "löscht meine daten",
            "löschen sie meine daten", "alles löschen",
        ),
        "help": ("hilfe", "menü", "befehle", "wörter"),
    },
    "en": {
        "info": (
            "info", "information", "imprint", "privacy", "who are you", "who is this",
            "where did you get my number", "how did you get my number",
            "where do you have my number from",
        ),
        "topics": ("topics", "topic", "my topics", "subscriptions", "my subscriptions"),
        "pause": ("pause", "snooze", "take a break"),
        "resume": ("continue", "resume", "unpause", "end pause"),
        "less": ("less", "less often", "fewer", "not so often"),
        "more": ("more", "more often"),
        "access": ("data", "my data", "what data do you have about me"),
        "erase": (
            "delete", "delete my data", "delete all my data", "delete everything",
            "erase me", "erase my data", "erase all my data",
        ),
        "help": ("help", "menu", "commands", "words"),
    },
}  # fmt: skip
"""Language → wish → the words for it, as people write them."""


def _any(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(longest_first)})\b")


_POLITE, _THANKS = _any((*THANKS, *GREETINGS)), _any(THANKS)
_PAUSE = re.compile(
    r"pause (?:für |for )?(\d{1,3}) "
    r"(?:(tage?|woche|wochen|monate?)|(days?|weeks?|months?))"
)
_DAYS = {"t": 1, "d": 1, "w": 7, "m": 30}
LONGEST_PAUSE = 366
_BUTTON = re.compile(r"(pause|less|more|resume|info|erase):(\w+)")


class Words:
    """Knows the words: the shipped ones and those of the settings, which have their own answers."""

    def __init__(self, own: Mapping[str, str], stop_words: Iterable[str]) -> None:
        """Raises ValueError for an own word that nobody can write, or that means something."""
        self._wishes: dict[str, Wish] = {}
        for language, wishes in SHIPPED.items():
            for name, words in wishes.items():
                for spelling in (each for word in words for each in _spellings(word)):
                    both = spelling in self._wishes
                    self._wishes[spelling] = Wish(name, 0, None if both else language)
        self._own: dict[str, str] = {}
        taken = {said(word) for word in stop_words} | self._wishes.keys()
        for word, answer in own.items():
            heard = said(word)
            if not heard:
                raise ValueError(f"words: nobody can write {word!r}: it has no letters")
            if heard in taken:
                raise ValueError(f"words: {word!r} means something already, like STOP and INFO")
            if not answer.strip():
                raise ValueError(f"words: {word!r} has no answer")
            self._own[heard] = answer.strip()

    def own(self, received: Received) -> str | None:
        """Return the answer that the settings have for what was said."""
        heard = self._heard(received)
        return next((self._own[text] for text in heard if text in self._own), None)

    def wish(self, received: Received) -> Wish | None:
        """Return what was wished for; None if it is no word."""
        if received.button and (tapped := _BUTTON.fullmatch(received.words)):
            name, value = tapped.groups()
            if name == "erase":
                return Wish(f"erase_{value}")
            return Wish(name, min(int(value), LONGEST_PAUSE) if value.isdecimal() else 0)
        for heard in self._heard(received):
            if heard in self._wishes:
                return self._wishes[heard]
            if period := _PAUSE.fullmatch(heard):
                unit = period[2] or period[3]
                days = min(int(period[1]) * _DAYS[unit[0]], LONGEST_PAUSE)
                return Wish("pause", max(days, 1), "de" if period[2] else "en")
        return Wish("help") if received.words.strip() in ("?", "??", "???") else None

    def _heard(self, received: Received) -> list[str]:
        """What was said, as it is and without politeness; of a button also what stands on it."""
        heard = []
        for text in (received.words, received.caption):
            if 0 < len(text) <= LONGEST:
                plain = said(text)
                heard += [plain, " ".join(_POLITE.sub("", plain).split())]
        return heard


def asks(received: Received) -> bool:
    """Return whether a message that is no word wants an answer: not "ok, danke 👍"."""
    return received.kind != "text" or _THANKS.sub("", said(received.words)).strip() != ""


def _spellings(word: str) -> set[str]:
    """A word as people write it who have no umlauts: with two letters, or without the dots."""
    heard = said(word)
    two = heard.translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    one = heard.translate({ord("ä"): "a", ord("ö"): "o", ord("ü"): "u"})
    return {heard, two, one}
