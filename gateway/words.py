"""What a message means for consent: STOP, START, yes, no, and what comes near to STOP.

Said exactly is a message of nothing but the words, whatever its case, punctuation, emoji and
politeness ("bitte", "danke", "please", "hallo"):

- STOP: a stop word; it withdraws from everything, or with a topic's name, title or word from that
  ("STOP blog", "Blog abbestellen"); "STOP alles" is everything.
- START: a start word, with a topic, a sign-up's code, both or neither, in any order.
- yes and no: an answer, if the store knows of one open question.

A near miss withdraws from everything too, for it is better to stop once too often.  It is a
message of at most twelve words in which one of these holds:

1. Without a negation: one sentence alone is a stop ("Danke für alles. Stop."); or all its words
   are a stop word and words that go with it ("STOP 12345", "jetzt aber stopp", "stop sending me
   messages"); or it begins with STOP in capitals and has four words at most.
2. Without a negation: it has a word that is about leaving and nothing else ("abmelden",
   "unsubscribe", "remove me").
3. A phrase says "no more" ("keine Werbung mehr", "hört auf", "nicht mehr schreiben").
4. It is one word, and that is STOP with one slip: a letter doubled, missing, wrong or exchanged
   with its neighbour ("stoppp", "stpo"), and no other word ("shop", "anmelden").

It is none if it asks when or why, or tells of messages that do not come ("Ich bekomme keine
Nachrichten mehr").  Longer texts are conversation.  All of it is linear in the text's length, and
texts over 4,096 characters are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gateway.consent import StopWords
from gateway.duties import Consent
from gateway.inbound import Act, Inbound, Wording
from gateway.message import Identity, Topic
from gateway.near import near_stop
from gateway.phrases import ALL, NO, START, STOP, YES, plainly
from gateway.store.people import Terms
from gateway.values import said

LONGEST = 4096
"""Characters of a text that is looked at."""

FEW = 16
"""Words of what is said exactly, with the titles of topics."""

CODE = re.compile(r"[2-9a-hj-np-z]{4,8}")
"""A sign-up's code in lower case; gateway.linking says what is left out."""

_PAYLOAD = re.compile(
    r"(stop|start):(\*|[^\s:]{1,100})|(yes|no):([0-9]{1,18}(?:\+[0-9]{1,18}){0,49})"
)

Phrase = tuple[str, ...]


