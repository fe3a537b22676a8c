"""What somebody agrees to when ticking topics on our page: the words shown are the words kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.api import Context, Topic, Wording

_GAP = "\x00"


class Agreement:
    """The wording of the sign-up page, in parts to show and as a whole to keep."""

    def __init__(self, context: Context) -> None:
        self._texts = context.texts
        self._company = context.company.name

    def line(self, topic: Topic, language: str) -> str:
        """Return what stands beside a topic's tick."""
        often = {"frequency": topic.frequency} if topic.frequency else {}
        key = "forms.topic_often" if often else "forms.topic"
        return self._texts.say(key, language, title=topic.title, purpose=topic.purpose, **often)

    def around(self, language: str) -> tuple[str, str]:
        """Return what stands above and below the ticks."""
        whole = self._texts.say("forms.agree", language, company=self._company, topics=_GAP)
        before, _, after = whole.partition(_GAP)
        return before.strip(), after.strip()

    def wording(self, topics: Sequence[Topic], language: str) -> Wording:
        """Return the whole, with the topics that were ticked.

        Its version tells the text's and each topic's.
        """
        whole = self._texts.wording(
            "forms.agree",
            language,
            purpose_of(topics),
            company=self._company,
            topics="\n".join(self.line(topic, language) for topic in topics),
        )
        versions = " ".join(f"{topic.name}:{topic.version}" for topic in topics)
        return whole.replace(version=f"{whole.version} {versions}")


def purpose_of(topics: Sequence[Topic]) -> str:
    """Return what the topics are for, in one text."""
    return "\n".join(topic.purpose for topic in topics)


def offered(topics: Mapping[str, Topic], names: Sequence[str]) -> tuple[Topic, ...]:
    """Return the topics that strangers may choose: those named, or all; never closed ones."""
    chosen = [topics[name] for name in names if name in topics] if names else topics.values()
    return tuple(topic for topic in chosen if not topic.closed)