class Words:
    """Knows what people say, by the settings and the topics."""

    def __init__(
        self,
        settings: Consent | None = None,
        topics: Mapping[str, Topic] | None = None,
        *,
        language: str = "de",
        own: Iterable[Identity] = (),
    ) -> None:
        settings = settings or Consent()
        topics = topics or {}
        self.stop = StopWords(settings.stop_words)
        self._stops = _phrases(STOP) | {_words(word): None for word in self.stop.words}
        self._starts = _phrases(START) | _more(settings.start_words)
        self._yes = _phrases(YES) | _more(settings.yes_words)
        self._no = _phrases(NO) | _more(settings.no_words)
        self._everything = {_words(word) for word in ALL}
        self._topics = {
            _words(spelling): name
            for name, topic in topics.items()
            for word in (name, topic.title, *topic.words)
            for spelling in _spellings(said(word))
            if spelling
        }
        self.terms = Terms(
            wordings={
                name: Wording(
                    text=topic.purpose, language=language, version=topic.version,
                    purpose=topic.purpose,
                )
                for name, topic in topics.items()
            },
            closed=frozenset(name for name, topic in topics.items() if topic.closed),
            own=frozenset(own),
            double_opt_in=settings.double_opt_in,
        )  # fmt: skip

    def act_of(self, inbound: Inbound) -> Act | None:
        """Return what a message means; None if it is a message like any other."""
        if inbound.kind == "user_preferences":
            kinds = {"stop": Act(kind="stop"), "resume": Act(kind="resume")}
            return kinds.get(said(inbound.words))
        if len(inbound.words) > LONGEST:
            return None
        if self.stop.withdraws(inbound.caption):
            return Act(kind="stop")
        offered = self.terms.offered(inbound.identities)
        if inbound.button and (found := _PAYLOAD.fullmatch(inbound.words)):
            return _tapped(found, offered)
        heard = said(inbound.words)
        words = plainly(heard)
        if len(words) <= FEW:
            exact = (
                self._stopped(words)
                or self._stopped(plainly(said(inbound.caption))[: FEW + 1])
                or self._started(words, offered)
                or _answered("yes", self._yes, words)
                or _answered("no", self._no, words)
            )
            if exact is not None:
                return exact
        # Of a button the person read the caption; its payload is a program's.
        read = inbound.caption if inbound.button else inbound.words
        if not near_stop(read, self._stops.keys()):
            return None
        return Act(kind="stop", near=True)

    def _stopped(self, words: Phrase) -> Act | None:
        """A stop word, and before or after it nothing, a topic, or "everything"."""
        for n in range(len(words), 0, -1):
            for phrase, rest in ((words[:n], words[n:]), (words[-n:], words[:-n])):
                if phrase not in self._stops:
                    continue
                language = self._stops[phrase]
                if not rest or rest in self._everything:
                    return Act(kind="stop", language=language)
                if topics := self._named(rest):
                    return Act(kind="stop", topics=topics, language=language)
        return None

    def _started(self, words: Phrase, offered: Sequence[str]) -> Act | None:
        """A start word, then topics that are offered to this person, and at most one code."""
        for n in range(len(words), 0, -1):
            if words[:n] in self._starts:
                break
        else:
            return None
        rest, language = words[n:], self._starts[words[:n]]
        if rest in self._everything:
            return Act(kind="start", topics=tuple(offered), language=language)
        if not rest:
            topics = tuple(offered) if len(offered) == 1 else ()
            return Act(kind="start", topics=topics, language=language)
        code = ""
        topics = self._named(rest)
        for i, word in enumerate(() if topics else rest):
            others = rest[:i] + rest[i + 1 :]
            if self._is_code(word) and (not others or self._named(others)):
                code, topics = word.upper(), self._named(others)
                break
        topics = tuple(topic for topic in topics if topic in offered)
        if not topics and not code:
            return None
        return Act(kind="start", topics=topics, code=code, language=language)

    def _is_code(self, word: str) -> bool:
        said_otherwise = (self._stops, self._starts, self._yes, self._no)
        return bool(CODE.fullmatch(word)) and not any((word,) in known for known in said_otherwise)

    def _named(self, words: Phrase) -> tuple[str, ...]:
        """Return the topics that the words name one after the other; none if one names none."""
        folded = _words(_spellings(" ".join(words))[0])
        found: dict[str, None] = {}
        at = 0
        while at < len(folded):
            for end in range(min(len(folded), at + 12), at, -1):
                if topic := self._topics.get(folded[at:end]):
                    found[topic] = None
                    at = end
                    break
            else:
                return ()
        return tuple(found)


def _tapped(found: re.Match[str], offered: Sequence[str]) -> Act | None:
    kind, topic, answer, numbers = found.groups()
    if answer:
        requests = tuple(dict.fromkeys(int(number) for number in numbers.split("+")))
        return Act(kind=answer, requests=requests)  # type: ignore[arg-type]
    if kind == "stop":
        return Act(kind="stop", topics=() if topic == "*" else (topic,))
    topics = tuple(offered) if topic == "*" else (topic,)
    return Act(kind="start", topics=topics) if topics and set(topics) <= set(offered) else None


def _answered(kind: str, answers: Mapping[Phrase, str | None], words: Phrase) -> Act | None:
    if words not in answers:
        return None
    return Act(kind=kind, language=answers[words])  # type: ignore[arg-type]


def _words(text: str) -> Phrase:
    return tuple(text.split())


def _phrases(table: Mapping[str, Iterable[str]]) -> dict[Phrase, str | None]:
    """Return phrase → its language; a phrase of several languages has none."""
    found: dict[Phrase, str | None] = {}
    for language, words in table.items():
        for word in words:
            phrase = _words(said(word))
            found[phrase] = (language or None) if phrase not in found else None
    return found


def _more(words: Iterable[str]) -> dict[Phrase, str | None]:
    return {_words(said(word)): None for word in words}


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_DOTLESS = str.maketrans({"ä": "a", "ö": "o", "ü": "u"})


def _spellings(text: str) -> tuple[str, str]:
    """Return a text as written without umlauts: with ae, and with a."""
    return text.translate(_UMLAUTS), text.translate(_DOTLESS)
